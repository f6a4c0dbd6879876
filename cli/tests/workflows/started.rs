//! What starts workflows besides people: schedules and subscriptions.

use serde_json::json;

use crate::stage::Stage;

const NOTE: &str = "\
name: Note
params:
  what: { default: none }
steps:
  - id: note
    exec: { shell: sh, command: \"echo {{ trigger.type }} {{ params.what }} >> notes\" }
";

#[test]
fn an_event_starts_a_workflow() {
    let stage = Stage::new(&[("note", NOTE)]);
    let map = "what={{ event.data.branch }}";
    let made = stage.json(&[
        "subscription",
        "create",
        "notes",
        "--on",
        "deploy.done",
        "--workflow",
        "note",
        "--map",
        map,
    ]);
    assert_eq!(json!([made["workflow"], made["run"], made["create"]]), json!(["note", null, null]));
    stage.json(&["emit", "deploy.done", "--data", r#"{"branch": "main"}"#]);
    stage.once();
    assert_eq!(stage.lines("notes"), ["event main"]);
    let runs = stage.json(&["runs", "--definition", "note"]);
    assert_eq!(
        json!([runs["runs"][0]["trigger"]["kind"], runs["runs"][0]["status"]]),
        json!(["event", "completed"])
    );
    assert!(stage.agents(&["subscription", "list"]).ok().stdout.contains("workflow note"));
}

#[test]
fn a_schedule_starts_a_workflow_and_goes_through_a_file() {
    let stage = Stage::new(&[("note", NOTE)]);
    let args = [
        "schedule",
        "create",
        "nightly",
        "--cron",
        "0 2 * * *",
        "--workflow",
        "note",
        "--param",
        "what=night",
    ];
    let made = stage.json(&args)["schedule"].clone();
    assert_eq!(
        json!([made["workflow"], made["run"], made["params"]]),
        json!(["note", null, {"what": "night"}])
    );
    stage.json(&["schedule", "run-now", "nightly"]);
    stage.once();
    assert_eq!(stage.lines("notes"), ["manual night"]);
    let file = stage.path("schedules.json");
    let file = file.to_str().unwrap();
    stage.json(&["schedule", "export", "--output", file]);
    stage.json(&["schedule", "delete", "nightly"]);
    let told = stage.json(&["schedule", "import", file]);
    assert_eq!(told["schedules"], json!([{"name": "nightly", "result": "created", "done": false}]));
    let again = stage.json(&["schedule", "show", "nightly"])["schedule"].clone();
    assert_eq!((&again["workflow"], &again["params"]), (&made["workflow"], &made["params"]));
    let unknown = ["schedule", "create", "x", "--every", "1h", "--workflow", "ntoe"];
    stage.agents(&unknown).fails(3, &["there is no workflow `ntoe`", "note", "agents workflow list"]);
}
