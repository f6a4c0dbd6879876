//! The table of assignments.

use agents_domain::assignment::{
    Assignment, AssignmentOrigin, AssignmentProgress, AssignmentState, AssignmentStatus,
};
use agents_domain::director::Director;
use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use sqlx::any::AnyRow;

use super::budget_json;
use super::columns::Columns;
use super::connection::Connection;
use super::find::reversed;
use super::proof_json;
use super::statement::{Statement, Value, names};

pub(super) const COLUMNS: [&str; 21] = [
    "id",
    "namespace",
    "north_star",
    "director",
    "workspace",
    "max_jobs",
    "is_run",
    "priority",
    "status",
    "held",
    "paused",
    "reason",
    "question",
    "note",
    "worktree",
    "proof",
    "budget",
    "created_at",
    "updated_at",
    "revision",
    "id_reversed",
];
/// Those of [`COLUMNS`] that are read.
pub(super) const READ: usize = 20;

/// An assignment and how often its row has been written.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub assignment: Assignment,
    pub revision: i64,
}

/// The assignment whose columns begin at `first`.
pub(super) fn read(row: &AnyRow, first: usize) -> Result<Stored, StoreError> {
    let mut columns = Columns::new(row, "assignments", &COLUMNS, first);
    let id: AssignmentId = columns.parsed(|text| text.parse().ok())?;
    let namespace = columns.parsed(|text| Namespace::new(text).ok())?;
    let north_star = columns.text()?;
    let director = columns.parsed(Director::from_name)?;
    let workspace = columns.text()?;
    let max_jobs = columns.count()?;
    let is_run = columns.flag()?;
    let priority = columns.ranked()?;
    let status = columns.parsed(AssignmentStatus::from_name)?;
    let held = columns.flag()?;
    let paused = columns.flag()?;
    let reason = columns.optional_text()?;
    let question = columns.optional_text()?;
    let note = columns.optional_text()?;
    let worktree = columns.optional_parsed(proof_json::read_worktree)?;
    let proof = columns.parsed(proof_json::read_proof)?;
    let budget = columns.parsed(budget_json::read_budget)?;
    let created_at = columns.time()?;
    let updated_at = columns.time()?;
    let revision = columns.integer()?;
    let state = match status {
        AssignmentStatus::Active => AssignmentState::Active { held },
        AssignmentStatus::Blocked => {
            AssignmentState::Blocked { reason: reason.unwrap_or_default(), question }
        }
        AssignmentStatus::Complete => AssignmentState::Complete { reason },
        AssignmentStatus::Failed => AssignmentState::Failed { reason: reason.unwrap_or_default() },
        AssignmentStatus::Cancelled => AssignmentState::Cancelled { reason },
    };
    let origin = AssignmentOrigin {
        id,
        namespace,
        north_star,
        director,
        workspace,
        worktree,
        max_jobs,
        is_run,
        priority,
        created_at,
    };
    let assignment =
        Assignment::restore(origin, AssignmentProgress { state, paused, note, proof, budget, updated_at });
    Ok(Stored { assignment, revision })
}

/// The assignments of these ids, in no order.
pub(super) async fn load(on: &mut Connection, ids: &[AssignmentId]) -> Result<Vec<Stored>, StoreError> {
    let select = format!("SELECT {} FROM assignments WHERE id IN ", names("", &COLUMNS[..READ]));
    let rows = Statement::new(select)
        .push_list(ids.iter().map(|id| Value::from(id.to_string())))
        .fetch(on, "reading assignments")
        .await?;
    rows.iter().map(|row| read(row, 0)).collect()
}

/// The open assignments that work in that folder itself.
pub(super) async fn in_folder(
    on: &mut Connection,
    (namespace, folder): (&Namespace, &str),
) -> Result<Vec<Stored>, StoreError> {
    let select = format!("SELECT {} FROM assignments ", names("", &COLUMNS[..READ]));
    let rows = Statement::new(select)
        .push("WHERE namespace = $1 AND workspace = $2 AND worktree IS NULL AND status IN ('active', 'blocked')")
        .bind(namespace.as_str())
        .bind(folder)
        .fetch(on, "looking for others in the folder")
        .await?;
    rows.iter().map(|row| read(row, 0)).collect()
}

/// Writes a namespace that may be new, with the folder that it is first used in.
pub(super) async fn insert_namespace(
    on: &mut Connection,
    (namespace, root): (&Namespace, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO namespaces (name, root, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
    )
    .bind(namespace.as_str())
    .bind(root)
    .bind(now.as_millis())
    .execute(on, "writing a namespace")
    .await?;
    Ok(())
}

/// Writes new assignments, and the namespaces that they are the first of.
pub(super) async fn insert(on: &mut Connection, new: &[&Assignment]) -> Result<(), StoreError> {
    let namespaces = new
        .iter()
        .map(|assignment| {
            let name = assignment.namespace.as_str().into();
            vec![name, assignment.workspace.as_str().into(), assignment.created_at.as_millis().into()]
        })
        .collect();
    Statement::new("INSERT INTO namespaces (name, root, created_at) ")
        .push_rows(namespaces)
        .push(" ON CONFLICT (name) DO NOTHING")
        .execute(on, "writing namespaces")
        .await?;
    let rows = new.iter().map(|assignment| row(assignment)).collect();
    Statement::new(format!("INSERT INTO assignments ({}) ", names("", &COLUMNS)))
        .push_rows(rows)
        .execute(on, "writing new assignments")
        .await?;
    Ok(())
}

/// Writes changed assignments; each only if it is still as it was loaded.
pub(super) async fn update(
    on: &mut Connection,
    changed: &[(&Stored, &Assignment)],
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = changed
        .iter()
        .map(|(before, after)| {
            let [status, held, reason, question] = state(after);
            vec![
                after.id.to_string().into(),
                before.revision.into(),
                before.assignment.status().as_str().into(),
                status,
                held,
                after.is_paused().into(),
                reason,
                question,
                after.note().map(str::to_owned).into(),
                proof_json::write_proof(after.proof()).into(),
                budget_json::write_budget(after.budget()).into(),
                after.max_jobs.into(),
                after.updated_at().as_millis().into(),
            ]
        })
        .collect();
    let expected = rows.len() as u64;
    let done = Statement::new(
        "WITH v (id, revision, old_status, status, held, paused, reason, question, note, proof, budget, max_jobs, updated_at) AS (",
    )
    .push_rows(rows)
    .push(
        ") UPDATE assignments SET status = v.status, held = v.held, paused = v.paused, reason = v.reason, question = v.question, \
         note = v.note, proof = v.proof, budget = v.budget, max_jobs = v.max_jobs, updated_at = v.updated_at, revision = assignments.revision + 1 \
         FROM v \
         WHERE assignments.id = v.id AND assignments.revision = v.revision AND assignments.status = v.old_status",
    )
    .execute(on, "writing assignments")
    .await?;
    if done == expected { Ok(()) } else { Err(StoreError::LostRace { what: "an assignment".to_owned() }) }
}

fn row(assignment: &Assignment) -> Vec<Value> {
    let [status, held, reason, question] = state(assignment);
    vec![
        assignment.id.to_string().into(),
        assignment.namespace.as_str().into(),
        assignment.north_star.as_str().into(),
        assignment.director.as_str().into(),
        assignment.workspace.as_str().into(),
        assignment.max_jobs.into(),
        assignment.is_run.into(),
        assignment.priority.rank().into(),
        status,
        held,
        assignment.is_paused().into(),
        reason,
        question,
        assignment.note().map(str::to_owned).into(),
        assignment.worktree.as_ref().map(proof_json::write_worktree).into(),
        proof_json::write_proof(assignment.proof()).into(),
        budget_json::write_budget(assignment.budget()).into(),
        assignment.created_at.as_millis().into(),
        assignment.updated_at().as_millis().into(),
        0i64.into(),
        reversed(&assignment.id.to_string()).into(),
    ]
}

fn state(assignment: &Assignment) -> [Value; 4] {
    [
        assignment.status().as_str().into(),
        assignment.is_held().into(),
        assignment.reason().map(str::to_owned).into(),
        assignment.question().map(str::to_owned).into(),
    ]
}
