//! The table of runners that have not ended, as far as is known.

use agents_domain::attempt::ProcessMark;
use agents_domain::id::RunnerId;
use agents_domain::namespace::Namespace;
use agents_domain::store::{RunnerRecord, StoreError};
use agents_domain::timestamp::Timestamp;
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::Statement;

const COLUMNS: [&str; 10] = [
    "id",
    "name",
    "namespace",
    "concurrency",
    "version",
    "started_at",
    "heartbeat_at",
    "pid",
    "start_time",
    "boot_id",
];

/// Writes a runner, new or known.
pub(super) async fn put(on: &mut Connection, runner: &RunnerRecord) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO runners (id, name, pid, start_time, boot_id, namespace, concurrency, version, started_at, \
         heartbeat_at) ",
    )
    .push_rows(vec![vec![
        runner.id.to_string().into(),
        runner.name.as_str().into(),
        i64::from(runner.process.pid).into(),
        i64::try_from(runner.process.start_time).unwrap_or(i64::MAX).into(),
        runner.process.boot_id.as_str().into(),
        runner.namespace.as_ref().map(|namespace| namespace.as_str().to_owned()).into(),
        runner.concurrency.into(),
        runner.version.as_str().into(),
        runner.started_at.as_millis().into(),
        runner.heartbeat_at.as_millis().into(),
    ]])
    .push(" ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at")
    .execute(on, "writing the runner")
    .await?;
    Ok(())
}

/// Takes a runner away.
pub(super) async fn delete(on: &mut Connection, runner: RunnerId) -> Result<(), StoreError> {
    let statement = Statement::new("DELETE FROM runners WHERE id = $1").bind(runner.to_string());
    statement.execute(on, "taking the runner away").await?;
    Ok(())
}

/// Writes that the runner is alive.
pub(super) async fn beat(on: &mut Connection, runner: RunnerId, now: Timestamp) -> Result<(), StoreError> {
    Statement::new("UPDATE runners SET heartbeat_at = $1 WHERE id = $2")
        .bind(now.as_millis())
        .bind(runner.to_string())
        .execute(on, "writing the runner's heartbeat")
        .await?;
    Ok(())
}

/// Runners that serve this namespace, or all of them.
pub(super) async fn load(
    on: &mut Connection,
    namespace: Option<&Namespace>,
) -> Result<Vec<RunnerRecord>, StoreError> {
    const SELECT: &str = "SELECT id, name, namespace, concurrency, version, started_at, heartbeat_at, pid, \
         start_time, boot_id FROM runners ";
    let statement = match namespace {
        Some(namespace) => Statement::new(SELECT)
            .push("WHERE namespace = $1 OR namespace IS NULL ORDER BY id")
            .bind(namespace.as_str()),
        None => Statement::new(SELECT).push("ORDER BY id"),
    };
    let rows = statement.fetch(on, "reading runners").await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<RunnerRecord, StoreError> {
    let mut columns = Columns::new(row, "runners", &COLUMNS, 0);
    Ok(RunnerRecord {
        id: columns.parsed(|text| text.parse().ok())?,
        name: columns.text()?,
        namespace: columns.optional_parsed(|text| Namespace::new(text).ok())?,
        concurrency: columns.count()?,
        version: columns.text()?,
        started_at: columns.time()?,
        heartbeat_at: columns.time()?,
        process: read_process(&mut columns)?.ok_or_else(|| columns.bad("null"))?,
    })
}

/// The three columns of a process mark, if they are there.
pub(super) fn read_process(columns: &mut Columns<'_>) -> Result<Option<ProcessMark>, StoreError> {
    let pid = columns.optional_number()?;
    let start_time = columns.optional_number()?;
    let boot_id = columns.optional_text()?;
    let (Some(pid), Some(start_time), Some(boot_id)) = (pid, start_time, boot_id) else { return Ok(None) };
    Ok(Some(ProcessMark { pid, start_time, boot_id }))
}
