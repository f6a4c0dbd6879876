//! What a check and a clean-up ask of the tables: in pieces, so that no writer waits long for either.

use std::collections::BTreeMap;

use agents_domain::audit::Dossier;
use agents_domain::blob::BlobId;
use agents_domain::id::{AssignmentId, AttemptId};
use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use agents_domain::upkeep::{AttemptStanding, OldHistory, Openness, Upkeep};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value};
use super::writer::Op;
use super::{SqlStore, assignment_table, attempt_table, event_table, flow_table, job_table, old_steps};

/// Ids that one statement names at most.
const IDS_AT_ONCE: usize = 500;

/// Sorts before every id, and after: where a list is not to begin or end in its middle.
const FIRST: &str = "";
const LAST: &str = "~";

#[async_trait]
impl Upkeep for SqlStore {
    async fn standings(&self, attempts: &[AttemptId]) -> Result<Vec<AttemptStanding>, StoreError> {
        let mut reader = self.reader().await?;
        let found = standings(&mut reader, attempts).await;
        self.put_back(reader).await;
        found
    }

    async fn standings_of_blobs(
        &self,
        blobs: &[BlobId],
    ) -> Result<Vec<(BlobId, AttemptStanding)>, StoreError> {
        let mut reader = self.reader().await?;
        let found = standings_of_blobs(&mut reader, blobs).await;
        self.put_back(reader).await;
        found
    }

    async fn first_used_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut reader = self.reader().await?;
        let found = first_used_at(&mut reader).await;
        self.put_back(reader).await;
        found
    }

    async fn old_histories(
        &self,
        closed_before: Timestamp,
        after: Option<AssignmentId>,
        limit: u32,
    ) -> Result<Vec<OldHistory>, StoreError> {
        let mut reader = self.reader().await?;
        let found = old_histories(&mut reader, closed_before, after, limit).await;
        self.put_back(reader).await;
        found
    }

    async fn forget_events(
        &self,
        of: Vec<(AssignmentId, Timestamp)>,
        limit: u32,
    ) -> Result<BTreeMap<AssignmentId, u64>, StoreError> {
        if of.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.write(|reply| Op::Forget(of, limit, reply)).await
    }

    async fn old_flows(
        &self,
        closed_before: Timestamp,
        after: Option<AssignmentId>,
        limit: u32,
    ) -> Result<Vec<OldHistory>, StoreError> {
        let mut reader = self.reader().await?;
        let found = old_steps::find(&mut reader, (closed_before, after), limit).await;
        self.put_back(reader).await;
        found
    }

    async fn forget_steps(
        &self,
        of: Vec<(AssignmentId, Timestamp)>,
        limit: u32,
    ) -> Result<BTreeMap<AssignmentId, u64>, StoreError> {
        if of.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.carry_out(old_steps::Forget { of, limit }).await
    }

    async fn assignments_to_check(
        &self,
        which: Openness,
        before: Option<AssignmentId>,
        limit: u32,
    ) -> Result<Vec<AssignmentId>, StoreError> {
        let mut reader = self.reader().await?;
        let found = assignments_to_check(&mut reader, which, before, limit).await;
        self.put_back(reader).await;
        found
    }

    async fn dossiers(&self, of: &[AssignmentId]) -> Result<Vec<Dossier>, StoreError> {
        let mut reader = self.reader().await?;
        Statement::new("BEGIN").execute(&mut reader, "beginning to read").await?;
        let found = dossiers(&mut reader, of).await;
        // A connection whose transaction can't be ended is not given back.
        Statement::new("COMMIT").execute(&mut reader, "ending to read").await?;
        self.put_back(reader).await;
        found
    }
}

/// What [`standing`] reads of an attempt `t` and its assignment `a`.
const STANDING: &str = "t.id, a.namespace, a.workspace, CASE WHEN t.status = 'ended' THEN t.ended_at END, \
     CASE WHEN a.status IN ('complete', 'failed', 'cancelled') THEN a.updated_at END";

async fn standings(on: &mut Connection, attempts: &[AttemptId]) -> Result<Vec<AttemptStanding>, StoreError> {
    let mut found = Vec::with_capacity(attempts.len());
    for part in attempts.chunks(IDS_AT_ONCE) {
        let rows = Statement::new(format!(
            "SELECT {STANDING} \
             FROM attempts t JOIN assignments a ON a.id = t.assignment_id WHERE t.id IN ",
        ))
        .push_list(part.iter().map(|id| Value::from(id.to_string())))
        .fetch(on, "looking for attempts")
        .await?;
        for row in &rows {
            found.push(standing(row, 0)?);
        }
    }
    Ok(found)
}

async fn standings_of_blobs(
    on: &mut Connection,
    blobs: &[BlobId],
) -> Result<Vec<(BlobId, AttemptStanding)>, StoreError> {
    let mut found = Vec::new();
    for part in blobs.chunks(IDS_AT_ONCE) {
        let rows = Statement::new(format!(
            "SELECT r.output_blob, {STANDING} \
             FROM runs r JOIN assignments a ON a.id = r.assignment_id \
             JOIN attempts t ON t.assignment_id = a.id WHERE r.output_blob IN ",
        ))
        .push_list(part.iter().map(|blob| Value::from(blob.as_str())))
        .fetch(on, "looking for runs by their outputs")
        .await?;
        for row in &rows {
            let blob = Columns::new(row, "runs", &["output_blob"], 0).parsed(|text| text.parse().ok())?;
            found.push((blob, standing(row, 1)?));
        }
    }
    Ok(found)
}

/// The standing whose columns begin at `first`.
fn standing(row: &AnyRow, first: usize) -> Result<AttemptStanding, StoreError> {
    const FOUND: [&str; 5] = ["id", "namespace", "workspace", "ended_at", "closed_at"];
    let mut columns = Columns::new(row, "attempts", &FOUND, first);
    Ok(AttemptStanding {
        attempt: columns.parsed(|text| text.parse().ok())?,
        namespace: columns.parsed(|text| Namespace::new(text).ok())?,
        workspace: columns.text()?,
        ended_at: columns.optional_time()?,
        closed_at: columns.optional_time()?,
    })
}

async fn first_used_at(on: &mut Connection) -> Result<Option<Timestamp>, StoreError> {
    let doing = "reading when the store was first used";
    let rows = Statement::new("SELECT min(created_at) FROM namespaces").fetch(on, doing).await?;
    let at: Option<i64> = match rows.first() {
        Some(row) => row.try_get(0).map_err(|error| on.failure(error, doing))?,
        None => None,
    };
    Ok(at.map(Timestamp::from_millis))
}

async fn old_histories(
    on: &mut Connection,
    closed_before: Timestamp,
    after: Option<AssignmentId>,
    limit: u32,
) -> Result<Vec<OldHistory>, StoreError> {
    const FOUND: [&str; 5] = ["id", "namespace", "workspace", "updated_at", "events"];
    let rows = Statement::new(
        "SELECT a.id, a.namespace, a.workspace, a.updated_at, \
         (SELECT count(*) FROM events e WHERE e.assignment_id = a.id) \
         FROM assignments a \
         WHERE a.status IN ('complete', 'failed', 'cancelled') AND a.updated_at <= $1 AND a.id > $2 \
         AND EXISTS (SELECT 1 FROM events e WHERE e.assignment_id = a.id) \
         ORDER BY a.id LIMIT $3",
    )
    .bind(closed_before.as_millis())
    .bind(after.map_or_else(|| FIRST.to_owned(), |id| id.to_string()))
    .bind(limit)
    .fetch(on, "looking for old histories")
    .await?;
    let read = |row: &AnyRow| {
        let mut columns = Columns::new(row, "assignments", &FOUND, 0);
        Ok(OldHistory {
            assignment: columns.parsed(|text| text.parse().ok())?,
            namespace: columns.parsed(|text| Namespace::new(text).ok())?,
            workspace: columns.text()?,
            closed_at: columns.time()?,
            events: u64::from(columns.count()?),
        })
    };
    rows.iter().map(read).collect()
}

/// Deletes the oldest events of these assignments, of those only that are still closed since then and at rest.
pub(super) async fn forget(
    on: &mut Connection,
    of: &[(AssignmentId, Timestamp)],
    limit: u32,
) -> Result<BTreeMap<AssignmentId, u64>, StoreError> {
    let rows = of.iter().map(|(id, at)| vec![id.to_string().into(), at.as_millis().into()]).collect();
    let deleted = Statement::new("WITH v (id, closed_at) AS (")
        .push_rows(rows)
        .push(
            ") DELETE FROM events WHERE seq IN (\
             SELECT e.seq FROM v \
             JOIN assignments a ON a.id = v.id AND a.updated_at = v.closed_at \
             JOIN events e ON e.assignment_id = a.id \
             WHERE a.status IN ('complete', 'failed', 'cancelled') \
             AND NOT EXISTS (SELECT 1 FROM attempts t WHERE t.assignment_id = a.id AND t.status = 'running') \
             ORDER BY e.seq LIMIT ",
        )
        .push_bound(limit.into())
        .push(") RETURNING assignment_id")
        .fetch(on, "deleting old events")
        .await?;
    let mut counted = BTreeMap::new();
    for row in &deleted {
        let id = Columns::new(row, "events", &["assignment_id"], 0).parsed(|text| text.parse().ok())?;
        *counted.entry(id).or_insert(0) += 1;
    }
    Ok(counted)
}

async fn assignments_to_check(
    on: &mut Connection,
    which: Openness,
    before: Option<AssignmentId>,
    limit: u32,
) -> Result<Vec<AssignmentId>, StoreError> {
    let sql = match which {
        Openness::Open => {
            "SELECT id FROM assignments WHERE status NOT IN ('complete', 'failed', 'cancelled') AND id < $1 \
             ORDER BY id DESC LIMIT $2"
        }
        Openness::Closed => {
            "SELECT id FROM assignments WHERE status IN ('complete', 'failed', 'cancelled') AND id < $1 \
             ORDER BY id DESC LIMIT $2"
        }
    };
    let rows = Statement::new(sql)
        .bind(before.map_or_else(|| LAST.to_owned(), |id| id.to_string()))
        .bind(limit)
        .fetch(on, "looking for assignments to check")
        .await?;
    let read = |row: &AnyRow| Columns::new(row, "assignments", &["id"], 0).parsed(|text| text.parse().ok());
    rows.iter().map(read).collect()
}

async fn dossiers(on: &mut Connection, of: &[AssignmentId]) -> Result<Vec<Dossier>, StoreError> {
    let mut dossiers = Vec::with_capacity(of.len());
    for id in of {
        let Some(stored) = assignment_table::load(on, &[*id]).await?.pop() else { continue };
        let jobs: Vec<_> = job_table::load(on, &[*id]).await?.into_iter().map(|one| one.job).collect();
        let mut attempts = Vec::new();
        for part in jobs.chunks(IDS_AT_ONCE) {
            let ids: Vec<_> = part.iter().map(|job| job.id).collect();
            attempts.extend(attempt_table::of_jobs(on, &ids).await?);
        }
        let events = event_table::load(on, *id).await?;
        let waits = flow_table::waits(on, *id).await?;
        dossiers.push(Dossier { assignment: stored.assignment, jobs, attempts, events, waits });
    }
    Ok(dossiers)
}
