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
    stage.configure(|config| config["maxOutputBytes"] = json!(2048 * MIB));
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
fn a_line_of_a_gibibyte_raises_the_runner_by_little_and_does_not_hide_the_result() {
    let usual = peak_while(json!({"text": "A short line."}));
    let peak = peak_while(json!({"endless": {"bytes": 1024 * MIB, "lineBytes": 1024 * MIB}}));
    assert!(peak <= usual + 16 * MIB, "{} MiB and {} MiB", usual / MIB, peak / MIB);
}

/// Lets a job print for ever what this shell line prints, with a limit on it, and the job after it as usual.
fn overflow(line: &str) {
    let stage = Stage::playing(json!([pm_blocks()]));
    let flood = format!("cat > /dev/null; while :; do {line}; done");
    stage.configure(|config| {
        config["maxOutputBytes"] = json!(MIB);
        config["harnesses"]["flood"] = json!({"command": ["sh", "-c", flood], "stream": "claude"});
    });
    let id = stage.create(&["Print for ever", "--first", "implement", "--harness", "flood"]);
    let runner = stage.runner(&[]);
    let ended = until("the end of the assignment", READING, || {
        Some(stage.assignment(&id)).filter(|it| it["status"] == "blocked")
    });
    assert_eq!(story(&ended), ["implement failed [output_overflow]", "pm completed [success]"]);
    let message = &jobs(&ended)[0]["attempts"][0]["message"];
    let expected = "it printed more than an attempt may (`maxOutputBytes`); the last it did: ";
    assert!(message.as_str().unwrap().starts_with(expected), "{message}");
    let peak = peak_memory(runner.pid());
    assert!(peak < 60 * MIB, "{} MiB", peak / MIB);
}

#[test]
fn output_without_end_is_ended_at_its_limit_and_the_next_job_goes_on() {
    let text = r#"{"type":"assistant","message":{"content":[{"type":"text","text":"Again."}]}}"#;
    overflow(&format!("echo '{text}'"));
}

#[test]
fn complaints_without_end_are_ended_at_the_same_limit() {
    overflow("echo again and again and again and again >&2");
}

#[test]
fn output_without_end_ends_with_the_jobs_time() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"endless": {"lineBytes": 4096}}, work_for_ever()])),
        pm_blocks(),
    ]));
    // More than a fast machine prints in that time.
    stage.configure(|config| config["maxOutputBytes"] = json!(1u64 << 40));
    let id = stage.create(&["Print for ever", "--first", "implement", "--timeout", "500ms"]);
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement failed [timeout]", "pm completed [success]"]);
    assert_eq!(running_attempt(&ended), None);
}
