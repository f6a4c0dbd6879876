//! The real agent CLIs against a scripted server: the proof that the three protocols are spoken well
//! enough. Installed by `.ci/install-clis`; a missing CLI is a failure, never a skipped test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use agents_scripted_models::{
    Cli, HttpError, Reply, Rule, Scenario, ScriptedModels, Served, When, cli_env, extra_args, prepare_home,
    program, shell, write_file,
};
use serde_json::Value;
use tempfile::TempDir;

/// A run takes two seconds; a loaded machine may need much longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Any valid one; each test has its own home.
const SESSION: &str = "0199f3a4-5b6c-7d8e-9f01-23456789abcd";

/// One CLI with a home and a workspace of its own.
struct Desk {
    cli: Cli,
    models: ScriptedModels,
    folder: TempDir,
}

#[derive(Debug)]
struct Run {
    status: ExitStatus,
    events: Vec<Value>,
    #[expect(dead_code, reason = "a failed assertion prints it")]
    stderr: String,
}

impl Desk {
    fn new(cli: Cli, scenario: impl FnOnce(&Path) -> Scenario) -> Self {
        // Below the build folder and not the system's temporary one, where Codex keeps no helpers.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        fs::create_dir(folder.path().join("workspace")).expect("a new folder");
        prepare_home(cli, folder.path()).expect("a writable home");
        let models = ScriptedModels::start(scenario(&folder.path().join("workspace"))).expect("a free port");
        Self { cli, models, folder }
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    #[allow(clippy::disallowed_methods, reason = "this test is about the programs, not about the product")]
    async fn run(&self, prompt: &str, session: &[&str]) -> Run {
        let path = |name: &str| self.folder.path().join(name);
        fs::write(path("prompt"), prompt).expect("a writable folder");
        let base_url = self.models.base_url();
        let program = program(self.cli).unwrap_or_else(|missing| panic!("{missing}"));
        // Gemini loses what a pipe does not take, so every CLI writes to a file.
        let child = tokio::process::Command::new(program)
            .args(arguments(self.cli, &base_url, session))
            .env_clear()
            .envs(cli_env(self.cli, self.folder.path(), &base_url))
            .env("PATH", std::env::var_os("PATH").expect("a PATH, for the shell and for node"))
            .current_dir(self.workspace())
            .stdin(File::open(path("prompt")).expect("the prompt"))
            .stdout(File::create(path("stdout")).expect("a writable folder"))
            .stderr(File::create(path("stderr")).expect("a writable folder"))
            .kill_on_drop(true)
            .status();
        let ended = tokio::time::timeout(PATIENCE, child).await;
        let read = |name: &str| String::from_utf8_lossy(&fs::read(path(name)).expect("output")).into_owned();
        let stderr = read("stderr");
        let status = ended.unwrap_or_else(|_late| panic!("{} does not end: {stderr}", self.cli));
        let parse = |line: &str| serde_json::from_str(line).expect("a line of JSON");
        Run {
            status: status.expect("the program starts"),
            events: read("stdout").lines().map(parse).collect(),
            stderr,
        }
    }

    fn served(&self) -> Vec<Served> {
        self.models.turns().iter().map(|request| request.served).collect()
    }
}

/// The arguments of a run that may do everything; `session` names or resumes a session.
fn arguments(cli: Cli, base_url: &str, session: &[&str]) -> Vec<String> {
    let before: &[&str] = match cli {
        Cli::Claude => &[
            "-p",
            "--output-format=stream-json",
            "--verbose",
            "--permission-mode=bypassPermissions",
            "--model",
            cli.model(),
        ],
        Cli::Codex => &[
            "exec",
            "--json",
            "--color=never",
            "--ignore-user-config",
            "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox",
            "--model",
            cli.model(),
        ],
        Cli::Gemini => {
            &["--output-format=stream-json", "--skip-trust", "--approval-mode=yolo", "--model", cli.model()]
        }
    };
    let after: &[&str] = match cli {
        Cli::Codex => &["-"],
        Cli::Claude | Cli::Gemini => &[],
    };
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    [owned(before), extra_args(cli, base_url), owned(session), owned(after)].concat()
}

impl Run {
    /// The text of the answer, if the run ended well by its own account.
    fn answer(&self, cli: Cli) -> Option<String> {
        let last = self.events.last()?;
        let is_done = match cli {
            Cli::Claude => last["type"] == "result" && last["is_error"] == false,
            Cli::Codex => last["type"] == "turn.completed",
            Cli::Gemini => last["type"] == "result" && last["status"] == "success",
        };
        let answer = match cli {
            Cli::Claude => last["result"].as_str()?.to_owned(),
            Cli::Codex => self.of_kind("item.completed").last()?["item"]["text"].as_str()?.to_owned(),
            Cli::Gemini => self
                .of_kind("message")
                .filter(|message| message["role"] == "assistant")
                .filter_map(|message| message["content"].as_str())
                .collect(),
        };
        (is_done && self.status.success()).then_some(answer)
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(move |event| event["type"] == kind)
    }

    /// The session's id as the CLI tells it.
    fn session(&self) -> Option<&str> {
        self.events.iter().find_map(|event| event["session_id"].as_str().or(event["thread_id"].as_str()))
    }
}

fn turn(rule: usize, turn: usize) -> Served {
    Served::Turn { rule, turn }
}

async fn uses_its_tools_and_answers(cli: Cli) {
    let desk = Desk::new(cli, |workspace| {
        Scenario::new().rule(
            Rule::when(When::prompt("make two files"))
                .turn(
                    Reply::thinking("I could use the shell.")
                        .and_tool(shell(cli, "echo from the shell > by_shell")),
                )
                .turn(Reply::tool(write_file(cli, &workspace.join("by_tool"), "from the tool\n")))
                .turn(Reply::text("Both are made.")),
        )
    });
    let run = desk.run("Please make two files.", &[]).await;
    assert_eq!(run.answer(cli).as_deref(), Some("Both are made."), "{run:#?}");
    let made = ["by_shell", "by_tool"].map(|name| fs::read_to_string(desk.workspace().join(name)).ok());
    assert_eq!(made, [Some("from the shell\n".into()), Some("from the tool\n".into())], "{run:#?}");
    assert_eq!(desk.served(), [turn(0, 0), turn(0, 1), turn(0, 2)]);
}

#[tokio::test]
async fn claude_uses_its_tools_and_answers() {
    uses_its_tools_and_answers(Cli::Claude).await;
}

#[tokio::test]
async fn codex_uses_its_tools_and_answers() {
    uses_its_tools_and_answers(Cli::Codex).await;
}

#[tokio::test]
async fn gemini_uses_its_tools_and_answers() {
    uses_its_tools_and_answers(Cli::Gemini).await;
}

/// `start` and `resume` are the arguments around a session's id; Codex chooses the id by itself.
async fn goes_on_after_a_failure_when_it_is_resumed(cli: Cli, start: &[&str], resume: &str) {
    // 403 is the failure that no CLI repeats for long.
    let scenario = Scenario::new().rule(
        Rule::when(When::any())
            .turn(Reply::text("First.").and_tool(shell(cli, "echo one > one")))
            .turn(HttpError::new(403).body(refusal(cli)).times(attempts(cli)))
            .turn(Reply::text("Second.").and_tool(shell(cli, "echo two > two")))
            .turn(Reply::text("All is done.")),
    );
    let desk = Desk::new(cli, |_workspace| scenario);
    let failed = desk.run("Begin the work.", start).await;
    assert_eq!(failed.answer(cli), None, "{failed:#?}");
    let session = failed.session().expect("the id of the session").to_owned();
    let resumed = desk.run("Go on.", &[resume, &session]).await;
    let answer = resumed.answer(cli).unwrap_or_else(|| panic!("{resumed:#?}"));
    assert!(answer.ends_with("All is done."), "{resumed:#?}");
    let made = ["one", "two"].map(|name| desk.workspace().join(name).exists());
    assert_eq!(made, [true, true], "{resumed:#?}");
    let served = desk.served();
    assert_eq!((served.first(), served.last()), (Some(&turn(0, 0)), Some(&turn(0, 3))), "{served:?}");
}

/// How often a CLI asks before it gives up: Codex repeats a 403 five times.
fn attempts(cli: Cli) -> u32 {
    match cli {
        Cli::Claude | Cli::Gemini => 1,
        Cli::Codex => 6,
    }
}

fn refusal(cli: Cli) -> Value {
    match cli {
        Cli::Claude => {
            serde_json::json!({"type": "error", "error": {"type": "permission_error", "message": "no"}})
        }
        Cli::Codex | Cli::Gemini => {
            serde_json::json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "no"}})
        }
    }
}

#[tokio::test]
async fn claude_goes_on_after_a_failure_when_it_is_resumed() {
    goes_on_after_a_failure_when_it_is_resumed(Cli::Claude, &["--session-id", SESSION], "--resume").await;
}

#[tokio::test]
async fn codex_goes_on_after_a_failure_when_it_is_resumed() {
    goes_on_after_a_failure_when_it_is_resumed(Cli::Codex, &[], "resume").await;
}

#[tokio::test]
async fn gemini_goes_on_after_a_failure_when_it_is_resumed() {
    goes_on_after_a_failure_when_it_is_resumed(Cli::Gemini, &["--session-id", SESSION], "--resume").await;
}
