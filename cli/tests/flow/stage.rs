//! A world with a script: every harness of its repository is the scripted agent.

use std::cell::Cell;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use agents_domain::id::IdSource;
use agents_domain::store::Store;
use agents_orchestrator::system::SystemIds;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::processes;
use crate::support::{Ended, Run, World, text};
use crate::wait::{PATIENCE, until};

/// A world in which agents play a script.
pub struct Stage {
    world: World,
    runners: Cell<u32>,
}

/// A runner that works beside the test. It is gone when this is dropped.
pub struct RunnerProcess {
    child: Child,
    output: PathBuf,
}

impl Deref for Stage {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Stage {
    /// `claude`, `codex` and `gemini` are the scripted agent with the stream of that name, and `text` with plain
    /// text. `claude` does every job that names nobody.
    pub fn playing(replies: Value) -> Self {
        let stage = Self { world: World::new(), runners: Cell::new(0) };
        stage.script(replies);
        stage.configure(|_| {});
        stage
    }

    /// From now on agents play this.
    pub fn script(&self, replies: Value) {
        self.write("script.json", json!({"replies": replies}).to_string());
    }

    /// Writes the repository's config, with a change.
    pub fn configure(&self, change: impl FnOnce(&mut Value)) {
        let agent = |stream: &str| {
            let script = self.path("script.json");
            json!([env!("CARGO_BIN_EXE_agents"), "scripted-agent", "--stream", stream, "--script", script])
        };
        let mut config = json!({
            "graceMs": 300,
            "harnessDefaults": {"default": "claude"},
            "harnesses": {
                "claude": {"command": agent("claude")},
                "codex": {"command": agent("codex")},
                "gemini": {"command": agent("gemini")},
                "text": {"command": agent("text"), "stream": "text"},
            },
        });
        change(&mut config);
        self.write("shop/.agents/config.json", config.to_string());
    }

    /// A runner that works until nothing is left to do.
    pub fn once(&self) -> Ended {
        self.agents(&["runner", "--once"]).ok()
    }

    /// A runner that is left open. It has started when this returns.
    pub fn runner(&self, args: &[&str]) -> RunnerProcess {
        self.start(self.agents(&[&["runner"], args].concat()))
    }

    /// A runner whose clock is so many milliseconds ahead.
    pub fn runner_ahead(&self, millis: i64, args: &[&str]) -> RunnerProcess {
        self.start(self.agents(&[&["runner"], args].concat()).env("AGENTS_CLOCK_SHIFT_MS", millis))
    }

    fn start(&self, runner: Run<'_>) -> RunnerProcess {
        let number = self.runners.get() + 1;
        self.runners.set(number);
        let output = self.path(&format!("runner-{number}"));
        let file = std::fs::File::create(&output).unwrap();
        let child = runner.start(file, Stdio::inherit());
        let runner = RunnerProcess { child, output };
        // In words, or as the name of an event.
        until("the runner has started", PATIENCE, || {
            let said = runner.output();
            ["runner started", "runner_started"].iter().any(|words| said.contains(words)).then_some(())
        });
        runner
    }

    /// An assignment that begins with an implement job.
    pub fn create_work(&self, north_star: &str) -> String {
        self.create(&[north_star, "--first", "implement"])
    }

    /// The assignment as `agents assignment` prints it.
    pub fn assignment(&self, id: &str) -> Value {
        self.json(&["assignment", id])
    }

    /// Waits until the assignment looks so.
    pub fn until_assignment(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(&format!("an assignment that is {what}"), PATIENCE, || {
            Some(self.assignment(id)).filter(|assignment| is_so(assignment))
        })
    }

    /// Waits until the assignment has that status.
    pub fn until_status(&self, id: &str, status: &str) -> Value {
        self.until_assignment(id, status, |assignment| assignment["status"] == status)
    }

    /// Waits for a file of the repository.
    pub fn until_file(&self, name: &str) {
        until(name, PATIENCE, || self.repo().join(name).exists().then_some(()));
    }

    /// Makes the file that agents wait for.
    pub fn touch(&self, name: &str) {
        std::fs::write(self.repo().join(name), "").unwrap();
    }

    /// A file of the repository.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.repo().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What the doctor finds wrong in the store.
    pub fn findings(&self) -> Value {
        // It also looks for logins, which these agents have not.
        let said = self.agents(&["doctor", "--full", "--json"]).run();
        said.json()["store"]["findings"].clone()
    }

    /// Until when the store's lease of a running attempt is, in milliseconds.
    pub fn read_lease(&self, attempt: &str) -> i64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = self.store().await;
            let stranger = agents_domain::id::RunnerId::new(SystemIds.next());
            let foreign = store.foreign_attempts(stranger).await.unwrap();
            let found = foreign.iter().find(|orphan| orphan.attempt.to_string() == attempt);
            found.unwrap().lease_until.as_millis()
        })
    }

    /// What the agent of a job was told in its latest attempt.
    pub fn prompt(&self, job: &Value) -> String {
        self.agents(&["logs", &text(&job["id"]), "--prompt"]).ok().stdout
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A test that failed may have left agents behind; they have this world's home folder.
        processes::kill_all_of_home(&self.world.path("home"));
    }
}

impl RunnerProcess {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap()
    }

    /// Waits until it has printed this.
    pub fn says(&self, words: &str) {
        until(&format!("the runner says `{words}`"), PATIENCE, || {
            self.output().contains(words).then_some(())
        });
    }

    /// Waits for its end.
    pub fn ended(&mut self, limit: Duration) -> ExitStatus {
        until("the end of the runner", limit, || self.child.try_wait().unwrap())
    }

    /// Ends it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for RunnerProcess {
    fn drop(&mut self) {
        // Ended already, in most tests.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The jobs of an assignment in a line each: type, status, and how the attempts ended.
pub fn story(assignment: &Value) -> Vec<String> {
    let line = |job: &Value| {
        let attempts = job["attempts"].as_array().unwrap();
        let outcomes: Vec<&str> =
            attempts.iter().map(|attempt| attempt["outcome"].as_str().unwrap_or("running")).collect();
        format!(
            "{} {} [{}]",
            job["type"].as_str().unwrap(),
            job["status"].as_str().unwrap(),
            outcomes.join(" ")
        )
    };
    jobs(assignment).iter().map(line).collect()
}

/// The jobs of an assignment.
pub fn jobs(assignment: &Value) -> &[Value] {
    assignment["jobs"].as_array().unwrap()
}

/// The id of the attempt that runs in a job now.
pub fn running_attempt(assignment: &Value) -> Option<String> {
    let running = jobs(assignment).iter().find(|job| job["status"] == "running")?;
    Some(text(&running["attempts"].as_array()?.last()?["id"]))
}
