//! The table of schedules.

use std::time::Duration;

use agents_domain::id::ScheduleId;
use agents_domain::namespace::Namespace;
use agents_domain::run::RunStatus;
use agents_domain::schedule::entry::{PatternKind, Progress, Schedule, Standing, Terms};
use agents_domain::schedule::schedules::{DueFilter, ScheduleFilter, ScheduleWrite, Written};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::firing_table;
use super::statement::{Statement, Value, names};

const COLUMNS: [&str; 29] = [
    "id",
    "namespace",
    "name",
    "pattern_kind",
    "pattern",
    "zone",
    "start_kind",
    "start",
    "params",
    "missed",
    "catchup_cap",
    "catchup_window_ms",
    "overlap",
    "jitter_ms",
    "from_at",
    "until_at",
    "auto_pause_after",
    "standing",
    "paused_at",
    "paused_reason",
    "decided_until",
    "next_due_at",
    "next_run_at",
    "last_run_at",
    "last_outcome",
    "failures",
    "created_at",
    "updated_at",
    "revision",
];

/// Rows that one statement writes at most.
const ROWS_AT_ONCE: usize = 100;

/// Why a due time that waited is not done.
const SWITCHED_OFF: &str = "the schedule was switched off";

fn select() -> Statement {
    Statement::new(format!("SELECT {} FROM schedules ", names("", &COLUMNS)))
}

fn read(row: &AnyRow) -> Result<Schedule, StoreError> {
    let mut columns = Columns::new(row, "schedules", &COLUMNS, 0);
    Ok(Schedule {
        id: columns.parsed(|text| text.parse().ok())?,
        namespace: columns.parsed(|text| Namespace::new(text).ok())?,
        name: columns.text()?,
        terms: read_terms(&mut columns)?,
        standing: read_standing(&mut columns)?,
        progress: Progress {
            decided_until: columns.time()?,
            next_due: columns.optional_time()?,
            look_at: columns.optional_time()?,
            last_run_at: columns.optional_time()?,
            last_outcome: columns.optional_parsed(RunStatus::from_name)?,
            failures: columns.count()?,
        },
        created_at: columns.time()?,
        updated_at: columns.time()?,
        revision: columns.count()?,
    })
}

fn read_terms(columns: &mut Columns<'_>) -> Result<Terms, StoreError> {
    let kind = columns.parsed(PatternKind::from_name)?;
    let (pattern, zone) = (columns.text()?, columns.text()?);
    let kind_of_start = columns.text()?;
    let (text, params) = (columns.text()?, columns.text()?);
    let start = match &*kind_of_start {
        "definition" => Start::Definition { name: text, params },
        "north-star" => Start::NorthStar { template: text, params },
        "workflow" => Start::Workflow { name: text, params },
        other => return Err(columns.bad(other)),
    };
    let policy = columns.text()?;
    let cap: Option<u32> = columns.optional_number()?;
    let window = columns.optional_number()?.map(Duration::from_millis);
    let missed = match (&*policy, cap) {
        ("catchup", Some(cap)) => MissedPolicy::Catchup { cap, window },
        ("last", _) => MissedPolicy::Last,
        ("skip", _) => MissedPolicy::Skip,
        _ => return Err(columns.bad(&policy)),
    };
    Ok(Terms {
        kind,
        pattern,
        zone,
        start,
        missed,
        overlap: columns.parsed(Overlap::from_name)?,
        jitter: Duration::from_millis(columns.optional_number()?.unwrap_or(0)),
        from: columns.optional_time()?,
        until: columns.optional_time()?,
        auto_pause_after: columns.optional_number()?,
    })
}

fn read_standing(columns: &mut Columns<'_>) -> Result<Standing, StoreError> {
    let name = columns.text()?;
    let (at, reason) = (columns.optional_time()?, columns.optional_text()?);
    match (&*name, at, reason) {
        ("on", ..) => Ok(Standing::On),
        ("off", ..) => Ok(Standing::Off),
        ("paused", Some(at), Some(reason)) => Ok(Standing::Paused { at, reason }),
        _ => Err(columns.bad(&name)),
    }
}

/// The values of the columns, in their order.
fn row(schedule: &Schedule) -> Vec<Value> {
    let (terms, progress) = (&schedule.terms, &schedule.progress);
    let mut row: Vec<Value> = vec![
        schedule.id.to_string().into(),
        schedule.namespace.as_str().into(),
        schedule.name.as_str().into(),
    ];
    row.extend(terms_values(terms));
    row.extend(standing_values(&schedule.standing));
    row.extend(progress_values(progress));
    row.extend([
        schedule.created_at.as_millis().into(),
        schedule.updated_at.as_millis().into(),
        schedule.revision.into(),
    ]);
    row
}

fn terms_values(terms: &Terms) -> [Value; 14] {
    let (kind, text, params) = match &terms.start {
        Start::Definition { name, params } => ("definition", name, params),
        Start::NorthStar { template, params } => ("north-star", template, params),
        Start::Workflow { name, params } => ("workflow", name, params),
    };
    let (cap, window) = match terms.missed {
        MissedPolicy::Catchup { cap, window } => (Some(i64::from(cap)), window.map(millis)),
        MissedPolicy::Last | MissedPolicy::Skip => (None, None),
    };
    [
        terms.kind.as_str().into(),
        terms.pattern.as_str().into(),
        terms.zone.as_str().into(),
        kind.into(),
        text.as_str().into(),
        params.as_str().into(),
        terms.missed.as_str().into(),
        cap.into(),
        window.into(),
        terms.overlap.as_str().into(),
        millis(terms.jitter).into(),
        terms.from.map(Timestamp::as_millis).into(),
        terms.until.map(Timestamp::as_millis).into(),
        terms.auto_pause_after.map(i64::from).into(),
    ]
}

fn standing_values(standing: &Standing) -> [Value; 3] {
    let (at, reason) = match standing {
        Standing::On | Standing::Off => (None, None),
        Standing::Paused { at, reason } => (Some(at.as_millis()), Some(reason.clone())),
    };
    [standing.as_str().into(), at.into(), reason.into()]
}

fn progress_values(progress: &Progress) -> [Value; 6] {
    [
        progress.decided_until.as_millis().into(),
        progress.next_due.map(Timestamp::as_millis).into(),
        progress.look_at.map(Timestamp::as_millis).into(),
        progress.last_run_at.map(Timestamp::as_millis).into(),
        progress.last_outcome.map(|outcome| outcome.as_str().to_owned()).into(),
        progress.failures.into(),
    ]
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Writes new and changed schedules, all or none.
pub(super) async fn write(on: &mut Connection, writes: &[ScheduleWrite]) -> Result<Written, StoreError> {
    for write in writes {
        let (schedule, name) = (&write.schedule, write.schedule.name.clone());
        let found = by_name(on, &schedule.namespace, &name).await?;
        match (found, write.replaces) {
            (Some(_), None) => return Ok(Written::NameTaken { name }),
            (Some(stored), Some(_)) if stored.id != schedule.id => return Ok(Written::NameTaken { name }),
            (_, Some(revision)) => {
                let stored = load(on, &[schedule.id]).await?;
                if stored.first().is_none_or(|stored| stored.revision != revision) {
                    return Ok(Written::Changed { name });
                }
            }
            (None, None) => {}
        }
    }
    for part in writes.chunks(ROWS_AT_ONCE) {
        let is_new = |write: &&ScheduleWrite| write.replaces.is_none();
        let new: Vec<_> = part.iter().filter(is_new).map(|write| row(&write.schedule)).collect();
        if !new.is_empty() {
            Statement::new(format!("INSERT INTO schedules ({}) ", names("", &COLUMNS)))
                .push_rows(new)
                .execute(on, "writing new schedules")
                .await?;
        }
    }
    for write in writes.iter().filter(|write| write.replaces.is_some()) {
        replace(on, write).await?;
    }
    Ok(Written::Done)
}

async fn by_name(
    on: &mut Connection,
    namespace: &Namespace,
    name: &str,
) -> Result<Option<Schedule>, StoreError> {
    let filter = ScheduleFilter {
        namespace: Some(namespace.clone()),
        name: Some(name.to_owned()),
        ..ScheduleFilter::default()
    };
    Ok(list(on, &filter).await?.pop())
}

async fn replace(on: &mut Connection, write: &ScheduleWrite) -> Result<(), StoreError> {
    const FIRST: usize = 3;
    const TERMS: usize = 14;
    const STANDING: usize = 3;
    const PROGRESS: usize = 6;
    let schedule = &write.schedule;
    let values = [
        &terms_values(&schedule.terms)[..],
        &standing_values(&schedule.standing),
        &progress_values(&schedule.progress),
    ]
    .concat();
    let written = if write.begins_anew { TERMS + STANDING + PROGRESS } else { TERMS + STANDING };
    let columns = COLUMNS[FIRST..].iter().zip(values).take(written);
    let mut statement = Statement::new("UPDATE schedules SET name = ")
        .push_bound(schedule.name.as_str().into())
        .push(", updated_at = ")
        .push_bound(schedule.updated_at.as_millis().into())
        .push(", revision = revision + 1");
    for (column, value) in columns {
        statement = statement.push(&format!(", {column} = ")).push_bound(value);
    }
    if !write.begins_anew {
        // It is looked at soon, and the look finds when the next one is due.
        let look_at = schedule.standing.is_on().then_some(schedule.updated_at.as_millis());
        statement = statement.push(", next_run_at = ").push_bound(look_at.into());
    }
    statement
        .push(" WHERE id = ")
        .push_bound(schedule.id.to_string().into())
        .execute(on, "changing a schedule")
        .await?;
    if !schedule.standing.is_on() {
        let why = (SWITCHED_OFF, schedule.updated_at);
        firing_table::drop_waiting(on, &[schedule.id], why).await?;
    }
    Ok(())
}

/// Takes a schedule away; whether it was there.
pub(super) async fn delete(on: &mut Connection, id: ScheduleId) -> Result<bool, StoreError> {
    let delete = Statement::new("DELETE FROM schedules WHERE id = $1").bind(id.to_string());
    Ok(delete.execute(on, "deleting a schedule").await? > 0)
}

/// Schedules by namespace and name, or the next one first.
pub(super) async fn list(on: &mut Connection, filter: &ScheduleFilter) -> Result<Vec<Schedule>, StoreError> {
    let mut statement = select().push("WHERE 1 = 1");
    if let Some(namespace) = &filter.namespace {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    if let Some(name) = &filter.name {
        statement = statement.push(" AND name = ").push_bound(name.as_str().into());
    }
    statement = match filter.next_first {
        true => statement.push(" AND standing = 'on' AND next_due_at IS NOT NULL ORDER BY next_due_at, id"),
        false => statement.push(" ORDER BY namespace, name"),
    };
    if let Some(limit) = filter.limit {
        statement = statement.push(" LIMIT ").push_bound(limit.into());
    }
    let rows = statement.fetch(on, "listing schedules").await?;
    rows.iter().map(read).collect()
}

/// Those of these ids that there are.
pub(super) async fn load(on: &mut Connection, ids: &[ScheduleId]) -> Result<Vec<Schedule>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in ids.chunks(ROWS_AT_ONCE) {
        let ids = part.iter().map(|id| id.to_string().into());
        let rows = select().push("WHERE id IN ").push_list(ids).fetch(on, "reading schedules").await?;
        for row in &rows {
            found.push(read(row)?);
        }
    }
    Ok(found)
}

/// Those that a runner is to look at, the one that waits longest first.
pub(super) async fn due(on: &mut Connection, filter: &DueFilter) -> Result<Vec<Schedule>, StoreError> {
    let mut statement = select().push("WHERE next_run_at <= ").push_bound(filter.now.as_millis().into());
    if let Some(namespace) = &filter.namespace {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    if let Some((at, id)) = filter.behind {
        statement = statement
            .push(" AND (next_run_at, id) > ")
            .push_list([at.as_millis().into(), id.to_string().into()]);
    }
    let statement = statement.push(" ORDER BY next_run_at, id LIMIT ").push_bound(filter.limit.into());
    let rows = statement.fetch(on, "reading schedules that are due").await?;
    rows.iter().map(read).collect()
}

/// When one is to be looked at next.
pub(super) async fn next_look_at(
    on: &mut Connection,
    namespace: Option<&Namespace>,
) -> Result<Option<Timestamp>, StoreError> {
    const NEXT: [&str; 1] = ["next_run_at"];
    let mut statement =
        Statement::new("SELECT min(next_run_at) FROM schedules WHERE next_run_at IS NOT NULL");
    if let Some(namespace) = namespace {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    let rows = statement.fetch(on, "reading when the next schedule is due").await?;
    match rows.first() {
        Some(row) => Columns::new(row, "schedules", &NEXT, 0).optional_time(),
        None => Ok(None),
    }
}

/// Writes how far these are, and how they stand.
pub(super) async fn advance(
    on: &mut Connection,
    schedules: &[(ScheduleId, &Progress, &Standing)],
) -> Result<(), StoreError> {
    const WRITTEN: [&str; 10] = [
        "id",
        "standing",
        "paused_at",
        "paused_reason",
        "decided_until",
        "next_due_at",
        "next_run_at",
        "last_run_at",
        "last_outcome",
        "failures",
    ];
    for part in schedules.chunks(ROWS_AT_ONCE) {
        let rows = part.iter().map(|(id, progress, standing)| {
            let mut row: Vec<Value> = vec![id.to_string().into()];
            row.extend(standing_values(standing));
            row.extend(progress_values(progress));
            row
        });
        let sets: Vec<String> = WRITTEN[1..].iter().map(|name| format!("{name} = v.{name}")).collect();
        Statement::new(format!("WITH v ({}) AS (", names("", &WRITTEN)))
            .push_rows(rows.collect())
            .push(&format!(") UPDATE schedules SET {} FROM v WHERE schedules.id = v.id", sets.join(", ")))
            .execute(on, "writing how far schedules are")
            .await?;
    }
    Ok(())
}
