//! The table of what has happened: what was emitted, received, or told by the orchestrator.

use agents_domain::happening::{
    EventName, Happening, HappeningFilter, HappeningSource, Happenings, NewHappening,
};
use agents_domain::id::AttemptId;
use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::SqlStore;
use super::batch::Batch;
use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value, names};
use super::task::Write;

pub(super) const COLUMNS: [&str; 9] =
    ["id", "seq", "namespace", "name", "data", "source", "cause_id", "depth", "at"];

/// Appends what has happened, in order.
pub(super) async fn insert(
    on: &mut Connection,
    new: &[NewHappening],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = new.iter().map(|happening| row(happening, now)).collect();
    Statement::new("INSERT INTO happenings (id, namespace, name, data, source, cause_id, depth, at) ")
        .push_rows(rows)
        .execute(on, "writing what has happened")
        .await?;
    Ok(())
}

fn row(new: &NewHappening, now: Timestamp) -> Vec<Value> {
    vec![
        new.id.to_string().into(),
        new.namespace.as_str().into(),
        new.name.as_str().into(),
        new.data.as_str().into(),
        new.source.as_str().into(),
        new.cause.clone().into(),
        new.depth.into(),
        now.as_millis().into(),
    ]
}

/// The place of the latest of all.
pub(super) async fn latest(on: &mut Connection) -> Result<u64, StoreError> {
    let rows = Statement::new("SELECT coalesce(max(seq), 0) FROM happenings")
        .fetch(on, "reading the place of the latest event")
        .await?;
    let place = rows.first().map(|row| Columns::new(row, "happenings", &["seq"], 0).integer()).transpose()?;
    Ok(place.and_then(|place| u64::try_from(place).ok()).unwrap_or(0))
}

/// A place as the database takes it.
pub(super) fn bound(place: u64) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

/// Up to `limit` of a namespace behind that place, the oldest first.
pub(super) async fn following(
    on: &mut Connection,
    (namespace, after): (&Namespace, u64),
    limit: u32,
) -> Result<Vec<Happening>, StoreError> {
    let rows = Statement::new(format!(
        "SELECT {} FROM happenings WHERE namespace = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        names("", &COLUMNS)
    ))
    .bind(namespace.as_str())
    .bind(bound(after))
    .bind(limit)
    .fetch(on, "reading what has happened")
    .await?;
    rows.iter().map(read).collect()
}

pub(super) fn read(row: &AnyRow) -> Result<Happening, StoreError> {
    let mut columns = Columns::new(row, "happenings", &COLUMNS, 0);
    let id = columns.parsed(|text| text.parse().ok())?;
    let place = columns.integer()?;
    let seq = u64::try_from(place).map_err(|_| columns.bad(&place.to_string()))?;
    let what = NewHappening {
        id,
        namespace: columns.parsed(|text| Namespace::new(text).ok())?,
        name: columns.parsed(|text| EventName::new(text).ok())?,
        data: columns.text()?,
        source: columns.parsed(HappeningSource::from_name)?,
        cause: columns.optional_text()?,
        depth: columns.count()?,
    };
    Ok(Happening { seq, at: columns.time()?, what })
}

/// How many rows are read at once for a list with a pattern.
const PAGE: u32 = 500;

/// The latest first while it is looked for, so that a limit is met early; the oldest first when it is answered.
async fn list(on: &mut Connection, filter: &HappeningFilter) -> Result<Vec<Happening>, StoreError> {
    let limit = filter.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut found: Vec<Happening> = Vec::new();
    let mut before = None;
    loop {
        let page = page(on, filter, before).await?;
        before = page.last().map(|happening| happening.seq);
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        let is_meant = |happening: &Happening| {
            filter.pattern.as_ref().is_none_or(|pattern| pattern.matches(&happening.what.name))
        };
        found.extend(page.into_iter().filter(is_meant));
        if is_last || found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    found.reverse();
    Ok(found)
}

async fn page(
    on: &mut Connection,
    filter: &HappeningFilter,
    before: Option<u64>,
) -> Result<Vec<Happening>, StoreError> {
    let mut statement =
        Statement::new(format!("SELECT {} FROM happenings WHERE seq > ", names("", &COLUMNS)))
            .push_bound(bound(filter.after.unwrap_or(0)).into());
    if let Some(namespace) = &filter.namespace {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    if let Some(since) = filter.since {
        statement = statement.push(" AND at >= ").push_bound(since.as_millis().into());
    }
    if let Some(before) = before {
        statement = statement.push(" AND seq < ").push_bound(bound(before).into());
    }
    let statement = statement.push(" ORDER BY seq DESC LIMIT ").push_bound(PAGE.into());
    let rows = statement.fetch(on, "listing what has happened").await?;
    rows.iter().map(read).collect()
}

/// What is emitted.
struct Emit {
    new: NewHappening,
    attempts: Vec<AttemptId>,
}

#[async_trait]
impl Write for Emit {
    type Output = Happening;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<Happening, StoreError> {
        let mut what = self.new.clone();
        what.depth = what.depth.max(depth_below(on, &self.attempts).await?);
        insert(on, std::slice::from_ref(&what), batch.now).await?;
        let seq = latest(on).await?;
        Ok(Happening { seq, at: batch.now, what })
    }
}

/// How deep the deepest run is that one of these attempts belongs to.
async fn depth_below(on: &mut Connection, attempts: &[AttemptId]) -> Result<u32, StoreError> {
    if attempts.is_empty() {
        return Ok(0);
    }
    let rows = Statement::new(
        "SELECT coalesce(max(r.depth), 0) FROM attempts t JOIN runs r ON r.assignment_id = t.assignment_id WHERE t.id IN ",
    )
    .push_list(attempts.iter().map(|id| Value::from(id.to_string())))
    .fetch(on, "reading how deep a run is")
    .await?;
    let depth = rows.first().map(|row| Columns::new(row, "runs", &["depth"], 0).count()).transpose()?;
    Ok(depth.unwrap_or(0))
}

/// What is old goes.
struct Forget {
    before: Timestamp,
    limit: u32,
}

#[async_trait]
impl Write for Forget {
    type Output = u64;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<u64, StoreError> {
        let old = "SELECT id FROM happenings WHERE at < $1 ORDER BY at LIMIT $2";
        Statement::new(format!("DELETE FROM reactions WHERE happening_id IN ({old})"))
            .bind(self.before.as_millis())
            .bind(self.limit)
            .execute(on, "deleting old reactions")
            .await?;
        Statement::new(
            "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE at < $1 ORDER BY at LIMIT $2)",
        )
        .bind(self.before.as_millis())
        .bind(self.limit)
        .execute(on, "deleting old deliveries")
        .await?;
        Statement::new(
            "DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE at < $1 AND status <> 'pending' ORDER BY at LIMIT $2)",
        )
        .bind(self.before.as_millis())
        .bind(self.limit)
        .execute(on, "deleting old notices")
        .await?;
        Statement::new(format!("DELETE FROM happenings WHERE id IN ({old})"))
            .bind(self.before.as_millis())
            .bind(self.limit)
            .execute(on, "deleting old events")
            .await
    }
}

#[async_trait]
impl Happenings for SqlStore {
    async fn emit(&self, new: NewHappening, attempts: &[AttemptId]) -> Result<Happening, StoreError> {
        self.carry_out(Emit { new, attempts: attempts.to_vec() }).await
    }

    async fn happenings(&self, filter: &HappeningFilter) -> Result<Vec<Happening>, StoreError> {
        let mut reader = self.reader().await?;
        let found = list(&mut reader, filter).await;
        self.put_back(reader).await;
        found
    }

    async fn forget_happenings(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.carry_out(Forget { before, limit }).await
    }
}
