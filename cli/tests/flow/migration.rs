//! A database of an earlier version of the program: it keeps all that it has, and its work goes on.

use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};

use crate::processes::{keeper_of, of_attempt, signal};
use crate::script::{on_attempt, on_prompt, pm_completes, work_for_ever};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::wait::{PATIENCE, until};

static MIGRATOR: Migrator = sqlx::migrate!("../orchestrator/migrations");

/// Makes the database what it would be if the first version had written it.
fn back_to_version_1(stage: &Stage) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (now, old) = (stage.database(), stage.path("old.db"));
    runtime.block_on(async {
        let mut on =
            SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", old.display())).await.unwrap();
        MIGRATOR.run_direct(Some(1), &mut on, false).await.unwrap();
        let attach = format!("ATTACH DATABASE '{}' AS now", now.display());
        on.execute(AssertSqlSafe(attach)).await.unwrap();
        // In the order in which they were made: what is referred to comes first.
        let tables = "SELECT m.name, (SELECT group_concat(name) FROM pragma_table_info(m.name)) FROM main.sqlite_master m \
             WHERE m.type = 'table' AND m.name NOT LIKE '%sqlx%' AND m.name NOT LIKE 'sqlite%'";
        for row in on.fetch_all(tables).await.unwrap() {
            let (table, columns): (String, String) = (row.get(0), row.get(1));
            let copy =
                format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table} ORDER BY rowid");
            on.execute(AssertSqlSafe(copy)).await.unwrap();
        }
        on.close().await.unwrap();
    });
    for journal in ["-wal", "-shm"] {
        // Gone already, where the last connection has cleaned up.
        drop(std::fs::remove_file(format!("{}{journal}", now.display())));
    }
    std::fs::rename(old, now).unwrap();
}

fn version(stage: &Stage) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", stage.database().display());
        let mut on = SqliteConnection::connect(&url).await.unwrap();
        on.fetch_one("SELECT max(version) FROM _sqlx_migrations").await.unwrap().get(0)
    })
}

/// All that people see of these assignments.
fn seen(stage: &Stage, ids: &[&String]) -> Vec<Value> {
    ids.iter().flat_map(|id| [stage.assignment(id), stage.json(&["history", id])]).collect()
}

#[test]
fn a_database_of_version_1_keeps_what_it_has_and_its_running_job_is_recovered() {
    let stage = Stage::playing(json!([
        on_prompt("implement", "Finished", json!([{"text": "Done before."}])),
        on_attempt("implement", 1, json!([{"touch": "started"}, {"text": "I begin."}, work_for_ever()])),
        on_attempt("implement", 2, json!([{"text": "Done."}])),
        pm_completes(),
    ]));
    let finished = stage.create_work("Finished");
    stage.once();
    let running = stage.create_work("Running");
    let mut runner = stage.runner(&[]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&running)).unwrap();
    runner.kill();
    signal(keeper_of(&attempt), Signal::KILL);
    until("nothing of the attempt lives", PATIENCE, || of_attempt(&attempt).is_empty().then_some(()));
    // The first version had no keeper, whose files these are.
    let folder =
        stage.path("home/.local/share/agents/attempts").join(&attempt[attempt.len() - 2..]).join(&attempt);
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        if !["prompt.md", "stdout", "stderr"].iter().any(|name| entry.file_name() == *name) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let pending = stage.create(&["Pending", "--hold"]);
    stage.agents(&["insert-job", &pending, "--type", "review", "--context", "Look."]).ok();
    let all = [&finished, &running, &pending];
    let before = seen(&stage, &all);
    back_to_version_1(&stage);
    assert_eq!(version(&stage), 1);
    assert_eq!(seen(&stage, &all), before);
    assert!(version(&stage) > 1);
    stage.script(json!([
        on_attempt("implement", 2, json!([{"text": "Done."}])),
        on_prompt("review", "Look.", json!([{"text": "Seen."}])),
        pm_completes(),
    ]));
    stage.once();
    let expected = ["implement completed [lost success]", "pm completed [success]"];
    assert_eq!(story(&stage.assignment(&running)), expected);
    assert_eq!(jobs(&stage.assignment(&running))[0]["result"], "Done.");
    let expected = ["review completed [success]", "pm completed [success]"];
    assert_eq!(story(&stage.assignment(&pending)), expected);
    assert_eq!(seen(&stage, &[&finished]), before[..2]);
    assert_eq!(stage.findings(), json!([]));
}
