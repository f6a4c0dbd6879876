//! What `agents doctor` finds in the store, and what `--repair` does about it.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod support;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use support::{World, text};

/// A world whose one harness is there, so that only the store can be wrong.
fn world() -> World {
    let world = World::new();
    let stub = world.write("bin/stub-cli", "#!/bin/sh\necho 7.1\n");
    std::fs::set_permissions(&stub, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let config =
        json!({"harnesses": {"stub": {"command": "stub-cli"}}, "harnessDefaults": {"default": "stub"}});
    world.write("shop/.agents/config.json", config.to_string());
    world
}

async fn sql(world: &World, sql: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.database());
    options.connect().await.unwrap().execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
}

fn doctor(world: &World, args: &[&str]) -> (i32, Value) {
    let ended = world.agents(&[&["doctor", "--json"], args].concat()).run();
    (ended.code, ended.json())
}

fn kinds(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|finding| text(&finding["kind"])).collect()
}

#[tokio::test]
async fn a_sound_store_is_said_to_be_so_and_a_repair_changes_nothing() {
    let world = world();
    let id = world.create(&["Something", "--first", "implement"]);
    world.claim().await;
    let before = (world.json(&["assignment", &id]), world.json(&["history", &id]));
    for args in [&[][..], &["--full"], &["--repair"], &["--full", "--repair"]] {
        let (code, report) = doctor(&world, args);
        assert_eq!((code, &report["ok"]), (0, &json!(true)), "{report:#}");
        let none = if args.contains(&"--repair") { json!([]) } else { Value::Null };
        let expected =
            json!({"assignmentsChecked": 1, "findings": [], "repaired": none, "notRepaired": none});
        assert_eq!(report["store"], expected);
    }
    assert_eq!((world.json(&["assignment", &id]), world.json(&["history", &id])), before);
    let said = world.agents(&["doctor"]).ok().stdout;
    assert!(said.contains("1 assignment checked"), "{said}");
}

#[tokio::test]
async fn what_can_not_be_is_named_mended_once_and_then_found_no_more() {
    let world = world();
    let id = world.create(&["Something", "--first", "implement"]);
    sql(&world, "UPDATE jobs SET head = 0").await;
    let (code, report) = doctor(&world, &[]);
    assert_eq!(code, 8);
    let job = text(&world.json(&["assignment", &id])["jobs"][0]["id"]);
    let finding = json!({
        "kind": "wrong_head",
        "assignment": id,
        "job": job,
        "attempt": null,
        "detail": "the implement job may run, and is not marked",
        "means": "runners would take the wrong job, or none",
        "repair": "marks the first job that has not ended",
    });
    assert_eq!(report["store"]["findings"], json!([finding]));
    let ended = world.agents(&["doctor"]).run();
    for part in ["problem", support::short(&job), "fix: agents doctor --repair"] {
        assert!(ended.stdout.contains(part), "`{part}` is not in {}", ended.stdout);
    }
    let (code, report) = doctor(&world, &["--repair"]);
    assert_eq!((code, &report["store"]["repaired"]), (0, &json!([finding])));
    assert_eq!(report["store"]["findings"], json!([]));
    let (code, report) = doctor(&world, &["--repair"]);
    assert_eq!((code, &report["store"]["repaired"]), (0, &json!([])));
    assert_eq!(world.claim().await.job.id.to_string(), job, "the job can be taken again");
}

#[tokio::test]
async fn an_attempt_whose_runner_is_not_known_any_more_is_given_up() {
    let world = world();
    let id = world.create(&["Something", "--first", "implement"]);
    let claimed = world.claim().await;
    sql(&world, "DELETE FROM runners").await;
    let (code, report) = doctor(&world, &[]);
    assert_eq!((code, &report["store"]["findings"]), (0, &json!([])), "its lease is not over");
    sql(&world, "UPDATE attempts SET lease_until = 5").await;
    let data = world.database().parent().unwrap().to_owned();
    let attempt = claimed.attempt.id.to_string();
    let folder = data.join("attempts").join(&attempt[attempt.len() - 2..]).join(&attempt);
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.join("keeper.lock")).unwrap();
    lock.lock().unwrap();
    let (_, report) = doctor(&world, &["--repair"]);
    assert_eq!(report["store"]["repaired"], json!([]), "somebody still looks after it");
    drop(lock);
    let (code, report) = doctor(&world, &[]);
    assert_eq!((code, kinds(&report["store"]["findings"])), (0, vec!["runner_gone".to_owned()]));
    let (code, report) = doctor(&world, &["--repair"]);
    assert_eq!((code, kinds(&report["store"]["repaired"])), (0, vec!["runner_gone".to_owned()]));
    let job = &world.json(&["assignment", &id])["jobs"][0];
    assert_eq!((&job["status"], &job["attempts"][0]["outcome"]), (&json!("pending"), &json!("lost")));
    assert_eq!(doctor(&world, &["--repair"]).1["store"]["repaired"], json!([]));
    assert!(folder.exists(), "nothing is deleted");
}

#[tokio::test]
async fn a_bad_row_does_not_hide_the_others_and_is_left_to_a_person() {
    let world = world();
    let bad = world.create(&["Bad", "--first", "implement"]);
    let wrong = world.create(&["Wrong", "--first", "implement"]);
    sql(&world, &format!("UPDATE jobs SET created_at = 'soon' WHERE assignment_id = '{bad}'")).await;
    sql(&world, &format!("UPDATE jobs SET head = 0 WHERE assignment_id = '{wrong}'")).await;
    let (code, report) = doctor(&world, &["--repair"]);
    assert_eq!((code, kinds(&report["store"]["repaired"])), (8, vec!["wrong_head".to_owned()]));
    let left = &report["store"]["findings"];
    assert_eq!((kinds(left), &left[0]["assignment"]), (vec!["bad_row".to_owned()], &json!(bad)));
    let detail = text(&left[0]["detail"]);
    assert!(detail.contains("created_at") && detail.contains("jobs"), "{detail}");
    assert_eq!(left[0]["repair"], Value::Null);
}

#[tokio::test]
async fn closed_assignments_are_checked_too() {
    let world = world();
    let id = world.create(&["Something", "--first", "implement"]);
    world.agents(&["update-assignment", &id, "--status", "cancelled"]).ok();
    sql(&world, "DELETE FROM events WHERE kind = 'job_cancelled'").await;
    let (code, report) = doctor(&world, &["--full"]);
    assert_eq!((code, kinds(&report["store"]["findings"])), (8, vec!["history_differs".to_owned()]));
    let (code, _) = doctor(&world, &["--repair"]);
    assert_eq!(code, 0);
    let told = world.json(&["history", &id]);
    let last = told["events"].as_array().unwrap().last().unwrap();
    assert_eq!(last["kind"], "job_cancelled");
    assert!(text(&last["details"]["repaired"]).contains("what was stored"), "{last:#}");
}

#[tokio::test]
async fn a_damaged_file_is_not_touched_and_the_way_to_save_it_is_told() {
    let world = world();
    world.create(&["Something", "--context", &"much ".repeat(20_000), "--first", "implement"]);
    sql(&world, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    let path = world.database();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes.iter_mut().skip(4096).take(middle).for_each(|byte| *byte = 0xa5);
    std::fs::write(&path, &bytes).unwrap();
    let (code, report) = doctor(&world, &["--repair"]);
    assert_eq!((code, &report["store"]), (8, &Value::Null));
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "database").unwrap();
    assert_eq!(check["status"], "problem");
    let fix = text(&check["fix"]);
    for part in ["nothing was changed", "Stop every runner", ".recover | sqlite3", "doctor --full"] {
        assert!(fix.contains(part), "`{part}` is not in {fix}");
    }
    assert!(std::fs::read(&path).unwrap() == bytes, "the file is as it was");
}

#[tokio::test]
async fn no_agent_may_repair_the_store() {
    let world = world();
    world.create(&["Something", "--first", "implement"]);
    let claimed = world.claim().await;
    world.agents(&["doctor", "--repair"]).inside(&claimed).fails(5, &["repair the store"]);
}

#[tokio::test]
async fn a_running_attempt_that_can_not_be_read_is_named_and_stops_neither_doctor_nor_runner() {
    let world = world();
    world.create(&["Something", "--first", "implement"]);
    world.claim().await;
    sql(&world, "UPDATE attempts SET lease_until = 'abc'").await;
    let (code, report) = doctor(&world, &[]);
    let findings = report["store"]["findings"].as_array().unwrap();
    let said: Vec<String> = findings.iter().map(|finding| text(&finding["detail"])).collect();
    assert_eq!(code, 8, "{report:#}");
    assert!(said.iter().any(|detail| detail.contains("lease_until")), "{said:?}");
    world.agents(&["runner", "--once"]).ok();
}

#[tokio::test]
async fn a_running_attempt_without_a_living_keeper_is_named() {
    let world = world();
    world.create(&["Something", "--first", "implement"]);
    let attempt = world.claim().await.attempt.id.to_string();
    let data = world.database().parent().unwrap().to_owned();
    let folder = data.join("attempts").join(&attempt[attempt.len() - 2..]).join(&attempt);
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.join("keeper.lock")).unwrap();
    let found = || kinds(&doctor(&world, &[]).1["store"]["findings"]);
    assert_eq!(found(), [] as [&str; 0], "it has only just been started");
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    lock.set_modified(long_ago).unwrap();
    std::fs::File::open(&folder).unwrap().set_modified(long_ago).unwrap();
    lock.lock().unwrap();
    assert_eq!(found(), [] as [&str; 0], "its keeper lives");
    drop(lock);
    assert_eq!(found(), ["no_keeper"]);
}
