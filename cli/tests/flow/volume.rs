//! Agents that print more than anyone wants: the runner's memory stays as it is.

use std::time::Duration;

use serde_json::{Value, json};

use crate::processes::peak_memory;
use crate::script::{on, pm_blocks, wait_for, work_for_ever};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::wait::until;

const MIB: u64 = 1 << 20;

/// A busy machine reads so much output in this time, also unoptimized.
const READING: Duration = Duration::from_secs(90);

/// Lets an agent print, and gives the most memory that its runner has had.
fn peak_while(prints: Value) -> u64 {
    let work = json!([prints, {"touch": "printed"}, wait_for("go"), {"result": "Printed."}]);
    let stage = Stage::playing(json!([on("implement", work), pm_blocks()]));
    let id = stage.create_work("Print a lot");
    let runner = stage.runner(&[]);
    until("all is printed", READING, || stage.repo().join("printed").exists().then_some(()));
    stage.touch("go");
    until("the end of the assignment", READING, || {
        (stage.assignment(&id)["status"] == "blocked").then_some(())
    });
    assert_eq!(jobs(&stage.assignment(&id))[0]["result"], "Printed.");
    peak_memory(runner.pid())
}

#[test]
fn three_hundred_megabytes_of_output_leave_the_runner_small() {
    let peak = peak_while(json!({"endless": {"bytes": 300 * MIB, "lineBytes": 65536}}));
    assert!(peak < 60 * MIB, "{} MiB", peak / MIB);
}

#[test]
fn a_line_of_two_hundred_megabytes_raises_the_runner_by_little() {
    let usual = peak_while(json!({"text": "A short line."}));
    let peak = peak_while(json!({"endless": {"bytes": 200 * MIB, "lineBytes": 200 * MIB}}));
    assert!(peak <= usual + 16 * MIB, "{} MiB and {} MiB", usual / MIB, peak / MIB);
}

#[test]
fn output_without_end_ends_with_the_jobs_time() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"endless": {"lineBytes": 4096}}, work_for_ever()])),
        pm_blocks(),
    ]));
    let id = stage.create(&["Print for ever", "--first", "implement", "--timeout", "500ms"]);
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement failed [timeout]", "pm completed [success]"]);
    assert_eq!(running_attempt(&ended), None);
}
