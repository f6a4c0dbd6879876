//! Claude Code: `claude -p`, prompt on standard input.
//!
//! Every flag is there for a measured reason: without `--setting-sources user --strict-mcp-config` a repository's
//! own hooks and MCP servers run without a question, and without `bypassPermissions` a run that may edit ends in
//! denials that its exit code hides.

mod ending;
mod reader;
mod wire;

use agents_domain::access::Access;
use agents_domain::harness::{Harness, HarnessError, HarnessRequest, Probe, StreamReader};
use agents_domain::invocation::{Invocation, StopSignal};
use agents_domain::usage::MicroUsd;

use crate::launch::{Environment, agents_commands, check_length, command, model, strings};
use crate::registry::HarnessSettings;

pub use reader::ClaudeReader;

/// The command that installs it, or brings it up to date.
const INSTALL: &str = "npm install -g @anthropic-ai/claude-code";

/// The name in the config, and the program.
const NAME: &str = "claude";

/// `claude -p` refuses more than this on standard input.
const PROMPT_LIMIT_BYTES: usize = 10 * 1024 * 1024;

/// What every run has.
const ALWAYS: [&str; 9] = [
    "-p",
    "--output-format",
    "stream-json",
    "--verbose",
    "--setting-sources",
    "user",
    "--strict-mcp-config",
    "--mcp-config",
    r#"{"mcpServers":{}}"#,
];

/// The tools of a run that only reads. Bash is one of them: in mode `dontAsk` the CLI lets through the commands that
/// it knows to be harmless (`git log`, `git diff`, `ls`, `cat` inside of the workspace) and denies all others. Rules
/// like `Bash(git log *)` would be wider than that check, not narrower: they let `git log --output=FILE` through.
const READ_TOOLS: [&str; 4] = ["Bash", "Read", "Grep", "Glob"];

/// Tools that change files, which `--tools` leaves out already; this names the intent and holds for sub-agents.
const EDIT_TOOLS: [&str; 3] = ["Edit", "Write", "NotebookEdit"];

/// Tools that wait: for a person, for a time, for something to happen. Nobody is there, and the job would stand.
const WAITING_TOOLS: [&str; 5] =
    ["AskUserQuestion", "ExitPlanMode", "ScheduleWakeup", "CronCreate", "Monitor"];

/// No self-update, nothing sent but the work, no command left running after its turn, and a `result` line also for
/// a start that was refused.
const ENV: [(&str, &str); 8] = [
    ("DISABLE_AUTOUPDATER", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("DISABLE_TELEMETRY", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"),
    ("CLAUDE_CODE_STARTUP_FAILURE_RESULTS", "1"),
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
];

/// The harness of Claude Code.
#[derive(Debug)]
pub struct Claude {
    settings: HarnessSettings,
}

impl Claude {
    /// With the config's settings.
    pub fn new(settings: HarnessSettings) -> Self {
        Self { settings }
    }
}

impl Harness for Claude {
    fn name(&self) -> &str {
        NAME
    }

    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError> {
        let stdin = guarded(&request.prompt);
        check_length(NAME, stdin.len(), PROMPT_LIMIT_BYTES)?;
        let (program, mut args) = command(NAME, &self.settings)?;
        args.extend(strings(&ALWAYS));
        args.extend(permissions(request));
        args.extend(match &request.resume {
            Some(session) => ["--resume".to_owned(), session.clone()],
            None => ["--session-id".to_owned(), request.attempt.to_string()],
        });
        if let Some(model) = model(request, &self.settings) {
            args.extend(strings(&["--model", model]));
        }
        if let Some(path) = &request.project_instructions {
            // `--setting-sources user` drops the project's CLAUDE.md together with its hooks.
            args.extend(strings(&["--append-system-prompt-file", &path.to_string_lossy()]));
        }
        if let Some(schema) = &request.answer_schema {
            args.extend(strings(&["--json-schema", schema]));
        }
        if let Some(cost) = request.max_cost.filter(|cost| *cost > MicroUsd::ZERO) {
            // It must be above 0. It is checked after a reply, whose tools are then not run.
            args.extend(["--max-budget-usd".to_owned(), format!("{:.6}", cost.as_dollars())]);
        }
        args.extend(self.settings.args.iter().cloned());
        let mut own = ENV.to_vec();
        if request.is_root {
            // As root `bypassPermissions` is refused without this.
            own.push(("IS_SANDBOX", "1"));
        }
        let environment = Environment::new(&own, &self.settings);
        Ok(Invocation {
            program,
            args,
            env: environment.set,
            env_remove: environment.remove,
            env_keep: environment.keep,
            cwd: request.workspace.clone(),
            stdin,
            files: Vec::new(),
            // It ends its tools, also those in sessions of their own, and exits with 143.
            stop: StopSignal::Terminate,
        })
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(ClaudeReader::new(self.settings.time_zone.clone()))
    }

    fn probe(&self) -> Probe {
        Probe {
            program: command(NAME, &self.settings).map_or_else(|_| NAME.to_owned(), |(program, _)| program),
            args: strings(&["--version"]),
            install: INSTALL.to_owned(),
            credentials: strings(&[
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_AUTH_TOKEN",
                "CLAUDE_CODE_OAUTH_TOKEN",
                "CLAUDE_CODE_USE_BEDROCK",
                "CLAUDE_CODE_USE_VERTEX",
                "CLAUDE_CODE_USE_FOUNDRY",
            ]),
            login_files: strings(&[".claude/.credentials.json"]),
            login: "claude /login".to_owned(),
        }
    }
}

/// The flags for what the agent may do. The lists are variadic, so each must be followed by another flag; the prompt
/// is on standard input and can't be eaten by them.
fn permissions(request: &HarnessRequest) -> Vec<String> {
    let agents = || agents_commands(request).map(|command| format!("Bash({command} *)"));
    match request.access {
        Access::ReadOnly => read_only(Vec::new()),
        Access::ReadOnlyAndAgents => read_only(agents().collect()),
        // A headless run has nobody to ask, and Claude Code has no sandbox of its own.
        Access::Edit | Access::Full => {
            let mut args = strings(&["--permission-mode", "bypassPermissions", "--disallowedTools"]);
            args.extend(strings(&WAITING_TOOLS));
            args
        }
    }
}

fn read_only(more: Vec<String>) -> Vec<String> {
    let mut args = strings(&["--permission-mode", "dontAsk", "--tools"]);
    args.extend(strings(&READ_TOOLS));
    args.push("--allowedTools".to_owned());
    args.extend(strings(&["Read", "Grep", "Glob"]));
    args.extend(more);
    args.push("--disallowedTools".to_owned());
    args.extend(strings(&EDIT_TOOLS));
    args.extend(strings(&WAITING_TOOLS));
    args
}

/// The prompt, with a line feed before it if it would be taken for a slash command. (`@file` is expanded wherever it
/// stands if such a file is there; the agent could read it anyway.)
fn guarded(prompt: &str) -> String {
    if prompt.trim_start().starts_with('/') { format!("\n{prompt}") } else { prompt.to_owned() }
}
