//! An idle runner notices at once what other processes have left for it, long before its own slow tick.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::script::{on, pm_completes};
use crate::stage::{Stage, jobs};

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
