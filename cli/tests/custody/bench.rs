//! A folder for one attempt, which is also the folder that its agent works in, and a way to find its processes again
//! whatever they do to themselves.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use agents_domain::harness::ProcessEnd;
use agents_domain::id::{AttemptId, IdSource};
use agents_domain::invocation::{Invocation, StopSignal};
use agents_orchestrator::process::custody::Custody;
use agents_orchestrator::process::keeper::exit::{EndReason, Exit};
use agents_orchestrator::process::keeper::mark;
use agents_orchestrator::process::{AttemptFiles, Streams, Terms, stop};
use agents_orchestrator::system::SystemIds;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a child may take for what it does at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Bench {
    temp: TempDir,
    pub attempt: AttemptId,
    pub terms: Terms,
}

impl Bench {
    pub fn new() -> Self {
        let terms = Terms {
            keeper: env!("CARGO_BIN_EXE_agents").into(),
            lease: Duration::from_secs(3600),
            grace: Duration::from_millis(300),
            max_output: 1 << 30,
        };
        Self { temp: tempfile::tempdir().unwrap(), attempt: AttemptId::new(SystemIds.next()), terms }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn files(&self) -> AttemptFiles {
        AttemptFiles { folder: self.temp.path().to_owned() }
    }

    /// A sleep that no other process of the machine sleeps: its duration is its name.
    pub fn sleep(&self) -> String {
        let digits: String =
            self.attempt.to_string().bytes().map(|byte| char::from(b'0' + byte % 10)).collect();
        format!("sleep 600.{digits}")
    }

    /// A shell line as the agent; `SLEEP` in it is the unmistakable sleep.
    pub fn shell(&self, line: &str) -> Invocation {
        Invocation {
            program: "sh".to_owned(),
            args: vec!["-c".to_owned(), line.replace("SLEEP", &self.sleep())],
            env: vec![(stop::MARKER.to_owned(), self.attempt.to_string())],
            env_remove: Vec::new(),
            env_keep: Vec::new(),
            cwd: self.temp.path().to_owned(),
            stdin: String::new(),
            files: Vec::new(),
            stop: StopSignal::Terminate,
        }
    }

    pub fn start(&self, invocation: &Invocation) -> Custody {
        self.start_with_streams(invocation).0
    }

    pub fn start_with_streams(&self, invocation: &Invocation) -> (Custody, Streams) {
        Custody::start(self.attempt, (invocation, &self.files()), self.terms.clone()).unwrap()
    }

    pub fn refusal(&self, invocation: &Invocation) -> String {
        let refused = Custody::start(self.attempt, (invocation, &self.files()), self.terms.clone());
        refused.err().unwrap().to_string()
    }

    /// Runs it to its end.
    pub async fn run(&self, invocation: &Invocation) -> (ProcessEnd, String) {
        let exit = ended(&mut self.start(invocation)).await;
        (exit.process(), self.said())
    }

    /// What it has printed so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.files().stdout()).unwrap_or_default()
    }

    /// Waits until it has printed this.
    pub async fn until_it_says(&self, word: &str) {
        until(&format!("it says `{word}`"), || self.said().contains(word)).await;
    }

    /// Processes of the attempt, by their mark and by their unmistakable sleep.
    pub fn living(&self) -> Vec<i32> {
        let sleep = self.sleep().replace(' ', "\0");
        let mark = format!("{}={}", stop::MARKER, self.attempt);
        let holds = |pid: i32, file: &str, wanted: &str| {
            let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).contains(wanted)
        };
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| holds(*pid, "environ", &mark) || holds(*pid, "cmdline", &sleep)).collect()
    }

    /// Waits until so many processes of it live, the keeper included.
    pub async fn until_living(&self, count: usize) {
        until(&format!("{count} processes"), || self.living().len() >= count).await;
    }

    /// The keeper's process.
    pub async fn keeper(&self) -> i32 {
        until("the keeper has written who it is", || mark::read(&self.files().lock()).is_some()).await;
        mark::read(&self.files().lock()).unwrap().pid
    }

    pub async fn signal_keeper(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.keeper().await).unwrap(), signal).unwrap();
    }

    /// Starts it, waits until it says `ready` and has so many processes, ends it, and sees that nothing is left.
    pub async fn end(&self, line: &str, processes: usize) -> Exit {
        let mut custody = self.start(&self.shell(line));
        self.until_it_says("ready").await;
        self.until_living(processes).await;
        custody.ask_end(EndReason::Cancelled);
        let exit = ended(&mut custody).await;
        assert_eq!(self.living(), [] as [i32; 0], "{line}: something is left");
        assert_eq!(exit.reason, Some(EndReason::Cancelled));
        exit
    }
}

/// Waits for the end of everything.
pub async fn ended(custody: &mut Custody) -> Exit {
    tokio::time::timeout(PATIENCE, custody.ended()).await.expect("it ends in time")
}

/// Looks until it is so. The only place of these tests that sleeps.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
