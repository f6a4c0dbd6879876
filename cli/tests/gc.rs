//! What is deleted after its time, and what never is.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod support;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use agents_domain::timestamp::Clock;
use agents_orchestrator::system::SystemClock;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use support::{World, text};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The folder of an attempt, as a runner makes it, with ten bytes in it.
fn folder(world: &World, attempt: &str) -> PathBuf {
    let folder = folder_of(world, attempt);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("stdout"), "ten bytes!").unwrap();
    folder
}

fn folder_of(world: &World, attempt: &str) -> PathBuf {
    let data = world.database().parent().unwrap().to_owned();
    data.join("attempts").join(&attempt[attempt.len() - 2..]).join(attempt)
}

async fn sql(world: &World, sql: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.database());
    options.connect().await.unwrap().execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
}

/// An assignment with an attempt that has ended, and the attempt's folder.
async fn worked(world: &World) -> (String, String) {
    let id = world.create(&["Something", "--first", "implement"]);
    let claimed = world.claim().await;
    let report = agents_domain::attempt::AttemptReport {
        attempt: claimed.attempt.id,
        outcome: agents_domain::outcome::Outcome::failure(
            agents_domain::outcome::OutcomeClass::Refusal,
            "no",
        ),
        process: None,
        progress: Default::default(),
        answer: None,
        unknown_lines: 0,
        bad_lines: 0,
        killed: None,
        evidence: Default::default(),
        output: None,
    };
    let change =
        agents_domain::store::Change::Finish { assignment: claimed.assignment.id, report: Box::new(report) };
    support::execute(world, change).await;
    let attempt = claimed.attempt.id.to_string();
    folder(world, &attempt);
    (id, attempt)
}

/// A closed assignment of so many days ago.
async fn closed(world: &World, days: u32) -> (String, String) {
    let (id, attempt) = worked(world).await;
    world.agents(&["update-assignment", &id, "--status", "cancelled"]).ok();
    let ago = SystemClock.now().as_millis() - i64::from(days) * i64::try_from(DAY.as_millis()).unwrap();
    sql(world, &format!("UPDATE assignments SET updated_at = {ago} WHERE id = '{id}'")).await;
    sql(world, &format!("UPDATE attempts SET ended_at = {ago} WHERE assignment_id = '{id}'")).await;
    (id, attempt)
}

/// Makes all that is in the folder so old.
fn age(folder: &Path, days: u32) {
    let moment = SystemTime::UNIX_EPOCH
        + Duration::from_millis(u64::try_from(SystemClock.now().as_millis()).unwrap())
        - days * DAY;
    for path in [folder.join("stdout"), folder.to_owned()] {
        File::open(path).unwrap().set_modified(moment).unwrap();
    }
}

fn attempts(report: &Value) -> Vec<String> {
    report["folders"].as_array().unwrap().iter().map(|folder| text(&folder["attempt"])).collect()
}

#[tokio::test]
async fn logs_of_old_closed_assignments_go_and_everything_else_stays() {
    let world = World::new();
    let (old, gone) = closed(&world, 31).await;
    let (_, young) = closed(&world, 29).await;
    let (blocked, kept) = worked(&world).await;
    world.agents(&["update-assignment", &blocked, "--status", "blocked", "--reason", "wait"]).ok();
    sql(&world, "UPDATE attempts SET ended_at = 5 WHERE status = 'ended'").await;
    sql(&world, &format!("UPDATE assignments SET updated_at = 5 WHERE id = '{blocked}'")).await;

    let planned = world.json(&["gc", "--dry-run"]);
    let path = folder_of(&world, &gone);
    let expected = json!({
        "dryRun": true,
        "folders": [{"attempt": gone, "path": path.display().to_string(), "bytes": 10, "why": "old"}],
        "bytes": 10,
        "outputs": [],
        "histories": [],
        "events": 0,
        "workflowRuns": [],
        "worktrees": [],
        "worktreesKept": [],
        "left": [],
        "unknownKept": 0,
    });
    assert_eq!(planned, expected);
    let said = world.agents(&["gc", "--dry-run"]).ok().stdout;
    assert!(said.contains(&path.display().to_string()), "{said}");
    assert!(said.contains("would delete 1 folder of logs (10 B), 0 events of 0 assignments"), "{said}");
    assert!(path.exists());

    let mut done = expected;
    done["dryRun"] = json!(false);
    assert_eq!(world.json(&["gc"]), done);
    assert!(!path.exists());
    for attempt in [young, kept] {
        assert!(folder_of(&world, &attempt).join("stdout").exists());
    }
    assert_eq!(world.agents(&["gc"]).ok().stdout, "nothing is old enough to go\n");
    let job = text(&world.json(&["assignment", &old])["jobs"][0]["id"]);
    world.agents(&["logs", &job]).fails(3, &["can't be read", "retention.logs"]);
}

#[tokio::test]
async fn each_repository_says_how_long_its_own_are_kept() {
    let world = World::new();
    let (_, attempt) = closed(&world, 400).await;
    world.write("shop/.agents/config.json", r#"{"retention": {"logs": "forever", "events": "forever"}}"#);
    let elsewhere = world.path("home");
    let none = world.agents(&["gc", "--json"]).in_folder(&elsewhere).ok().json();
    assert_eq!((attempts(&none), &none["events"]), (vec![], &json!(0)));
    world.write("shop/.agents/config.json", "{");
    let broken = world.agents(&["gc", "--json"]).in_folder(&elsewhere).run();
    assert_eq!(broken.code, 1, "{broken:?}");
    let left = broken.json();
    assert_eq!(left["left"][0]["what"], world.repo().display().to_string());
    assert!(text(&left["left"][0]["why"]).contains("config.json"), "{left:#}");
    assert!(folder_of(&world, &attempt).exists(), "what can't be known is kept");
    world.write("shop/.agents/config.json", r#"{"retention": {"logs": "1h"}}"#);
    let other = world.agents(&["gc", "--json", "--namespace", "other"]).in_folder(&elsewhere).ok().json();
    assert_eq!(attempts(&other), [""; 0]);
    let gone = world.agents(&["gc", "--json"]).in_folder(&elsewhere).ok().json();
    assert_eq!(attempts(&gone), [attempt]);
}

#[tokio::test]
async fn the_history_of_an_old_closed_assignment_goes_as_a_whole_and_the_assignment_stays() {
    let world = World::new();
    let (old, _) = closed(&world, 366).await;
    let (young, _) = closed(&world, 364).await;
    let events = |id: &str| world.json(&["history", id])["events"].as_array().unwrap().len();
    let (before, untouched) = (events(&old), events(&young));
    let done = world.json(&["gc"]);
    assert_eq!(done["histories"], json!([{"assignment": old, "events": before}]));
    assert_eq!((events(&old), events(&young)), (0, untouched));
    assert_eq!(world.json(&["assignment", &old])["status"], "cancelled");
    assert_eq!(world.json(&["gc"])["events"], 0);
}

#[tokio::test]
async fn a_folder_that_is_held_or_of_a_running_attempt_is_never_touched() {
    let world = World::new();
    world.create(&["Something", "--first", "implement"]);
    let running = world.claim().await.attempt.id.to_string();
    age(&folder(&world, &running), 900);
    let (_, held) = closed(&world, 400).await;
    let lock = File::create(folder_of(&world, &held).join("keeper.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(attempts(&world.json(&["gc", "--dry-run"])), [""; 0]);
    assert_eq!(attempts(&world.json(&["gc"])), [""; 0]);
    for attempt in [&running, &held] {
        assert!(folder_of(&world, attempt).join("stdout").exists());
    }
    drop(lock);
    assert_eq!(attempts(&world.json(&["gc"])), [held]);
}

#[tokio::test]
async fn what_can_not_be_deleted_is_named_and_stops_nothing() {
    let world = World::new();
    let (_, broken) = closed(&world, 400).await;
    let (_, gone) = closed(&world, 400).await;
    let lock = folder_of(&world, &broken).join("keeper.lock");
    std::os::unix::fs::symlink(&lock, &lock).unwrap();
    let ended = world.agents(&["gc", "--json"]).run();
    let report = ended.json();
    assert_eq!((ended.code, attempts(&report)), (1, vec![gone]));
    let left = report["left"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{report:#}");
    assert_eq!(left[0]["what"], folder_of(&world, &broken).display().to_string());
    assert!(ended.stderr.contains("1 thing could not be cleaned up"), "{}", ended.stderr);
    assert!(world.agents(&["gc"]).run().stdout.contains("left: "));
}

#[tokio::test]
async fn a_folder_without_a_row_goes_after_a_day_or_as_long_as_logs_if_it_is_older_than_the_store() {
    let world = World::new();
    let (id, _) = worked(&world).await;
    let long_ago = SystemClock.now().as_millis() - 10 * i64::try_from(DAY.as_millis()).unwrap();
    sql(&world, &format!("UPDATE namespaces SET created_at = {long_ago}")).await;
    let [fresh, stray, earlier, oldest] =
        [1, 2, 3, 4].map(|n| format!("01890a5d-ac96-774b-bcce-b302099a800{n}"));
    folder(&world, &fresh);
    age(&folder(&world, &stray), 2);
    age(&folder(&world, &earlier), 20);
    age(&folder(&world, &oldest), 40);
    let database = format!("sqlite:{}", world.path("elsewhere.db").display());
    let other = world.json(&["gc", "--database-url", &database]);
    assert_eq!((attempts(&other), &other["unknownKept"]), (vec![], &json!(5)), "it may be another's folder");
    let done = world.json(&["gc"]);
    assert_eq!((attempts(&done), &done["unknownKept"]), (vec![stray, oldest], &json!(2)));
    assert_eq!(done["folders"][0]["why"], "unknown");
    assert!(folder_of(&world, &fresh).exists() && folder_of(&world, &earlier).exists());
    world.json(&["assignment", &id]);
}

#[tokio::test]
async fn a_truncated_database_does_not_cost_the_logs_that_are_left() {
    let world = World::new();
    let (_, attempt) = closed(&world, 3).await;
    age(&folder_of(&world, &attempt), 3);
    for end in ["", "-wal", "-shm"] {
        let mut path = world.database().into_os_string();
        path.push(end);
        drop(std::fs::remove_file(path));
    }
    let done = world.json(&["gc"]);
    assert_eq!((attempts(&done), &done["unknownKept"]), (vec![], &json!(1)));
}

#[tokio::test]
async fn no_agent_may_clean_up() {
    let world = World::new();
    world.create(&["Something", "--first", "implement"]);
    let claimed = world.claim().await;
    world.agents(&["gc"]).inside(&claimed).fails(5, &["delete logs"]);
}

fn exported(world: &World, args: &[&str]) -> Vec<Value> {
    let printed = world.agents(&[&["workflow", "export"], args].concat()).ok().stdout;
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn steps_of_a_workflow_can_be_exported_and_go_a_quarter_after_its_end() {
    let world = World::new();
    world.write("shop/.agents/config.json", r#"{"graceMs": 300}"#);
    world.write(
        "shop/.agents/workflows/two.yaml",
        "name: Two\nsteps:\n  - id: a\n    exec: { command: echo a }\n    onSuccess: b\n  - id: b\n    exec: { command: echo b }\n",
    );
    let run = text(&world.json(&["workflow", "run", "two"])["id"]);
    world.agents(&["runner", "--once"]).ok();
    let lines = exported(&world, &[&run]);
    assert_eq!(lines, exported(&world, &["--since", "1h"]));
    let steps: Vec<&str> = lines
        .iter()
        .filter(|line| line["kind"] == "step")
        .map(|line| line["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["kind"], &lines[0]["run"]["status"], steps.as_slice()),
        (&json!("run"), &json!("completed"), ["a", "b"].as_slice())
    );
    assert!(lines.iter().any(|line| line["kind"] == "event"));

    let ago = |days: u32| SystemClock.now().as_millis() - i64::try_from((DAY * days).as_millis()).unwrap();
    sql(&world, &format!("UPDATE assignments SET updated_at = {}", ago(89))).await;
    assert_eq!(world.json(&["gc"])["workflowRuns"], json!([]));
    sql(&world, &format!("UPDATE assignments SET updated_at = {}", ago(91))).await;
    let gone = json!([{ "run": run, "steps": 2 }]);
    assert_eq!(world.json(&["gc", "--dry-run"])["workflowRuns"], gone);
    assert_eq!(world.json(&["gc"])["workflowRuns"], gone);
    assert_eq!(world.json(&["gc"])["workflowRuns"], json!([]));
    let left = exported(&world, &[&run]);
    assert!(left.iter().all(|line| line["kind"] != "step"), "{left:?}");
    assert_eq!(left[0]["workflow"], "two");
    world.agents(&["workflow", "status", &run]).ok();
}
