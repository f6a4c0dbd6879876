//! Workflows that are kept in the store: drafts, versions, and what `activate` sets up.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod support;

use serde_json::{Value, json};
use support::World;

fn yaml(version: &str, command: &str) -> String {
    format!(
        "name: Nightly\nversion: \"{version}\"\ntriggers:\n  - type: schedule\n    cron: \"0 2 * * *\"\n    zone: UTC\n  \
         - type: event\n    event: deploy.done\n    filter: event.data.ok\n  - type: webhook\n    path: nightly\n\
         steps:\n  - id: first\n    exec: {{ command: \"{command}\" }}\n"
    )
}

fn world() -> World {
    let world = World::new();
    world.write("shop/.agents/config.json", r#"{"graceMs": 300, "workflows": {"versionsKept": 2}}"#);
    world
}

fn triggers(answer: &Value) -> Vec<String> {
    let all = answer["triggers"].as_array().unwrap();
    all.iter()
        .map(|one| format!("{} {} {}", one["done"], one["kind"], one["name"]).replace('"', ""))
        .collect()
}

#[test]
fn a_draft_is_published_changed_and_compared_and_old_versions_go() {
    let world = world();
    world.write("shop/one.yaml", yaml("1.0", "echo one"));
    let made = world.json(&["workflow", "create", "nightly", "--file", "one.yaml"]);
    assert_eq!(
        (&made["status"], &made["revision"], &made["warnings"]),
        (&json!("draft"), &json!(1), &json!([]))
    );
    let published = world.json(&["workflow", "publish", "nightly", "--note", "first"]);
    assert_eq!((&published["version"], &published["label"]), (&json!(1), &json!("1.0")));
    for number in 2..=3 {
        world.write("shop/next.yaml", yaml("1.1", &format!("echo {number}")));
        world.json(&["workflow", "update", "nightly", "--file", "next.yaml"]);
        if number == 2 {
            let late = ["workflow", "update", "nightly", "--file", "next.yaml", "--revision", "1"];
            world.agents(&late).fails(5, &["somebody else has changed it"]);
        }
        assert_eq!(world.json(&["workflow", "publish", "nightly"])["version"], json!(number));
    }
    let listed = world.json(&["workflow", "versions", "nightly"]);
    let numbers: Vec<&Value> =
        listed["versions"].as_array().unwrap().iter().map(|one| &one["number"]).collect();
    assert_eq!(numbers, [&json!(3), &json!(2)]);
    let diff = world.json(&["workflow", "diff", "nightly"]);
    let text = diff["diff"].as_str().unwrap();
    assert!(text.starts_with("--- version 2\n+++ version 3\n"), "{text}");
    assert!(
        text.contains("-    exec: { command: \"echo 2\" }\n+    exec: { command: \"echo 3\" }\n"),
        "{text}"
    );
    world.agents(&["workflow", "publish", "nightly"]).fails(5, &["no draft"]);
}

#[test]
fn what_is_wrong_may_be_a_draft_and_is_never_published() {
    let world = world();
    world.write("shop/bad.yaml", "name: x\nsteps:\n  - id: a\n    onSucces: b\n    exec: { command: ls }\n");
    let made = world.json(&["workflow", "create", "bad", "--file", "bad.yaml"]);
    assert!(made["warnings"][0].as_str().unwrap().contains("onSucces"), "{made}");
    world.agents(&["workflow", "publish", "bad"]).fails(6, &["`onSucces`", "`onSuccess`"]);
    let copied = world.json(&["workflow", "duplicate", "bad", "copy"]);
    assert_eq!((&copied["name"], &copied["status"]), (&json!("copy"), &json!("draft")));
    world.agents(&["workflow", "define"]).fails(2, &["no terminal", ".agents/workflows/<name>.yaml"]);
}

#[test]
fn activate_sets_up_what_the_triggers_say_once_and_pause_and_delete_undo_it() {
    let world = world();
    world.write("shop/.agents/workflows/nightly.yaml", yaml("1", "echo one"));
    let created = [
        "created schedule workflow-nightly",
        "created subscription workflow-nightly",
        "created webhook workflow-nightly-2",
        "created subscription workflow-nightly-2",
    ];
    assert_eq!(triggers(&world.json(&["workflow", "activate", "nightly"])), created);
    let kept: Vec<String> = created.iter().map(|text| text.replace("created", "kept")).collect();
    assert_eq!(triggers(&world.json(&["workflow", "activate", "nightly"])), kept);
    world.write(
        "shop/.agents/workflows/nightly.yaml",
        yaml("1", "echo one").replace("0 2 * * *", "0 3 * * *"),
    );
    assert_eq!(
        triggers(&world.json(&["workflow", "activate", "nightly"]))[0],
        "changed schedule workflow-nightly"
    );
    let paused = world.json(&["workflow", "pause", "nightly"]);
    assert_eq!(paused["what"], json!("workflow"));
    assert_eq!(
        triggers(&paused),
        [
            "disabled schedule workflow-nightly",
            "disabled subscription workflow-nightly",
            "disabled subscription workflow-nightly-2"
        ]
    );
    let shown = world.json(&["schedule", "list"]);
    let schedule = &shown["schedules"][0];
    assert_eq!(
        (&schedule["name"], &schedule["status"]),
        (&json!("workflow-nightly"), &json!("off")),
        "{schedule}"
    );
    let again = triggers(&world.json(&["workflow", "activate", "nightly"]));
    assert_eq!(again[0], "enabled schedule workflow-nightly");
    assert_eq!(triggers(&world.json(&["workflow", "delete", "nightly"])).len(), 4);
    assert_eq!(world.json(&["schedule", "list"])["schedules"], json!([]));
    assert_eq!(world.json(&["webhook", "list"])["webhooks"], json!([]));
    world.agents(&["workflow", "delete", "nightly"]).fails(5, &["is the file"]);
    world.agents(&["workflow", "pause", "nothing"]).fails(3, &["nothing"]);
}

#[test]
fn an_archived_workflow_is_started_by_nobody_until_it_is_activated() {
    let world = world();
    world.write("shop/one.yaml", yaml("1", "echo one"));
    world.json(&["workflow", "publish", "nightly", "--file", "one.yaml"]);
    world.json(&["workflow", "archive", "nightly"]);
    let said = "is archived: agents workflow activate nightly";
    world.agents(&["workflow", "run", "nightly"]).fails(6, &[said]);
    assert_eq!(world.json(&["workflow", "activate", "nightly"])["status"], json!("active"));
    world.json(&["workflow", "run", "nightly"]);
}
