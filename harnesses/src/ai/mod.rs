//! `ai`: one call of a model, without an agent around it.

mod provider;
mod spec;

use agents_domain::harness::{Harness, HarnessError, HarnessRequest, Probe, StreamReader};
use agents_domain::invocation::Invocation;
use serde::{Deserialize, Serialize};

use crate::SpecError;
use crate::call::{self, CALL_MODEL, CallReader};

pub use provider::{Api, Provider, ProviderError, ProviderSettings, builtin_providers};
pub use spec::{AiSpec, Mock, MockUsage};

/// How the names of these harnesses begin; the provider follows, so that a limit cools down one provider.
pub const PREFIX: &str = "ai:";

/// The name of the harness that calls that provider.
pub fn harness_name(provider: &str) -> String {
    format!("{PREFIX}{provider}")
}

/// What the hidden command that calls a model reads on standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelCall {
    pub provider: Provider,
    /// The model that is asked.
    pub model: String,
    pub spec: AiSpec,
}

/// The harness of one provider of models.
#[derive(Debug)]
pub struct Ai {
    name: String,
    provider: Provider,
}

impl Ai {
    /// For that provider.
    pub fn new(provider: Provider) -> Self {
        Self { name: harness_name(&provider.name), provider }
    }

    fn model(&self, request: &HarnessRequest, spec: &AiSpec) -> Result<String, SpecError> {
        // A model is of one provider: one that stands in for another takes its own.
        let is_own = spec.provider == self.provider.name;
        let asked = spec.model.clone().filter(|_| is_own).or_else(|| request.model.clone());
        asked.or_else(|| self.provider.model.clone()).ok_or_else(|| {
            let why = format!(
                "name a model; or set aiProviders.{}.model in the config, for all that name none",
                self.provider.name
            );
            SpecError::new("ai", "model", why)
        })
    }
}

impl Harness for Ai {
    fn name(&self) -> &str {
        &self.name
    }

    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError> {
        let spec = AiSpec::read(&request.prompt)?;
        let model = self.model(request, &spec)?;
        let call = ModelCall { provider: self.provider.clone(), model, spec };
        let stdin =
            serde_json::to_string(&call).map_err(|error| SpecError::new("ai", "spec", error.to_string()))?;
        Ok(call::invocation(request, CALL_MODEL, stdin))
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(CallReader::default())
    }

    fn can_resume(&self) -> bool {
        false
    }

    fn is_agent(&self) -> bool {
        false
    }

    fn probe(&self) -> Probe {
        call::probe(self.provider.key_name().into_iter().collect())
    }
}
