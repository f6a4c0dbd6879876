//! The table of firings: what was decided for each due time of each schedule.

use std::collections::BTreeMap;

use agents_domain::id::{AssignmentId, ScheduleId};
use agents_domain::run::RunStatus;
use agents_domain::schedule::decide::Record;
use agents_domain::schedule::entry::{Schedule, Standing};
use agents_domain::schedule::firing::{Decision, Firing};
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value, names};
use super::told::Teller;
use super::{happening_table, schedule_table};

const COLUMNS: [&str; 9] = [
    "schedule_id",
    "due_at",
    "decision",
    "decided_at",
    "due_times",
    "run_id",
    "outcome",
    "ended_at",
    "reason",
];

/// Rows that one statement writes at most.
const ROWS_AT_ONCE: usize = 100;

/// How long firings are kept: 30 days. Those that are open stay.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

fn read(row: &AnyRow) -> Result<Firing, StoreError> {
    let mut columns = Columns::new(row, "firings", &COLUMNS, 0);
    Ok(Firing {
        schedule: columns.parsed(|text| text.parse().ok())?,
        due: columns.time()?,
        decision: columns.parsed(Decision::from_name)?,
        decided_at: columns.time()?,
        count: columns.optional_number()?.unwrap_or(1),
        run: columns.optional_parsed(|text| text.parse().ok())?,
        outcome: columns.optional_parsed(RunStatus::from_name)?,
        ended_at: columns.optional_time()?,
        reason: columns.optional_text()?,
    })
}

fn row(firing: &Firing) -> Vec<Value> {
    let is_open = match firing.decision {
        Decision::Started => firing.ended_at.is_none(),
        Decision::Waiting => true,
        Decision::Missed | Decision::Overlap | Decision::Refused | Decision::Dropped => false,
    };
    vec![
        firing.schedule.to_string().into(),
        firing.due.as_millis().into(),
        firing.decision.as_str().into(),
        firing.decided_at.as_millis().into(),
        i64::try_from(firing.count).unwrap_or(i64::MAX).into(),
        firing.run.map(|id| id.to_string()).into(),
        firing.outcome.map(|outcome| outcome.as_str().to_owned()).into(),
        firing.ended_at.map(Timestamp::as_millis).into(),
        firing.reason.clone().into(),
        is_open.into(),
    ]
}

/// Writes new firings, and what has become of those that waited. A due time that is decided for the second time fails.
pub(super) async fn write(
    on: &mut Connection,
    (new, that_waited): (&[Firing], &[Firing]),
) -> Result<(), StoreError> {
    let into = format!("INSERT INTO firings ({}, is_open) ", names("", &COLUMNS));
    for part in new.chunks(ROWS_AT_ONCE) {
        let rows = part.iter().map(row).collect();
        Statement::new(&*into).push_rows(rows).execute(on, "writing firings").await?;
    }
    for part in that_waited.chunks(ROWS_AT_ONCE) {
        let changed = ["decision", "decided_at", "run_id", "reason", "is_open"]
            .map(|name| format!("{name} = excluded.{name}"));
        Statement::new(&*into)
            .push_rows(part.iter().map(row).collect())
            .push(" ON CONFLICT (schedule_id, due_at) DO UPDATE SET ")
            .push(&changed.join(", "))
            .push(" WHERE firings.decision = 'waiting'")
            .execute(on, "writing firings that waited")
            .await?;
    }
    Ok(())
}

/// Takes away what is too old to be of interest.
pub(super) async fn forget(
    on: &mut Connection,
    schedules: &[ScheduleId],
    now: Timestamp,
) -> Result<(), StoreError> {
    for part in schedules.chunks(ROWS_AT_ONCE) {
        Statement::new("DELETE FROM firings WHERE schedule_id IN ")
            .push_list(part.iter().map(|id| id.to_string().into()))
            .push(" AND is_open = 0 AND due_at < ")
            .push_bound(now.as_millis().saturating_sub(KEPT_MS).into())
            .execute(on, "forgetting old firings")
            .await?;
    }
    Ok(())
}

/// What waits of these schedules is not done.
pub(super) async fn drop_waiting(
    on: &mut Connection,
    schedules: &[ScheduleId],
    (why, now): (&str, Timestamp),
) -> Result<(), StoreError> {
    for part in schedules.chunks(ROWS_AT_ONCE) {
        Statement::new("UPDATE firings SET decision = 'dropped', is_open = 0, reason = ")
            .push_bound(why.into())
            .push(", decided_at = ")
            .push_bound(now.as_millis().into())
            .push(" WHERE is_open = 1 AND decision = 'waiting' AND schedule_id IN ")
            .push_list(part.iter().map(|id| id.to_string().into()))
            .execute(on, "dropping due times that waited")
            .await?;
    }
    Ok(())
}

/// What the table knows of each of these schedules.
pub(super) async fn records(
    on: &mut Connection,
    schedules: &[Schedule],
) -> Result<BTreeMap<ScheduleId, Record>, StoreError> {
    let mut records: BTreeMap<ScheduleId, Record> = BTreeMap::new();
    for part in schedules.chunks(ROWS_AT_ONCE) {
        let ids = || part.iter().map(|schedule| schedule.id.to_string().into());
        let rows = select()
            .push("WHERE is_open = 1 AND schedule_id IN ")
            .push_list(ids())
            .push(" ORDER BY schedule_id, due_at")
            .fetch(on, "reading open firings")
            .await?;
        for row in &rows {
            let firing = read(row)?;
            let record = records.entry(firing.schedule).or_default();
            match firing.run {
                Some(run) => record.open.push(run),
                None => record.waiting.push(firing.due),
            }
        }
        let rows = Statement::new(format!(
            "SELECT {} FROM schedules s JOIN firings f ON f.schedule_id = s.id AND f.due_at > s.decided_until \
             WHERE s.id IN ",
            names("f.", &COLUMNS)
        ))
        .push_list(ids())
        .fetch(on, "reading firings of a later time")
        .await?;
        for row in &rows {
            let firing = read(row)?;
            records.entry(firing.schedule).or_default().decided.insert(firing.due);
        }
    }
    Ok(records)
}

/// The latest due times of a schedule.
pub(super) async fn list(
    on: &mut Connection,
    schedule: ScheduleId,
    limit: u32,
) -> Result<Vec<Firing>, StoreError> {
    let statement = select()
        .push("WHERE schedule_id = ")
        .push_bound(schedule.to_string().into())
        .push(" ORDER BY due_at DESC LIMIT ")
        .push_bound(limit.into());
    let rows = statement.fetch(on, "listing firings").await?;
    rows.iter().map(read).collect()
}

fn select() -> Statement {
    Statement::new(format!("SELECT {} FROM firings ", names("", &COLUMNS)))
}

/// Runs have ended: their firings and schedules know how, and what has waited for them is to be looked at now.
pub(super) async fn runs_ended(
    on: &mut Connection,
    ended: &[(AssignmentId, RunStatus)],
    teller: &Teller<'_>,
) -> Result<(), StoreError> {
    for part in ended.chunks(ROWS_AT_ONCE) {
        let ids = part.iter().map(|(id, _)| id.to_string().into());
        let statement =
            select().push("WHERE run_id IN ").push_list(ids).push(" ORDER BY schedule_id, due_at");
        let rows = statement.fetch(on, "reading the firings of runs that have ended").await?;
        for row in &rows {
            let firing = read(row)?;
            let status = part.iter().find(|(id, _)| Some(*id) == firing.run).map(|(_, status)| *status);
            if let Some(status) = status {
                run_ended(on, &firing, (status, teller)).await?;
            }
        }
    }
    Ok(())
}

async fn run_ended(
    on: &mut Connection,
    firing: &Firing,
    (status, teller): (RunStatus, &Teller<'_>),
) -> Result<(), StoreError> {
    let now = teller.now;
    Statement::new("UPDATE firings SET is_open = 0, outcome = ")
        .push_bound(status.as_str().into())
        .push(", ended_at = ")
        .push_bound(now.as_millis().into())
        .push(" WHERE schedule_id = ")
        .push_bound(firing.schedule.to_string().into())
        .push(" AND due_at = ")
        .push_bound(firing.due.as_millis().into())
        .execute(on, "writing how a run has ended")
        .await?;
    let Some(schedule) = schedule_table::load(on, &[firing.schedule]).await?.pop() else { return Ok(()) };
    let (mut progress, standing) = schedule.after_end(status, firing.outcome.is_none(), now);
    if standing != schedule.standing {
        let why = agents_domain::schedule::decide::DROPPED_BY_PAUSE;
        drop_waiting(on, &[schedule.id], (why, now)).await?;
        if let Standing::Paused { reason, .. } = &standing {
            let told = teller.schedule_paused(&schedule.namespace, (schedule.id, &schedule.name), reason);
            happening_table::insert(on, &[told], now).await?;
        }
    } else if standing.is_on() && has_waiting(on, schedule.id).await? {
        progress.look_at = Some(now);
    }
    schedule_table::advance(on, &[(schedule.id, &progress, &standing)]).await
}

async fn has_waiting(on: &mut Connection, schedule: ScheduleId) -> Result<bool, StoreError> {
    let rows = Statement::new(
        "SELECT 1 FROM firings WHERE is_open = 1 AND decision = 'waiting' AND schedule_id = $1 LIMIT 1",
    )
    .bind(schedule.to_string())
    .fetch(on, "looking for due times that wait")
    .await?;
    Ok(!rows.is_empty())
}
