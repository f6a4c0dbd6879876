//! The most memory that a runner has had: with one job that says a word, with eight agents that print a lot at once, and
//! with one line that is longer than anyone wants.
//!
//! `cargo bench -p agents-cli --bench memory -- [MB of each of the eight] [MB of the line] [rounds]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use support::processes::peak_memory;
use support::{Runner, median, numbers, script, scripted, until, with_status, world_with};

const AGENTS: usize = 8;

const MB: usize = 1_000_000;

/// Reading all of it may take so long.
const LONGEST: Duration = Duration::from_secs(300);

/// Runs so many assignments at once in which the agent prints this. Gives the runner's peak in MiB, and the seconds.
fn peak(agents: usize, prints: &Value) -> (f64, f64) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("script.json");
    let steps = json!([prints, {"result": "Printed."}]);
    std::fs::write(&file, script(&steps).to_string()).expect("the script can be written");
    let command = scripted(&file, "claude");
    let world = world_with(&command.iter().map(String::as_str).collect::<Vec<_>>(), "claude");
    for _ in 0..agents {
        world.create(&["Print", "--first", "implement"]);
    }
    let began = Instant::now();
    let runner = Runner::start(&world, &["--concurrency", &AGENTS.to_string()]);
    until("the end of all assignments", LONGEST, || with_status(&world, "complete") == agents);
    (peak_memory(runner.pid()), began.elapsed().as_secs_f64())
}

fn main() {
    let [each, line, rounds] = numbers([100, 200, 5]);
    let (mut usual, mut many, mut long, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        usual.push(peak(1, &json!({"text": "A word."})).0);
        let (peak_of_many, seconds) = peak(AGENTS, &json!({"endless": {"bytes": each * MB}}));
        many.push(peak_of_many);
        times.push(seconds);
        long.push(peak(1, &json!({"endless": {"bytes": line * MB, "lineBytes": line * MB}})).0);
    }
    println!("peak of the runner's memory, medians of {rounds} rounds");
    println!("one job that says a word: {:.1} MiB", median(&usual));
    let (most, seconds) = (median(&many), median(&times));
    println!("{AGENTS} agents, {each} MB each: {most:.1} MiB (goal 60), in {seconds:.1} s");
    let rise = median(&long) - median(&usual);
    println!("one line of {line} MB: {:.1} MiB, a rise of {rise:.1} MiB (goal 16)", median(&long));
}
