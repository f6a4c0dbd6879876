//! What a call has come to: why the model stopped, and whether its answer has the form that was asked for.

use agents_domain::outcome::{Outcome, OutcomeClass};
use serde_json::Value;

use super::{Ending, Told};

/// How many faults of an answer are named.
const FAULTS: usize = 3;

/// A schema that answers are held against.
pub(super) struct Schema(jsonschema::Validator);

impl Schema {
    /// Refuses what is no schema before anybody is asked.
    pub(super) fn new(schema: &Value) -> Result<Self, Outcome> {
        jsonschema::validator_for(schema).map(Self).map_err(|error| {
            let why = format!("ai: `schema`: it is no JSON Schema: {error} (at {})", error.instance_path());
            Outcome::failure(OutcomeClass::InvalidRequest, why)
        })
    }

    /// Where in a schema it is none, and why.
    pub(super) fn problem(schema: &Value) -> Option<(String, String)> {
        let error = jsonschema::validator_for(schema).err()?;
        Some((error.instance_path().to_string(), error.to_string()))
    }

    /// The answer as JSON text, if it has that form.
    fn check(&self, text: &str) -> Result<String, Outcome> {
        let bad = |why: String| Outcome::failure(OutcomeClass::BadAnswer, why);
        let answer: Value = serde_json::from_str(text.trim())
            .map_err(|error| bad(format!("the answer is no JSON ({error}): {}", beginning(text))))?;
        let faults = self.0.iter_errors(&answer).take(FAULTS);
        let faults: Vec<String> = faults
            .map(|fault| match fault.instance_path().to_string() {
                path if path.is_empty() => fault.to_string(),
                path => format!("{path}: {fault}"),
            })
            .collect();
        match faults.is_empty() {
            true => Ok(answer.to_string()),
            false => Err(bad(format!(
                "the answer is not as the schema says: {}; it was {}",
                faults.join("; "),
                beginning(text)
            ))),
        }
    }
}

/// The answer, and with a schema the same as JSON.
pub(super) fn settle(told: Told, schema: Option<&Schema>) -> Result<(String, Option<String>), Outcome> {
    if let Some(failure) = told.failure {
        return Err(failure);
    }
    let failure = |class, text: String| Err(Outcome::failure(class, text));
    match told.ending {
        None => {
            return failure(
                OutcomeClass::NoResult,
                "the stream of the answer ended before its end".to_owned(),
            );
        }
        Some(Ending::Length) => {
            let why = format!("the answer was cut at the limit of output: {}", beginning(&told.text));
            return Err(Outcome::failure(OutcomeClass::OutputLimit, why).with_fix("raise maxTokens"));
        }
        Some(Ending::Overflow) => {
            let why = "prompt and answer together no longer fit the model".to_owned();
            return failure(OutcomeClass::ContextOverflow, why);
        }
        Some(Ending::Refused(why)) => return failure(OutcomeClass::Refusal, why),
        Some(Ending::Other(reason)) => {
            return failure(
                OutcomeClass::Unclassified,
                format!("the model stopped for a reason unknown here: {reason}"),
            );
        }
        Some(Ending::Done) => {}
    }
    if told.text.trim().is_empty() {
        return failure(OutcomeClass::EmptyAnswer, "the model ended without an answer".to_owned());
    }
    match schema {
        None => Ok((told.text, None)),
        Some(schema) => schema.check(&told.text).map(|json| (told.text, Some(json))),
    }
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(500)]
}
