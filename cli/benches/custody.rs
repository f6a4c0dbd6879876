//! What custody costs and how fast it is: memory of a keeper, from `kill -9` of a runner to the takeover by the next one,
//! from a cancel to the last process gone, and the same from the command on.
//!
//! `cargo bench -p agents-cli --bench custody -- [attempts] [rounds]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use agents_domain::id::{AttemptId, IdSource};
use agents_domain::invocation::{Invocation, StopSignal};
use agents_orchestrator::process::custody::Custody;
use agents_orchestrator::process::keeper::exit::EndReason;
use agents_orchestrator::process::keeper::mark;
use agents_orchestrator::process::{AttemptFiles, Terms, stop};
use agents_orchestrator::system::SystemIds;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use support::world::World;
use support::{Runner, millis, numbers, percentile, script, scripted, until, world_with};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_millis(500);

/// A running attempt of a shell line.
struct Attempt {
    folder: TempDir,
    custody: Custody,
}

impl Attempt {
    fn start(line: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = AttemptFiles { folder: folder.path().to_owned() };
        let attempt = AttemptId::new(SystemIds.next());
        let terms = Terms {
            keeper: env!("CARGO_BIN_EXE_agents").into(),
            lease: Duration::from_secs(3600),
            grace: GRACE,
            max_output: 1 << 30,
        };
        let invocation = Invocation {
            program: "sh".to_owned(),
            args: vec!["-c".to_owned(), line.to_owned()],
            env: vec![(stop::MARKER.to_owned(), attempt.to_string())],
            env_remove: Vec::new(),
            env_keep: Vec::new(),
            cwd: folder.path().to_owned(),
            stdin: String::new(),
            files: Vec::new(),
            stop: StopSignal::Terminate,
        };
        let (custody, _) = Custody::start(attempt, (&invocation, &files), terms).unwrap();
        until("the agent speaks", PATIENCE, || std::fs::read(files.stdout()).unwrap() == b"ready\n");
        Self { folder, custody }
    }

    fn keeper(&self) -> i32 {
        mark::read(&self.folder.path().join("keeper.lock")).unwrap().pid
    }

    /// From the request to the moment at which nothing of it lives, in milliseconds.
    async fn cancel(mut self) -> f64 {
        let began = Instant::now();
        self.custody.ask_end(EndReason::Cancelled);
        self.custody.ended().await;
        millis(began.elapsed())
    }
}

/// A figure of a file of `/proc`, in KiB.
fn kib(pid: i32, file: &str, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

async fn memory(attempts: usize) {
    let mut running: Vec<Attempt> =
        (0..attempts).map(|_| Attempt::start("echo ready; exec sleep 600")).collect();
    let of = |file: &str, name: &str| {
        let figures: Vec<f64> = running.iter().map(|one| kib(one.keeper(), file, name) / 1024.0).collect();
        percentile(&figures, 100.0)
    };
    let (resident, share) = (of("status", "VmRSS"), of("smaps_rollup", "Pss"));
    println!(
        "memory of a keeper among {attempts}, the largest: {resident:.2} MiB resident (goal 4), of which {share:.2} MiB \
         its proportional share"
    );
    for one in running.drain(..) {
        one.cancel().await;
    }
}

async fn cancel(rounds: usize) {
    let lines = [
        ("a compliant tree (goal 10)", "sleep 600 & setsid sleep 600 & echo ready; wait", Duration::ZERO),
        (
            "one that ignores SIGTERM, beyond its grace (goal 50)",
            "trap '' TERM; sleep 600 & setsid sleep 600 & echo ready; wait",
            GRACE,
        ),
    ];
    for (name, line, grace) in lines {
        let mut figures = Vec::new();
        for _ in 0..rounds {
            figures.push(Attempt::start(line).cancel().await - millis(grace));
        }
        let (p50, worst) = (percentile(&figures, 50.0), percentile(&figures, 100.0));
        println!("cancel to last process gone, {name}: p50 {p50:.1} ms, worst {worst:.1} ms");
    }
}

/// From `kill -9` of a runner to the takeover by the next one, which is started at once, in milliseconds.
fn takeover(attempts: usize) -> f64 {
    let world = world_with(&[], "claude");
    let steps = script(&json!([{"touch": "started"}, {"wait": {"ms": 600_000}}]));
    let path = world.write("script.json", steps.to_string());
    let config = json!({
        "harnessDefaults": {"default": "agent"},
        "harnesses": {"agent": {"command": scripted(&path, "claude"), "stream": "claude"}},
        "graceMs": 100,
    });
    world.write("shop/.agents/config.json", config.to_string());
    for _ in 0..attempts {
        world.create(&["Wait", "--first", "implement"]);
    }
    let concurrency = attempts.to_string();
    let run = || {
        let mut args = vec!["runner", "--concurrency"];
        args.push(&concurrency);
        world.agents(&args).start(Stdio::piped(), Stdio::inherit())
    };
    let mut first = run();
    until("all agents work", PATIENCE, || {
        let running = world.json(&["queue"])["running"].as_array().unwrap().clone();
        running.len() == attempts && running.iter().all(|job| job["attempt"]["sessionId"].is_string())
    });
    kill_process(Pid::from_child(&first), Signal::KILL).unwrap();
    let began = Instant::now();
    let mut next = run();
    let mut lines = BufReader::new(next.stdout.take().unwrap()).lines();
    let said = lines.find_map(|line| line.ok().filter(|line| line.contains("took over"))).unwrap();
    let time = millis(began.elapsed());
    assert!(said.contains(&format!("took over {attempts} ")), "{said}");
    first.wait().unwrap();
    kill_process(Pid::from_child(&next), Signal::TERM).unwrap();
    std::thread::spawn(move || lines.count());
    next.wait().unwrap();
    time
}

/// From the start of `agents cancel` to the moment at which the agent of the runner's job is gone, in milliseconds.
fn cancel_by_command(world: &World, pid_file: &Path) -> f64 {
    let assignment = world.create(&["Wait", "--first", "implement"]);
    let pid = || std::fs::read_to_string(pid_file).ok()?.trim().parse::<i32>().ok();
    until("the agent works", PATIENCE, || pid().is_some());
    let process = PathBuf::from(format!("/proc/{}", pid().unwrap()));
    let began = Instant::now();
    let mut command = world.agents(&["cancel", &assignment]).start(Stdio::null(), Stdio::null());
    while process.exists() && began.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    let time = millis(began.elapsed());
    command.wait().unwrap();
    std::fs::remove_file(pid_file).unwrap();
    time
}

/// The same some times, with a runner that does nothing else.
fn cancels_by_command(rounds: usize) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let line = format!("echo $$ > '{0}.new' && mv '{0}.new' '{0}'; exec sleep 600", pid_file.display());
    let world = world_with(&["sh", "-c", &line], "text");
    let _runner = Runner::start(&world, &[]);
    (0..rounds).map(|_| cancel_by_command(&world, &pid_file)).collect()
}

fn main() {
    let [attempts, rounds] = numbers([16, 20]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        memory(attempts).await;
        cancel(rounds).await;
    });
    let figures = cancels_by_command(rounds);
    let (p50, worst) = (percentile(&figures, 50.0), percentile(&figures, 100.0));
    println!("`agents cancel` to the agent gone: p50 {p50:.0} ms, worst {worst:.0} ms (goal 1000)");
    for count in [1, attempts] {
        let figures: Vec<f64> = (0..rounds.div_ceil(4)).map(|_| takeover(count)).collect();
        let (p50, worst) = (percentile(&figures, 50.0), percentile(&figures, 100.0));
        println!(
            "kill -9 of the runner to takeover of {count} by the next: p50 {p50:.0} ms, worst {worst:.0} ms (goal 1000)"
        );
    }
}
