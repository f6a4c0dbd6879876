//! What the benchmarks share: their options, medians and percentiles, and a runner in a world of its own.

#![allow(dead_code, reason = "each benchmark uses its own part")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

pub mod fill;
pub mod keeper;
pub mod peer;
pub mod processes;
#[path = "../../tests/support/mod.rs"]
pub mod world;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use world::World;

/// The numbers of the command line, or these.
pub fn numbers<const N: usize>(defaults: [usize; N]) -> [usize; N] {
    let mut given = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    defaults.map(|default| given.next().unwrap_or(default))
}

/// The middle one.
pub fn median(figures: &[f64]) -> f64 {
    percentile(figures, 50.0)
}

/// The figure that so many percent do not exceed.
pub fn percentile(figures: &[f64], percent: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}

/// In milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How long it takes.
pub fn timed(act: impl FnOnce()) -> Duration {
    let began = Instant::now();
    act();
    began.elapsed()
}

/// A world whose only harness, `agent`, is that command.
pub fn world_with(command: &[&str], stream: &str) -> World {
    let world = World::new();
    let config = json!({
        "harnessDefaults": {"default": "agent"},
        "harnesses": {"agent": {"command": command, "stream": stream}},
    });
    world.write("shop/.agents/config.json", config.to_string());
    world
}

/// A runner that works beside the benchmark. It is gone when this is dropped.
pub struct Runner {
    child: Child,
}

impl Runner {
    /// Starts it and waits until it is ready.
    pub fn start(world: &World, args: &[&str]) -> Self {
        let mut child = world.agents(&[&["runner"], args].concat()).start(Stdio::piped(), Stdio::inherit());
        let mut said = child.stdout.take().unwrap();
        let mut first = [0; 1];
        said.read_exact(&mut first).unwrap();
        // What it goes on to say is not of interest, but somebody must read it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { child }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

/// How many assignments have that status.
pub fn with_status(world: &World, status: &str) -> usize {
    let listed = world.json(&["assignments", "--status", status, "--limit", "100000"]);
    listed["assignments"].as_array().map_or(0, Vec::len)
}

/// Waits for it.
pub fn until(what: &str, longest: Duration, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < longest, "waited too long for: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The scripted agent with that stream and script, as a command.
pub fn scripted(script: &Path, stream: &str) -> Vec<String> {
    let words = [env!("CARGO_BIN_EXE_agents"), "scripted-agent", "--stream", stream, "--script"];
    let script: PathBuf = script.to_owned();
    words.into_iter().map(str::to_owned).chain([script.display().to_string()]).collect()
}

/// A script in which the agent does this and the PM says that all is done.
pub fn script(steps: &Value) -> Value {
    let complete = json!({"decision": {"decision": "complete", "reason": "It is done."}});
    json!({"replies": [
        {"when": {"jobType": "implement"}, "steps": steps},
        {"when": {"jobType": "pm"}, "steps": [complete]},
    ]})
}
