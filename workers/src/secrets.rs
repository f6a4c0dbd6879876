//! Secrets out of the environment of this process, and which of them have been used.

use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::secret::{self, SecretError};
use serde_json::Value;

use crate::mask::Mask;

/// Where secrets come from.
pub(crate) struct Secrets<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Secrets<'a> {
    pub(crate) fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { variable }
    }

    /// The variable of that name, if it is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// The text with the values in it, which nobody is to see from now on.
    pub(crate) fn resolve(&self, text: &str, mask: &mut Mask) -> Result<String, Outcome> {
        let resolved = secret::resolve(text, &|name| self.variable(name.as_str()));
        for name in secret::references(text).unwrap_or_default() {
            if let Some(value) = self.variable(name.as_str()) {
                mask.hide(&value);
            }
        }
        resolved.map_err(|error| match error {
            SecretError::Missing(name) => {
                Outcome::failure(OutcomeClass::Auth, format!("the secret {name} is not set"))
                    .with_fix(format!("set {name} in the environment of the runner, and start it again"))
            }
            SecretError::Bad(bad) => Outcome::failure(OutcomeClass::InvalidRequest, bad.to_string()),
        })
    }

    /// The same in every text of a JSON value.
    pub(crate) fn resolve_json(&self, value: &mut Value, mask: &mut Mask) -> Result<(), Outcome> {
        match value {
            Value::String(text) => *text = self.resolve(text, mask)?,
            Value::Array(values) => {
                for value in values {
                    self.resolve_json(value, mask)?;
                }
            }
            Value::Object(fields) => {
                for value in fields.values_mut() {
                    self.resolve_json(value, mask)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Ok(())
    }
}
