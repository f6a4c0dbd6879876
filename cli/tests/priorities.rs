//! What goes first: the class of a run, and what a person forces.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod support;

use serde_json::{Value, json};
use support::{World, text};

const NOTE: &str =
    "params:\n  what: { type: string }\nexec:\n  shell: sh\n  command: echo {{ params.what }} >> notes\n";

fn start(world: &World, what: &str, class: &str) -> String {
    let param = format!("what={what}");
    text(&world.json(&["run", "note", "--param", &param, "--priority", class])["id"])
}

#[test]
fn immediate_runs_go_before_scheduled_and_those_before_deferred_unless_one_is_forced() {
    let world = World::new();
    world.write("shop/.agents/config.json", r#"{"graceMs": 300, "concurrency": 1}"#);
    world.write("shop/.agents/jobs/note.yaml", NOTE);
    start(&world, "deferred", "deferred");
    let forced = start(&world, "forced", "deferred");
    start(&world, "scheduled", "scheduled");
    world.json(&["queue", "--force", &forced]);
    start(&world, "immediate", "immediate");
    let queue = world.json(&["queue"]);
    let classes: Vec<&Value> =
        queue["ready"].as_array().unwrap().iter().map(|line| &line["priority"]).collect();
    assert_eq!(
        classes,
        ["immediate", "immediate", "scheduled", "deferred"]
            .map(|name| json!(name))
            .iter()
            .collect::<Vec<_>>()
    );
    assert!(world.agents(&["queue"]).ok().stdout.contains("CLASS"));
    world.agents(&["runner", "--once"]).ok();
    let notes = std::fs::read_to_string(world.repo().join("notes")).unwrap();
    assert_eq!(notes, "forced\nimmediate\nscheduled\ndeferred\n");
    world.agents(&["queue", "--force", &forced]).fails(5, &["nothing of"]);
}

#[test]
fn a_workflow_says_which_class_its_runs_have_unless_whoever_starts_one_does() {
    let world = World::new();
    world.write("shop/.agents/config.json", r#"{"graceMs": 300}"#);
    world.write(
        "shop/.agents/workflows/later.yaml",
        "name: Later\npriority: deferred\nsteps:\n  - id: a\n    exec: { command: ls }\n",
    );
    world.json(&["workflow", "run", "later"]);
    world.json(&["workflow", "run", "later", "--priority", "scheduled"]);
    let queue = world.json(&["queue"]);
    let classes: Vec<&Value> =
        queue["ready"].as_array().unwrap().iter().map(|line| &line["priority"]).collect();
    assert_eq!(classes, [&json!("scheduled"), &json!("deferred")]);
}
