//! Steps and snapshots of workflows' runs that were closed long ago: found, and deleted in pieces. The run itself stays.

use std::collections::BTreeMap;

use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use agents_domain::upkeep::OldHistory;
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::batch::Batch;
use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value};
use super::task::Write;

/// Closed runs that still have something; a run whose snapshot is gone has no hash any more.
pub(super) async fn find(
    on: &mut Connection,
    (closed_before, after): (Timestamp, Option<AssignmentId>),
    limit: u32,
) -> Result<Vec<OldHistory>, StoreError> {
    const FOUND: [&str; 5] = ["id", "namespace", "workspace", "updated_at", "steps"];
    let rows = Statement::new(
        "SELECT a.id, a.namespace, a.workspace, a.updated_at, \
         (SELECT count(*) FROM workflow_steps s WHERE s.assignment_id = a.id) \
         FROM workflow_runs w JOIN assignments a ON a.id = w.assignment_id \
         WHERE w.snapshot <> '' AND a.status IN ('complete', 'failed', 'cancelled') AND a.updated_at <= $1 \
         AND w.assignment_id > $2 ORDER BY w.assignment_id LIMIT $3",
    )
    .bind(closed_before.as_millis())
    .bind(after.map_or_else(String::new, |id| id.to_string()))
    .bind(limit)
    .fetch(on, "looking for old runs of workflows")
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

/// Steps that are to go, and how many at most.
pub(super) struct Forget {
    pub of: Vec<(AssignmentId, Timestamp)>,
    pub limit: u32,
}

/// Those of them that are still closed since then and at rest.
const AT_REST: &str = "JOIN assignments a ON a.id = v.id AND a.updated_at = v.closed_at \
     AND a.status IN ('complete', 'failed', 'cancelled') \
     AND NOT EXISTS (SELECT 1 FROM attempts t WHERE t.assignment_id = a.id AND t.status = 'running')";

#[async_trait]
impl Write for Forget {
    type Output = BTreeMap<AssignmentId, u64>;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<Self::Output, StoreError> {
        let deleted = self
            .those()
            .push(&format!(
                ") DELETE FROM workflow_steps WHERE (assignment_id, number) IN (\
                 SELECT s.assignment_id, s.number FROM v {AT_REST} \
                 JOIN workflow_steps s ON s.assignment_id = a.id ORDER BY s.assignment_id, s.number LIMIT "
            ))
            .push_bound(self.limit.into())
            .push(") RETURNING assignment_id")
            .fetch(on, "deleting old steps")
            .await?;
        let mut counted = BTreeMap::new();
        for row in &deleted {
            let id = Columns::new(row, "workflow_steps", &["assignment_id"], 0)
                .parsed(|text| text.parse().ok())?;
            *counted.entry(id).or_insert(0) += 1;
        }
        let released = self
            .those()
            .push(&format!(
                ") UPDATE workflow_runs SET snapshot = '' WHERE snapshot <> '' \
                 AND assignment_id IN (SELECT a.id FROM v {AT_REST}) \
                 AND NOT EXISTS (SELECT 1 FROM workflow_steps s WHERE s.assignment_id = workflow_runs.assignment_id)"
            ))
            .execute(on, "letting old snapshots go")
            .await?;
        if released > 0 {
            Statement::new(
                "DELETE FROM workflow_snapshots WHERE NOT EXISTS \
                 (SELECT 1 FROM workflow_runs w WHERE w.snapshot = workflow_snapshots.hash)",
            )
            .execute(on, "deleting snapshots that no run has")
            .await?;
        }
        Ok(counted)
    }
}

impl Forget {
    fn those(&self) -> Statement {
        let row = |(id, at): &(AssignmentId, Timestamp)| -> Vec<Value> {
            vec![id.to_string().into(), at.as_millis().into()]
        };
        Statement::new("WITH v (id, closed_at) AS (").push_rows(self.of.iter().map(row).collect())
    }
}
