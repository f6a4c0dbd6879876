//! Questions about an assignment: answered beside its work, and without changing it.

use serde_json::{Value, json};

use crate::script::{complete, on, on_prompt, pm_completes, wait_for};
use crate::stage::{Stage, jobs, story};

/// The assignment without the questions that were asked about it.
fn without_chats(assignment: &Value) -> Value {
    let mut rest = assignment.clone();
    // A question costs money too.
    rest.as_object_mut().unwrap().remove("budget");
    let own: Vec<Value> = jobs(assignment).iter().filter(|job| job["type"] != "chat").cloned().collect();
    rest["jobs"] = json!(own);
    rest
}

#[test]
fn a_question_is_answered_while_a_job_runs() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"touch": "started"}, wait_for("go"), {"text": "Done."}])),
        on_prompt("chat", "How far are you?", json!([{"text": "Half way."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("The star");
    let _runner = stage.runner(&["--concurrency", "1"]);
    stage.until_file("started");
    let before = stage.assignment(&id);
    let answer = stage.agents(&["chat", &id, "How far are you?"]).ok();
    assert_eq!(answer.stdout, "Half way.\n");
    let after = stage.assignment(&id);
    assert_eq!(story(&after), ["implement running [running]", "chat completed [success]"]);
    assert_eq!(without_chats(&after), without_chats(&before));
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&without_chats(&done)), ["implement completed [success]", "pm completed [success]"]);
    let pm = jobs(&done).iter().find(|job| job["type"] == "pm").unwrap();
    assert!(!stage.prompt(pm).contains("Half way."), "the PM is not told of questions");
}

#[test]
fn a_question_about_a_complete_assignment_needs_no_runner_and_changes_nothing() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"text": "I have used a hash map."}])),
        on("chat", json!([{"text": "A hash map."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("The star");
    stage.once();
    let before = stage.assignment(&id);
    let answer = stage.json(&["chat", &id, "What did you use?"]);
    assert_eq!([&answer["answer"], &answer["assignmentId"]], ["A hash map.", &*id]);
    let after = stage.assignment(&id);
    assert_eq!(without_chats(&after), without_chats(&before));
    let told = stage.prompt(jobs(&after).iter().find(|job| job["type"] == "chat").unwrap());
    for part in ["The star", "I have used a hash map.", "What did you use?", "It is done."] {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
    assert_eq!(stage.json(&["queue"])["runners"], json!([]));
}

#[test]
fn a_question_that_can_not_be_answered_fails_and_blocks_nothing() {
    let stage =
        Stage::playing(json!([on("chat", json!([{"fail": "auth"}])), on("pm", json!([complete("Done.")])),]));
    let id = stage.create(&["The star"]);
    stage.agents(&["chat", &id, "Why?"]).fails(1, &["auth", "agents logs"]);
    let after = stage.assignment(&id);
    assert_eq!(after["status"], "active");
    assert!(story(&after).contains(&"chat failed [auth]".to_owned()), "{after:#}");
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "complete");
}

#[test]
fn a_question_from_inside_a_job_is_refused_or_answered_but_never_hangs() {
    let ask = json!([
        {"run": {"argv": ["agents", "chat", "${AGENTS_ASSIGNMENT_ID}", "Who am I?"]}},
        {"text": "Asked."},
    ]);
    let stage = Stage::playing(json!([
        on("implement", ask),
        on("chat", json!([{"text": "You are the engineer."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("The star");
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "complete");
}
