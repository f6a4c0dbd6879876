//! Crontabs and folders of hs-conductor become definitions, schedules and records of runs: all of it or nothing.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod support;

use std::os::unix::fs::PermissionsExt;

use agents_domain::timestamp::{Clock, Timestamp};
use agents_orchestrator::system::SystemClock;
use serde_json::{Value, json};
use support::{Ended, World};

const CRONTAB: &str = "MAILTO=ada@example.org\nWORD=hello\n\n# Greets\n0 2 * * * echo \"$WORD\" $(cat) > greeting%you\n@reboot start\n";

const JOKE: &str = "id: joke\nname: Joke\ndescription: A joke\nversion: 1.0.0\nprompt: Tell me a {{topic}} joke\n\
     input: { topic: { type: string, default: Rust } }\noutput: { format: markdown }\n";

const NIGHTLY: &str = "{\n  \"id\": \"nightly\", \"name\": \"Nightly\", \"workloadId\": \"joke\", \"cron\": \"0 2 * * *\", \"enabled\": true,\n  \
     \"params\": { \"topic\": \"SQL\" }, \"missedExecutionPolicy\": \"last\"\n}\n";

/// The results of the things under that key.
fn results(said: &Value, key: &str) -> Vec<(String, String)> {
    let pair = |one: &Value| (support::text(&one["name"]), support::text(&one["result"]));
    said[key].as_array().unwrap().iter().map(pair).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, result)| ((*name).to_owned(), (*result).to_owned())).collect()
}

fn crontab(world: &World, text: &str, options: &[&str]) -> Value {
    let args = [&["import", "crontab", "-", "--zone", "Europe/Berlin", "--json"], options].concat();
    world.agents(&args).stdin(text).ok().json()
}

fn ago(days: i64) -> Timestamp {
    Timestamp::from_millis(SystemClock.now().as_millis() - days * 86_400_000)
}

fn conductor_folder(world: &World) -> String {
    world.write("conductor/workloads/fun/joke.yaml", JOKE);
    world.write("conductor/data/schedules/nightly.json", NIGHTLY);
    for (name, status, days) in
        [("joke-1", "completed", 2), ("joke-2", "failed", 3), ("joke-3", "completed", 90)]
    {
        let run = json!({
            "instanceId": name, "workloadId": "joke", "workloadName": "Joke", "status": status,
            "startedAt": ago(days).to_string(), "completedAt": ago(days - 1).to_string(), "duration": 1,
            "input": { "topic": "SQL" }, "outputs": [], "primaryOutput": "result.md", "version": "1.0.0",
            "createdBy": "nightly", "error": if status == "failed" { json!("no answer") } else { Value::Null },
        });
        world.write(&format!("conductor/data/runs/{name}/run.json"), run.to_string());
    }
    world.path("conductor").display().to_string()
}

fn schedules(world: &World) -> Vec<Value> {
    world.json(&["schedule", "list"])["schedules"].as_array().unwrap().clone()
}

fn fails(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, 6, "{ended:?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "`{part}` is not in: {}", ended.stderr);
    }
}

#[test]
fn a_crontab_is_imported_and_its_job_runs_as_cron_runs_it() {
    let world = World::new();
    let said = crontab(&world, CRONTAB, &[]);
    assert_eq!(results(&said, "definitions"), pairs(&[("echo", "new")]));
    assert_eq!(results(&said, "schedules"), pairs(&[("echo", "new")]));
    let notes: Vec<&Value> = said["notes"].as_array().unwrap().iter().map(|note| &note["line"]).collect();
    assert_eq!(notes, [&json!(1), &json!(6)]);
    let schedules = schedules(&world);
    let shown = |key: &str| schedules[0][key].clone();
    assert_eq!(
        [shown("name"), shown("pattern"), shown("zone"), shown("missed"), shown("run"), shown("status")],
        [
            json!("echo"),
            json!("0 2 * * *"),
            json!("Europe/Berlin"),
            json!("skip"),
            json!("echo"),
            json!("on")
        ]
    );
    world.agents(&["schedule", "run-now", "echo"]).ok();
    world.agents(&["runner", "--once"]).ok();
    // Cron starts commands in the home folder.
    assert_eq!(std::fs::read_to_string(world.path("home/greeting")).unwrap(), "hello you\n");
}

#[test]
fn without_a_file_it_is_ones_own_crontab() {
    let world = World::new();
    let program = world.write("bin/crontab", "#!/bin/sh\n[ \"$1\" = -l ] || exit 9\necho '@daily backup'\n");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = world.json(&["import", "crontab", "--dry-run"]);
    assert_eq!(results(&said, "definitions"), pairs(&[("backup", "new")]));
    std::fs::write(&program, "#!/bin/sh\necho no crontab for ada >&2\nexit 1\n").unwrap();
    world.agents(&["import", "crontab"]).fails(6, &["no crontab for ada", "agents import crontab <file>"]);
}

#[test]
fn a_dry_run_stores_nothing() {
    let world = World::new();
    let said = crontab(&world, CRONTAB, &["--dry-run"]);
    assert_eq!(said["dryRun"], true);
    assert_eq!(results(&said, "definitions"), pairs(&[("echo", "new")]));
    assert_eq!(schedules(&world), Vec::<Value>::new());
    let human = world.agents(&["import", "crontab", "-", "--dry-run"]).stdin(CRONTAB).ok().stdout;
    for part in
        ["Definitions", "new", "echo", "skipped", "@reboot start", "would store 1 definition, 1 schedule"]
    {
        assert!(human.contains(part), "`{part}` is not in: {human}");
    }
}

#[test]
fn what_is_there_already_stays_as_it_is_unless_it_is_to_be_replaced() {
    let world = World::new();
    crontab(&world, CRONTAB, &[]);
    let again = crontab(&world, CRONTAB, &[]);
    assert_eq!(results(&again, "definitions"), pairs(&[("echo", "unchanged")]));
    assert_eq!(results(&again, "schedules"), pairs(&[("echo", "unchanged")]));
    let before = schedules(&world);
    let other = CRONTAB.replace("0 2 * * *", "0 3 * * *").replace("WORD=hello", "WORD=bye");
    let left = crontab(&world, &other, &[]);
    assert_eq!(results(&left, "definitions"), pairs(&[("echo", "left")]));
    assert_eq!(results(&left, "schedules"), pairs(&[("echo", "left")]));
    assert_eq!(schedules(&world), before);
    let replaced = crontab(&world, &other, &["--replace"]);
    assert_eq!(results(&replaced, "definitions"), pairs(&[("echo", "replaced")]));
    assert_eq!(results(&replaced, "schedules"), pairs(&[("echo", "replaced")]));
    assert_eq!(schedules(&world)[0]["pattern"], "0 3 * * *");
}

#[test]
fn a_schedule_does_not_start_a_definition_that_only_has_the_same_name() {
    let world = World::new();
    world.write("shop/.agents/jobs/echo.yaml", "exec: { command: \"true\" }\n");
    let said = crontab(&world, CRONTAB, &["--replace"]);
    assert_eq!(results(&said, "definitions"), pairs(&[("echo", "left")]));
    assert_eq!(results(&said, "schedules"), pairs(&[("echo", "left")]));
    assert_eq!(schedules(&world), Vec::<Value>::new());
}

#[test]
fn one_bad_line_and_nothing_of_a_crontab_is_stored() {
    let world = World::new();
    let text = format!("{CRONTAB}0 25 * * * late\nwhat is this\n");
    let ended = world.agents(&["import", "crontab", "-"]).stdin(text).run();
    let expected =
        ["2 problems; nothing was stored", "standard input:7:1:", "field 2", "standard input:8:1:"];
    fails(&ended, &expected);
    assert_eq!(ended.stdout, "");
    assert_eq!(schedules(&world), Vec::<Value>::new());
}

#[test]
fn a_folder_of_hs_conductor_is_imported_with_its_runs() {
    let world = World::new();
    let folder = conductor_folder(&world);
    let said = world.json(&["import", "conductor", &folder]);
    assert_eq!(results(&said, "definitions"), pairs(&[("joke", "new")]));
    assert_eq!(results(&said, "schedules"), pairs(&[("nightly", "new")]));
    assert_eq!(results(&said, "runs"), pairs(&[("joke-1", "new"), ("joke-2", "new")]));
    assert_eq!(said["olderRuns"], 1);
    let schedules = schedules(&world);
    assert_eq!(
        (&schedules[0]["params"], &schedules[0]["missed"]),
        (&json!({"topic": "SQL"}), &json!("last"))
    );
    let runs = world.json(&["import", "runs"])["runs"].clone();
    let shown: Vec<_> =
        runs.as_array().unwrap().iter().map(|run| (&run["key"], &run["status"], &run["error"])).collect();
    assert_eq!(
        shown,
        [
            (&json!("joke-1"), &json!("completed"), &Value::Null),
            (&json!("joke-2"), &json!("failed"), &json!("no answer")),
        ]
    );
    assert_eq!((&runs[0]["input"], &runs[0]["schedule"]), (&json!({"topic": "SQL"}), &json!("nightly")));
    let human = world.agents(&["import", "runs", "--status", "failed"]).ok().stdout;
    assert!(human.contains("joke-2") && human.contains("no answer") && !human.contains("joke-1"), "{human}");
    let again = world.json(&["import", "conductor", &folder]);
    assert_eq!(results(&again, "definitions"), pairs(&[("joke", "unchanged")]));
    assert_eq!(results(&again, "schedules"), pairs(&[("nightly", "unchanged")]));
    assert_eq!(results(&again, "runs"), pairs(&[("joke-1", "unchanged"), ("joke-2", "unchanged")]));
    // Without agent CLIs it does not end well, so only what it says of the store counts.
    let checks = world.agents(&["doctor", "--json"]).run().json()["checks"].clone();
    let of_store =
        |check: &&Value| ["database", "store", "schedules"].iter().any(|name| check["name"] == *name);
    let ok: Vec<&Value> =
        checks.as_array().unwrap().iter().filter(of_store).map(|check| &check["status"]).collect();
    assert_eq!(ok, [&json!("ok"), &json!("ok"), &json!("ok")], "{checks:#}");
}

#[test]
fn every_mistake_in_a_folder_is_told_at_once_and_nothing_is_stored() {
    let world = World::new();
    let folder = conductor_folder(&world);
    world.write("conductor/workloads/bad.yaml", "id: [\n");
    world.write("conductor/workloads/latin.yml", b"id: caf\xe9\n");
    world.write(
        "conductor/data/schedules/bad.json",
        "{ \"id\": \"bad\",\n  \"workloadId\": \"joke\", \"cron\": \"every day\" }",
    );
    world.write("conductor/data/runs/x/run.json", "{ \"workloadId\": \"joke\" ");
    let ended = world.agents(&["import", "conductor", &folder]).run();
    let expected = [
        "nothing was stored",
        "workloads/bad.yaml:",
        "workloads/latin.yml: not UTF-8",
        "data/schedules/bad.json:2:",
        "data/runs/x/run.json:1:",
    ];
    fails(&ended, &expected);
    assert_eq!(schedules(&world), Vec::<Value>::new());
    assert_eq!(world.json(&["import", "runs"])["runs"], json!([]));
    world.agents(&["import", "conductor", "/"]).fails(6, &["neither workloads/ nor data/"]);
}
