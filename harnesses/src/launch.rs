//! What the invocations of all CLIs have in common: the command and its environment.

use agents_domain::harness::{HarnessError, HarnessRequest};

use crate::registry::HarnessSettings;

/// Variables that make a CLI think that it runs inside of another agent's session, or that change the program that
/// runs it. The runner may itself have been started by an agent, by a git hook or by an editor.
const ENV_REMOVE: [&str; 24] = [
    "AI_AGENT",
    "CLAUDECODE",
    "CLAUDE_CODE_*",
    "CLAUDE_EFFORT",
    "CLAUDE_PID",
    "CODEX_APPLY_PATCH_PRESERVE_LINE_ENDINGS",
    "CODEX_CI",
    "CODEX_MANAGED_*",
    "CODEX_SANDBOX*",
    "CODEX_SESSION_ID",
    "CODEX_THREAD_ID",
    "CODEX_TOOL_CALL_ID",
    "CODEX_VERSION",
    "ELECTRON_RUN_AS_NODE",
    "GEMINI_CLI*",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
    "NODE_OPTIONS",
    "VSCODE_IPC_HOOK_CLI",
];

/// What the prefixes above must leave: how a CLI finds its account, its provider and its settings.
const ENV_KEEP: [&str; 22] = [
    "CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
    "CLAUDE_CODE_EFFORT_LEVEL",
    "CLAUDE_CODE_EXTRA_BODY",
    "CLAUDE_CODE_GIT_BASH_PATH",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_MAX_RETRIES",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_PROXY_RESOLVES_HOSTS",
    "CLAUDE_CODE_SHELL",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "CLAUDE_CODE_SUBAGENT_MODEL",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_VERTEX",
    "GEMINI_CLI_HOME",
    "GEMINI_CLI_SYSTEM_DEFAULTS_PATH",
    "GEMINI_CLI_SYSTEM_SETTINGS_PATH",
];

/// The environment part of an invocation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) set: Vec<(String, String)>,
    pub(crate) remove: Vec<String>,
    pub(crate) keep: Vec<String>,
}

impl Environment {
    /// A harness's own variables, and over them the config's.
    pub(crate) fn new(own: &[(&str, &str)], settings: &HarnessSettings) -> Self {
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut environment = Self {
            set: own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            remove: strings(&ENV_REMOVE),
            keep: strings(&ENV_KEEP),
        };
        for (name, value) in &settings.env {
            environment.set.retain(|(set, _)| set != name);
            match value {
                Some(value) => environment.set.push((name.clone(), value.clone())),
                None => {
                    environment.keep.retain(|kept| kept != name);
                    environment.remove.push(name.clone());
                }
            }
        }
        environment
    }
}

/// The program and its first arguments: the config's, or the CLI's own name.
pub(crate) fn command(name: &str, settings: &HarnessSettings) -> Result<(String, Vec<String>), HarnessError> {
    match settings.command.as_deref() {
        None => Ok((name.to_owned(), Vec::new())),
        Some([program, first @ ..]) => Ok((program.clone(), first.to_vec())),
        Some([]) => Err(HarnessError::EmptyCommand { harness: name.to_owned() }),
    }
}

/// The job's model, or the config's.
pub(crate) fn model<'r>(request: &'r HarnessRequest, settings: &'r HarnessSettings) -> Option<&'r str> {
    request.model.as_deref().or(settings.model.as_deref())
}

/// Refuses a prompt that the CLI would refuse or cut. `length` is in the unit that the CLI counts in.
pub(crate) fn check_length(harness: &str, length: usize, limit: usize) -> Result<(), HarnessError> {
    if length > limit {
        return Err(HarnessError::PromptTooLong { harness: harness.to_owned(), bytes: length, limit });
    }
    Ok(())
}

/// What an agent that may only read and decide can do with the `agents` program: decide, and look. All its other
/// commands are a person's, and some of them write files or start programs (`demo`, `scripted-agent`, `runner`).
const AGENTS_COMMANDS: [&str; 9] = [
    "insert-job",
    "update-assignment",
    "assignment",
    "assignments",
    "history",
    "job",
    "jobs",
    "logs",
    "queue",
];

/// The beginnings of the commands of `agents` that an agent may call to decide.
pub(crate) fn agents_commands(request: &HarnessRequest) -> impl Iterator<Item = String> {
    let names = agents_names(request);
    names.into_iter().flat_map(|name| AGENTS_COMMANDS.map(|command| format!("{name} {command}")))
}

/// The `agents` program by every name under which an agent may call it: as it is found on PATH, and by its path if
/// that needs no quotes.
fn agents_names(request: &HarnessRequest) -> Vec<String> {
    let mut names = vec!["agents".to_owned()];
    let path = request.agents_program.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@');
    if path != "agents" && !path.is_empty() && path.chars().all(is_plain) {
        names.push(path.into_owned());
    }
    names
}

/// Arguments from what is written more easily as text.
pub(crate) fn strings(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_overrides_and_removes_what_the_harness_sets() {
        let settings = HarnessSettings {
            env: [
                ("A".to_owned(), Some("config".to_owned())),
                ("B".to_owned(), None),
                ("CLAUDE_CODE_OAUTH_TOKEN".to_owned(), None),
            ]
            .into(),
            ..HarnessSettings::default()
        };
        let environment = Environment::new(&[("A", "own"), ("B", "own"), ("C", "own")], &settings);
        let set: Vec<(&str, &str)> =
            environment.set.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(set, [("C", "own"), ("A", "config")]);
        assert_eq!(environment.remove[ENV_REMOVE.len()..], ["B", "CLAUDE_CODE_OAUTH_TOKEN"]);
        assert_eq!(environment.keep.len(), ENV_KEEP.len() - 1);
    }
}
