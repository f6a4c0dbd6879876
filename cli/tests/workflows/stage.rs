//! A repository with workflows, and what is asked of their runs.

use std::ops::Deref;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{World, text};

/// The longest that a test waits for something; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it looks.
const PAUSE: Duration = Duration::from_millis(30);

/// A world with workflows.
pub struct Stage {
    world: World,
}

/// A runner that works beside the test; it is ended with this.
pub struct Runner(Child);

impl Deref for Stage {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Stage {
    /// With these workflows: names and texts. Agents play `script.json`.
    pub fn new(workflows: &[(&str, &str)]) -> Self {
        let stage = Self { world: World::new() };
        let script = stage.path("script.json");
        let agent =
            json!([env!("CARGO_BIN_EXE_agents"), "scripted-agent", "--stream", "claude", "--script", script]);
        let config = json!({
            "graceMs": 300,
            "harnessDefaults": {"default": "claude"},
            "harnesses": {"claude": {"command": agent}},
        });
        stage.write("shop/.agents/config.json", config.to_string());
        for (name, text) in workflows {
            stage.flow(name, text);
        }
        stage
    }

    /// Writes a workflow.
    pub fn flow(&self, name: &str, text: &str) {
        self.write(&format!("shop/.agents/workflows/{name}.yaml"), text);
    }

    /// Starts a run; its id.
    pub fn begin(&self, args: &[&str]) -> String {
        text(&self.json(&[&["workflow", "run"], args].concat())["id"])
    }

    /// Starts a run, and lets a runner do what there is to do.
    pub fn run(&self, args: &[&str]) -> String {
        let id = self.begin(args);
        self.once();
        id
    }

    /// A runner that works until nothing is left to do.
    pub fn once(&self) {
        self.agents(&["runner", "--once"]).ok();
    }

    /// A runner that is left open.
    pub fn runner(&self) -> Runner {
        Runner(self.agents(&["runner"]).start(Stdio::null(), Stdio::null()))
    }

    /// A run as `agents workflow status` tells it.
    pub fn status(&self, id: &str) -> Value {
        self.json(&["workflow", "status", id])
    }

    /// How a run stands, and why.
    pub fn end(&self, id: &str) -> Value {
        let run = &self.status(id)["run"];
        json!([run["status"], if run["output"].is_null() { &run["error"] } else { &run["output"] }])
    }

    /// `path status attempt route` of each step.
    pub fn steps(&self, id: &str) -> Vec<String> {
        let status = self.status(id);
        let line = |step: &Value| {
            let route = step["route"].as_str().unwrap_or("-");
            format!("{} {} {} {route}", text(&step["path"]), text(&step["status"]), step["attempt"])
        };
        status["steps"].as_array().unwrap().iter().map(line).collect()
    }

    /// Waits until the run looks so.
    pub fn until(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status(id);
            if is_so(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}: {status:#}");
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until the run waits for that.
    pub fn until_waits(&self, id: &str, wait: &str) -> Value {
        self.until(id, wait, |status| status["waits"]["for"] == wait)
    }

    /// Waits until the run has ended so.
    pub fn until_ended(&self, id: &str, how: &str) {
        self.until(id, how, |status| status["run"]["status"] == how);
    }

    /// The lines of a file of the repository.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.repo().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a file of the repository has so many lines.
    pub fn until_lines(&self, name: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.lines(name).len() < count {
            assert!(Instant::now() < deadline, "{name} has {:?}", self.lines(name));
            std::thread::sleep(PAUSE);
        }
    }
}

impl Runner {
    /// Ends it, as `kill -9` does.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // It may have ended already; a test that has failed must not leave it behind.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
