//! Codex: `codex exec --json -`, prompt on standard input.
//!
//! `exec` never asks; what the sandbox refuses fails without an event. So the sandbox must be right from the start:
//! git folders that a commit writes to are made writable by name, and the network is on for work that edits.

mod ending;
mod reader;
mod wire;

use std::path::{Path, PathBuf};

use agents_domain::access::Access;
use agents_domain::harness::{Harness, HarnessError, HarnessRequest, Probe, StreamReader};
use agents_domain::invocation::{ExtraFile, Invocation, StopSignal};

use crate::launch::{Environment, check_length, command, model, strings};
use crate::registry::HarnessSettings;

pub use reader::CodexReader;

/// The command that installs it, or brings it up to date.
const INSTALL: &str = "npm install -g @openai/codex";

/// The name in the config, and the program.
const NAME: &str = "codex";

/// Codex refuses more characters than this.
const PROMPT_LIMIT_CHARACTERS: usize = 1_048_576;

/// What every run has: no look for updates, and no five seconds at the end of a run without internet.
const ALWAYS: [&str; 12] = [
    "exec",
    "--json",
    "--color",
    "never",
    "--ignore-user-config",
    "--skip-git-repo-check",
    "-c",
    "check_for_update_on_startup=false",
    "-c",
    "analytics.enabled=false",
    // Else its commands run in a login shell, whose profile may set PATH anew: then what the runner has on PATH,
    // the `agents` command too, is gone.
    "-c",
    "allow_login_shell=false",
];

/// The network is off in the sandbox unless this is said.
const NETWORK_ON: &str = "sandbox_workspace_write.network_access=true";

/// `workspace-write` lets an agent write to /tmp and TMPDIR too unless these are said.
const NO_TEMPORARY_FOLDERS: [&str; 4] = [
    "-c",
    "sandbox_workspace_write.exclude_slash_tmp=true",
    "-c",
    "sandbox_workspace_write.exclude_tmpdir_env_var=true",
];

const ENV: [(&str, &str); 2] = [("TERM", "dumb"), ("NO_COLOR", "1")];

/// The harness of Codex.
#[derive(Debug)]
pub struct Codex {
    settings: HarnessSettings,
}

impl Codex {
    /// With the config's settings.
    pub fn new(settings: HarnessSettings) -> Self {
        Self { settings }
    }
}

impl Harness for Codex {
    fn name(&self) -> &str {
        NAME
    }

    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError> {
        check_length(NAME, request.prompt.chars().count(), PROMPT_LIMIT_CHARACTERS)?;
        let (program, mut args) = command(NAME, &self.settings)?;
        let mut files = Vec::new();
        args.extend(strings(&ALWAYS));
        args.extend(sandbox(request, &mut files));
        if let Some(model) = model(request, &self.settings) {
            args.extend(strings(&["-m", model]));
        }
        if let Some(schema) = &request.answer_schema {
            let path = request.folder.join("answer-schema.json");
            args.extend(["--output-schema".to_owned(), text(&path)]);
            files.push(ExtraFile { path, content: schema.clone() });
        }
        // The flags of `exec` go before `resume`.
        args.extend(self.settings.args.iter().cloned());
        if let Some(session) = &request.resume {
            args.extend(strings(&["resume", session]));
        }
        args.push("-".to_owned());
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
            // It ends its tools on INT. TERM kills it at once and leaves them running.
            stop: StopSignal::Interrupt,
        })
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(CodexReader::new(self.settings.time_zone.clone()))
    }

    fn usage_spans_session(&self) -> bool {
        true
    }

    fn probe(&self) -> Probe {
        Probe {
            program: command(NAME, &self.settings).map_or_else(|_| NAME.to_owned(), |(program, _)| program),
            args: strings(&["--version"]),
            install: INSTALL.to_owned(),
            // OPENAI_API_KEY is not among them: `codex exec` does not send it.
            credentials: strings(&["CODEX_API_KEY"]),
            login_files: strings(&[".codex/auth.json"]),
            login: "codex login".to_owned(),
        }
    }
}

/// The flags for what the agent may do, and the files that they need.
fn sandbox(request: &HarnessRequest, files: &mut Vec<ExtraFile>) -> Vec<String> {
    let mut args = Vec::new();
    let in_folder = |folder: &Path| ["-C".to_owned(), text(folder)];
    match request.access {
        Access::ReadOnly => {
            args.extend(in_folder(&request.workspace));
            args.extend(strings(&["-s", "read-only"]));
        }
        // The `agents` command must write its own folders and reach its database, so `read-only` is too little, and
        // `workspace-write` makes the folder it works in writable. So it works in an empty folder of the attempt and
        // reads the workspace by its path; the AGENTS.md there says so.
        Access::ReadOnlyAndAgents => {
            let desk = request.folder.join("codex");
            args.extend(in_folder(&desk));
            args.extend(strings(&["-s", "workspace-write", "-c", NETWORK_ON]));
            args.extend(strings(&NO_TEMPORARY_FOLDERS));
            args.extend(added(&request.agents_folders));
            files.push(ExtraFile {
                path: desk.join("AGENTS.md"),
                content: desk_instructions(&request.workspace),
            });
        }
        Access::Edit => {
            args.extend(in_folder(&request.workspace));
            args.extend(strings(&["-s", "workspace-write", "-c", NETWORK_ON]));
            args.extend(added(&request.git_folders));
        }
        Access::Full => {
            args.extend(in_folder(&request.workspace));
            args.push("--dangerously-bypass-approvals-and-sandbox".to_owned());
        }
    }
    args
}

fn added(folders: &[PathBuf]) -> impl Iterator<Item = String> + '_ {
    folders.iter().flat_map(|folder| ["--add-dir".to_owned(), text(folder)])
}

fn desk_instructions(workspace: &Path) -> String {
    let workspace = workspace.display();
    format!(
        "The repository of your task is at {workspace}. Read it there, by absolute paths and with `git -C \
         {workspace}`; follow its AGENTS.md if it has one. It can't be written from here, and need not be: your task is \
         to look and to decide. The `agents` command works.\n"
    )
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
