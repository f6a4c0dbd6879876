//! The tables of workflows' runs: what each has started with, where it stands, and its steps.

use agents_domain::id::AssignmentId;
use agents_domain::limits::{LimitChange, Measure, Scope};
use agents_domain::namespace::Namespace;
use agents_domain::start::Start;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Facts, Known, NewFlow, StepRun, StepStatus, Wait, WorkflowRun};
use serde_json::{Value as Json, json};
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value, names};

const COLUMNS: [&str; 12] = [
    "assignment_id",
    "namespace",
    "workflow",
    "version",
    "snapshot",
    "facts",
    "state",
    "at_step",
    "wait",
    "wake_at",
    "child",
    "parent",
];

const STEP: [&str; 14] = [
    "assignment_id",
    "number",
    "step",
    "path",
    "attempt",
    "status",
    "inputs",
    "outputs",
    "error",
    "job_id",
    "child",
    "started_at",
    "ended_at",
    "route",
];

/// A run's row.
#[derive(Debug, Clone)]
pub(super) struct FlowRow {
    pub run: WorkflowRun,
    pub facts: Facts,
    pub wake_at: Option<Timestamp>,
    /// What holds for steps that say nothing of it.
    pub limits: Vec<LimitChange>,
}

fn read(row: &AnyRow) -> Result<FlowRow, StoreError> {
    let mut columns = Columns::new(row, "workflow_runs", &COLUMNS, 0);
    let assignment = columns.parsed(|text| text.parse().ok())?;
    let namespace = columns.parsed(|text| Namespace::new(text).ok())?;
    let (workflow, version, snapshot) = (columns.text()?, columns.text()?, columns.text()?);
    let (facts, limits) = columns.parsed(read_facts)?;
    let state = columns.text()?;
    let at = columns.optional_text()?;
    let wait = columns.optional_parsed(read_wait)?;
    let wake_at = columns.optional_time()?;
    columns.optional_text()?;
    let parent = columns.optional_parsed(|text| text.parse().ok())?;
    let run = WorkflowRun { assignment, namespace, workflow, version, snapshot, state, at, wait, parent };
    Ok(FlowRow { run, facts, wake_at, limits })
}

/// The row of that run.
pub(super) async fn find(on: &mut Connection, id: AssignmentId) -> Result<Option<FlowRow>, StoreError> {
    let rows =
        Statement::new(format!("SELECT {} FROM workflow_runs WHERE assignment_id = $1", names("", &COLUMNS)))
            .bind(id.to_string())
            .fetch(on, "reading a workflow's run")
            .await?;
    rows.first().map(read).transpose()
}

/// Active runs that wait for something that is no job.
pub(super) async fn waiting(
    on: &mut Connection,
    namespace: Option<&Namespace>,
    limit: u32,
) -> Result<Vec<WorkflowRun>, StoreError> {
    let select = format!(
        "SELECT {} FROM workflow_runs w JOIN assignments a ON a.id = w.assignment_id AND a.status = 'active' \
         WHERE w.wait IS NOT NULL",
        names("w.", &COLUMNS)
    );
    let mut statement = Statement::new(select);
    if let Some(namespace) = namespace {
        statement = statement.push(" AND w.namespace = ").push_bound(namespace.as_str().into());
    }
    let rows = statement
        .push(" ORDER BY w.assignment_id LIMIT ")
        .push_bound(limit.into())
        .fetch(on, "looking for workflows that wait")
        .await?;
    rows.iter().map(|row| read(row).map(|flow| flow.run)).collect()
}

/// Writes the row of a new run, and its snapshot if it is not there yet.
pub(super) async fn insert(
    on: &mut Connection,
    (id, namespace): (AssignmentId, &Namespace),
    new: &NewFlow,
    now: Timestamp,
) -> Result<(), StoreError> {
    Statement::new("INSERT INTO workflow_snapshots (hash, text, created_at) ")
        .push_rows(vec![vec![new.hash.as_str().into(), new.snapshot.as_str().into(), now.as_millis().into()]])
        .push(" ON CONFLICT (hash) DO NOTHING")
        .execute(on, "writing a snapshot")
        .await?;
    let none = || Value::OptionalText(None);
    let row = vec![
        id.to_string().into(),
        namespace.as_str().into(),
        new.facts.workflow.as_str().into(),
        new.facts.version.as_str().into(),
        new.hash.as_str().into(),
        facts_json(&new.facts, &new.limits).to_string().into(),
        "".into(),
        none(),
        none(),
        Value::OptionalInteger(None),
        none(),
        new.parent.map(|parent| parent.to_string()).into(),
    ];
    Statement::new(format!("INSERT INTO workflow_runs ({}) ", names("", &COLUMNS)))
        .push_rows(vec![row])
        .execute(on, "writing a workflow's run")
        .await?;
    Ok(())
}

/// Where a run stands now.
pub(super) async fn update(
    on: &mut Connection,
    id: AssignmentId,
    (state, at): (&str, Option<&str>),
    wait: Option<&Wait>,
) -> Result<(), StoreError> {
    let (wake_at, child) = match wait {
        Some(Wait::Time { until }) => (Some(*until), None),
        Some(Wait::Person { until, .. }) => (*until, None),
        Some(Wait::Start { .. }) => (Some(Timestamp::from_millis(0)), None),
        Some(Wait::Run { child, until }) => (*until, Some(child.to_string())),
        None => (None, None),
    };
    Statement::new("UPDATE workflow_runs SET state = ")
        .push_bound(state.into())
        .push(", at_step = ")
        .push_bound(at.map(str::to_owned).into())
        .push(", wait = ")
        .push_bound(wait.map(|wait| wait_json(wait).to_string()).into())
        .push(", wake_at = ")
        .push_bound(wake_at.map(Timestamp::as_millis).into())
        .push(", child = ")
        .push_bound(child.into())
        .push(" WHERE assignment_id = ")
        .push_bound(id.to_string().into())
        .execute(on, "writing where a workflow's run stands")
        .await?;
    Ok(())
}

/// It waits for nothing any more, and none of its steps goes on.
pub(super) async fn close(on: &mut Connection, id: AssignmentId, now: Timestamp) -> Result<(), StoreError> {
    Statement::new(
        "UPDATE workflow_runs SET wait = NULL, wake_at = NULL, child = NULL WHERE assignment_id = $1",
    )
    .bind(id.to_string())
    .execute(on, "ending a workflow's run")
    .await?;
    Statement::new("UPDATE workflow_steps SET status = 'cancelled', ended_at = ")
        .push_bound(now.as_millis().into())
        .push(" WHERE ended_at IS NULL AND assignment_id = ")
        .push_bound(id.to_string().into())
        .execute(on, "ending a workflow's steps")
        .await?;
    Ok(())
}

/// Writes executions of steps: new ones, and what has become of others.
pub(super) async fn put_steps(
    on: &mut Connection,
    id: AssignmentId,
    steps: &[StepRun],
) -> Result<(), StoreError> {
    for part in steps.chunks(super::batch::ROWS_AT_ONCE) {
        let rows = part.iter().map(|step| step_row(id, step)).collect();
        Statement::new(format!("INSERT INTO workflow_steps ({}) ", names("", &STEP)))
            .push_rows(rows)
            .push(
                " ON CONFLICT (assignment_id, number) DO UPDATE SET status = excluded.status, \
                 inputs = excluded.inputs, outputs = excluded.outputs, error = excluded.error, \
                 job_id = excluded.job_id, child = excluded.child, ended_at = excluded.ended_at, \
                 route = excluded.route",
            )
            .execute(on, "writing steps")
            .await?;
    }
    Ok(())
}

fn step_row(id: AssignmentId, step: &StepRun) -> Vec<Value> {
    vec![
        id.to_string().into(),
        step.number.into(),
        step.step.as_str().into(),
        step.path.as_str().into(),
        step.attempt.into(),
        step.status.as_str().into(),
        step.inputs.as_str().into(),
        step.outputs.clone().into(),
        step.error.clone().into(),
        step.job.map(|id| id.to_string()).into(),
        step.child.map(|id| id.to_string()).into(),
        step.started_at.as_millis().into(),
        step.ended_at.map(Timestamp::as_millis).into(),
        step.route.clone().into(),
    ]
}

fn read_step(row: &AnyRow) -> Result<StepRun, StoreError> {
    let mut columns = Columns::new(row, "workflow_steps", &STEP, 0);
    columns.text()?;
    Ok(StepRun {
        number: columns.count()?,
        step: columns.text()?,
        path: columns.text()?,
        attempt: columns.count()?,
        status: columns.parsed(StepStatus::from_name)?,
        inputs: columns.text()?,
        outputs: columns.optional_text()?,
        error: columns.optional_text()?,
        job: columns.optional_parsed(|text| text.parse().ok())?,
        child: columns.optional_parsed(|text| text.parse().ok())?,
        started_at: columns.time()?,
        ended_at: columns.optional_time()?,
        route: columns.optional_text()?,
    })
}

/// Steps of a run behind that number, in their order.
pub(super) async fn steps(
    on: &mut Connection,
    id: AssignmentId,
    (after, limit): (u32, u32),
) -> Result<Vec<StepRun>, StoreError> {
    let rows =
        Statement::new(format!("SELECT {} FROM workflow_steps WHERE assignment_id = ", names("", &STEP)))
            .push_bound(id.to_string().into())
            .push(" AND number > ")
            .push_bound(after.into())
            .push(" ORDER BY number LIMIT ")
            .push_bound(limit.into())
            .fetch(on, "reading steps")
            .await?;
    rows.iter().map(read_step).collect()
}

/// Adds the latest executions of these steps to what is known.
pub(super) async fn learn(
    on: &mut Connection,
    id: AssignmentId,
    steps: impl IntoIterator<Item = String>,
    known: &mut Known,
) -> Result<(), StoreError> {
    for step in steps {
        let rows =
            Statement::new(format!("SELECT {} FROM workflow_steps WHERE assignment_id = ", names("", &STEP)))
                .push_bound(id.to_string().into())
                .push(" AND step = ")
                .push_bound(step.as_str().into())
                .push(" ORDER BY number DESC LIMIT 1")
                .fetch(on, "reading what a step came to")
                .await?;
        known.insert(step, rows.first().map(read_step).transpose()?);
    }
    Ok(())
}

/// The text of a snapshot.
pub(super) async fn snapshot(on: &mut Connection, hash: &str) -> Result<Option<String>, StoreError> {
    let rows = Statement::new("SELECT text FROM workflow_snapshots WHERE hash = $1")
        .bind(hash)
        .fetch(on, "reading a snapshot")
        .await?;
    rows.first().map(|row| Columns::new(row, "workflow_snapshots", &["text"], 0).text()).transpose()
}

/// Whether a run waits for something that is no job.
pub(super) async fn waits(on: &mut Connection, id: AssignmentId) -> Result<bool, StoreError> {
    Ok(find(on, id).await?.is_some_and(|row| row.run.wait.is_some()))
}

fn facts_json(facts: &Facts, limits: &[LimitChange]) -> Json {
    let limit = |one: &LimitChange| json!([one.scope.as_str(), one.measure.as_str(), one.limit]);
    json!({
        "workflow": facts.workflow,
        "version": facts.version,
        "params": facts.params,
        "input": facts.input,
        "trigger": facts.trigger,
        "zone": facts.zone,
        "startedAt": facts.started_at.as_millis(),
        "limits": limits.iter().map(limit).collect::<Vec<_>>(),
    })
}

fn read_limit(limit: &Json) -> Option<LimitChange> {
    Some(LimitChange {
        scope: Scope::from_name(limit.get(0)?.as_str()?)?,
        measure: Measure::from_name(limit.get(1)?.as_str()?)?,
        limit: limit.get(2)?.as_u64(),
    })
}

fn read_facts(text: &str) -> Option<(Facts, Vec<LimitChange>)> {
    let facts: Json = serde_json::from_str(text).ok()?;
    let text = |key: &str| facts.get(key).and_then(Json::as_str).map(str::to_owned);
    let limits = facts.get("limits").and_then(Json::as_array).into_iter().flatten();
    let limits = limits.map(read_limit).collect::<Option<Vec<_>>>()?;
    let facts = Facts {
        workflow: text("workflow")?,
        version: text("version")?,
        params: text("params")?,
        input: text("input"),
        trigger: text("trigger")?,
        zone: text("zone"),
        started_at: Timestamp::from_millis(facts.get("startedAt")?.as_i64()?),
    };
    Some((facts, limits))
}

fn wait_json(wait: &Wait) -> Json {
    let millis = |until: &Option<Timestamp>| until.map(Timestamp::as_millis);
    match wait {
        Wait::Time { until } => json!({"for": "time", "until": until.as_millis()}),
        Wait::Person { step, question, until } => {
            json!({"for": "person", "step": step, "question": question, "until": millis(until)})
        }
        Wait::Start { start } => {
            let (kind, text) = match start {
                Start::Definition { name, .. } => ("definition", name),
                Start::NorthStar { template, .. } => ("northStar", template),
                Start::Workflow { name, .. } => ("workflow", name),
            };
            json!({"for": "start", "kind": kind, "text": text, "params": start.params()})
        }
        Wait::Run { child, until } => {
            json!({"for": "run", "child": child.to_string(), "until": millis(until)})
        }
    }
}

fn read_wait(text: &str) -> Option<Wait> {
    let wait: Json = serde_json::from_str(text).ok()?;
    let text = |key: &str| wait.get(key).and_then(Json::as_str).map(str::to_owned);
    let until = wait.get("until").and_then(Json::as_i64).map(Timestamp::from_millis);
    match text("for")?.as_str() {
        "time" => Some(Wait::Time { until: until? }),
        "person" => Some(Wait::Person { step: text("step")?, question: text("question")?, until }),
        "start" => {
            let (what, params) = (text("text")?, text("params")?);
            let start = match text("kind")?.as_str() {
                "definition" => Start::Definition { name: what, params },
                "northStar" => Start::NorthStar { template: what, params },
                "workflow" => Start::Workflow { name: what, params },
                _ => return None,
            };
            Some(Wait::Start { start })
        }
        "run" => Some(Wait::Run { child: text("child")?.parse().ok()?, until }),
        _ => None,
    }
}
