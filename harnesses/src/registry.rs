//! From a harness's name and settings to the harness.

use std::collections::BTreeMap;
use std::sync::Arc;

use agents_domain::harness::{Harness, StreamReader};
use jiff::tz::TimeZone;

use crate::ai::{self, Ai, Provider};
use crate::claude::{Claude, ClaudeReader};
use crate::codex::{Codex, CodexReader};
use crate::custom::Custom;
use crate::exec::{self, Exec};
use crate::gemini::{Gemini, GeminiReader};
use crate::http::{self, Http};
use crate::text::TextReader;

/// In which form a CLI prints what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Claude Code's `--output-format stream-json`, and what is like it (Qwen Code).
    Claude,
    /// `codex exec --json`.
    Codex,
    /// Gemini CLI's `--output-format stream-json`.
    Gemini,
    /// Plain text.
    Text,
}

impl StreamKind {
    /// Every form, for messages and schemas.
    pub const ALL: [StreamKind; 4] =
        [StreamKind::Claude, StreamKind::Codex, StreamKind::Gemini, StreamKind::Text];

    /// The name in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            StreamKind::Claude => "claude",
            StreamKind::Codex => "codex",
            StreamKind::Gemini => "gemini",
            StreamKind::Text => "text",
        }
    }

    /// The form of that name.
    pub fn from_name(name: &str) -> Option<StreamKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// A reader for one stream of this form; `zone` is the zone of the system that the CLI runs on.
    pub fn reader(self, zone: &TimeZone) -> Box<dyn StreamReader> {
        match self {
            StreamKind::Claude => Box::new(ClaudeReader::new(zone.clone())),
            StreamKind::Codex => Box::new(CodexReader::new(zone.clone())),
            StreamKind::Gemini => Box::new(GeminiReader::default()),
            StreamKind::Text => Box::new(TextReader::default()),
        }
    }
}

/// What the config says of one harness.
#[derive(Debug, Clone)]
pub struct HarnessSettings {
    /// The program and its first arguments, in place of the built-in ones.
    pub command: Option<Vec<String>>,
    /// Arguments after all others.
    pub args: Vec<String>,
    /// Variables to set; `None` takes an inherited or a built-in one away.
    pub env: BTreeMap<String, Option<String>>,
    /// The model of jobs that name none.
    pub model: Option<String>,
    /// The form of the output, of a harness that is not built in. `None`: plain text.
    pub stream: Option<StreamKind>,
    /// The zone of the system. CLIs print reset times in it, some without saying so.
    pub time_zone: TimeZone,
}

impl Default for HarnessSettings {
    fn default() -> Self {
        Self {
            command: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            model: None,
            stream: None,
            time_zone: TimeZone::UTC,
        }
    }
}

/// The settings make no harness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("harness {name} is not built in and has no `command`; built in are {}", builtin_names().join(", "))]
    NoCommand { name: String },
    #[error("the `command` of harness {name} is empty")]
    EmptyCommand { name: String },
    #[error("{name} is a worker of runs and no harness of agents: choose another name")]
    NameOfWorker { name: String },
    #[error("harness {name} is built in and reads its own output: `stream` can only be set on other names")]
    StreamOfBuiltin { name: String },
}

/// The names of the harnesses that need no `command`.
pub fn builtin_names() -> [&'static str; 3] {
    ["claude", "codex", "gemini"]
}

/// Whether a harness of that name does runs only: `exec`, `http`, or `ai:` and a provider.
pub fn is_worker(name: &str) -> bool {
    name == exec::NAME || name == http::NAME || name.starts_with(ai::PREFIX)
}

/// The harnesses of runs: a command, a request, and a call of a model for each provider.
pub fn workers(providers: impl IntoIterator<Item = Provider>) -> Vec<Arc<dyn Harness>> {
    let mut workers: Vec<Arc<dyn Harness>> = vec![Arc::new(Exec), Arc::new(Http)];
    workers.extend(providers.into_iter().map(|provider| Arc::new(Ai::new(provider)) as Arc<dyn Harness>));
    workers
}

/// The harness of that name.
pub fn build(name: &str, settings: &HarnessSettings) -> Result<Arc<dyn Harness>, BuildError> {
    if is_worker(name) {
        return Err(BuildError::NameOfWorker { name: name.to_owned() });
    }
    let first = settings.command.as_deref().map(|command| command.first());
    if let Some(None) = first {
        return Err(BuildError::EmptyCommand { name: name.to_owned() });
    }
    if let Some(Some(program)) = first
        && program.trim().is_empty()
    {
        return Err(BuildError::EmptyCommand { name: name.to_owned() });
    }
    if builtin_names().contains(&name) && settings.stream.is_some() {
        return Err(BuildError::StreamOfBuiltin { name: name.to_owned() });
    }
    let settings = settings.clone();
    match name {
        "claude" => Ok(Arc::new(Claude::new(settings))),
        "codex" => Ok(Arc::new(Codex::new(settings))),
        "gemini" => Ok(Arc::new(Gemini::new(settings))),
        _ => match settings.command.clone() {
            Some(command) => Ok(Arc::new(Custom::new(name, command, settings))),
            None => Err(BuildError::NoCommand { name: name.to_owned() }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(name: &str, settings: &HarnessSettings) -> Option<BuildError> {
        build(name, settings).err()
    }

    #[test]
    fn every_built_in_name_makes_a_harness_of_that_name() {
        for name in builtin_names() {
            assert_eq!(
                build(name, &HarnessSettings::default()).map(|harness| harness.name().to_owned()).ok(),
                Some(name.to_owned())
            );
        }
    }

    #[test]
    fn a_name_of_a_worker_is_no_name_of_an_agent() {
        let command = Some(vec!["x".to_owned()]);
        for name in ["exec", "http", "ai:mine"] {
            let settings = HarnessSettings { command: command.clone(), ..HarnessSettings::default() };
            assert_eq!(error(name, &settings), Some(BuildError::NameOfWorker { name: name.to_owned() }));
        }
        let mine = ai::builtin_providers()
            .map(|name| Provider::new(name, &ai::ProviderSettings::default()).unwrap());
        let made = workers(mine);
        let names: Vec<&str> = made.iter().map(|worker| worker.name()).collect();
        assert_eq!(names, ["exec", "http", "ai:anthropic", "ai:openai", "ai:gemini", "ai:mock"]);
        assert!(made.iter().all(|worker| is_worker(worker.name()) && !worker.is_agent()));
    }

    #[test]
    fn settings_that_make_no_harness_are_refused_with_their_reason() {
        let none = HarnessSettings::default();
        assert_eq!(error("mine", &none), Some(BuildError::NoCommand { name: "mine".to_owned() }));
        for command in [vec![], vec![String::new()]] {
            let empty = HarnessSettings { command: Some(command), ..HarnessSettings::default() };
            assert_eq!(error("mine", &empty), Some(BuildError::EmptyCommand { name: "mine".to_owned() }));
        }
        let stream = HarnessSettings { stream: Some(StreamKind::Text), ..HarnessSettings::default() };
        assert_eq!(error("claude", &stream), Some(BuildError::StreamOfBuiltin { name: "claude".to_owned() }));
        assert_eq!(
            error("mine", &none).map(|error| error.to_string()).as_deref(),
            Some("harness mine is not built in and has no `command`; built in are claude, codex, gemini")
        );
    }
}
