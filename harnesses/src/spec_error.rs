//! What is wrong with the spec of a worker, and where.

use agents_domain::harness::HarnessError;

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

/// Reads a spec as it stands in a job's context.
pub(crate) fn read<'a, S: serde::Deserialize<'a>>(
    worker: &'static str,
    text: &'a str,
) -> Result<S, SpecError> {
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        let field = said.split('`').nth(1).filter(|_| said.contains("field")).unwrap_or("spec").to_owned();
        SpecError::new(worker, field, format!("the job's context is no {worker} spec: {said}"))
    })
}
