//! What an `ai` is told: one question to a model, and the form that the answer must have.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spec_error::{self, SpecError};

const WORKER: &str = "ai";

/// One call of a model. Nothing in it is resolved: a secret has no business in a prompt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AiSpec {
    /// `anthropic`, `openai`, `gemini`, `mock`, or one of `aiProviders` of the config.
    pub provider: String,
    pub prompt: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Not set: the provider's, by the config or built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The most tokens of the answer. Not set: 8192 with Anthropic, which wants a number; else the provider's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// A JSON Schema that the answer must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// What the provider `mock` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<Mock>,
}

/// The answer of a model that isn't there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mock {
    /// The answer. Not set: the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// What it has used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<MockUsage>,
    /// The class of outcome that it ends with instead of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<String>,
}

/// Tokens of a mock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MockUsage {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
}

impl AiSpec {
    /// The spec in a job's context, if a worker can do it.
    pub fn read(text: &str) -> Result<Self, SpecError> {
        Self::read_all(text).map_err(|found| spec_error::first(found, WORKER))
    }

    /// The same, and everything for which no worker can do it.
    pub fn read_all(text: &str) -> Result<Self, Vec<SpecError>> {
        spec_error::read_all(WORKER, text, Self::problems)
    }

    /// The name of the harness that does it, as a job names it.
    pub fn harness(&self) -> String {
        super::harness_name(&self.provider)
    }

    /// Whether a worker can do it; the error names the field. Whether the provider is there, the config knows.
    pub fn check(&self) -> Result<(), SpecError> {
        match self.problems() {
            found if found.is_empty() => Ok(()),
            found => Err(spec_error::first(found, WORKER)),
        }
    }

    /// Everything for which no worker can do it; each error names its field.
    pub fn problems(&self) -> Vec<SpecError> {
        let mut found = Vec::new();
        let mut bad = |field: &str, why: &str| found.push(SpecError::new(WORKER, field, why));
        if self.provider.is_empty() {
            bad(
                "provider",
                "say who is asked: anthropic, openai, gemini, mock, or one of aiProviders of the config",
            );
        }
        if self.prompt.trim().is_empty() {
            bad("prompt", "it is empty");
        }
        if self.model.as_deref().is_some_and(|model| model.trim().is_empty()) {
            bad("model", "it is empty");
        }
        if self.max_tokens == Some(0) {
            bad("maxTokens", "use a number above 0");
        }
        if self.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            bad("temperature", "use 0 to 2");
        }
        if self.schema.as_ref().is_some_and(|schema| !schema.is_object()) {
            bad("schema", "a JSON Schema is an object");
        }
        if self.mock.is_some() && self.provider != "mock" {
            bad("mock", "only the provider `mock` plays an answer");
        }
        if let Some(fail) = self.mock.as_ref().and_then(|mock| mock.fail.as_deref())
            && agents_domain::outcome::OutcomeClass::from_name(fail)
                .is_none_or(|class| class.as_str() == "success")
        {
            bad("mock.fail", &format!("`{fail}` is no class of failure; docs/harnesses.md lists them"));
        }
        found
    }
}
