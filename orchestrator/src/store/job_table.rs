//! The tables of jobs and of what they are told.

use std::time::Duration;

use agents_domain::aggregate::Routes;
use agents_domain::assignment::Assignment;
use agents_domain::fallback::Route;
use agents_domain::id::{AssignmentId, JobId};
use agents_domain::job::{Job, JobOrigin, JobProgress, JobState, JobStatus};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::outcome::OutcomeClass;
use agents_domain::priority::Priority;
use agents_domain::retry;
use agents_domain::session::Session;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::batch::Batch;
use super::budget_json;
use super::columns::Columns;
use super::connection::Connection;
use super::find::reversed;
use super::statement::{Statement, Value, names};
use super::task::Write;

pub(super) const COLUMNS: [&str; 26] = [
    "id",
    "assignment_id",
    "position",
    "job_type",
    "harness",
    "model",
    "timeout_ms",
    "shadow",
    "created_at",
    "status",
    "head",
    "ready_at",
    "attempt_id",
    "ended_at",
    "attempts",
    "tries",
    "asks",
    "outcome",
    "resume",
    "resume_harness",
    "result",
    "spent",
    "revision",
    "namespace",
    "id_reversed",
    "priority",
];
/// Those of [`COLUMNS`] that are read.
pub(super) const READ: usize = 23;

/// A job and how often its row has been written.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub job: Job,
    pub revision: i64,
}

/// The job whose columns begin at `first`.
pub(super) fn read(row: &AnyRow, first: usize) -> Result<Stored, StoreError> {
    let mut columns = Columns::new(row, "jobs", &COLUMNS, first);
    let id: JobId = columns.parsed(|text| text.parse().ok())?;
    let assignment: AssignmentId = columns.parsed(|text| text.parse().ok())?;
    let position = columns.integer()?;
    let job_type = columns.parsed(|text| JobType::new(text).ok())?;
    let harness = columns.text()?;
    let model = columns.optional_text()?;
    let timeout_ms = columns.optional_number()?;
    let shadow = columns.flag()?;
    let created_at = columns.time()?;
    let origin = JobOrigin { id, assignment, job_type, harness, model, timeout_ms, shadow, created_at };
    let state = read_state(&mut columns)?;
    let progress = JobProgress {
        state,
        attempts: columns.count()?,
        tries: columns.count()?,
        asks: columns.count()?,
        outcome: columns.optional_parsed(OutcomeClass::from_name)?,
        resume: read_session(&mut columns, &origin.harness)?,
        result: columns.optional_text()?,
        spent: columns.optional_parsed(budget_json::read_spent)?.unwrap_or_default(),
    };
    Ok(Stored { job: Job::restore(origin, position, progress), revision: columns.integer()? })
}

fn read_session(columns: &mut Columns<'_>, own: &str) -> Result<Option<Session>, StoreError> {
    let (id, harness) = (columns.optional_text()?, columns.optional_text()?);
    Ok(id.map(|id| Session { harness: harness.unwrap_or_else(|| own.to_owned()), id }))
}

fn read_state(columns: &mut Columns<'_>) -> Result<JobState, StoreError> {
    let status = columns.parsed(JobStatus::from_name)?;
    let head = columns.flag()?;
    let ready_at = columns.optional_time()?;
    let attempt = columns.optional_parsed(|text| text.parse().ok())?;
    let ended_at = columns.optional_time()?;
    let state = match status {
        JobStatus::Pending => ready_at.map(|ready_at| JobState::Pending { ready_at, head }),
        JobStatus::Running => attempt.map(|attempt| JobState::Running { attempt }),
        JobStatus::Completed => ended_at.map(|at| JobState::Completed { at }),
        JobStatus::Failed => ended_at.map(|at| JobState::Failed { at }),
        JobStatus::Cancelled => ended_at.map(|at| JobState::Cancelled { at }),
    };
    state.ok_or_else(|| columns.bad(status.as_str()))
}

/// All the jobs of these assignments, each list in order.
pub(super) async fn load(
    on: &mut Connection,
    assignments: &[AssignmentId],
) -> Result<Vec<Stored>, StoreError> {
    let select = format!("SELECT {} FROM jobs WHERE assignment_id IN ", names("", &COLUMNS[..READ]));
    let rows = Statement::new(select)
        .push_list(assignments.iter().map(|id| Value::from(id.to_string())))
        .push(" ORDER BY assignment_id, position")
        .fetch(on, "reading jobs")
        .await?;
    rows.iter().map(|row| read(row, 0)).collect()
}

/// The jobs of a list that have not ended; if there are none, the last one, so that a place behind it can be told.
pub(super) async fn load_open(on: &mut Connection, id: AssignmentId) -> Result<Vec<Stored>, StoreError> {
    let select = || format!("SELECT {} FROM jobs WHERE assignment_id = $1", names("", &COLUMNS[..READ]));
    let rows = Statement::new(select())
        .push(" AND status IN ('pending', 'running') ORDER BY position")
        .bind(id.to_string())
        .fetch(on, "reading open jobs")
        .await?;
    if !rows.is_empty() {
        return rows.iter().map(|row| read(row, 0)).collect();
    }
    let rows = Statement::new(select())
        .push(" ORDER BY position DESC LIMIT 1")
        .bind(id.to_string())
        .fetch(on, "reading the last job")
        .await?;
    rows.iter().map(|row| read(row, 0)).collect()
}

/// What these jobs are told.
pub(super) async fn contexts(
    on: &mut Connection,
    jobs: &[JobId],
) -> Result<Vec<(JobId, String)>, StoreError> {
    const CONTEXT: [&str; 2] = ["job_id", "context"];
    let rows = Statement::new("SELECT job_id, context FROM job_contexts WHERE job_id IN ")
        .push_list(jobs.iter().map(|id| Value::from(id.to_string())))
        .fetch(on, "reading what jobs are told")
        .await?;
    let read = |row: &AnyRow| {
        let mut columns = Columns::new(row, "job_contexts", &CONTEXT, 0);
        Ok((columns.parsed(|text| text.parse().ok())?, columns.text()?))
    };
    rows.iter().map(read).collect()
}

/// Heads that are ready and whose harness takes jobs, by class and the longest waiting first, so many of each namespace at most.
pub(super) async fn ready(
    on: &mut Connection,
    namespaces: &[Namespace],
    routes: Routes<'_>,
    (now, limit): (Timestamp, usize),
) -> Result<Vec<(JobId, AssignmentId)>, StoreError> {
    let mut found: Vec<Ready> = Vec::new();
    for namespace in namespaces {
        for harness in open_harnesses(on, namespace, routes).await? {
            let before = found.len();
            for class in Priority::ALL {
                if class == Priority::Scheduled && !has_lower(on, namespace, harness.clone()).await? {
                    break;
                }
                let heads = || {
                    of_class(heads(namespace, harness.clone(), "SELECT id, assignment_id, ready_at"), class)
                };
                let due = heads().push(" AND ready_at <= ").push_bound(now.as_millis().into());
                find(on, due, (class, limit), &mut found).await?;
                if found.len() - before < limit {
                    find(on, dated_ahead(heads(), now), (class, limit), &mut found).await?;
                }
                if found.len() - before >= limit {
                    break;
                }
            }
        }
    }
    found.sort_unstable();
    found.truncate(limit);
    Ok(found.into_iter().map(|(_, _, job, assignment)| (job, assignment)).collect())
}

/// A head: its class, since when it is ready, and whose it is.
type Ready = (Priority, i64, JobId, AssignmentId);

/// Those of one class: a range of the index.
fn of_class(heads: Statement, class: Priority) -> Statement {
    heads.push(" AND priority = ").push_bound(class.rank().into())
}

/// Whether there are heads behind the first class: nearly always there are none, and one look says so.
async fn has_lower(
    on: &mut Connection,
    namespace: &Namespace,
    harness: Option<String>,
) -> Result<bool, StoreError> {
    let lower = heads(namespace, harness, "SELECT id")
        .push(" AND priority > ")
        .push_bound(Priority::Immediate.rank().into());
    Ok(!lower.push(" LIMIT 1").fetch(on, "looking for jobs of the lower classes").await?.is_empty())
}

/// So many jobs of a namespace are asked where they work: nearly always in one repository.
const WORKSPACES_ASKED: i64 = 8;

/// Where the first jobs work that may run in that namespace.
pub(super) async fn workspaces(
    on: &mut Connection,
    namespace: &Namespace,
) -> Result<Vec<String>, StoreError> {
    let rows = Statement::new(
        "SELECT a.workspace FROM jobs j JOIN assignments a ON a.id = j.assignment_id \
         WHERE j.status = 'pending' AND j.head = 1 AND j.namespace = ",
    )
    .push_bound(namespace.as_str().into())
    .push(" LIMIT ")
    .push_bound(WORKSPACES_ASKED.into())
    .fetch(on, "looking for where jobs work")
    .await?;
    let mut found: Vec<String> = Vec::new();
    for row in &rows {
        let workspace = Columns::new(row, "assignments", &["workspace"], 0).text()?;
        if !found.contains(&workspace) {
            found.push(workspace);
        }
    }
    Ok(found)
}

async fn find(
    on: &mut Connection,
    heads: Statement,
    (class, limit): (Priority, usize),
    found: &mut Vec<Ready>,
) -> Result<(), StoreError> {
    const FOUND: [&str; 3] = ["id", "assignment_id", "ready_at"];
    let heads = heads.push(" ORDER BY ready_at, id LIMIT ").push_bound((limit as i64).into());
    for row in &heads.fetch(on, "looking for ready jobs").await? {
        let mut columns = Columns::new(row, "jobs", &FOUND, 0);
        let job = columns.parsed(|text| text.parse().ok())?;
        let assignment = columns.parsed(|text| text.parse().ok())?;
        found.push((class, columns.integer()?, job, assignment));
    }
    Ok(())
}

/// Those heads that `retry::is_ready` takes for ready although their time is to come: few, since only jobs that wait for
/// their next try are looked at.
fn dated_ahead(heads: Statement, now: Timestamp) -> Statement {
    let heads = heads.push(" AND ready_at > ").push_bound(now.as_millis().into());
    let waits = |class: &OutcomeClass| retry::longest_wait(*class) > Duration::ZERO;
    let case = |heads: Statement, class: OutcomeClass| {
        let longest = i64::try_from(retry::longest_wait(class).as_millis()).unwrap_or(i64::MAX);
        heads.push(" WHEN ").push_bound(class.as_str().into()).push(" THEN ").push_bound(longest.into())
    };
    let heads =
        OutcomeClass::ALL.into_iter().filter(waits).fold(heads.push(" AND ready_at - CASE outcome"), case);
    heads.push(" ELSE 0 END > ").push_bound(now.as_millis().into())
}

/// Those of which jobs can be taken, one by one; `None` stands for all of them at once, while none cools down.
async fn open_harnesses(
    on: &mut Connection,
    namespace: &Namespace,
    routes: Routes<'_>,
) -> Result<Vec<Option<String>>, StoreError> {
    if routes.cooling.is_empty() {
        return Ok(vec![None]);
    }
    let is_open = |name: &String| matches!(routes.fallbacks.route(name, routes.cooling), Route::To(_));
    Ok(harnesses(on, namespace).await?.into_iter().filter(is_open).map(Some).collect())
}

/// The heads of a namespace, or those of one harness in it: each is a range of an index of its own.
fn heads(namespace: &Namespace, harness: Option<String>, select: &str) -> Statement {
    let found =
        Statement::new(select).push(" FROM jobs WHERE namespace = ").push_bound(namespace.as_str().into());
    let found = match harness {
        Some(harness) => found.push(" AND harness = ").push_bound(harness.into()),
        None => found,
    };
    found.push(" AND status = 'pending' AND head = 1")
}

/// The harnesses of a namespace's heads. One step through the index for each of them, however many jobs there are.
async fn harnesses(on: &mut Connection, namespace: &Namespace) -> Result<Vec<String>, StoreError> {
    let rows = Statement::new(
        "WITH RECURSIVE found (harness) AS (\
         SELECT min(harness) FROM jobs WHERE namespace = $1 AND status = 'pending' AND head = 1 \
         UNION ALL \
         SELECT (SELECT min(jobs.harness) FROM jobs \
         WHERE namespace = $2 AND status = 'pending' AND head = 1 AND jobs.harness > found.harness) \
         FROM found WHERE found.harness IS NOT NULL) \
         SELECT harness FROM found WHERE harness IS NOT NULL",
    )
    .bind(namespace.as_str())
    .bind(namespace.as_str())
    .fetch(on, "looking for the harnesses of ready jobs")
    .await?;
    rows.iter().map(|row| Columns::new(row, "jobs", &["harness"], 0).text()).collect()
}

/// How many heads of that harness there are, in a namespace or in all of these.
pub(super) async fn count_of_harness(
    on: &mut Connection,
    namespaces: &[Namespace],
    harness: &str,
) -> Result<u32, StoreError> {
    let mut total: u32 = 0;
    for namespace in namespaces {
        let count = heads(namespace, Some(harness.to_owned()), "SELECT count(*)");
        for row in &count.fetch(on, "counting the jobs of a harness").await? {
            total = total.saturating_add(Columns::new(row, "jobs", &["count"], 0).count()?);
        }
    }
    Ok(total)
}

/// When the next head becomes ready and has a harness that takes it.
pub(super) async fn next_ready_at(
    on: &mut Connection,
    namespaces: &[Namespace],
    routes: Routes<'_>,
) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<Timestamp> = None;
    for namespace in namespaces {
        let harnesses = match routes.cooling {
            [] => vec![None],
            _ => harnesses(on, namespace).await?.into_iter().map(Some).collect(),
        };
        for harness in harnesses {
            let Some(ready_at) = first_ready_at(on, namespace, harness.clone()).await? else { continue };
            let route = harness.as_ref().map(|name| routes.fallbacks.route(name, routes.cooling));
            let at = match route {
                Some(Route::Waits { until, .. }) => ready_at.max(until),
                Some(Route::To(_)) | None => ready_at,
            };
            next = Some(next.map_or(at, |next| next.min(at)));
        }
    }
    Ok(next)
}

/// When the first head becomes ready, of whatever class.
async fn first_ready_at(
    on: &mut Connection,
    namespace: &Namespace,
    harness: Option<String>,
) -> Result<Option<Timestamp>, StoreError> {
    let mut first: Option<Timestamp> = None;
    for class in Priority::ALL {
        if class == Priority::Scheduled && !has_lower(on, namespace, harness.clone()).await? {
            break;
        }
        let rows = of_class(heads(namespace, harness.clone(), "SELECT min(ready_at)"), class)
            .fetch(on, "looking for the next job")
            .await?;
        let at = rows.first().map(|row| Columns::new(row, "jobs", &["ready_at"], 0).optional_time());
        if let Some(at) = at.transpose()?.flatten() {
            first = Some(first.map_or(at, |first| first.min(at)));
        }
    }
    Ok(first)
}

/// An assignment becomes immediate, and those of its jobs that wait for a moment become ready.
pub(super) struct Force(pub AssignmentId);

#[async_trait]
impl Write for Force {
    type Output = u64;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<u64, StoreError> {
        Statement::new("UPDATE assignments SET priority = 0, revision = revision + 1 WHERE id = $1")
            .bind(self.0.to_string())
            .execute(on, "making an assignment immediate")
            .await?;
        Statement::new("UPDATE jobs SET priority = 0, revision = revision + 1, ready_at = min(ready_at, ")
            .push_bound(batch.now.as_millis().into())
            .push(") WHERE status = 'pending' AND assignment_id = ")
            .push_bound(self.0.to_string().into())
            .execute(on, "making jobs immediate")
            .await
    }
}

/// Writes new jobs.
pub(super) async fn insert(on: &mut Connection, new: &[(&Assignment, &Job)]) -> Result<(), StoreError> {
    let rows = new.iter().map(|(assignment, job)| row(assignment, job)).collect();
    Statement::new(format!("INSERT INTO jobs ({}) ", names("", &COLUMNS)))
        .push_rows(rows)
        .execute(on, "writing new jobs")
        .await?;
    Ok(())
}

/// Writes what new jobs are told.
pub(super) async fn insert_contexts(
    on: &mut Connection,
    contexts: &[(JobId, String)],
) -> Result<(), StoreError> {
    let texts = contexts.iter().map(|(id, text)| vec![id.to_string().into(), text.as_str().into()]).collect();
    Statement::new("INSERT INTO job_contexts (job_id, context) ")
        .push_rows(texts)
        .execute(on, "writing what jobs are told")
        .await?;
    Ok(())
}

/// Writes changed jobs; each only if it is still as it was loaded.
pub(super) async fn update(on: &mut Connection, changed: &[(&Stored, &Job)]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = changed
        .iter()
        .map(|(before, after)| {
            let mut values = vec![
                after.id.to_string().into(),
                before.revision.into(),
                before.job.status().as_str().into(),
                after.position().into(),
            ];
            values.extend(progress(after));
            values
        })
        .collect();
    let expected = rows.len() as u64;
    let done = Statement::new(
        "WITH v (id, revision, old_status, position, status, head, ready_at, attempt_id, ended_at, attempts, tries, \
         asks, outcome, resume, resume_harness, result, spent) AS (",
    )
    .push_rows(rows)
    .push(
        ") UPDATE jobs SET position = v.position, status = v.status, head = v.head, ready_at = v.ready_at, \
         attempt_id = v.attempt_id, ended_at = v.ended_at, attempts = v.attempts, tries = v.tries, asks = v.asks, \
         outcome = v.outcome, resume = v.resume, resume_harness = v.resume_harness, result = v.result, spent = v.spent, \
         revision = jobs.revision + 1 \
         FROM v \
         WHERE jobs.id = v.id AND jobs.revision = v.revision AND jobs.status = v.old_status",
    )
    .execute(on, "writing jobs")
    .await?;
    if done == expected { Ok(()) } else { Err(StoreError::LostRace { what: "a job".to_owned() }) }
}

fn row(assignment: &Assignment, job: &Job) -> Vec<Value> {
    let mut values = vec![
        job.id.to_string().into(),
        job.assignment.to_string().into(),
        job.position().into(),
        job.job_type.as_str().into(),
        job.harness.as_str().into(),
        job.model.clone().into(),
        job.timeout_ms.map(|millis| i64::try_from(millis).unwrap_or(i64::MAX)).into(),
        job.shadow.into(),
        job.created_at.as_millis().into(),
    ];
    values.extend(progress(job));
    values.extend([
        0i64.into(),
        assignment.namespace.as_str().into(),
        reversed(&job.id.to_string()).into(),
        assignment.priority.rank().into(),
    ]);
    values
}

/// The columns from `status` to `spent`, in order.
fn progress(job: &Job) -> [Value; 13] {
    let progress = job.progress();
    let (head, ready_at, attempt) = match *job.state() {
        JobState::Pending { ready_at, head } => (head, Some(ready_at.as_millis()), None),
        JobState::Running { attempt } => (false, None, Some(attempt.to_string())),
        JobState::Completed { .. } | JobState::Failed { .. } | JobState::Cancelled { .. } => {
            (false, None, None)
        }
    };
    [
        job.status().as_str().into(),
        head.into(),
        ready_at.into(),
        attempt.into(),
        job.ended_at().map(Timestamp::as_millis).into(),
        progress.attempts.into(),
        progress.tries.into(),
        progress.asks.into(),
        progress.outcome.map(|class| class.as_str().to_owned()).into(),
        progress.resume.as_ref().map(|session| session.id.clone()).into(),
        progress.resume.as_ref().map(|session| session.harness.clone()).into(),
        progress.result.clone().into(),
        budget_json::write_spent(&progress.spent).into(),
    ]
}
