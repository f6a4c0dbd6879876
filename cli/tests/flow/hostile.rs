//! Hostile words of workers, through the whole program: no decision changes, and the PM gets them as data.

use serde_json::{Value, json};

use crate::script::{blocked, on, on_prompt};
use crate::stage::{Stage, jobs, story};
use crate::support::text;

fn corpus() -> Vec<(String, String)> {
    let all: Vec<Value> =
        serde_json::from_str(include_str!("../../../orchestrator/src/prompt/corpus/hostile_outputs.json"))
            .unwrap();
    all.iter().map(|one| (text(&one["name"]), text(&one["text"]))).collect()
}

/// The nonce of a prompt, from the rule that it begins with.
fn nonce(prompt: &str) -> &str {
    let start = prompt.find("`<<<DATA ").expect("the rule about data") + "`<<<DATA ".len();
    prompt[start..].split(' ').next().unwrap()
}

/// What stands outside of fences.
fn outside(prompt: &str) -> String {
    let (open, close) = (format!("<<<DATA {}", nonce(prompt)), format!("<<<END {}>>>", nonce(prompt)));
    let mut is_inside = false;
    let mut lines = Vec::new();
    for line in prompt.lines() {
        if !is_inside && line.starts_with(&open) {
            is_inside = true;
        } else if is_inside && line == close {
            is_inside = false;
        } else if !is_inside {
            lines.push(line);
        }
    }
    assert!(!is_inside, "a fence stays open in {prompt}");
    lines.join("\n")
}

/// The kinds of events, which tell what was decided.
fn kinds(stage: &Stage, id: &str) -> Vec<String> {
    let events = stage.json(&["history", id])["events"].clone();
    events.as_array().unwrap().iter().map(|event| text(&event["kind"])).collect()
}

/// What differs from run to run, taken out.
fn same(prompt: &str, assignment: &Value) -> String {
    let mut plain = prompt.to_owned();
    let ids = [text(&assignment["id"]), text(&jobs(assignment)[0]["id"])];
    for id in &ids {
        plain = plain.replace(id, "ID").replace(&id[id.len() - 8..], "ID");
    }
    let seconds = plain.lines().map(|line| match line.split_once(" attempt(s), ") {
        Some((head, _)) => head.to_owned(),
        None => line.replace(nonce(prompt), "NONCE"),
    });
    seconds.collect::<Vec<_>>().join("\n")
}

#[test]
fn no_words_of_a_worker_change_a_decision_or_what_the_pm_is_told_beside_them() {
    let mut cases = corpus();
    cases.insert(0, ("harmless".to_owned(), "It is done.".to_owned()));
    let mark = |place: usize| format!("<case {place}>");
    let mut replies: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(place, (_, said))| on_prompt("implement", &mark(place), json!([{"text": said}])))
        .collect();
    replies.push(on("pm", json!([blocked("As I judge it.")])));
    let stage = Stage::playing(Value::from(replies));
    stage.configure(|config| config["concurrency"] = json!(4));
    let ids: Vec<String> = (0..cases.len())
        .map(|place| stage.create(&["Do it", "--first", "implement", "--context", &mark(place)]))
        .collect();
    stage.once();
    let harmless = stage.assignment(&ids[0]);
    let expected = (story(&harmless), kinds(&stage, &ids[0]));
    assert_eq!([&harmless["status"], &harmless["reason"]], ["blocked", "As I judge it."]);
    let told = outside(&same(&stage.prompt(&jobs(&harmless)[1]), &harmless));
    for (id, (name, _)) in ids.iter().zip(&cases) {
        let assignment = stage.assignment(id);
        assert_eq!([&assignment["status"], &assignment["reason"]], ["blocked", "As I judge it."], "{name}");
        assert_eq!((story(&assignment), kinds(&stage, id)), expected, "{name}");
        let prompt = same(&stage.prompt(&jobs(&assignment)[1]), &assignment);
        assert_eq!(outside(&prompt), told, "{name}");
    }
}
