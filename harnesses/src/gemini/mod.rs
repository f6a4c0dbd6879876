//! Gemini CLI: `gemini --output-format stream-json`, prompt on standard input, output to a regular file.

mod ending;
mod reader;
mod wait;
mod wire;

use agents_domain::access::Access;
use agents_domain::harness::{Harness, HarnessError, HarnessRequest, Probe, StreamReader};
use agents_domain::invocation::{ExtraFile, Invocation, StopSignal};

use crate::launch::{Environment, agents_commands, check_length, command, model, strings};
use crate::registry::HarnessSettings;

pub use reader::GeminiReader;

/// The command that installs it, or brings it up to date.
const INSTALL: &str = "npm install -g @google/gemini-cli";

/// The name in the config, and the program.
const NAME: &str = "gemini";

/// Gemini cuts a longer prompt, warns on standard error and ends without having asked its model.
const PROMPT_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// Without a model Gemini spends a request per turn on choosing one.
const DEFAULT_MODEL: &str = "gemini-2.5-pro";

/// One process instead of a launcher that ignores signals. Its shell tool hides git's global config, so a commit needs
/// an identity from the environment.
const ENV: [(&str, &str); 8] = [
    ("GEMINI_CLI_NO_RELAUNCH", "true"),
    ("GEMINI_TELEMETRY_ENABLED", "false"),
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("GIT_AUTHOR_NAME", "agents"),
    ("GIT_AUTHOR_EMAIL", "agents@localhost"),
    ("GIT_COMMITTER_NAME", "agents"),
    ("GIT_COMMITTER_EMAIL", "agents@localhost"),
];

/// Lets a run that reads look at the history. The pattern goes on the JSON of the call, whose command ends with a
/// quote; it allows no character that is special to a shell. `--output` writes a file, and git takes its beginnings
/// for it too.
const READ_GIT: &str = r#"[[rule]]
toolName = "run_shell_command"
commandRegex = "git (status|log|diff|show)[ A-Za-z0-9_./:@^~=%,+-]*\""
decision = "allow"
priority = 500

[[rule]]
toolName = "run_shell_command"
commandRegex = "git .*--ou"
decision = "deny"
priority = 600
"#;

/// The harness of Gemini CLI.
#[derive(Debug)]
pub struct Gemini {
    settings: HarnessSettings,
}

impl Gemini {
    /// With the config's settings.
    pub fn new(settings: HarnessSettings) -> Self {
        Self { settings }
    }
}

impl Harness for Gemini {
    fn name(&self) -> &str {
        NAME
    }

    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError> {
        check_length(NAME, request.prompt.len(), PROMPT_LIMIT_BYTES)?;
        let (program, mut args) = command(NAME, &self.settings)?;
        let mut files = Vec::new();
        args.extend(strings(&["--output-format", "stream-json", "--skip-trust", "--approval-mode"]));
        match policy(request) {
            None => args.push("yolo".to_owned()),
            Some(content) => {
                let path = request.folder.join("gemini-policy.toml");
                args.extend(strings(&["default", "--policy", &path.to_string_lossy()]));
                files.push(ExtraFile { path, content });
            }
        }
        args.extend(strings(&["-m", model(request, &self.settings).unwrap_or(DEFAULT_MODEL)]));
        args.extend(match &request.resume {
            Some(session) => ["--resume".to_owned(), session.clone()],
            None => ["--session-id".to_owned(), request.attempt.to_string()],
        });
        args.extend(self.settings.args.iter().cloned());
        let environment = Environment::new(&ENV, &self.settings);
        Ok(Invocation {
            program,
            args,
            env: environment.set,
            env_remove: environment.remove,
            env_keep: environment.keep,
            cwd: request.workspace.clone(),
            stdin: request.prompt.clone(),
            files,
            stop: StopSignal::TerminateGroup,
        })
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(GeminiReader::default())
    }

    fn probe(&self) -> Probe {
        Probe {
            program: command(NAME, &self.settings).map_or_else(|_| NAME.to_owned(), |(program, _)| program),
            args: strings(&["--version"]),
            install: INSTALL.to_owned(),
            credentials: strings(&["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"]),
            login_files: strings(&[".gemini/oauth_creds.json"]),
            login: "gemini".to_owned(),
        }
    }
}

/// The rules of a run that may not do everything. In mode `default` the tools that write are not offered, and a
/// headless run can't ask, so what no rule allows is denied.
fn policy(request: &HarnessRequest) -> Option<String> {
    match request.access {
        Access::ReadOnly => Some(READ_GIT.to_owned()),
        Access::ReadOnlyAndAgents => {
            let rules = agents_commands(request).map(|command| {
                format!(
                    "[[rule]]\ntoolName = \"run_shell_command\"\ncommandPrefix = \"{command}\"\ndecision = \
                     \"allow\"\npriority = 500\n\n"
                )
            });
            Some(rules.collect::<String>() + READ_GIT)
        }
        Access::Edit | Access::Full => None,
    }
}
