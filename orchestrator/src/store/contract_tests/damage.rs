//! Rows that can't be: the schema refuses them, and one that got past it is named when it is read.

use agents_domain::aggregate::First;
use agents_domain::decision::Decision;
use agents_domain::id::AssignmentId;
use agents_domain::outcome::Outcome;
use agents_domain::store::{Change, JobFilter, StoreError};

use super::env::{Env, runner, runner_record};

on_every_engine!(
    the_schema_refuses_every_impossible_row,
    the_schema_refuses_a_second_running_job_or_attempt,
    a_bad_value_is_named_with_its_table_column_and_row,
    a_bad_staged_decision_is_named,
    a_bad_event_is_named,
    a_bad_runner_is_named,
);

/// One assignment of each status, and with them jobs and attempts of each.
async fn populated(env: &Env) -> AssignmentId {
    let (assignment, _) = env.create("implement").await;
    env.finish(&env.claim_one().await, Outcome::success("done")).await.unwrap();
    env.claim_one().await;
    env.insert(assignment, "review").await;
    env.block(env.create("implement").await.0).await;
    env.cancel(env.create("implement").await.0).await;
    env.execute(Change::Create(env.new_assignment(First::Hold))).await.unwrap();
    assignment
}

async fn the_schema_refuses_every_impossible_row(env: Env) {
    populated(&env).await;
    let impossible = [
        "UPDATE assignments SET north_star = ''",
        "UPDATE assignments SET status = 'done'",
        "UPDATE assignments SET status = NULL",
        "UPDATE assignments SET director = 'committee'",
        "UPDATE assignments SET max_jobs = -1",
        "UPDATE assignments SET held = 2",
        "UPDATE assignments SET held = 1 WHERE status = 'blocked'",
        "UPDATE assignments SET reason = NULL WHERE status = 'blocked'",
        "UPDATE assignments SET question = 'why?' WHERE status = 'active'",
        "UPDATE assignments SET namespace = 'never-seen'",
        "UPDATE jobs SET status = 'done'",
        "UPDATE jobs SET status = NULL",
        "UPDATE jobs SET shadow = 2",
        "UPDATE jobs SET timeout_ms = -1",
        "UPDATE jobs SET attempts = -1",
        "UPDATE jobs SET tries = -1",
        "UPDATE jobs SET tries = attempts + 1",
        "UPDATE jobs SET asks = attempts + 1",
        "UPDATE jobs SET ready_at = NULL WHERE status = 'pending'",
        "UPDATE jobs SET ended_at = 5 WHERE status = 'pending'",
        "UPDATE jobs SET attempt_id = 'x' WHERE status = 'pending'",
        "UPDATE jobs SET status = 'running' WHERE status = 'pending'",
        "UPDATE jobs SET attempt_id = NULL WHERE status = 'running'",
        "UPDATE jobs SET ready_at = 5 WHERE status = 'running'",
        "UPDATE jobs SET head = 1 WHERE status = 'running'",
        "UPDATE jobs SET attempts = 0 WHERE status = 'running'",
        "UPDATE jobs SET ended_at = NULL WHERE status = 'completed'",
        "UPDATE jobs SET outcome = NULL WHERE status = 'completed'",
        "UPDATE jobs SET outcome = 'auth' WHERE status = 'completed'",
        "UPDATE jobs SET result = NULL WHERE status = 'completed'",
        "UPDATE jobs SET attempt_id = 'x' WHERE status = 'completed'",
        "UPDATE jobs SET head = 1 WHERE status = 'completed'",
        "UPDATE jobs SET status = 'failed' WHERE status = 'completed'",
        "UPDATE jobs SET status = 'failed', outcome = NULL WHERE status = 'completed'",
        "UPDATE jobs SET outcome = NULL WHERE status = 'cancelled'",
        "UPDATE jobs SET outcome = 'success' WHERE status = 'cancelled'",
        "UPDATE jobs SET assignment_id = 'nobody'",
        "UPDATE attempts SET status = 'done'",
        "UPDATE attempts SET number = 0",
        "UPDATE attempts SET cancel_requested = 2",
        "UPDATE attempts SET pause_requested = 2",
        "UPDATE assignments SET paused = 2",
        "UPDATE attempts SET status = 'ended' WHERE status = 'running'",
        "UPDATE attempts SET ended_at = 5 WHERE status = 'running'",
        "UPDATE attempts SET outcome = 'auth' WHERE status = 'running'",
        "UPDATE attempts SET outcome = NULL WHERE status = 'ended'",
        "UPDATE attempts SET status = 'running' WHERE status = 'ended'",
        "UPDATE attempts SET exit_code = 0, signal = 9 WHERE status = 'ended'",
        "UPDATE attempts SET input_tokens = -1",
        "UPDATE attempts SET tool_calls = -1",
        "UPDATE attempts SET job_id = 'nobody'",
        "UPDATE job_contexts SET job_id = 'nobody'",
        "INSERT INTO namespaces (name, root, created_at) VALUES ('repo', '/', 1)",
    ];
    for sql in impossible {
        let refused = env.sql(sql).await;
        let refused = refused.expect_err(sql);
        assert!(refused.to_string().contains("constraint failed"), "{sql}: {refused}");
    }
}

async fn the_schema_refuses_a_second_running_job_or_attempt(env: Env) {
    let (assignment, _) = env.create("implement").await;
    env.insert(assignment, "review").await;
    env.claim_one().await;
    let second_job = "UPDATE jobs SET status = 'running', ready_at = NULL, attempt_id = 'x', attempts = 1 \
                      WHERE status = 'pending'";
    assert!(env.sql(second_job).await.unwrap_err().to_string().contains("UNIQUE"));
    let second_attempt = |number: u8| {
        format!(
            "INSERT INTO attempts (id, job_id, assignment_id, number, runner_id, harness, started_at, \
             lease_until, cancel_requested, status, tool_calls, unknown_lines, bad_lines) \
             SELECT 'x', job_id, assignment_id, {number}, runner_id, harness, 1, 1, 0, 'running', 0, 0, 0 \
             FROM attempts"
        )
    };
    for number in [1, 2] {
        assert!(env.sql(&second_attempt(number)).await.unwrap_err().to_string().contains("UNIQUE"));
    }
}

/// Past the checks, as a damaged file would have it.
async fn damage(env: &Env, sql: &str) {
    let sql = format!("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; {sql}");
    env.sql(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn check_named<T: std::fmt::Debug>(
    said: Result<T, StoreError>,
    expected: (&str, &str, &str),
    row_like: &str,
) {
    let Err(StoreError::BadRow { table, column, row, value }) = said else {
        panic!("{expected:?} is not named: {said:?}");
    };
    assert_eq!((table, column), (expected.0, expected.1));
    assert!(value.contains(expected.2), "{value:?} should contain {:?}", expected.2);
    assert!(row.starts_with(row_like), "row {row:?}");
}

async fn a_bad_value_is_named_with_its_table_column_and_row(env: Env) {
    let cases = [
        ("assignments", "namespace", "../up"),
        ("assignments", "director", "committee"),
        ("assignments", "status", "done"),
        ("assignments", "max_jobs", "-5"),
        ("assignments", "created_at", "yesterday"),
        ("jobs", "job_type", "No Type"),
        ("jobs", "status", "done"),
        ("jobs", "timeout_ms", "-7"),
        ("jobs", "tries", "-1"),
        ("jobs", "outcome", "splendid"),
        ("jobs", "position", "first"),
        ("attempts", "runner_id", "me"),
        ("attempts", "outcome", "splendid"),
        ("attempts", "exit_code", "99999999999"),
        ("attempts", "input_tokens", "-3"),
        ("attempts", "bad_lines", "many"),
    ];
    for (table, column, value) in cases {
        let env_of_case = Env::on_sqlite().await;
        let (assignment, _) = env_of_case.create("implement").await;
        env_of_case.finish(&env_of_case.claim_one().await, Outcome::success("done")).await.unwrap();
        damage(&env_of_case, &format!("UPDATE {table} SET {column} = '{value}'")).await;
        let shown =
            if column.ends_with("_at") || column == "position" || value == "many" { "" } else { value };
        let expected = (table, column, shown);
        let store = &env_of_case.store;
        if table == "assignments" {
            check_named(store.assignment(assignment).await, expected, "0190");
        } else {
            check_named(store.job_details(assignment).await, expected, "0190");
            check_named(store.jobs(&JobFilter::default()).await, expected, "0190");
        }
        if table != "attempts" {
            let cancel = agents_domain::aggregate::StatusChange::Cancelled { reason: None };
            let update = Change::Update { assignment, to: cancel };
            check_named(env_of_case.execute(update).await, expected, "0190");
        }
    }
    let state = "UPDATE jobs SET ready_at = NULL";
    let (assignment, _) = env.create("implement").await;
    damage(&env, state).await;
    check_named(env.store.job_details(assignment).await, ("jobs", "ended_at", "pending"), "0190");
}

async fn a_bad_staged_decision_is_named(env: Env) {
    let assignment = populated(&env).await;
    damage(&env, "UPDATE attempts SET decision = '{\"decision\":\"dance\"}' WHERE status = 'running'").await;
    let attempt = env.store.foreign_attempts(runner(9)).await.unwrap()[0].attempt;
    let decision = Decision::Complete { reason: "done".to_owned(), ties: Default::default() };
    let said = env.execute(Change::Stage { assignment, attempt, decision }).await;
    check_named(said, ("attempts", "decision", "dance"), "0190");
}

async fn a_bad_event_is_named(env: Env) {
    let (assignment, _) = env.create("implement").await;
    damage(&env, "UPDATE events SET details = '[1]'").await;
    check_named(env.store.history(assignment).await, ("events", "details", "[1]"), "");
    damage(&env, "UPDATE events SET kind = 'party'").await;
    check_named(env.store.history(assignment).await, ("events", "kind", "party"), "");
}

async fn a_bad_runner_is_named(env: Env) {
    env.store.register(&runner_record(1, None, env.now())).await.unwrap();
    damage(&env, "UPDATE runners SET pid = 99999999999").await;
    check_named(
        env.store.queue(None, &Default::default(), 1).await,
        ("runners", "pid", "99999999999"),
        "0000",
    );
}
