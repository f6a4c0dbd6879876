//! Who answers: the built-in providers, and those of the config.

use agents_domain::secret;
use serde::{Deserialize, Serialize};

/// In which form a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's chat completions, which local servers (llama.cpp, Ollama, vLLM) and many others have too.
    Openai,
    /// Gemini's generateContent.
    Gemini,
    /// None: the answer stands in the spec.
    Mock,
}

impl Api {
    /// The name in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Api::Anthropic => "anthropic",
            Api::Openai => "openai",
            Api::Gemini => "gemini",
            Api::Mock => "mock",
        }
    }

    /// The form of that name.
    pub fn from_name(name: &str) -> Option<Api> {
        [Api::Anthropic, Api::Openai, Api::Gemini, Api::Mock].into_iter().find(|api| api.as_str() == name)
    }

    /// Where its maker's own server is.
    pub fn base_url(self) -> &'static str {
        match self {
            Api::Anthropic => "https://api.anthropic.com",
            Api::Openai => "https://api.openai.com/v1",
            Api::Gemini => "https://generativelanguage.googleapis.com",
            Api::Mock => "",
        }
    }

    /// The variable that names another server.
    pub fn base_url_variable(self) -> Option<&'static str> {
        match self {
            Api::Anthropic => Some("ANTHROPIC_BASE_URL"),
            Api::Openai => Some("OPENAI_BASE_URL"),
            Api::Gemini => Some("GOOGLE_GEMINI_BASE_URL"),
            Api::Mock => None,
        }
    }

    fn key(self) -> Option<&'static str> {
        match self {
            Api::Anthropic => Some("${secret:ANTHROPIC_API_KEY}"),
            Api::Openai => Some("${secret:OPENAI_API_KEY}"),
            Api::Gemini => Some("${secret:GEMINI_API_KEY}"),
            Api::Mock => None,
        }
    }
}

/// One provider of models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    pub name: String,
    pub api: Api,
    /// Where it is. Not set: by the environment, or its maker's own server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The reference to its key. Not set: it wants none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// The model of calls that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What the config says of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderSettings {
    pub api: Option<Api>,
    pub base_url: Option<String>,
    pub api_key: Option<String>,
    pub model: Option<String>,
}

/// The settings make no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error(
        "`{0}` can be no provider: use 1 to 40 lower-case letters, digits or `-`, beginning with a letter"
    )]
    Name(String),
    #[error("it is not built in, so it needs an `api`: anthropic, openai or gemini")]
    NoApi,
    #[error("it is built in, and its `api` is {0}")]
    OtherApi(&'static str),
    #[error("it needs a `baseUrl`: where its server is, for example http://127.0.0.1:11434/v1")]
    NoBaseUrl,
    #[error("`{0}` is no web address: it begins with http:// or https://")]
    BaseUrl(String),
    #[error(
        "`apiKey` names a secret, it does not have one: write ${{secret:NAME}} and set NAME in the runner's environment"
    )]
    Key,
}

/// The names of the providers that need no configuration.
pub fn builtin_providers() -> [&'static str; 4] {
    ["anthropic", "openai", "gemini", "mock"]
}

impl Provider {
    /// The provider of that name with what the config says of it.
    pub fn new(name: &str, settings: &ProviderSettings) -> Result<Self, ProviderError> {
        let own = builtin_providers().contains(&name).then(|| Api::from_name(name)).flatten();
        if agents_domain::job_type::JobType::new(name).is_err() {
            return Err(ProviderError::Name(name.to_owned()));
        }
        let api = match (own, settings.api) {
            (Some(own), Some(other)) if own != other => return Err(ProviderError::OtherApi(own.as_str())),
            (Some(own), _) => own,
            (None, Some(Api::Mock) | None) => return Err(ProviderError::NoApi),
            (None, Some(api)) => api,
        };
        if own.is_none() && settings.base_url.is_none() {
            return Err(ProviderError::NoBaseUrl);
        }
        if let Some(url) = &settings.base_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return Err(ProviderError::BaseUrl(url.clone()));
        }
        if settings.api_key.as_deref().is_some_and(|key| !is_reference(key)) {
            return Err(ProviderError::Key);
        }
        let own_key = own.and_then(Api::key).map(str::to_owned);
        let own_model = (api == Api::Mock).then(|| "mock".to_owned());
        Ok(Self {
            name: name.to_owned(),
            api,
            base_url: settings.base_url.clone(),
            api_key: settings.api_key.clone().or(own_key),
            model: settings.model.clone().or(own_model),
        })
    }

    /// The variable that its key is in.
    pub fn key_name(&self) -> Option<String> {
        let names = secret::references(self.api_key.as_deref()?).ok()?;
        names.first().map(ToString::to_string)
    }

    /// Whether it is one of those that need no configuration.
    pub fn is_built_in(&self) -> bool {
        builtin_providers().contains(&self.name.as_str())
    }
}

/// Whether the text is one reference and nothing else.
fn is_reference(text: &str) -> bool {
    let names = secret::references(text).unwrap_or_default();
    names.first().is_some_and(|name| text == format!("${{secret:{name}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_of_the_config_says_how_and_where_it_is_asked_and_names_its_key() {
        let settings = |api, base_url: &str, api_key: &str| ProviderSettings {
            api,
            base_url: (!base_url.is_empty()).then(|| base_url.to_owned()),
            api_key: (!api_key.is_empty()).then(|| api_key.to_owned()),
            model: None,
        };
        let check =
            |name: &str, settings: ProviderSettings, expected: Result<Option<&str>, ProviderError>| {
                let made = Provider::new(name, &settings).map(|provider| provider.key_name());
                assert_eq!(made, expected.map(|key| key.map(str::to_owned)), "{name} {settings:?}");
            };
        let url = "http://127.0.0.1:11434/v1";
        check("openai", settings(None, "", ""), Ok(Some("OPENAI_API_KEY")));
        check("openai", settings(None, url, "${secret:MINE}"), Ok(Some("MINE")));
        check("mock", settings(None, "", ""), Ok(None));
        check("local", settings(Some(Api::Openai), url, ""), Ok(None));
        check("local", settings(Some(Api::Openai), "", ""), Err(ProviderError::NoBaseUrl));
        check("local", settings(None, url, ""), Err(ProviderError::NoApi));
        check("local", settings(Some(Api::Mock), url, ""), Err(ProviderError::NoApi));
        check("gemini", settings(Some(Api::Openai), url, ""), Err(ProviderError::OtherApi("gemini")));
        check("a:b", settings(Some(Api::Openai), url, ""), Err(ProviderError::Name("a:b".to_owned())));
        check(
            "local",
            settings(Some(Api::Openai), "host/v1", ""),
            Err(ProviderError::BaseUrl("host/v1".to_owned())),
        );
        for key in ["sk-123", "Bearer ${secret:A}", "${secret:A}${secret:A}"] {
            check("local", settings(Some(Api::Openai), url, key), Err(ProviderError::Key));
        }
    }
}
