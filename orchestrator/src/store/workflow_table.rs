//! The tables of workflows that are kept in the store, and the port to them and to their runs.

use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment};
use agents_domain::assignment::AssignmentStatus;
use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::store::{Change, Command, Receipt, StoreError};
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{
    Due, DueFlow, Edit, Published, Signal, StepRun, StoredWorkflow, Summary, Version, Wait, WorkflowFilter,
    WorkflowRun, WorkflowStatus, Workflows,
};
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::batch::Batch;
use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value, names};
use super::task::Write;
use super::{SqlStore, flow_table};

const COLUMNS: [&str; 9] = [
    "namespace",
    "name",
    "status",
    "draft",
    "published",
    "workspace",
    "revision",
    "created_at",
    "updated_at",
];

const VERSION: [&str; 5] = ["number", "label", "text", "note", "published_at"];

fn read(row: &AnyRow) -> Result<StoredWorkflow, StoreError> {
    let mut columns = Columns::new(row, "workflows", &COLUMNS, 0);
    Ok(StoredWorkflow {
        namespace: columns.parsed(|text| Namespace::new(text).ok())?,
        name: columns.text()?,
        status: columns.parsed(WorkflowStatus::from_name)?,
        draft: columns.optional_text()?,
        published: columns.optional_number()?,
        workspace: columns.text()?,
        revision: columns.count()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

fn select() -> Statement {
    Statement::new(format!("SELECT {} FROM workflows", names("", &COLUMNS)))
}

async fn find(
    on: &mut Connection,
    namespace: &Namespace,
    name: &str,
) -> Result<Option<StoredWorkflow>, StoreError> {
    let rows = select()
        .push(" WHERE namespace = $1 AND name = $2")
        .bind(namespace.as_str())
        .bind(name)
        .fetch(on, "reading a workflow")
        .await?;
    rows.first().map(read).transpose()
}

async fn list(on: &mut Connection, filter: &WorkflowFilter) -> Result<Vec<StoredWorkflow>, StoreError> {
    let mut statement = select().push(" WHERE 1 = 1");
    if let Some(namespace) = &filter.namespace {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    let shown = match filter.status.is_empty() {
        true => vec![WorkflowStatus::Draft, WorkflowStatus::Active, WorkflowStatus::Paused],
        false => filter.status.clone(),
    };
    let rows = statement
        .push(" AND status IN ")
        .push_list(shown.into_iter().map(|status| status.as_str().into()))
        .push(" ORDER BY namespace, name")
        .fetch(on, "listing workflows")
        .await?;
    rows.iter().map(read).collect()
}

async fn versions(
    on: &mut Connection,
    namespace: &Namespace,
    name: &str,
) -> Result<Vec<Version>, StoreError> {
    let rows = Statement::new(format!("SELECT {} FROM workflow_versions", names("", &VERSION)))
        .push(" WHERE namespace = $1 AND name = $2 ORDER BY number DESC")
        .bind(namespace.as_str())
        .bind(name)
        .fetch(on, "reading the versions of a workflow")
        .await?;
    let read = |row: &AnyRow| {
        let mut columns = Columns::new(row, "workflow_versions", &VERSION, 0);
        Ok(Version {
            number: columns.count()?,
            label: columns.text()?,
            text: columns.text()?,
            note: columns.optional_text()?,
            published_at: columns.time()?,
        })
    };
    rows.iter().map(read).collect()
}

/// An edit of a stored workflow. So many versions are kept at least.
struct EditWorkflow {
    namespace: Namespace,
    name: String,
    edit: Edit,
    keep: u32,
}

#[async_trait]
impl Write for EditWorkflow {
    type Output = Published;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<Published, StoreError> {
        let known = find(on, &self.namespace, &self.name).await?;
        let version = match (&self.edit, known) {
            (Edit::Create { text, workspace }, None) => {
                self.insert(on, (text, workspace), batch.now).await?;
                None
            }
            // There is one already: what is there is told.
            (Edit::Create { .. }, Some(known)) => {
                return Ok(Published { workflow: Some(known), version: None });
            }
            (_, None) => return Ok(Published { workflow: None, version: None }),
            (Edit::Update { revision, .. } | Edit::Publish { revision, .. }, Some(known))
                if *revision != known.revision =>
            {
                return Ok(Published { workflow: Some(known), version: None });
            }
            (Edit::Update { text, .. }, Some(_)) => {
                let set = |one: Statement| one.push("draft = ").push_bound(text.as_str().into());
                self.update(on, batch.now, set).await?;
                None
            }
            (Edit::SetStatus(status), Some(_)) => {
                let set = |one: Statement| one.push("status = ").push_bound(status.as_str().into());
                self.update(on, batch.now, set).await?;
                None
            }
            (Edit::Publish { note, label, revision: _ }, Some(known)) => {
                self.publish(on, &known, (note.as_deref(), label), batch.now).await?
            }
            (Edit::Delete, Some(known)) => {
                self.delete(on).await?;
                return Ok(Published { workflow: Some(known), version: None });
            }
        };
        Ok(Published { workflow: find(on, &self.namespace, &self.name).await?, version })
    }
}

impl EditWorkflow {
    async fn insert(
        &self,
        on: &mut Connection,
        (text, workspace): (&str, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row: Vec<Value> = vec![
            self.namespace.as_str().into(),
            self.name.as_str().into(),
            WorkflowStatus::Draft.as_str().into(),
            text.into(),
            Value::OptionalInteger(None),
            workspace.into(),
            1_u32.into(),
            now.as_millis().into(),
            now.as_millis().into(),
        ];
        Statement::new(format!("INSERT INTO workflows ({}) ", names("", &COLUMNS)))
            .push_rows(vec![row])
            .execute(on, "writing a workflow")
            .await?;
        Ok(())
    }

    async fn update(
        &self,
        on: &mut Connection,
        now: Timestamp,
        set: impl FnOnce(Statement) -> Statement,
    ) -> Result<(), StoreError> {
        set(Statement::new("UPDATE workflows SET "))
            .push(", revision = revision + 1, updated_at = ")
            .push_bound(now.as_millis().into())
            .push(" WHERE namespace = ")
            .push_bound(self.namespace.as_str().into())
            .push(" AND name = ")
            .push_bound(self.name.as_str().into())
            .execute(on, "changing a workflow")
            .await?;
        Ok(())
    }

    /// The draft becomes the next version. Without a draft there is nothing to publish.
    async fn publish(
        &self,
        on: &mut Connection,
        known: &StoredWorkflow,
        (note, label): (Option<&str>, &str),
        now: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let Some(text) = &known.draft else { return Ok(None) };
        let number = known.published.unwrap_or(0) + 1;
        let row: Vec<Value> = vec![
            self.namespace.as_str().into(),
            self.name.as_str().into(),
            number.into(),
            label.into(),
            text.as_str().into(),
            note.map(str::to_owned).into(),
            now.as_millis().into(),
        ];
        Statement::new(
            "INSERT INTO workflow_versions (namespace, name, number, label, text, note, published_at) ",
        )
        .push_rows(vec![row])
        .execute(on, "publishing a workflow")
        .await?;
        let status = match known.status {
            WorkflowStatus::Draft => WorkflowStatus::Active,
            status @ (WorkflowStatus::Active | WorkflowStatus::Paused | WorkflowStatus::Archived) => status,
        };
        let set = |one: Statement| {
            one.push("draft = NULL, published = ")
                .push_bound(number.into())
                .push(", status = ")
                .push_bound(status.as_str().into())
        };
        self.update(on, now, set).await?;
        let oldest = i64::from(number) - i64::from(self.keep.max(1));
        Statement::new("DELETE FROM workflow_versions WHERE namespace = ")
            .push_bound(self.namespace.as_str().into())
            .push(" AND name = ")
            .push_bound(self.name.as_str().into())
            .push(" AND number <= ")
            .push_bound(oldest.into())
            .execute(on, "forgetting old versions")
            .await?;
        Ok(Some(number))
    }

    async fn delete(&self, on: &mut Connection) -> Result<(), StoreError> {
        for table in ["workflow_versions", "workflows"] {
            Statement::new(format!("DELETE FROM {table} WHERE namespace = $1 AND name = $2"))
                .bind(self.namespace.as_str())
                .bind(self.name.as_str())
                .execute(on, "deleting a workflow")
                .await?;
        }
        Ok(())
    }
}

/// A run that another one wants.
struct StartChild {
    parent: AssignmentId,
    child: NewAssignment,
    harness_defaults: Arc<HarnessDefaults>,
    actor: Actor,
}

#[async_trait]
impl Write for StartChild {
    type Output = Option<Receipt>;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<Option<Receipt>, StoreError> {
        let wants = flow_table::find(on, self.parent)
            .await?
            .is_some_and(|row| matches!(row.run.wait, Some(Wait::Start { .. })));
        batch.load(on, &[self.parent].into()).await?;
        let goes_on = batch.aggregate(self.parent).is_some_and(|parent| parent.assignment().may_run());
        if !wants || !goes_on {
            return Ok(None);
        }
        let command = |change| Command {
            change,
            actor: self.actor,
            harness_defaults: Arc::clone(&self.harness_defaults),
        };
        let mut child = self.child.clone();
        if let First::Workflow(flow) = &mut child.first {
            flow.parent = Some(self.parent);
        }
        let receipt = batch.decide_directed(on, command(Change::Create(child))).await?;
        let signal = Signal::ChildStarted { child: self.child.id };
        batch.decide_directed(on, command(Change::Signal { assignment: self.parent, signal })).await?;
        Ok(Some(receipt))
    }
}

async fn due(
    on: &mut Connection,
    namespace: Option<&Namespace>,
    (now, limit): (Timestamp, u32),
) -> Result<Vec<DueFlow>, StoreError> {
    const DUE: [&str; 5] = ["assignment_id", "child", "status", "reason", "depth"];
    let select = "SELECT w.assignment_id, w.child, c.status, c.reason, r.depth FROM workflow_runs w \
         JOIN assignments a ON a.id = w.assignment_id AND a.status = 'active' AND a.paused = 0 \
         JOIN runs r ON r.assignment_id = w.assignment_id \
         LEFT JOIN assignments c ON c.id = w.child WHERE ";
    let of_namespace = |one: Statement| match namespace {
        Some(namespace) => one.push(" AND w.namespace = ").push_bound(namespace.as_str().into()),
        None => one,
    };
    let woken = Statement::new(select).push("w.wake_at <= ").push_bound(now.as_millis().into());
    let ended = Statement::new(select)
        .push("w.child IS NOT NULL AND c.status IN ('complete', 'failed', 'cancelled')");
    let mut found: Vec<DueFlow> = Vec::new();
    for statement in [ended, woken] {
        let rows = of_namespace(statement)
            .push(" LIMIT ")
            .push_bound(limit.into())
            .fetch(on, "looking for workflows that are due")
            .await?;
        for row in &rows {
            let mut columns = Columns::new(row, "workflow_runs", &DUE, 0);
            let id: AssignmentId = columns.parsed(|text| text.parse().ok())?;
            let child: Option<AssignmentId> = columns.optional_parsed(|text| text.parse().ok())?;
            let status = columns.optional_parsed(AssignmentStatus::from_name)?;
            let (reason, depth) = (columns.optional_text()?, columns.count()?);
            if found.iter().any(|known| known.assignment == id) {
                continue;
            }
            let Some(flow) = flow_table::find(on, id).await? else { continue };
            let is_closed = |status: AssignmentStatus| {
                matches!(
                    status,
                    AssignmentStatus::Complete | AssignmentStatus::Failed | AssignmentStatus::Cancelled
                )
            };
            let what = match (flow.run.wait, child, status) {
                (Some(Wait::Start { start }), ..) => Due::Start { start, facts: flow.facts, depth },
                (Some(Wait::Run { .. }), Some(child), Some(status)) if is_closed(status) => {
                    let text = reason.unwrap_or_default();
                    Due::Ended { child, status, text }
                }
                (Some(Wait::Time { .. } | Wait::Person { .. } | Wait::Run { .. }), ..) => Due::Woken,
                (None, ..) => continue,
            };
            found.push(DueFlow { assignment: id, namespace: flow.run.namespace, what });
        }
    }
    Ok(found)
}

async fn next_at(
    on: &mut Connection,
    namespace: Option<&Namespace>,
) -> Result<Option<Timestamp>, StoreError> {
    let statement = Statement::new(
        "SELECT min(w.wake_at) FROM workflow_runs w JOIN assignments a ON a.id = w.assignment_id \
         AND a.status = 'active' AND a.paused = 0 WHERE w.wake_at IS NOT NULL",
    );
    let statement = match namespace {
        Some(namespace) => statement.push(" AND w.namespace = ").push_bound(namespace.as_str().into()),
        None => statement,
    };
    let rows = statement.fetch(on, "looking for the next workflow").await?;
    let at = rows.first().map(|row| Columns::new(row, "workflow_runs", &["wake_at"], 0).optional_time());
    Ok(at.transpose()?.flatten())
}

async fn summaries(
    on: &mut Connection,
    namespace: &Namespace,
    since: Timestamp,
) -> Result<Vec<Summary>, StoreError> {
    const SUMMARY: [&str; 4] = ["workflow", "recent", "last", "created_at"];
    let rows = Statement::new(
        "SELECT w.workflow, sum(CASE WHEN a.created_at >= $1 THEN 1 ELSE 0 END), max(w.assignment_id), \
         max(a.created_at) FROM workflow_runs w JOIN assignments a ON a.id = w.assignment_id \
         WHERE w.namespace = $2 GROUP BY w.workflow ORDER BY w.workflow",
    )
    .bind(since.as_millis())
    .bind(namespace.as_str())
    .fetch(on, "counting the runs of workflows")
    .await?;
    let read = |row: &AnyRow| {
        let mut columns = Columns::new(row, "workflow_runs", &SUMMARY, 0);
        let workflow = columns.text()?;
        let recent = u64::try_from(columns.integer()?).unwrap_or(0);
        let last = columns.optional_parsed(|text| text.parse().ok())?;
        Ok(Summary { workflow, recent, last, last_at: columns.optional_time()? })
    };
    rows.iter().map(read).collect()
}

/// Runs a query on a read connection and gives the connection back, also after an error.
macro_rules! read {
    ($self:ident, $connection:ident => $query:expr) => {{
        let mut $connection = $self.reader().await?;
        let found = $query.await;
        $self.put_back($connection).await;
        found
    }};
}

#[async_trait]
impl Workflows for SqlStore {
    async fn workflows(&self, filter: &WorkflowFilter) -> Result<Vec<StoredWorkflow>, StoreError> {
        read!(self, reader => list(&mut reader, filter))
    }

    async fn workflow(
        &self,
        namespace: &Namespace,
        name: &str,
    ) -> Result<Option<StoredWorkflow>, StoreError> {
        read!(self, reader => find(&mut reader, namespace, name))
    }

    async fn edit_workflow(
        &self,
        namespace: &Namespace,
        name: &str,
        edit: Edit,
        keep: u32,
    ) -> Result<Published, StoreError> {
        self.carry_out(EditWorkflow { namespace: namespace.clone(), name: name.to_owned(), edit, keep }).await
    }

    async fn workflow_versions(&self, namespace: &Namespace, name: &str) -> Result<Vec<Version>, StoreError> {
        read!(self, reader => versions(&mut reader, namespace, name))
    }

    async fn workflow_run(&self, id: AssignmentId) -> Result<Option<WorkflowRun>, StoreError> {
        let found = read!(self, reader => flow_table::find(&mut reader, id))?;
        Ok(found.map(|row| row.run))
    }

    async fn workflow_steps(
        &self,
        id: AssignmentId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<StepRun>, StoreError> {
        read!(self, reader => flow_table::steps(&mut reader, id, (after, limit)))
    }

    async fn due_flows(
        &self,
        namespace: Option<&Namespace>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueFlow>, StoreError> {
        read!(self, reader => due(&mut reader, namespace, (now, limit)))
    }

    async fn waiting_flows(
        &self,
        namespace: Option<&Namespace>,
        limit: u32,
    ) -> Result<Vec<WorkflowRun>, StoreError> {
        read!(self, reader => flow_table::waiting(&mut reader, namespace, limit))
    }

    async fn next_flow_at(&self, namespace: Option<&Namespace>) -> Result<Option<Timestamp>, StoreError> {
        read!(self, reader => next_at(&mut reader, namespace))
    }

    async fn start_child(
        &self,
        parent: AssignmentId,
        child: NewAssignment,
        harness_defaults: Arc<HarnessDefaults>,
        actor: Actor,
    ) -> Result<Option<Receipt>, StoreError> {
        self.carry_out(StartChild { parent, child, harness_defaults, actor }).await
    }

    async fn workflow_snapshot(&self, hash: &str) -> Result<Option<String>, StoreError> {
        read!(self, reader => flow_table::snapshot(&mut reader, hash))
    }

    async fn workflow_summaries(
        &self,
        namespace: &Namespace,
        since: Timestamp,
    ) -> Result<Vec<Summary>, StoreError> {
        read!(self, reader => summaries(&mut reader, namespace, since))
    }
}
