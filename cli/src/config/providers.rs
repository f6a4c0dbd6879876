//! `aiProviders`: who answers direct calls of a model.

use agents_harnesses::ai::{Api, Provider, ProviderError, ProviderSettings, builtin_providers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;

/// Settings of one provider of models.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct ProviderEntry {
    /// In which form it is asked. A provider that is not built in needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiName>,
    /// Where its server is. A provider that is not built in needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The secret that its key is: ${secret:NAME}, and NAME is an environment variable of the runner. Not set: of a built-in
    /// one its usual variable, else none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\$\{secret:[A-Za-z_][A-Za-z0-9_]*\}$"))]
    pub api_key: Option<String>,
    /// The model of calls that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// In which form a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApiName {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's chat completions: llama.cpp, Ollama, vLLM and many others have them.
    Openai,
    /// Gemini's generateContent.
    Gemini,
}

impl ProviderEntry {
    /// What a layer above says wins.
    pub(super) fn overlay(&mut self, above: Self) {
        let Self { api, base_url, api_key, model } = above;
        self.api = api.or(self.api);
        self.base_url = base_url.or_else(|| self.base_url.take());
        self.api_key = api_key.or_else(|| self.api_key.take());
        self.model = model.or_else(|| self.model.take());
    }

    fn settings(&self) -> ProviderSettings {
        let api = self.api.map(|name| match name {
            ApiName::Anthropic => Api::Anthropic,
            ApiName::Openai => Api::Openai,
            ApiName::Gemini => Api::Gemini,
        });
        let Self { api: _, base_url, api_key, model } = self.clone();
        ProviderSettings { api, base_url, api_key, model }
    }
}

impl Config {
    /// Who can be asked directly: the built-in providers, then those of the config.
    pub fn providers(&self) -> Result<Vec<Provider>, (String, ProviderError)> {
        let entries = &self.file.ai_providers;
        let more = entries.keys().map(String::as_str).filter(|name| !builtin_providers().contains(name));
        let default = ProviderEntry::default();
        let made = |name: &str| {
            let settings = entries.get(name).unwrap_or(&default).settings();
            Provider::new(name, &settings).map_err(|error| (name.to_owned(), error))
        };
        builtin_providers().into_iter().chain(more).map(made).collect()
    }
}
