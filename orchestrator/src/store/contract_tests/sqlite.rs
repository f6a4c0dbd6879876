//! What is SQLite's own: its file, its locks, and the plans of our statements.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agents_domain::aggregate::First;
use agents_domain::attempt::LEASE;
use agents_domain::id::IdSource;
use agents_domain::store::{AssignmentFilter, Change, JobFilter, StoreError};
use agents_domain::timestamp::Clock;
use sqlx::{AssertSqlSafe, Executor, Row};

use super::super::connection::{Connection, Database, SCHEMA_VERSION};
use super::super::{SqlStore, assignment_table, job_table};
use super::env::{Env, limit, namespace, runner, runner_record};

async fn open(env: &Env, database: Database) -> Result<SqlStore, StoreError> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn IdSource>) = (env.clock.clone(), env.ids.clone());
    SqlStore::open_database(database, clock, ids).await
}

fn at(path: &Path) -> Database {
    Database::parse(&format!("sqlite:{}", path.display())).unwrap().with_patience(Duration::from_millis(50))
}

async fn open_at(env: &Env, path: &Path) -> Result<SqlStore, StoreError> {
    open(env, at(path)).await
}

fn error(opened: Result<SqlStore, StoreError>) -> StoreError {
    opened.err().expect("the database should not open")
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let env = Env::on_sqlite().await;
    let newer = SCHEMA_VERSION + 1;
    env.sql(&format!("UPDATE _sqlx_migrations SET version = {newer} WHERE version = {SCHEMA_VERSION}"))
        .await
        .unwrap();
    let said = error(open_at(&env, &env.path()).await);
    let is_newer = |said: &StoreError| matches!(said, StoreError::Newer { found, known, .. } if (*found, *known) == (newer, SCHEMA_VERSION));
    assert!(is_newer(&said), "{said:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_to_be_corrupt_and_left_as_it_is() {
    let env = Env::on_sqlite().await;
    let path = env.path().with_file_name("letter.txt");
    let text = "Dear reader, this is no database. ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let said = error(open_at(&env, &path).await);
    assert!(matches!(said, StoreError::Corrupt { .. }), "{said:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_folder_and_a_path_through_a_file_can_not_be_opened() {
    let env = Env::on_sqlite().await;
    let folder = env.path().parent().unwrap().to_owned();
    for path in [folder, env.path().join("below.db")] {
        let said = error(open_at(&env, &path).await);
        assert!(matches!(said, StoreError::Unreachable { .. }), "{said:?}");
    }
}

#[tokio::test]
async fn a_database_is_made_in_a_folder_that_is_made_too_whatever_their_names() {
    let env = Env::on_sqlite().await;
    let path = env.path().with_file_name("a b/ü #1?/50%25.db");
    let store = open_at(&env, &path).await.unwrap();
    assert_eq!(store.integrity().await.unwrap(), None);
    assert!(path.is_file());
}

#[tokio::test]
async fn a_database_that_another_program_holds_is_said_to_be_locked() {
    let env = Env::on_sqlite().await;
    env.create("implement").await;
    let impatient = open_at(&env, &env.path()).await.unwrap();
    let mut other = env.raw().await;
    other.raw.execute("BEGIN EXCLUSIVE").await.unwrap();
    let new = env.new_assignment(First::Hold);
    let said = impatient_execute(&impatient, Change::Create(new.clone())).await;
    assert!(matches!(said, Err(StoreError::Locked { .. })), "{said:?}");
    other.raw.execute("COMMIT").await.unwrap();
    impatient_execute(&impatient, Change::Create(new)).await.unwrap();
}

async fn impatient_execute(store: &SqlStore, change: Change) -> Result<(), StoreError> {
    use agents_domain::store::Store;
    store.execute(super::env::command(change)).await.map(|_| ())
}

#[tokio::test]
async fn an_empty_database_that_another_program_holds_is_said_to_be_locked() {
    let env = Env::on_sqlite().await;
    let path = env.path().with_file_name("empty.db");
    let mut other = at(&path).connect().await.unwrap();
    other.raw.execute("BEGIN EXCLUSIVE").await.unwrap();
    let said = error(open_at(&env, &path).await);
    assert!(matches!(said, StoreError::Locked { .. }), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_stores_that_open_one_empty_file_at_once_all_succeed() {
    for round in 0..5 {
        let env = Arc::new(Env::on_sqlite().await);
        let path = env.path().with_file_name(format!("round-{round}.db"));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (env, path) = (Arc::clone(&env), path.clone());
            tasks.spawn(async move {
                let url = format!("sqlite:{}", path.display());
                let store = open(&env, Database::parse(&url).unwrap()).await?;
                impatient_execute(&store, Change::Create(env.new_assignment(First::Hold))).await
            });
        }
        for result in tasks.join_all().await {
            result.unwrap();
        }
        let store = open_at(&env, &path).await.unwrap();
        let filter = AssignmentFilter::default();
        let found = agents_domain::store::Store::assignments(&store, &filter).await.unwrap();
        assert_eq!(found.len(), 10);
    }
}

#[tokio::test]
async fn a_row_that_somebody_else_has_written_meanwhile_is_a_lost_race() {
    let env = Env::on_sqlite().await;
    let (assignment, _) = env.create("implement").await;
    let mut raw = env.raw().await;
    let jobs = job_table::load(&mut raw, &[assignment]).await.unwrap();
    let assignments = assignment_table::load(&mut raw, &[assignment]).await.unwrap();
    env.block(assignment).await;
    let said = job_table::update(&mut raw, &[(&jobs[0], &jobs[0].job)]).await;
    assert!(matches!(said, Err(StoreError::LostRace { .. })), "{said:?}");
    let said = assignment_table::update(&mut raw, &[(&assignments[0], &assignments[0].assignment)]).await;
    assert!(matches!(said, Err(StoreError::LostRace { .. })), "{said:?}");
}

/// Scans that are right: few rows, all of which are wanted.
const SCANS: [(&str, &str); 8] = [
    ("SCAN cooldowns", "a handful, and each one is asked about"),
    ("SCAN found", "the harnesses found so far"),
    ("SCAN namespaces", "a handful, and each one is asked about"),
    ("SCAN runners", "a handful, and each one is shown"),
    ("SCAN v", "the statement's own values"),
    ("SCAN a USING INDEX attempts_running", "only the running attempts"),
    ("SCAN a USING INDEX sqlite_autoindex_assignments_1", "a list without a filter, from its end"),
    ("SCAN j USING INDEX sqlite_autoindex_jobs_1", "a list without a filter, from its end"),
];

#[tokio::test]
async fn no_statement_of_the_runners_path_or_the_queue_scans_a_table() {
    let env = Env::on_sqlite().await;
    let store = open_at(&env, &env.path()).await.unwrap();
    let said = store.database.said.clone();
    said.lock().unwrap().clear();
    let env = Env { store: Arc::new(store), ..env };
    walk(&env).await;
    let statements: BTreeSet<String> = said.lock().unwrap().drain(..).collect();
    assert!(statements.iter().any(|sql| sql.contains("UPDATE jobs SET")), "{statements:?}");
    let mut raw = env.raw().await;
    for sql in statements.iter().filter(|sql| sql.starts_with(['S', 'W', 'U', 'D', 'I'])) {
        for step in plan(&mut raw, sql).await {
            let is_right = SCANS.iter().any(|(scan, _)| step.starts_with(scan));
            let is_constant = step.contains("CONSTANT ROW") || step.contains("VALUES CLAUSE");
            assert!(!step.contains("SCAN") || is_right || is_constant, "{step}\n{sql}");
        }
    }
}

/// A claim is a range of an index, however many jobs wait for a harness that cools down.
#[tokio::test]
async fn a_claim_steps_over_the_jobs_of_a_harness_that_cools_down() {
    let env = Env::on_sqlite().await;
    let store = open_at(&env, &env.path()).await.unwrap();
    let said = store.database.said.clone();
    let env = Env { store: Arc::new(store), ..env };
    env.create_for("claude").await;
    env.finish(&env.claim_one().await, limit(&env, 60)).await.unwrap();
    env.create_for("codex").await;
    let mut raw = env.raw().await;
    let check = async |cools: bool, expected: &[&str], raw: &mut Connection| {
        let statements: BTreeSet<String> = said.lock().unwrap().drain(..).collect();
        let of_claims = statements.iter().filter(|sql| sql.contains("FROM jobs WHERE namespace"));
        let mut plans = BTreeSet::new();
        for sql in of_claims.filter(|sql| !sql.contains("RECURSIVE")) {
            plans.extend(plan(raw, sql).await);
        }
        assert_eq!(plans.iter().map(String::as_str).collect::<Vec<_>>(), expected, "cools: {cools}");
    };
    said.lock().unwrap().clear();
    env.claim_one().await;
    env.next_ready_at(None).await;
    let of_harness =
        "SEARCH jobs USING COVERING INDEX jobs_ready_of_harness (namespace=? AND harness=? AND priority=?)";
    let lower =
        "SEARCH jobs USING COVERING INDEX jobs_ready_of_harness (namespace=? AND harness=? AND priority>?)";
    let ranged = "SEARCH jobs USING INDEX jobs_ready_of_harness (namespace=? AND harness=? AND priority=? AND ready_at<?)";
    let ahead = "SEARCH jobs USING INDEX jobs_ready_of_harness (namespace=? AND harness=? AND priority=? AND ready_at>?)";
    check(true, &[of_harness, lower, ranged, ahead], &mut raw).await;
    env.store.lift_cooldown("claude").await.unwrap();
    said.lock().unwrap().clear();
    env.claim_one().await;
    env.next_ready_at(None).await;
    let all = "SEARCH jobs USING COVERING INDEX jobs_ready (namespace=? AND priority=?)";
    let lower = "SEARCH jobs USING COVERING INDEX jobs_ready (namespace=? AND priority>?)";
    let ranged = "SEARCH jobs USING INDEX jobs_ready (namespace=? AND priority=? AND ready_at<?)";
    let ahead = "SEARCH jobs USING INDEX jobs_ready (namespace=? AND priority=? AND ready_at>?)";
    check(false, &[all, lower, ranged, ahead], &mut raw).await;
}

/// Everything that a runner does, and the queue.
async fn walk(env: &Env) {
    let (assignment, job) = env.create("implement").await;
    env.insert(assignment, "review").await;
    env.store.register(&runner_record(1, None, env.now())).await.unwrap();
    let claimed = env.claim_one().await;
    env.store.heartbeat(runner(1), &[claimed.attempt.id], LEASE).await.unwrap();
    env.store.progress(runner(1), &[(claimed.attempt.id, Default::default())]).await.unwrap();
    env.store.wishes(runner(1)).await.unwrap();
    env.store.foreign_attempts(runner(2)).await.unwrap();
    let repo = namespace("repo");
    for of in [None, Some(&repo)] {
        env.queue(of, 100).await;
        env.next_ready_at(of).await;
    }
    env.finish(&claimed, limit(env, 60)).await.unwrap();
    for of in [None, Some(&repo)] {
        env.queue(of, 100).await;
        env.next_ready_at(of).await;
        env.store.cooldowns(of).await.unwrap();
    }
    env.create_for("codex").await;
    env.claim_one().await;
    env.store.lift_cooldown("claude").await.unwrap();
    env.claim_one().await;
    env.cancel(assignment).await;
    env.all_of(assignment).await;
    env.store.job(job).await.unwrap();
    env.store.assignments_like("0190").await.unwrap();
    env.store.jobs_like("0190").await.unwrap();
    env.store.assignments(&AssignmentFilter { limit: Some(10), ..Default::default() }).await.unwrap();
    env.store.jobs(&JobFilter { limit: Some(10), ..Default::default() }).await.unwrap();
    env.store.unregister(runner(1)).await.unwrap();
}

async fn plan(raw: &mut Connection, sql: &str) -> Vec<String> {
    let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
    let rows = explain.fetch_all(&mut raw.raw).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.get::<String, _>(3)).collect()
}
