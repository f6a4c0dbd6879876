//! What is wrong with the spec of a worker, and where.

use agents_domain::harness::HarnessError;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A spec that no worker can do. `field` is its key, dotted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{worker}: `{field}`: {why}")]
pub struct SpecError {
    /// `exec`, `http` or `ai`.
    pub worker: &'static str,
    pub field: String,
    pub why: String,
}

impl SpecError {
    /// What is wrong with that field.
    pub fn new(worker: &'static str, field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { worker, field: field.into(), why: why.into() }
    }
}

impl From<SpecError> for HarnessError {
    fn from(error: SpecError) -> Self {
        HarnessError::BadSpec { why: error.to_string() }
    }
}

/// Reads a spec as it stands in a job's context, and finds everything for which no worker can do it.
pub(crate) fn read_all<S: DeserializeOwned>(
    worker: &'static str,
    text: &str,
    problems: fn(&S) -> Vec<SpecError>,
) -> Result<S, Vec<SpecError>> {
    let mut value: Value = serde_json::from_str(text)
        .map_err(|error| vec![SpecError::new(worker, "spec", format!("it is no JSON: {error}"))])?;
    let mut found = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, S>(&value) {
            Ok(spec) => {
                found.extend(problems(&spec));
                return if found.is_empty() { Ok(spec) } else { Err(found) };
            }
            Err(error) => error,
        };
        let (path, said) = (error.path().to_string(), error.inner().to_string());
        let is_missing = said.starts_with("missing field");
        // What is taken away below is missing then, and was told of.
        if is_missing && !found.is_empty() {
            return Err(found);
        }
        let named = said.split('`').nth(1).filter(|_| is_missing || said.starts_with("unknown field"));
        let field = match path.as_str() {
            "." => named.unwrap_or("spec").to_owned(),
            path => path.replace('[', ".").replace(']', ""),
        };
        let why =
            if path == "." && named.is_none() { format!("it is no {worker} spec: {said}") } else { said };
        let first = field.split('.').next().unwrap_or_default().to_owned();
        found.push(SpecError::new(worker, field, why));
        if value.as_object_mut().and_then(|fields| fields.remove(&first)).is_none() {
            return Err(found);
        }
    }
}

/// The first of them, where one is enough.
pub(crate) fn first(mut found: Vec<SpecError>, worker: &'static str) -> SpecError {
    if found.is_empty() { SpecError::new(worker, "spec", "it can't be read") } else { found.swap_remove(0) }
}
