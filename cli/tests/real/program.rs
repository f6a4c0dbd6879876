//! Runs the `agents` program, bounded in time. The one place of these tests that starts a process.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{Desk, dump};

/// A run of the program takes some seconds; a loaded machine may need much longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a runner that was told to stop may take.
const GRACE: Duration = Duration::from_secs(20);

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    #[expect(dead_code, reason = "a failed assertion prints it")]
    pub stderr: String,
}

impl Desk {
    #[allow(clippy::disallowed_methods, reason = "a test of the program starts the program")]
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agents"));
        command.args(args).current_dir(self.repo()).env_clear();
        command.env("HOME", self.path("home")).env("XDG_RUNTIME_DIR", self.path("run"));
        // Not the system's temporary folder, below which Codex would not trust its own home.
        command.env("TMPDIR", self.path("tmp"));
        command.env("PATH", std::env::var_os("PATH").expect("a PATH, for the shell and for node"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// A line of shell in the repository, as a person types it.
    #[allow(clippy::disallowed_methods, reason = "a test of the program prepares its repository")]
    pub fn shell(&self, line: &str) {
        let mut command = std::process::Command::new("sh");
        let done =
            command.args(["-ec", line]).current_dir(self.repo()).env("HOME", self.path("home")).status();
        assert!(done.unwrap().success(), "{line}");
    }

    /// Runs the program to its end.
    pub async fn agents(&self, args: &[&str]) -> Ended {
        let child = self.command(args).spawn().unwrap();
        let pid = child.id();
        let mut output = Box::pin(Child::wait_with_output(child));
        let Ok(ended) = tokio::time::timeout(PATIENCE, &mut output).await else {
            // Told to stop, a runner takes its agents with it.
            let pid = pid.and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("a child has a number");
            let signaled = kill_process(pid, Signal::TERM);
            let stopped = tokio::time::timeout(GRACE, output).await;
            panic!("agents {args:?} does not end ({signaled:?}, {stopped:?})\n{}", dump(&self.path("home")));
        };
        let output = ended.unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the program, which must succeed. Gives what it printed.
    pub async fn ok(&self, args: &[&str]) -> String {
        let ended = self.agents(args).await;
        assert_eq!(ended.code, Some(0), "agents {args:?}: {ended:#?}");
        ended.stdout
    }

    /// The JSON of a command that succeeds.
    pub async fn json(&self, args: &[&str]) -> Value {
        let printed = self.ok(&[args, &["--json"]].concat()).await;
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// Creates an assignment. Gives its id.
    pub async fn create(&self, args: &[&str]) -> String {
        let created = self.json(&[&["create"], args].concat()).await;
        created["id"].as_str().expect("an id").to_owned()
    }

    /// Lets a runner work until nothing is ready. Gives the assignment.
    pub async fn run(&self, assignment: &str) -> Value {
        self.ok(&["runner", "--once", "--log-format", "text"]).await;
        self.json(&["assignment", assignment]).await
    }

    /// Everything there is to know of the assignment, for whoever reads a failed test.
    pub async fn story(&self, assignment: &str) -> String {
        let history = self.ok(&["history", assignment]).await;
        let told = self.json(&["assignment", assignment]).await;
        format!("{history}\n{told:#}\n{}", dump(&self.path("home")))
    }
}
