//! The table of attempts.

use std::collections::HashMap;

use agents_domain::attempt::{Attempt, AttemptProgress, AttemptReport, Host, Wish};
use agents_domain::decision::Decision;
use agents_domain::harness::ProcessEnd;
use agents_domain::id::{AssignmentId, AttemptId, JobId, RunnerId};
use agents_domain::limits::Measure;
use agents_domain::outcome::OutcomeClass;
use agents_domain::store::{AttemptRecord, Orphan, StoreError};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::{CostSource, MicroUsd, TokenUsage};
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::decision_json;
use super::reservation;
use super::runner_table;
use super::statement::{Statement, Value, names};

/// The columns of a record, in the order in which they are read.
pub(super) const COLUMNS: [&str; 29] = [
    "id",
    "job_id",
    "number",
    "runner_id",
    "harness",
    "started_at",
    "ended_at",
    "outcome",
    "message",
    "exit_code",
    "signal",
    "session_id",
    "resumes",
    "model",
    "cli_version",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_micros",
    "tool_calls",
    "last_activity",
    "unknown_lines",
    "bad_lines",
    "cancel_requested",
    "pause_requested",
    "cache_write_tokens",
    "cost_source",
    "assignment_id",
];
/// Those of [`COLUMNS`] that a record has.
pub(super) const READ: usize = 28;

/// The record whose columns begin at `first`.
pub(super) fn read(row: &AnyRow, first: usize) -> Result<AttemptRecord, StoreError> {
    let mut columns = Columns::new(row, "attempts", &COLUMNS, first);
    let mut record = AttemptRecord {
        id: columns.parsed(|text| text.parse().ok())?,
        job: columns.parsed(|text| text.parse().ok())?,
        number: columns.count()?,
        runner: columns.parsed(|text| text.parse().ok())?,
        harness: columns.text()?,
        started_at: columns.time()?,
        ended_at: columns.optional_time()?,
        outcome: columns.optional_parsed(OutcomeClass::from_name)?,
        message: columns.optional_text()?,
        exit_code: columns.optional_number()?,
        signal: columns.optional_number()?,
        session_id: columns.optional_text()?,
        resumes: columns.optional_text()?,
        model: columns.optional_text()?,
        cli_version: columns.optional_text()?,
        usage: read_usage(&mut columns)?,
        cost: columns.optional_integer()?.map(MicroUsd::from_micros),
        cost_source: None,
        tool_calls: columns.count()?,
        last_activity: columns.optional_text()?,
        unknown_lines: columns.count()?,
        bad_lines: columns.count()?,
        cancel_requested: columns.flag()?,
        pause_requested: columns.flag()?,
    };
    let written = columns.optional_number()?.unwrap_or(0);
    record.usage = record.usage.map(|usage| TokenUsage { written, ..usage });
    record.cost_source = columns.optional_parsed(CostSource::from_name)?;
    Ok(record)
}

fn read_usage(columns: &mut Columns<'_>) -> Result<Option<TokenUsage>, StoreError> {
    let input = columns.optional_number()?;
    let cached = columns.optional_number()?;
    let output = columns.optional_number()?;
    let reasoning = columns.optional_number()?;
    Ok(input.zip(output).map(|(input, output)| TokenUsage {
        input,
        cached: cached.unwrap_or(0),
        written: 0,
        output,
        reasoning,
    }))
}

/// The running attempts of these assignments, as their aggregates need them.
pub(super) async fn load_running(
    on: &mut Connection,
    of: &[AssignmentId],
) -> Result<Vec<Attempt>, StoreError> {
    const RUNNING: [&str; 18] = [
        "id",
        "job_id",
        "assignment_id",
        "number",
        "runner_id",
        "machine_id",
        "boot_id",
        "harness",
        "started_at",
        "lease_until",
        "resumes",
        "cancel_requested",
        "pause_requested",
        "reserved_micros",
        "reserved_tokens",
        "reserved_wall_ms",
        "reserved_tool_calls",
        "decision",
    ];
    let select = format!(
        "SELECT {} FROM attempts WHERE status = 'running' AND assignment_id IN ",
        names("", &RUNNING)
    );
    let rows = Statement::new(select)
        .push_list(of.iter().map(|id| Value::from(id.to_string())))
        .fetch(on, "reading running attempts")
        .await?;
    let read = |row: &AnyRow| {
        let mut columns = Columns::new(row, "attempts", &RUNNING, 0);
        let (id, job) =
            (columns.parsed(|text| text.parse().ok())?, columns.parsed(|text| text.parse().ok())?);
        let assignment = columns.parsed(|text| text.parse().ok())?;
        let number = columns.count()?;
        Ok(Attempt {
            id,
            job,
            assignment,
            number,
            runner: columns.parsed(|text| text.parse().ok())?,
            host: read_host(&mut columns)?,
            harness: columns.text()?,
            started_at: columns.time()?,
            lease_until: columns.time()?,
            resumes: columns.optional_text()?,
            cancel_requested: columns.flag()?,
            pause_requested: columns.flag()?,
            reserved: reservation::read(&mut columns)?.with(Measure::Jobs, u64::from(number == 1)),
            decision: columns.optional_parsed(decision_json::read)?,
            end: None,
        })
    };
    rows.iter().map(read).collect()
}

fn read_host(columns: &mut Columns<'_>) -> Result<Host, StoreError> {
    Ok(Host { machine_id: columns.text()?, boot_id: columns.text()? })
}

/// Writes attempts that have begun.
pub(super) async fn insert(on: &mut Connection, new: &[&Attempt]) -> Result<(), StoreError> {
    let rows = new
        .iter()
        .map(|attempt| {
            let mut row: Vec<Value> = vec![
                attempt.id.to_string().into(),
                attempt.job.to_string().into(),
                attempt.assignment.to_string().into(),
                attempt.number.into(),
                attempt.runner.to_string().into(),
                attempt.host.machine_id.as_str().into(),
                attempt.host.boot_id.as_str().into(),
                attempt.harness.as_str().into(),
                attempt.started_at.as_millis().into(),
                attempt.lease_until.as_millis().into(),
                attempt.resumes.clone().into(),
                "running".into(),
                attempt.cancel_requested.into(),
                attempt.pause_requested.into(),
            ];
            row.extend(reservation::values(&attempt.reserved));
            row.push(attempt.decision.as_ref().map(decision_json::write).into());
            row.extend([0i64.into(), 0i64.into(), 0i64.into()]);
            row
        })
        .collect();
    Statement::new(
        "INSERT INTO attempts (id, job_id, assignment_id, number, runner_id, machine_id, boot_id, harness, started_at, \
         lease_until, resumes, status, cancel_requested, pause_requested, reserved_micros, reserved_tokens, \
         reserved_wall_ms, reserved_tool_calls, decision, tool_calls, unknown_lines, bad_lines) ",
    )
    .push_rows(rows)
    .execute(on, "writing new attempts")
    .await?;
    Ok(())
}

/// Writes the new owner of attempts that were taken over; each only if it still has the old one.
pub(super) async fn update_owner(
    on: &mut Connection,
    taken_over: &[(&Attempt, &Attempt)],
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = taken_over
        .iter()
        .map(|(before, after)| {
            vec![
                after.id.to_string().into(),
                before.runner.to_string().into(),
                after.runner.to_string().into(),
                after.host.machine_id.as_str().into(),
                after.host.boot_id.as_str().into(),
                after.lease_until.as_millis().into(),
            ]
        })
        .collect();
    let expected = rows.len() as u64;
    let done = Statement::new(
        "WITH v (id, old_runner_id, runner_id, machine_id, boot_id, lease_until) AS (",
    )
    .push_rows(rows)
    .push(
        ") UPDATE attempts SET runner_id = v.runner_id, machine_id = v.machine_id, boot_id = v.boot_id, \
         lease_until = v.lease_until \
         FROM v WHERE attempts.id = v.id AND attempts.status = 'running' AND attempts.runner_id = v.old_runner_id",
    )
    .execute(on, "writing attempts that were taken over")
    .await?;
    expect(done, expected)
}

/// Writes what has changed of attempts that still run: a staged decision, what people want of them.
pub(super) async fn update_running(on: &mut Connection, changed: &[&Attempt]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = changed
        .iter()
        .map(|attempt| {
            let decision = attempt.decision.as_ref().map(decision_json::write);
            let wishes = [attempt.cancel_requested, attempt.pause_requested];
            let mut row: Vec<Value> = vec![attempt.id.to_string().into()];
            row.extend(wishes.map(Value::from));
            row.extend(reservation::values(&attempt.reserved));
            row.push(decision.into());
            row
        })
        .collect();
    let expected = rows.len() as u64;
    let done = Statement::new(
        "WITH v (id, cancel_requested, pause_requested, reserved_micros, reserved_tokens, reserved_wall_ms, \
         reserved_tool_calls, decision) AS (",
    )
    .push_rows(rows)
    .push(
        ") UPDATE attempts SET cancel_requested = v.cancel_requested, pause_requested = v.pause_requested, \
             reserved_micros = v.reserved_micros, reserved_tokens = v.reserved_tokens, \
             reserved_wall_ms = v.reserved_wall_ms, reserved_tool_calls = v.reserved_tool_calls, \
             decision = v.decision \
             FROM v WHERE attempts.id = v.id AND attempts.status = 'running'",
    )
    .execute(on, "writing running attempts")
    .await?;
    expect(done, expected)
}

/// Writes attempts that have ended, with what their runner told of them.
pub(super) async fn update_ended(
    on: &mut Connection,
    ended: &[&Attempt],
    reports: &HashMap<AttemptId, AttemptReport>,
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> =
        ended.iter().map(|attempt| ended_row(attempt, reports.get(&attempt.id))).collect();
    let expected = rows.len() as u64;
    let done = Statement::new(
        "WITH v (id, ended_at, outcome, message, exit_code, signal, unknown_lines, bad_lines, session_id, model, \
         cli_version, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_micros, \
         cost_source, tool_calls, last_activity) AS (",
    )
    .push_rows(rows)
    .push(
        ") UPDATE attempts SET status = 'ended', ended_at = v.ended_at, outcome = v.outcome, message = v.message, \
         exit_code = v.exit_code, signal = v.signal, unknown_lines = v.unknown_lines, bad_lines = v.bad_lines, \
         session_id = coalesce(v.session_id, attempts.session_id), model = coalesce(v.model, attempts.model), \
         cli_version = coalesce(v.cli_version, attempts.cli_version), \
         input_tokens = coalesce(v.input_tokens, attempts.input_tokens), \
         cached_tokens = coalesce(v.cached_tokens, attempts.cached_tokens), \
         cache_write_tokens = coalesce(v.cache_write_tokens, attempts.cache_write_tokens), \
         output_tokens = coalesce(v.output_tokens, attempts.output_tokens), \
         reasoning_tokens = coalesce(v.reasoning_tokens, attempts.reasoning_tokens), \
         cost_micros = coalesce(v.cost_micros, attempts.cost_micros), \
         cost_source = coalesce(v.cost_source, attempts.cost_source), \
         tool_calls = max(v.tool_calls, attempts.tool_calls), \
         last_activity = coalesce(v.last_activity, attempts.last_activity) \
         FROM v WHERE attempts.id = v.id AND attempts.status = 'running'",
    )
    .execute(on, "writing ended attempts")
    .await?;
    expect(done, expected)
}

fn ended_row(attempt: &Attempt, report: Option<&AttemptReport>) -> Vec<Value> {
    let end = attempt.end.as_ref();
    let class = end.map(|end| end.class);
    let message = end.filter(|_| class != Some(OutcomeClass::Success)).map(|end| end.message.clone());
    let (code, signal) = match report.and_then(|report| report.process) {
        Some(ProcessEnd::Exited(code)) => (Some(i64::from(code)), None),
        Some(ProcessEnd::Signaled(signal)) => (None, Some(i64::from(signal))),
        Some(ProcessEnd::Unknown) | None => (None, None),
    };
    let mut row = vec![
        attempt.id.to_string().into(),
        end.map(|end| end.at.as_millis()).into(),
        class.map(|class| class.as_str().to_owned()).into(),
        message.into(),
        code.into(),
        signal.into(),
        report.map_or(0, |report| report.unknown_lines).into(),
        report.map_or(0, |report| report.bad_lines).into(),
    ];
    row.extend(progress_values(&report.map(|report| report.progress.clone()).unwrap_or_default()));
    row
}

fn progress_values(progress: &AttemptProgress) -> [Value; 12] {
    let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let usage = progress.usage;
    [
        progress.session_id.clone().into(),
        progress.model.clone().into(),
        progress.cli_version.clone().into(),
        usage.map(|usage| tokens(usage.input)).into(),
        usage.map(|usage| tokens(usage.cached)).into(),
        usage.map(|usage| tokens(usage.written)).into(),
        usage.map(|usage| tokens(usage.output)).into(),
        usage.and_then(|usage| usage.reasoning).map(tokens).into(),
        progress.cost.map(MicroUsd::as_micros).into(),
        progress.cost.and(progress.cost_source).map(|source| source.as_str().to_owned()).into(),
        progress.tool_calls.into(),
        progress.last_activity.clone().into(),
    ]
}

/// Writes how far running attempts of this runner are; silently nothing for one that it no longer owns.
pub(super) async fn progress(
    on: &mut Connection,
    runner: RunnerId,
    progress: &[(AttemptId, AttemptProgress)],
) -> Result<(), StoreError> {
    let rows = progress
        .iter()
        .map(|(id, progress)| {
            let mut row = vec![id.to_string().into()];
            row.extend(progress_values(progress));
            row
        })
        .collect();
    let statement = Statement::new(
        "WITH v (id, session_id, model, cli_version, input_tokens, cached_tokens, cache_write_tokens, output_tokens, \
         reasoning_tokens, cost_micros, cost_source, tool_calls, last_activity) AS (",
    )
    .push_rows(rows)
    .push(
        ") UPDATE attempts SET session_id = v.session_id, model = v.model, cli_version = v.cli_version, \
         input_tokens = v.input_tokens, cached_tokens = v.cached_tokens, cache_write_tokens = v.cache_write_tokens, \
         output_tokens = v.output_tokens, reasoning_tokens = v.reasoning_tokens, cost_micros = v.cost_micros, \
         cost_source = v.cost_source, tool_calls = v.tool_calls, \
         last_activity = v.last_activity \
         FROM v WHERE attempts.id = v.id AND attempts.status = 'running' AND attempts.runner_id = ",
    );
    statement.push_bound(runner.to_string().into()).execute(on, "writing progress").await?;
    Ok(())
}

/// Renews the leases of these attempts of the runner; tells those that it still owns, each with what people want of
/// it. One that the runner does not know of is not renewed: nobody does its job, and its lease must run out.
pub(super) async fn renew(
    on: &mut Connection,
    runner: RunnerId,
    attempts: &[AttemptId],
    until: Timestamp,
) -> Result<Vec<(AttemptId, Option<Wish>)>, StoreError> {
    let rows = Statement::new(
        "UPDATE attempts SET lease_until = $1 WHERE runner_id = $2 AND status = 'running' AND id IN ",
    )
    .bind(until.as_millis())
    .bind(runner.to_string())
    .push_list(attempts.iter().map(|id| Value::from(id.to_string())))
    .push(" RETURNING id, cancel_requested, pause_requested")
    .fetch(on, "renewing leases")
    .await?;
    rows.iter().map(read_wish).collect()
}

/// What people want of running attempts of this runner.
pub(super) async fn wishes(
    on: &mut Connection,
    runner: RunnerId,
) -> Result<Vec<(AttemptId, Wish)>, StoreError> {
    let rows = Statement::new(
        "SELECT id, cancel_requested, pause_requested FROM attempts \
         WHERE runner_id = $1 AND status = 'running' AND (cancel_requested = 1 OR pause_requested = 1)",
    )
    .bind(runner.to_string())
    .fetch(on, "looking for what people want")
    .await?;
    let all: Vec<_> = rows.iter().map(read_wish).collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter_map(|(id, wish)| Some((id, wish?))).collect())
}

/// A cancellation is the end of what a pause would interrupt.
fn read_wish(row: &AnyRow) -> Result<(AttemptId, Option<Wish>), StoreError> {
    const WISHED: [&str; 3] = ["id", "cancel_requested", "pause_requested"];
    let mut columns = Columns::new(row, "attempts", &WISHED, 0);
    let id = columns.parsed(|text| text.parse().ok())?;
    let wish = match (columns.flag()?, columns.flag()?) {
        (true, _) => Some(Wish::Cancel),
        (false, true) => Some(Wish::Pause),
        (false, false) => None,
    };
    Ok((id, wish))
}

/// Running attempts of other runners, with the runner's own process where it is still recorded.
pub(super) async fn foreign(on: &mut Connection, runner: RunnerId) -> Result<Vec<Orphan>, StoreError> {
    const FOUND: [&str; 10] = [
        "id",
        "assignment_id",
        "job_id",
        "runner_id",
        "machine_id",
        "boot_id",
        "lease_until",
        "pid",
        "start_time",
        "boot_id",
    ];
    let rows = Statement::new(
        "SELECT a.id, a.assignment_id, a.job_id, a.runner_id, a.machine_id, a.boot_id, a.lease_until, r.pid, r.start_time, r.boot_id \
         FROM attempts a LEFT JOIN runners r ON r.id = a.runner_id \
         WHERE a.status = 'running' AND a.runner_id <> $1",
    )
    .bind(runner.to_string())
    .fetch(on, "looking for attempts of other runners")
    .await?;
    let read = |row: &AnyRow| {
        let mut columns = Columns::new(row, "attempts", &FOUND, 0);
        Ok(Orphan {
            attempt: columns.parsed(|text| text.parse().ok())?,
            assignment: columns.parsed(|text| text.parse().ok())?,
            job: columns.parsed::<JobId>(|text| text.parse().ok())?,
            runner: columns.parsed(|text| text.parse().ok())?,
            host: read_host(&mut columns)?,
            lease_until: columns.time()?,
            runner_process: runner_table::read_process(&mut columns)?,
        })
    };
    rows.iter().map(read).collect()
}

/// What the PM has decided from inside a running attempt so far.
pub(super) async fn staged_decision(
    on: &mut Connection,
    attempt: AttemptId,
) -> Result<Option<Decision>, StoreError> {
    let rows = Statement::new("SELECT decision FROM attempts WHERE id = $1")
        .bind(attempt.to_string())
        .fetch(on, "reading a staged decision")
        .await?;
    let read = |row| Columns::new(row, "attempts", &["decision"], 0).optional_parsed(decision_json::read);
    rows.first().map_or(Ok(None), read)
}

/// All the attempts at these jobs, oldest first.
pub(super) async fn of_jobs(on: &mut Connection, jobs: &[JobId]) -> Result<Vec<AttemptRecord>, StoreError> {
    let select = format!("SELECT {} FROM attempts WHERE job_id IN ", names("", &COLUMNS[..READ]));
    let rows = Statement::new(select)
        .push_list(jobs.iter().map(|id| Value::from(id.to_string())))
        .push(" ORDER BY job_id, number")
        .fetch(on, "reading attempts")
        .await?;
    rows.iter().map(|row| read(row, 0)).collect()
}

fn expect(done: u64, expected: u64) -> Result<(), StoreError> {
    if done == expected { Ok(()) } else { Err(StoreError::LostRace { what: "an attempt".to_owned() }) }
}
