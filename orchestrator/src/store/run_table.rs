//! The table of runs: what each was started from, and by what.

use std::collections::{BTreeSet, HashMap};

use agents_domain::director::Director;
use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::outcome::OutcomeClass;
use agents_domain::run::{
    LongOutput, OutputPlace, RunFilter, RunLine, RunOrigin, RunStatus, Runs, Trigger, TriggerKind,
};
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value, names};
use super::{SqlStore, assignment_table};

const COLUMNS: [&str; 12] = [
    "assignment_id",
    "namespace",
    "definition",
    "worker",
    "trigger_kind",
    "trigger_id",
    "cause_id",
    "due_at",
    "params",
    "input",
    "depth",
    "replays",
];

/// The run whose columns begin at `first`.
fn read(row: &AnyRow, first: usize) -> Result<(AssignmentId, RunOrigin), StoreError> {
    let mut columns = Columns::new(row, "runs", &COLUMNS, first);
    let id = columns.parsed(|text| text.parse().ok())?;
    columns.text()?;
    let definition = columns.optional_text()?;
    let worker = columns.text()?;
    let kind = columns.parsed(TriggerKind::from_name)?;
    let by = columns.optional_text()?;
    let cause = columns.optional_text()?;
    let due = columns.optional_time()?;
    let trigger = trigger(kind, (by.as_deref(), cause.as_deref()), due)
        .ok_or_else(|| columns.bad(&format!("{by:?}, {cause:?}, {due:?}")))?;
    let params = columns.text()?;
    let input = columns.optional_text()?;
    let depth = columns.count()?;
    let replays = columns.optional_parsed(|text| text.parse().ok())?;
    Ok((id, RunOrigin { definition, worker, trigger, params, input, depth, replays }))
}

fn trigger(
    kind: TriggerKind,
    (by, cause): (Option<&str>, Option<&str>),
    due: Option<Timestamp>,
) -> Option<Trigger> {
    Some(match kind {
        TriggerKind::Manual => Trigger::Manual,
        TriggerKind::Api => Trigger::Api,
        TriggerKind::Schedule => Trigger::Schedule { schedule: by?.parse().ok()?, due: due? },
        TriggerKind::Event => {
            Trigger::Event { subscription: by?.parse().ok()?, happening: cause?.parse().ok()? }
        }
        TriggerKind::Webhook => {
            Trigger::Webhook { subscription: by?.parse().ok()?, delivery: cause?.parse().ok()? }
        }
    })
}

/// Writes new runs; their assignments are there.
pub(super) async fn insert(
    on: &mut Connection,
    new: &[(AssignmentId, &Namespace, &RunOrigin)],
) -> Result<(), StoreError> {
    let rows = new.iter().map(|(id, namespace, run)| row(*id, namespace, run)).collect();
    Statement::new(format!("INSERT INTO runs ({}) ", names("", &COLUMNS)))
        .push_rows(rows)
        .execute(on, "writing new runs")
        .await?;
    Ok(())
}

fn row(id: AssignmentId, namespace: &Namespace, run: &RunOrigin) -> Vec<Value> {
    let (by, cause, due) = match &run.trigger {
        Trigger::Manual | Trigger::Api => (None, None, None),
        Trigger::Schedule { schedule, due } => (Some(schedule.to_string()), None, Some(due.as_millis())),
        Trigger::Event { subscription, happening } => {
            (Some(subscription.to_string()), Some(happening.to_string()), None)
        }
        Trigger::Webhook { subscription, delivery } => {
            (Some(subscription.to_string()), Some(delivery.to_string()), None)
        }
    };
    vec![
        id.to_string().into(),
        namespace.as_str().into(),
        run.definition.clone().into(),
        run.worker.as_str().into(),
        run.trigger.kind().as_str().into(),
        by.into(),
        cause.into(),
        due.into(),
        run.params.as_str().into(),
        run.input.clone().into(),
        run.depth.into(),
        run.replays.map(|id| id.to_string()).into(),
    ]
}

/// Writes what runs have put out, of which their jobs keep only the end.
pub(super) async fn put_outputs(
    on: &mut Connection,
    outputs: &[(AssignmentId, &LongOutput)],
) -> Result<(), StoreError> {
    let row = |(id, output): &(AssignmentId, &LongOutput)| -> Vec<Value> {
        let (blob, trouble) = match &output.place {
            OutputPlace::Blob(blob) => (Some(blob.to_string()), None),
            OutputPlace::NotKept { why } => (None, Some(why.clone())),
        };
        let bytes = i64::try_from(output.bytes).unwrap_or(i64::MAX);
        vec![id.to_string().into(), bytes.into(), blob.into(), trouble.into()]
    };
    Statement::new("WITH v (id, bytes, blob, trouble) AS (")
        .push_rows(outputs.iter().map(row).collect())
        .push(
            ") UPDATE runs SET output_bytes = v.bytes, output_blob = v.blob, output_trouble = v.trouble \
             FROM v WHERE runs.assignment_id = v.id",
        )
        .execute(on, "writing the outputs of runs")
        .await?;
    Ok(())
}

/// When the first attempt of a run began, when its last one ended, what its last job came to, and what is kept of its output.
const STATE: [&str; 7] =
    ["started_at", "ended_at", "result", "outcome", "output_bytes", "output_blob", "output_trouble"];

/// Runs that fit, the latest first.
async fn list(on: &mut Connection, filter: &RunFilter) -> Result<Vec<RunLine>, StoreError> {
    let mut statement = select().push(" WHERE 1 = 1");
    if let Some(namespace) = &filter.namespace {
        statement = statement.push(" AND r.namespace = ").push_bound(namespace.as_str().into());
    }
    if let Some(definition) = &filter.definition {
        statement = statement.push(" AND r.definition = ").push_bound(definition.as_str().into());
    }
    if let Some(kind) = filter.trigger {
        statement = statement.push(" AND r.trigger_kind = ").push_bound(kind.as_str().into());
    }
    if let Some(by) = &filter.started_by {
        statement = statement.push(" AND r.trigger_id = ").push_bound(by.as_str().into());
    }
    if let Some(since) = filter.since {
        statement = statement.push(" AND s.created_at >= ").push_bound(since.as_millis().into());
    }
    if !filter.status.is_empty() {
        let conditions: Vec<&str> = filter.status.iter().map(|status| condition(*status)).collect();
        statement = statement.push(&format!(" AND ({})", conditions.join(" OR ")));
    }
    statement = statement.push(" ORDER BY r.assignment_id DESC");
    if let Some(limit) = filter.limit {
        statement = statement.push(" LIMIT ").push_bound(limit.into());
    }
    let rows = statement.fetch(on, "listing runs").await?;
    rows.iter().map(line).collect()
}

/// What these runs were started from.
pub(super) async fn origins(
    on: &mut Connection,
    ids: &BTreeSet<AssignmentId>,
) -> Result<HashMap<AssignmentId, RunOrigin>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let select = format!("SELECT {} FROM runs WHERE assignment_id IN ", names("", &COLUMNS));
    let rows = Statement::new(select)
        .push_list(ids.iter().map(|id| Value::from(id.to_string())))
        .fetch(on, "reading what runs were started from")
        .await?;
    rows.iter().map(|row| read(row, 0)).collect()
}

/// One run.
async fn find(on: &mut Connection, id: AssignmentId) -> Result<Option<RunLine>, StoreError> {
    let statement = select().push(" WHERE r.assignment_id = ").push_bound(id.to_string().into());
    let rows = statement.fetch(on, "reading a run").await?;
    rows.first().map(line).transpose()
}

/// As [`RunStatus::of`] says.
fn condition(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Pending => {
            "s.status = 'active' AND s.director <> 'workflow' AND NOT EXISTS (SELECT 1 FROM jobs b WHERE b.assignment_id = s.id AND b.attempts > 0)"
        }
        RunStatus::Running => {
            "(s.status = 'blocked' OR (s.status = 'active' AND (s.director = 'workflow' OR EXISTS \
             (SELECT 1 FROM jobs b WHERE b.assignment_id = s.id AND b.attempts > 0))))"
        }
        RunStatus::Completed => "s.status = 'complete'",
        RunStatus::Failed => "s.status = 'failed'",
        RunStatus::Cancelled => "s.status = 'cancelled'",
    }
}

/// The last job of a run is the one that stands last in its list.
fn select() -> Statement {
    Statement::new(format!(
        "SELECT {}, {}, \
         (SELECT min(t.started_at) FROM attempts t JOIN jobs b ON b.id = t.job_id WHERE b.assignment_id = s.id), \
         (SELECT max(t.ended_at) FROM attempts t JOIN jobs b ON b.id = t.job_id WHERE b.assignment_id = s.id), \
         l.result, l.outcome, r.output_bytes, r.output_blob, r.output_trouble \
         FROM runs r JOIN assignments s ON s.id = r.assignment_id \
         LEFT JOIN jobs l ON l.id = (SELECT b.id FROM jobs b WHERE b.assignment_id = s.id \
         ORDER BY b.position DESC LIMIT 1)",
        names("s.", &assignment_table::COLUMNS[..assignment_table::READ]),
        names("r.", &COLUMNS),
    ))
}

fn line(row: &AnyRow) -> Result<RunLine, StoreError> {
    let assignment = assignment_table::read(row, 0)?.assignment;
    let (_, origin) = read(row, assignment_table::READ)?;
    let mut columns = Columns::new(row, "jobs", &STATE, assignment_table::READ + COLUMNS.len());
    let started_at = columns.optional_time()?;
    let ended_at = columns.optional_time()?;
    let result = columns.optional_text()?;
    let outcome = columns.optional_parsed(OutcomeClass::from_name)?;
    let output = output(&mut columns)?;
    let line = RunLine {
        status: RunStatus::Pending,
        assignment,
        origin,
        started_at,
        ended_at,
        result,
        outcome,
        output,
    };
    Ok(standing(line))
}

/// A workflow begins at once, may never have a job, and tells itself what has come of it.
fn standing(line: RunLine) -> RunLine {
    let is_directed = line.assignment.director == Director::Workflow;
    let status = RunStatus::of(line.assignment.status(), is_directed || line.started_at.is_some());
    let line = RunLine { status, ..line };
    if !is_directed {
        return RunLine { ended_at: line.ended_at.filter(|_| status.is_final()), ..line };
    }
    let closed = status.is_final().then(|| line.assignment.updated_at());
    RunLine {
        started_at: Some(line.assignment.created_at),
        ended_at: closed,
        result: line.assignment.reason().map(str::to_owned),
        outcome: None,
        output: None,
        ..line
    }
}

fn output(columns: &mut Columns<'_>) -> Result<Option<LongOutput>, StoreError> {
    let bytes = columns.optional_number()?;
    let blob = columns.optional_parsed(|text| text.parse().ok())?;
    let why = columns.optional_text()?;
    let place = match (blob, why) {
        (Some(blob), _) => Some(OutputPlace::Blob(blob)),
        (None, why) => why.map(|why| OutputPlace::NotKept { why }),
    };
    Ok(bytes.zip(place).map(|(bytes, place)| LongOutput { bytes, place }))
}

#[async_trait]
impl Runs for SqlStore {
    async fn run(&self, id: AssignmentId) -> Result<Option<RunLine>, StoreError> {
        let mut reader = self.reader().await?;
        let found = find(&mut reader, id).await;
        self.put_back(reader).await;
        found
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunLine>, StoreError> {
        let mut reader = self.reader().await?;
        let found = list(&mut reader, filter).await;
        self.put_back(reader).await;
        found
    }
}
