//! From `agents create` in another process to the first line of the agent's `main()`, with an idle runner; beside
//! task-spooler, which stores nothing, and a bare spawn. The agent is this program itself: it reads the clock first.
//!
//! `cargo bench -p agents-cli --bench latency -- [calls a round] [rounds]` (needs `tsp`: apt-get install task-spooler)

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]
#![allow(clippy::disallowed_methods, reason = "the floor is measured by spawning without the product")]

mod support;

use std::ffi::OsStr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use support::peer::TaskSpooler;
use support::{Runner, median, numbers, percentile, with_status, world_with};

/// The pause after each call: everything is asleep again.
const PAUSE: Duration = Duration::from_millis(30);

/// Waiting longer than this for a job is a failure.
const PATIENCE: Duration = Duration::from_secs(10);

const PM_SAYS: &str = r#"{"decision":"complete","reason":"It was started."}"#;

fn now_ms() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// Tells when it was started, and which type of job it does.
fn child(socket: &OsStr) {
    let now = now_ms();
    let job_type = std::env::var("AGENTS_JOB_TYPE").unwrap_or_default();
    UnixDatagram::unbound().unwrap().send_to(format!("{now} {job_type}").as_bytes(), socket).unwrap();
    println!("{PM_SAYS}");
}

/// Waits for the start of a job; when it was, and of which type.
fn started(bell: &UnixDatagram) -> (f64, String) {
    let mut buffer = [0; 64];
    let count = bell.recv(&mut buffer).unwrap();
    let said = String::from_utf8(buffer[..count].to_vec()).unwrap();
    let (at, job_type) = said.split_once(' ').unwrap();
    (at.parse().unwrap(), job_type.to_owned())
}

/// From the call of the client to the job's `main()`, in milliseconds.
fn call(bell: &UnixDatagram, spawn: impl FnOnce() -> Child) -> f64 {
    let began = now_ms();
    let mut client = spawn();
    let (at, _) = started(bell);
    assert!(client.wait().unwrap().success());
    at - began
}

fn quiet(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

#[derive(Default)]
struct Figures {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Figures {
    fn add(&mut self, round: &[f64]) {
        self.p50.push(median(round));
        self.p99.push(percentile(round, 99.0));
    }

    fn print(&self, name: &str) {
        println!("{name}: p50 {:.2} ms, p99 {:.2} ms", median(&self.p50), median(&self.p99));
    }
}

fn main() {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let [flag, socket] = args.as_slice()
        && flag == "--child"
    {
        return child(socket);
    }
    let [calls, rounds] = numbers([200, 5]);
    let program = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bell");
    let bell = UnixDatagram::bind(&socket).unwrap();
    bell.set_read_timeout(Some(PATIENCE)).unwrap();
    measure(&program, &socket, (&bell, folder.path()), (calls, rounds));
}

fn measure(
    program: &Path,
    socket: &Path,
    (bell, folder): (&UnixDatagram, &Path),
    (calls, rounds): (usize, usize),
) {
    let (program_text, socket_text) = (program.display().to_string(), socket.display().to_string());
    let world = world_with(&[&program_text, "--child", &socket_text], "text");
    let runner = Runner::start(&world, &[]);
    let spooler = TaskSpooler::start(&folder.join("tsp")).expect("tsp is installed");
    let (mut bare, mut peer, mut ours) = (Figures::default(), Figures::default(), Figures::default());
    for _ in 0..rounds {
        let (mut bares, mut peers, mut our) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..calls {
            bares.push(call(bell, || quiet(Command::new(program).arg("--child").arg(socket))));
            std::thread::sleep(PAUSE);
            peers.push(call(bell, || quiet(spooler.command().arg(program).arg("--child").arg(socket))));
            std::thread::sleep(PAUSE);
            our.push(call(bell, || {
                world.agents(&["create", "Start", "--first", "implement"]).start(Stdio::null(), Stdio::null())
            }));
            // The PM's turn follows; the assignment is complete soon after its start.
            assert_eq!(started(bell).1, "pm");
            std::thread::sleep(PAUSE);
        }
        bare.add(&bares);
        peer.add(&peers);
        ours.add(&our);
    }
    assert_eq!(with_status(&world, "complete"), calls * rounds);
    drop(runner);
    println!("{calls} calls a round, medians of {rounds} rounds, from the call to the job's main()");
    bare.print("bare spawn");
    peer.print("task-spooler");
    ours.print("agents create");
    let (p50, p99) = (median(&ours.p50) / median(&peer.p50), median(&ours.p99) / median(&peer.p99));
    println!("agents / task-spooler: p50 {p50:.2} (goal 1.5), p99 {p99:.2} (goal 2)");
}
