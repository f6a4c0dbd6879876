//! In which order an assignment's jobs run, and what sets limits to them.

use serde_json::{Value, json};

use crate::script::{blocked, complete, go_on, insert, on, on_nth, on_prompt, pm_completes};
use crate::stage::{Stage, jobs, story};
use crate::support::text;

/// A PM that lets the list run to its end.
fn follows_the_list() -> Value {
    json!([
        on_prompt("pm", "already wait in the list", json!([go_on()])),
        on("pm", json!([complete("The list is done.")])),
        on("implement", json!([{"text": "Done."}])),
    ])
}

#[test]
fn jobs_run_in_the_order_of_the_list_wherever_they_were_inserted() {
    let stage = Stage::playing(follows_the_list());
    let id = stage.create(&["Something", "--hold"]);
    let add = |context: &str, place: &[&str]| {
        let arguments = ["insert-job", &id, "--type", "implement", "--context", context];
        text(&stage.json(&[&arguments[..], place].concat())["id"])
    };
    let a = add("A", &[]);
    add("B", &[]);
    add("C", &["--first"]);
    add("D", &["--after", &a]);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "complete");
    let mut ran: Vec<(String, &str)> = jobs(&done)
        .iter()
        .map(|job| (text(&job["attempts"][0]["startedAt"]), job["context"].as_str().unwrap()))
        .filter(|(_, context)| !context.is_empty())
        .collect();
    ran.sort();
    let contexts: Vec<&str> = ran.iter().map(|(_, context)| *context).collect();
    assert_eq!(contexts, ["C", "A", "D", "B"]);
    let types: Vec<&str> = jobs(&done).iter().map(|job| job["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["implement", "pm"].repeat(4));
}

#[test]
fn a_job_that_a_person_inserts_replaces_a_kick_off_that_has_not_started() {
    let stage = Stage::playing(follows_the_list());
    let id = stage.create(&["Something"]);
    assert_eq!(story(&stage.assignment(&id)), ["pm pending []"]);
    stage.agents(&["insert-job", &id, "--type", "implement"]).ok();
    stage.once();
    let expected = ["pm cancelled []", "implement completed [success]", "pm completed [success]"];
    assert_eq!(story(&stage.assignment(&id)), expected);
}

#[test]
fn a_job_that_is_inserted_while_another_runs_comes_after_it_and_its_pm() {
    let stage = Stage::playing(json!([
        on_nth(
            "implement",
            1,
            json!([{"touch": "started"}, crate::script::wait_for("go"), {"text": "One."}])
        ),
        on_nth("implement", 2, json!([{"text": "Two."}])),
        on_prompt("pm", "already wait in the list", json!([go_on()])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let _runner = stage.runner(&[]);
    stage.until_file("started");
    stage.agents(&["insert-job", &id, "--type", "implement", "--first"]).ok();
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    let results: Vec<&Value> = jobs(&done).iter().step_by(2).map(|job| &job["result"]).collect();
    assert_eq!(results, ["One.", "Two."]);
}

#[test]
fn an_assignment_that_is_held_waits_for_its_first_job() {
    let stage = Stage::playing(follows_the_list());
    let id = stage.create(&["Something", "--hold"]);
    stage.once();
    let held = stage.assignment(&id);
    assert_eq!((&held["status"], &held["held"], jobs(&held).len()), (&json!("active"), &json!(true), 0));
    stage.agents(&["update-assignment", &id, "--status", "active"]).ok();
    stage.once();
    assert_eq!(story(&stage.assignment(&id)), ["pm completed [success]"], "without a job the PM is asked");
}

#[test]
fn an_assignment_with_all_its_jobs_used_up_is_blocked_and_goes_on_with_a_higher_limit() {
    let stage = Stage::playing(json!([
        on_nth("pm", 4, json!([complete("Three were enough.")])),
        on("pm", json!([insert("implement", "More.")])),
        on("implement", json!([{"text": "Done."}])),
    ]));
    let id = stage.create(&["Something", "--max-jobs", "2"]);
    stage.once();
    let full = stage.assignment(&id);
    assert_eq!(
        [&full["status"], &full["reason"]],
        ["blocked", "the limit of 2 jobs is reached, and the PM wants 1 more"]
    );
    stage.agents(&["update-assignment", &id, "--status", "active", "--max-jobs", "3"]).ok();
    stage.once();
    assert_eq!(stage.assignment(&id)["reason"], "Three were enough.");
}

#[test]
fn a_note_reaches_the_next_pm_and_is_gone_after_its_decision() {
    let stage = Stage::playing(json!([
        on_nth("pm", 1, json!([blocked("Which color?")])),
        on_nth("pm", 2, json!([insert("implement", "Paint it.")])),
        on("implement", json!([{"text": "Painted."}])),
        pm_completes(),
    ]));
    let id = stage.create(&["Something"]);
    stage.once();
    stage.agents(&["update-assignment", &id, "--status", "active", "--note", "Green, please."]).ok();
    assert_eq!(stage.assignment(&id)["note"], "Green, please.");
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!([&done["status"], &done["note"]], [&json!("complete"), &json!(null)]);
    let noted: Vec<bool> = jobs(&done)
        .iter()
        .filter(|job| job["type"] == "pm")
        .map(|job| stage.prompt(job).contains("Green, please."))
        .collect();
    assert_eq!(noted, [false, true, false]);
}
