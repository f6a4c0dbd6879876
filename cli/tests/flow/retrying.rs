//! `agents retry` of jobs that agents have failed at, and of jobs that wait.

use serde_json::{Value, json};

use crate::script::{on, on_attempt, on_nth, pm_blocks, pm_completes, work_for_ever};
use crate::stage::{Stage, jobs, story};
use crate::support::{short, text};

/// The first implement job ends so; the one that repeats it is done at once.
fn with_first_end(steps: Value) -> Stage {
    Stage::playing(json!([
        on_nth("implement", 1, steps),
        on_nth("implement", 2, json!([{"text": "Done."}])),
        on_nth("pm", 1, json!([{"decision": {"decision": "blocked", "reason": "Look at it."}}])),
        pm_completes(),
    ]))
}

/// An assignment whose first job was ended by its timeout, and which is blocked.
fn timed_out() -> (Stage, String, String) {
    let stage = with_first_end(json!([{"text": "I begin."}, work_for_ever()]));
    let id = stage.create(&["Something", "--first", "implement", "--timeout", "3s", "--context", "Do it."]);
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement failed [timeout]", "pm completed [success]"]);
    assert_eq!(ended["status"], "blocked");
    (stage, text(&jobs(&ended)[0]["id"]), id)
}

#[test]
fn a_failed_job_is_repeated_in_its_session_and_the_assignment_goes_on() {
    let (stage, failed, id) = timed_out();
    let retried = stage.json(&["retry", &failed]);
    assert_eq!((&retried["repeats"], &retried["reopened"]), (&json!(failed), &json!(true)));
    assert_eq!(retried["changed"], true);
    stage.once();
    let done = stage.assignment(&id);
    let expected = [
        "implement failed [timeout]",
        "pm completed [success]",
        "implement completed [success]",
        "pm completed [success]",
    ];
    assert_eq!((story(&done), &done["status"]), (expected.map(str::to_owned).to_vec(), &json!("complete")));
    let (old, new) = (&jobs(&done)[0], &jobs(&done)[2]);
    assert_eq!(new["attempts"][0]["resumes"], old["attempts"][0]["sessionId"]);
    assert_eq!(retried["session"], old["attempts"][0]["sessionId"]);
    for key in ["type", "harness", "model", "context", "timeoutMs"] {
        assert_eq!(new[key], old[key], "{key}");
    }
    let told = stage.prompt(new);
    assert!(told.starts_with("You were interrupted (timeout). "), "{told}");
}

#[test]
fn a_fresh_repetition_starts_over_and_is_told_what_was_tried() {
    let (stage, failed, id) = timed_out();
    let said = stage.agents(&["retry", &failed, "--fresh"]).ok().stdout;
    let new = text(&jobs(&stage.assignment(&id))[2]["id"]);
    let expected = format!(
        "implement {} repeats implement {}, in a new session\nassignment {} is active again\n",
        short(&new),
        short(&failed),
        short(&id)
    );
    assert_eq!(said, expected);
    stage.once();
    let done = stage.assignment(&id);
    let job = &jobs(&done)[2];
    assert_eq!((&job["status"], &job["attempts"][0]["resumes"]), (&json!("completed"), &Value::Null));
    let told = stage.prompt(job);
    assert!(told.contains("Do it.") && told.contains("ended early (timeout)"), "{told}");
}

#[test]
fn the_session_of_a_refusal_is_not_continued() {
    let stage = with_first_end(json!([{"fail": "refusal"}]));
    let id = stage.create_work("Something");
    stage.once();
    let failed = text(&jobs(&stage.assignment(&id))[0]["id"]);
    assert_eq!(stage.json(&["retry", &failed])["session"], Value::Null);
}

#[test]
fn a_job_whose_harness_cools_down_is_done_when_that_is_lifted() {
    let stage = Stage::playing(json!([
        on_attempt("implement", 1, json!([{"fail": "usage_limit", "resetsInSeconds": 3600}])),
        on("implement", json!([{"text": "Done."}])),
        pm_blocks(),
    ]));
    let id = stage.create_work("Something");
    stage.once();
    let parked = stage.assignment(&id);
    assert_eq!(story(&parked), ["implement pending [usage_limit]"]);
    let job = text(&jobs(&parked)[0]["id"]);
    let retried = stage.json(&["retry", &job]);
    assert_eq!((&retried["id"], &retried["repeats"]), (&json!(job), &Value::Null));
    assert_eq!(retried["changed"], false, "it is ready already");
    assert!(retried["warnings"].to_string().contains("agents cooldown lift claude"), "{retried:#}");
    stage.json(&["cooldown", "lift", "claude"]);
    stage.once();
    assert_eq!(story(&stage.assignment(&id))[0], "implement completed [usage_limit success]");
}
