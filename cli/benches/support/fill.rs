//! Fills a store with a history and a backlog by set-based SQL, a million rows in some ten seconds. The schema must be
//! there already.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row, SqliteConnection};

/// Finished jobs of one assignment.
const JOBS_OF_ONE: usize = 5;

/// When the first row was made; each next one is a millisecond later.
const BEGINNING_MS: i64 = 1_780_000_000_000;

/// What is put in.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    pub namespace: &'a str,
    /// Finished jobs, five to a complete assignment, each with its context, attempt and three events.
    pub finished: usize,
    /// Ready jobs, each the head of an assignment of its own.
    pub ready: usize,
}

/// Fills the database.
pub async fn fill(database: &Path, wanted: Fill<'_>) {
    let mut on = SqliteConnectOptions::new().filename(database).foreign_keys(false).connect().await.unwrap();
    run(&mut on, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000").await;
    let indexes = sqlx::query("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL");
    let indexes: Vec<(String, String)> =
        on.fetch_all(indexes).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    for (name, _) in &indexes {
        run(&mut on, &format!("DROP INDEX {name}")).await;
    }
    run(&mut on, "BEGIN").await;
    let namespace = wanted.namespace;
    let known = format!("INSERT OR IGNORE INTO namespaces VALUES ('{namespace}', '/tmp', {BEGINNING_MS})");
    run(&mut on, &known).await;
    history(&mut on, wanted).await;
    backlog(&mut on, wanted).await;
    run(&mut on, "COMMIT").await;
    for (_, create) in &indexes {
        run(&mut on, create).await;
    }
    run(&mut on, "PRAGMA journal_mode = WAL").await;
}

/// Complete assignments with their finished jobs.
async fn history(on: &mut SqliteConnection, wanted: Fill<'_>) {
    let (jobs, owners) = (wanted.finished, wanted.finished / JOBS_OF_ONE);
    let owner = id(&format!("i / {JOBS_OF_ONE}"), 1);
    let (job, attempt) = (id("i", 2), id("i", 3));
    let at = format!("{BEGINNING_MS} + i");
    assignments(on, wanted.namespace, (0, owners), "'complete', 0, 'all is there'").await;
    run(
        on,
        &format!(
            "INSERT INTO jobs (id, id_reversed, assignment_id, namespace, position, job_type, harness, shadow, \
             created_at, status, head, ended_at, attempts, tries, asks, outcome, revision, result) \
             SELECT id, {}, owner, '{}', i % {JOBS_OF_ONE}, 'implement', 'claude', 0, {at}, 'completed', 0, {at}, \
             1, 1, 0, 'success', 2, 'What was asked for is there, with tests: ' || hex(zeroblob(80)) \
             FROM (SELECT {job} AS id, {owner} AS owner, i FROM {})",
            reversed("id"),
            wanted.namespace,
            numbers((0, jobs)),
        ),
    )
    .await;
    contexts(on, (0, jobs)).await;
    run(
        on,
        &format!(
            "INSERT INTO attempts (id, job_id, assignment_id, number, runner_id, harness, started_at, lease_until, \
             cancel_requested, status, ended_at, outcome, exit_code, session_id, model, input_tokens, cached_tokens, \
             output_tokens, cost_micros, tool_calls, last_activity, unknown_lines, bad_lines) \
             SELECT {attempt}, {job}, {owner}, 1, {}, 'claude', {at}, {at}, 0, 'ended', {at}, 'success', 0, {}, \
             'sonnet', 1200, 900, 80, 20000, 12, 'Edit src/main.rs', 0, 0 FROM {}",
            id("0", 4),
            id("i", 5),
            numbers((0, jobs)),
        ),
    )
    .await;
    for kind in ["job_inserted", "attempt_started", "attempt_ended"] {
        let insert = format!(
            "INSERT INTO events (at, kind, assignment_id, job_id, attempt_id, details) \
             SELECT {at}, '{kind}', {owner}, {job}, {attempt}, '{{\"harness\":\"claude\"}}' FROM {}",
            numbers((0, jobs))
        );
        run(on, &insert).await;
    }
}

/// Active assignments with one ready job each.
async fn backlog(on: &mut SqliteConnection, wanted: Fill<'_>) {
    let range = (wanted.finished, wanted.ready);
    assignments(on, wanted.namespace, range, "'active', 0, NULL").await;
    run(
        on,
        &format!(
            "INSERT INTO jobs (id, id_reversed, assignment_id, namespace, position, job_type, harness, shadow, \
             created_at, status, head, ready_at, attempts, tries, asks, revision) \
             SELECT id, {}, owner, '{}', 0, 'implement', 'claude', 0, {BEGINNING_MS} + i, 'pending', 1, \
             {BEGINNING_MS} + i, 0, 0, 0, 0 \
             FROM (SELECT {} AS id, {} AS owner, i FROM {})",
            reversed("id"),
            wanted.namespace,
            id("i", 2),
            id("i", 1),
            numbers(range),
        ),
    )
    .await;
    contexts(on, range).await;
}

async fn assignments(on: &mut SqliteConnection, namespace: &str, range: (usize, usize), state: &str) {
    let insert = format!(
        "INSERT INTO assignments (id, id_reversed, namespace, north_star, director, workspace, max_jobs, status, held, \
         reason, created_at, updated_at, revision) \
         SELECT id, {}, '{namespace}', 'The importer has a flag that changes nothing', 'pm', '/tmp', 50, {state}, \
         {BEGINNING_MS} + i, {BEGINNING_MS} + i, 0 FROM (SELECT {} AS id, i FROM {})",
        reversed("id"),
        id("i", 1),
        numbers(range),
    );
    run(on, &insert).await;
}

async fn contexts(on: &mut SqliteConnection, range: (usize, usize)) {
    let insert = format!(
        "INSERT INTO job_contexts (job_id, context) \
         SELECT {}, 'The cause is in src/cache.rs: ' || hex(zeroblob(80)) FROM {}",
        id("i", 2),
        numbers(range)
    );
    run(on, &insert).await;
}

/// So many numbers `i` from the first one, as a table.
fn numbers((first, count): (usize, usize)) -> String {
    format!(
        "(WITH RECURSIVE n (i) AS (SELECT {first} WHERE {count} > 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {}) \
         SELECT i FROM n)",
        first + count
    )
}

/// A UUIDv7 made from a number: the time counts up, the rest is scattered. `kind` keeps those of different tables apart.
fn id(number: &str, kind: u64) -> String {
    let time = format!("({BEGINNING_MS} + {number})");
    let scattered = format!("((({number}) * 2654435761 + {kind} * 40503) & 281474976710655)");
    format!(
        "printf('%08x-%04x-7%03x-8%03x-%012x', {time} / 65536, {time} % 65536, {scattered} % 4093, \
         {scattered} % 4091, {scattered})"
    )
}

/// The digits of an id from the last to the first.
fn reversed(id: &str) -> String {
    let digits: Vec<String> =
        (1..=32).rev().map(|place| format!("substr(replace({id}, '-', ''), {place}, 1)")).collect();
    digits.join(" || ")
}

async fn run(on: &mut SqliteConnection, sql: &str) {
    on.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
}
