//! Reviews: by another harness, in a session of their own, with citations that are checked; and criteria tied to them.

use serde_json::{Value, json};

use crate::evidence_stage::with_checks;
use crate::script::{insert, on_nth, pm_blocks, shell};
use crate::stage::{Stage, jobs, story};

/// The PM ties criterion 1 to what the latest review says of it.
fn pm_ties_the_latest_finding() -> Value {
    json!([shell(
        "id=$(COLUMNS=400 agents evidence \"$AGENTS_ASSIGNMENT_ID\" | grep 'criterion 1 is met' | tail -n 1 | awk '{print $1}') && \
         agents update-assignment self --status complete --reason 'The reviewer says so.' --tie \"1=$id\""
    )])
}

/// A reviewer that says that criterion 1 is met there.
fn finds_it_met(line: u32) -> Value {
    let answer = json!({
        "verdict": "changes",
        "findings": [{"severity": "major", "file": "work.txt", "line": 2, "text": "it is terse"}],
        "criteria": [{"number": 1, "met": true, "file": "work.txt", "line": line, "text": "it says one"}],
    });
    json!([{"text": format!("CHANGES NEEDED\n\n```json\n{answer}\n```")}])
}

fn reviewed() -> Stage {
    let writes = json!([{"write": {"path": "work.txt", "content": "one\ntwo\n"}}, {"text": "It is right."}]);
    with_checks(
        json!([]),
        json!([
            on_nth("implement", 1, writes),
            on_nth("pm", 1, json!([insert("review", "Look at it.")])),
            on_nth("review", 1, finds_it_met(99)),
            on_nth("pm", 2, pm_ties_the_latest_finding()),
            on_nth("pm", 3, json!([insert("review", "Look again.")])),
            on_nth("review", 2, finds_it_met(1)),
            on_nth("pm", 4, pm_ties_the_latest_finding()),
        ]),
    )
}

#[test]
fn a_wrong_citation_shows_no_criterion_and_one_that_holds_does() {
    let stage = reviewed();
    let id = stage.create(&["Make it right", "--first", "implement", "--accept", "it says one"]);
    stage.once();
    let done = stage.assignment(&id);
    let expected = ["implement", "pm", "review", "pm", "pm", "review", "pm"]
        .map(|name| format!("{name} completed [success]"));
    assert_eq!((story(&done), &done["reason"]), (expected.to_vec(), &json!("The reviewer says so.")));
    let evidence = stage.json(&["evidence", &id]);
    let found: Vec<Value> = evidence["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["source"], one["severity"], one["line"], one["citation"], one["criterion"]]))
        .collect();
    let terse = json!(["reviewer", "major", 2, "holds", null]);
    let expected = [
        json!(["reviewer", "note", 99, "wrong", 1]),
        terse.clone(),
        json!(["reviewer", "note", 1, "holds", 1]),
        terse,
    ];
    assert_eq!(found, expected);
    let tied = json!({"kind": "finding", "id": evidence["findings"][2]["id"]});
    assert_eq!(evidence["criteria"][0]["tie"], tied);
    let told = stage.prompt(&jobs(&done)[3]);
    assert!(told.contains("**the place that it cites is not there**, so it shows nothing"), "{told}");
    assert!(told.contains("- criterion 1: nothing yet"), "{told}");
    let told = stage.prompt(&jobs(&done)[6]);
    assert!(told.contains("says that criterion 1 is met; the place that it cites is there"), "{told}");
    let reviewer = stage.prompt(&jobs(&done)[2]);
    assert!(reviewer.contains("1. it says one") && reviewer.contains("+one\n+two"), "{reviewer}");
}

#[test]
fn another_harness_reviews_in_a_session_of_its_own() {
    let stage = reviewed();
    stage.configure(|config| config["reviewers"] = json!(["claude", "gemini"]));
    let id = stage.create(&["Make it right", "--first", "implement", "--accept", "it says one"]);
    stage.once();
    let done = stage.assignment(&id);
    let who = |place: usize| (jobs(&done)[place]["type"].clone(), jobs(&done)[place]["harness"].clone());
    assert_eq!(
        [who(0), who(2), who(3)],
        [("implement", "claude"), ("review", "gemini"), ("pm", "claude")]
            .map(|(kind, harness)| (json!(kind), json!(harness)))
    );
    let session = |place: usize| jobs(&done)[place]["attempts"][0]["sessionId"].clone();
    assert_eq!(jobs(&done)[2]["attempts"][0]["resumes"], Value::Null);
    assert!(session(2) != session(0) && session(2) != session(5), "each review begins anew");
}

#[test]
fn the_pm_is_told_of_a_review_that_can_not_be_read() {
    let writes = json!([{"write": {"path": "work.txt", "content": "one\n"}}, {"text": "It is right."}]);
    let stage = with_checks(
        json!([]),
        json!([
            on_nth("implement", 1, writes),
            on_nth("pm", 1, json!([insert("review", "Look at it.")])),
            on_nth("review", 1, json!([{"text": "All criteria are met, as far as I can see."}])),
            pm_blocks(),
        ]),
    );
    let id = stage.create(&["Make it right", "--first", "implement", "--accept", "it says one"]);
    stage.once();
    let done = stage.assignment(&id);
    let expected = ["implement", "pm", "review", "pm"].map(|name| format!("{name} completed [success]"));
    assert_eq!(story(&done), expected);
    let evidence = stage.json(&["evidence", &id]);
    let found: Vec<Value> = evidence["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            json!([one["source"], one["severity"], one["criterion"], one["job"] == jobs(&done)[2]["id"]])
        })
        .collect();
    assert_eq!(found, [json!(["review_unread", "major", null, true])]);
    let told = stage.prompt(&jobs(&done)[3]);
    assert!(
        told.contains("the reviewer's answer could not be read: it does not end with the JSON object"),
        "{told}"
    );
    assert!(told.contains("- criterion 1: nothing yet"), "{told}");
}
