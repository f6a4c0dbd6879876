//! An idle runner notices at once what other processes have left for it, long before its own slow tick.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::script::{on, pm_completes, wait_for};
use crate::stage::{Stage, jobs};
use crate::wait::PATIENCE;

/// A runner that only looks every 30 s would be later than this.
const PROMPT: Duration = Duration::from_secs(5);

fn check(what: &str, began: Instant) {
    assert!(began.elapsed() < PROMPT, "{what} was seen after {:?}", began.elapsed());
}

#[test]
fn an_idle_runner_sees_what_other_processes_do() {
    let stage = Stage::playing(json!([on("implement", json!([{"text": "Done."}])), pm_completes()]));
    let _runner = stage.runner(&[]);
    let began = Instant::now();
    let id = stage.create_work("Something");
    stage.until_status(&id, "complete");
    check("a new assignment", began);

    let held = stage.create(&["Something else", "--hold"]);
    assert_eq!(jobs(&stage.assignment(&held)), &[] as &[serde_json::Value]);
    let began = Instant::now();
    stage.agents(&["insert-job", &held, "--type", "implement"]).ok();
    stage.until_status(&held, "complete");
    check("an inserted job", began);

    let began = Instant::now();
    stage.agents(&["update-assignment", &held, "--status", "active", "--note", "Once more."]).ok();
    stage.until_assignment(&held, "complete again", |it| it["status"] == "complete" && jobs(it).len() == 3);
    check("an assignment that is active again", began);
}

#[test]
fn all_idle_runners_are_woken_and_one_does_the_job() {
    let stage = Stage::playing(json!([on("implement", json!([{"text": "Done."}])), pm_completes()]));
    let _runners = [stage.runner(&[]), stage.runner(&["--all-namespaces"])];
    let began = Instant::now();
    let ids = [stage.create_work("One"), stage.create_work("Two"), stage.create_work("Three")];
    for id in ids {
        let done = stage.until_status(&id, "complete");
        assert_eq!(jobs(&done)[0]["attempts"].as_array().unwrap().len(), 1);
    }
    check("three assignments", began);
}

#[test]
fn what_an_ending_runner_leaves_behind_is_for_an_idle_one() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"touch": "started"}, wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let mut busy = stage.runner(&[]);
    stage.until_file("started");
    let _idle = stage.runner(&[]);
    let began = Instant::now();
    busy.signal(Signal::INT);
    busy.says("taking no more jobs");
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    check("the PM job of a runner that ends", began);
    let runners = [0, 1].map(|place| jobs(&done)[place]["attempts"][0]["runner"].clone());
    assert_ne!(runners[0], runners[1]);
    assert!(busy.ended(PATIENCE).success());
}
