//! A runner that is killed without a word, and what the next one makes of it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::processes::of_attempt;
use crate::script::{on, on_attempt, pm_completes, work_for_ever};
use crate::stage::{Stage, running_attempt, story};
use crate::support::text;
use crate::wait::{PATIENCE, until};

#[test]
fn the_next_runner_gives_up_a_dead_runners_attempt_at_once_and_ends_its_agent() {
    let stage = Stage::playing(json!([
        on_attempt(
            "implement",
            1,
            json!([
                {"ignoreSignals": true},
                {"spawnChild": {"setsid": true, "ms": 600_000}},
                {"touch": "started"},
                work_for_ever(),
            ])
        ),
        on_attempt("implement", 2, json!([{"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let mut runner = stage.runner(&[]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    runner.kill();
    assert!(of_attempt(&attempt).len() >= 2, "the agent and its child outlive their runner");
    let began = Instant::now();
    let next = stage.once();
    assert!(next.stdout.contains("took back 1 job(s) of a runner that is gone"), "{}", next.stdout);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: it waited for a lease", began.elapsed());
    assert!(of_attempt(&attempt).is_empty(), "nothing of it is left");
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [lost success]", "pm completed [success]"]);
    assert_eq!(stage.json(&["queue"])["runners"], json!([]), "the dead runner is forgotten");
}

#[test]
fn a_killed_runners_decision_is_asked_for_again() {
    let decide = json!([
        {"run": {"argv": ["agents", "insert-job", "--type", "review"]}},
        {"touch": "started"},
        work_for_ever(),
    ]);
    let stage = Stage::playing(json!([on("pm", decide)]));
    let id = stage.create(&["Something"]);
    let mut runner = stage.runner(&[]);
    stage.until_file("started");
    runner.kill();
    stage.script(json!([pm_completes()]));
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["pm completed [lost success]"]);
}

#[test]
fn a_job_that_is_lost_again_and_again_fails() {
    let stage = Stage::playing(json!([on("implement", json!([{"touch": "started"}, work_for_ever()]))]));
    let id = stage.create_work("Something");
    for number in 1..=4 {
        let mut runner = stage.runner(&[]);
        until("another attempt", PATIENCE, || {
            let attempts = stage.assignment(&id)["jobs"][0]["attempts"].as_array().unwrap().len();
            (attempts == number).then_some(())
        });
        runner.kill();
    }
    stage.script(json!([crate::script::pm_blocks()]));
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(text(&ended["status"]), "blocked");
    assert_eq!(story(&ended), ["implement failed [lost lost lost lost]", "pm completed [success]"]);
}
