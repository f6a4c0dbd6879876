//! What only a process of its own can show: signals, death, a child that outlives it, a reader that goes away. The
//! process is this test program, started again for the one test that plays the agent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::disallowed_methods,
    reason = "the test starts the agent, and the agent is a process that exits"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use agents_scripted_agent::{Io, Options, StreamKind, run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Names the folder of a run; set only in the process that is the agent.
const FOLDER: &str = "SCRIPTED_AGENT_TEST_FOLDER";

#[test]
fn the_agent_itself_when_another_test_asks_for_it() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let io = Io {
        stdin: &mut std::io::stdin(),
        stdout: &mut std::io::stdout(),
        stderr: &mut std::io::stderr(),
        env: &|name| std::env::var(name).ok(),
        now_ms: &|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64,
        cwd: folder,
    };
    let options = Options { stream: StreamKind::Codex, script: folder.join("script.json"), args: Vec::new() };
    std::process::exit(run(options, io));
}

struct Agent {
    child: Child,
    folder: tempfile::TempDir,
}

impl Agent {
    fn start(steps: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("script.json"), json!({"otherwise": steps}).to_string()).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_agent_itself_when_another_test_asks_for_it", "--nocapture", "--quiet"])
            .env(FOLDER, folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Everything until the last holder of standard output is gone.
    fn end(mut self) -> (ExitStatus, String) {
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap(), text)
    }

    /// Reads until a line contains the text.
    fn read_until(&mut self, text: &str) {
        let stdout = self.child.stdout.as_mut().unwrap();
        let mut reader = BufReader::with_capacity(1, stdout);
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(reader.read_line(&mut line).unwrap(), 0, "`{text}` never came");
        }
    }
}

#[test]
fn signals_that_are_ignored_change_nothing() {
    let mut agent = Agent::start(&json!([
        {"ignoreSignals": true}, {"text": "deaf"}, {"waitFor": {"file": "go", "timeoutMs": 60_000}},
        {"text": "still here"}]));
    agent.read_until("deaf");
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        agent.signal(signal);
    }
    std::fs::write(agent.folder.path().join("go"), "").unwrap();
    let (status, text) = agent.end();
    assert_eq!(status.code(), Some(0));
    assert!(text.contains("still here") && text.contains("turn.completed"), "{text}");
}

#[test]
fn a_signal_ends_an_agent_that_does_not_ignore_it() {
    let mut agent =
        Agent::start(&json!([{"text": "mortal"}, {"waitFor": {"file": "go", "timeoutMs": 60_000}}]));
    agent.read_until("mortal");
    agent.signal(Signal::TERM);
    assert_eq!(agent.end().0.signal(), Some(Signal::TERM.as_raw()));
}

#[test]
fn an_agent_dies_by_the_signal_that_the_script_names() {
    for (name, signal) in [("KILL", Signal::KILL), ("TERM", Signal::TERM), ("ABRT", Signal::ABORT)] {
        let (status, text) =
            Agent::start(&json!([{"text": "last words"}, {"die": name}, {"text": "never"}])).end();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{name}");
        assert!(text.contains("last words") && !text.contains("never"), "{text}");
    }
}

#[test]
fn a_child_that_is_left_behind_holds_standard_output() {
    for setsid in [false, true] {
        let mut agent = Agent::start(&json!([{"spawnChild": {"setsid": setsid, "ms": 1000}}, {"exit": 5}]));
        let status = agent.child.wait().unwrap();
        assert_eq!(status.code(), Some(5));
        let since = Instant::now();
        let (_, text) = agent.end();
        assert!(text.contains("thread.started"), "{text}");
        assert!(since.elapsed().as_millis() > 50, "the child held the pipe, setsid {setsid}");
    }
}

#[test]
fn an_endless_agent_ends_when_nobody_reads_any_more() {
    let mut agent = Agent::start(&json!([{"endless": {"bytes": null, "lineBytes": 1_000_000_000_000u64}}]));
    let mut some = vec![0; 1 << 20];
    let mut stdout = agent.child.stdout.take().unwrap();
    stdout.read_exact(&mut some).unwrap();
    drop(stdout);
    assert_eq!(agent.child.wait().unwrap().code(), Some(70));
}

#[test]
fn hundreds_of_megabytes_come_through() {
    let bytes: u64 = 300_000_000;
    let mut agent = Agent::start(&json!([{"endless": {"bytes": bytes, "lineBytes": 4096}}]));
    let mut stdout = agent.child.stdout.take().unwrap();
    let since = Instant::now();
    let mut read = 0;
    let mut block = vec![0; 1 << 20];
    loop {
        match stdout.read(&mut block).unwrap() {
            0 => break,
            n => read += n as u64,
        }
    }
    // Standard error, because it is shown with --nocapture only and no assertion on time is ever fair.
    writeln!(std::io::stderr(), "{read} bytes in {:?}", since.elapsed()).unwrap();
    assert!(agent.child.wait().unwrap().success());
    assert!(read >= bytes, "{read}");
}
