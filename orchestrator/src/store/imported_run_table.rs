//! The table of runs that ended elsewhere.

use agents_domain::import::{ImportedRun, ImportedRunFilter};
use agents_domain::namespace::Namespace;
use agents_domain::run::{RunStatus, TriggerKind};
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value, names};

const COLUMNS: [&str; 12] = [
    "namespace",
    "run_key",
    "definition",
    "status",
    "trigger_kind",
    "schedule",
    "started_at",
    "ended_at",
    "input",
    "output",
    "error",
    "imported_at",
];

/// The columns that a run is known by.
const KEY: usize = 2;

/// Rows that one statement writes at most.
const ROWS_AT_ONCE: usize = 100;

fn read(row: &AnyRow) -> Result<ImportedRun, StoreError> {
    let mut columns = Columns::new(row, "imported_runs", &COLUMNS, 0);
    Ok(ImportedRun {
        namespace: columns.parsed(|text| Namespace::new(text).ok())?,
        key: columns.text()?,
        definition: columns.text()?,
        status: columns.parsed(RunStatus::from_name)?,
        trigger: columns.parsed(TriggerKind::from_name)?,
        schedule: columns.optional_text()?,
        started_at: columns.time()?,
        ended_at: columns.optional_time()?,
        input: columns.optional_text()?,
        output: columns.optional_text()?,
        error: columns.optional_text()?,
        imported_at: columns.time()?,
    })
}

fn row(run: &ImportedRun) -> Vec<Value> {
    vec![
        run.namespace.as_str().into(),
        run.key.as_str().into(),
        run.definition.as_str().into(),
        run.status.as_str().into(),
        run.trigger.as_str().into(),
        run.schedule.clone().into(),
        run.started_at.as_millis().into(),
        run.ended_at.map(Timestamp::as_millis).into(),
        run.input.clone().into(),
        run.output.clone().into(),
        run.error.clone().into(),
        run.imported_at.as_millis().into(),
    ]
}

/// Writes runs; one whose key is there takes its place.
pub(super) async fn put(on: &mut Connection, runs: &[ImportedRun]) -> Result<(), StoreError> {
    let sets: Vec<String> = COLUMNS[KEY..].iter().map(|name| format!("{name} = excluded.{name}")).collect();
    for part in runs.chunks(ROWS_AT_ONCE) {
        Statement::new(format!("INSERT INTO imported_runs ({}) ", names("", &COLUMNS)))
            .push_rows(part.iter().map(row).collect())
            .push(&format!(" ON CONFLICT (namespace, run_key) DO UPDATE SET {}", sets.join(", ")))
            .execute(on, "writing imported runs")
            .await?;
    }
    Ok(())
}

/// Runs that fit, the latest first.
pub(super) async fn list(
    on: &mut Connection,
    filter: &ImportedRunFilter,
) -> Result<Vec<ImportedRun>, StoreError> {
    let mut statement =
        Statement::new(format!("SELECT {} FROM imported_runs WHERE 1 = 1", names("", &COLUMNS)));
    if let Some(namespace) = &filter.namespace {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    if let Some(definition) = &filter.definition {
        statement = statement.push(" AND definition = ").push_bound(definition.as_str().into());
    }
    if !filter.status.is_empty() {
        let status = filter.status.iter().map(|status| status.as_str().into());
        statement = statement.push(" AND status IN ").push_list(status);
    }
    if let Some(since) = filter.since {
        statement = statement.push(" AND started_at >= ").push_bound(since.as_millis().into());
    }
    statement = statement.push(" ORDER BY started_at DESC, namespace, run_key");
    if let Some(limit) = filter.limit {
        statement = statement.push(" LIMIT ").push_bound(limit.into());
    }
    let rows = statement.fetch(on, "listing imported runs").await?;
    rows.iter().map(read).collect()
}
