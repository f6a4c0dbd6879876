//! How long a command takes from its spawn to its end: `--version`, `queue` and `assignments` on an empty store and on
//! one with a long history; beside `/bin/true` and a static Rust program that does nothing.
//!
//! `cargo bench -p agents-cli --bench start -- [finished jobs] [calls a round] [rounds]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]
#![allow(clippy::disallowed_methods, reason = "the floor is measured by spawning without the product")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::fill::{Fill, fill};
use support::world::World;
use support::{median, millis, numbers, timed};

/// A static program with an empty `main()`.
fn minimal(folder: &Path) -> PathBuf {
    let source = folder.join("minimal.rs");
    std::fs::write(&source, "fn main() {}\n").unwrap();
    let program = folder.join("minimal");
    let mut compiler = Command::new("rustc");
    compiler.args([
        "-O",
        "-C",
        "target-feature=+crt-static",
        "-C",
        "strip=symbols",
        "-C",
        "panic=abort",
        "-o",
    ]);
    assert!(compiler.arg(&program).arg(&source).status().unwrap().success());
    program
}

fn run(program: &Path) {
    let mut command = Command::new(program);
    assert!(command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap().success());
}

fn run_agents(world: &World, args: &[&str]) {
    assert!(world.agents(args).start(Stdio::null(), Stdio::inherit()).wait().unwrap().success());
}

fn main() {
    let [finished, calls, rounds] = numbers([100_000, 60, 5]);
    let (empty, full) = (World::new(), World::new());
    for world in [&empty, &full] {
        run_agents(world, &["assignments"]);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fill(&full.database(), Fill { namespace: "shop", finished, ready: 0 }));
    let minimal = minimal(&empty.path("bin"));
    let subjects: [(&str, &dyn Fn()); 9] = [
        ("/bin/true", &|| run(Path::new("/bin/true"))),
        ("static Rust program", &|| run(&minimal)),
        ("agents --version", &|| run_agents(&empty, &["--version"])),
        ("agents queue, empty store", &|| run_agents(&empty, &["queue"])),
        ("agents queue, full store", &|| run_agents(&full, &["queue"])),
        ("agents assignments, empty store", &|| run_agents(&empty, &["assignments"])),
        ("agents assignments, full store", &|| run_agents(&full, &["assignments"])),
        ("agents assignments --all-namespaces, full store", &|| {
            run_agents(&full, &["assignments", "--all-namespaces"])
        }),
        ("agents jobs, full store", &|| run_agents(&full, &["jobs"])),
    ];
    let mut figures = vec![Vec::new(); subjects.len()];
    for _ in 0..rounds {
        let mut round = vec![Vec::new(); subjects.len()];
        for _ in 0..calls {
            for (place, (_, act)) in subjects.iter().enumerate() {
                round[place].push(millis(timed(act)));
            }
        }
        for (place, times) in round.iter().enumerate() {
            figures[place].push(median(times));
        }
    }
    println!("{finished} finished jobs in the full store; medians of {rounds} rounds of {calls} calls");
    for ((name, _), times) in subjects.iter().zip(&figures) {
        println!("{name}: {:.2} ms", median(times));
    }
    println!(
        "agents --version: goal 3 ms, {:.1} x the static program",
        median(&figures[2]) / median(&figures[1])
    );
    for (name, place) in [("queue", 3), ("assignments", 5)] {
        let more = median(&figures[place + 1]) - median(&figures[place]);
        println!("{name}: {more:+.2} ms with the history (goal 5 ms)");
    }
}
