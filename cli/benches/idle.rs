//! What a runner costs that has nothing to do: wake-ups and memory, beside the server of task-spooler.
//!
//! `cargo bench -p agents-cli --bench idle -- [seconds a round] [rounds]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::time::Duration;

use support::peer::TaskSpooler;
use support::processes::{memory, voluntary_switches};
use support::{Runner, median, numbers, until, with_status, world_with};

fn main() {
    let [seconds, rounds] = numbers([20, 5]);
    let world = world_with(&["echo", r#"{"decision":"complete","reason":"It was said."}"#], "text");
    let runner = Runner::start(&world, &[]);
    // It has done a job before: what that needed is part of what it has.
    world.create(&["Say something", "--first", "implement"]);
    until("the end of the assignment", Duration::from_secs(30), || with_status(&world, "complete") == 1);
    let spooler = TaskSpooler::start(&world.path("tsp"));
    std::thread::sleep(Duration::from_secs(2));
    println!("idle for {seconds} s, medians of {rounds} rounds");
    let mut pids = vec![("agents runner", runner.pid())];
    pids.extend(spooler.iter().map(|spooler| ("task-spooler", spooler.pid())));
    let mut woken = vec![Vec::new(); pids.len()];
    for _ in 0..rounds {
        let before: Vec<u64> = pids.iter().map(|(_, pid)| voluntary_switches(*pid)).collect();
        std::thread::sleep(Duration::from_secs(seconds as u64));
        for (place, (_, pid)) in pids.iter().enumerate() {
            woken[place].push((voluntary_switches(*pid) - before[place]) as f64 / seconds as f64);
        }
    }
    for ((name, pid), woken) in pids.iter().zip(&woken) {
        println!("{name}: {:.2} wake-ups/s, {:.1} MiB resident", median(woken), memory(*pid));
    }
    println!("goal: 1 wake-up/s, 20 MiB");
}
