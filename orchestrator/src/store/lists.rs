//! What people look at: lists of assignments and jobs, the queue.

use std::collections::HashMap;

use agents_domain::aggregate::Routes;
use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::cooldown::Cooldown;
use agents_domain::fallback::{Fallbacks, Route};
use agents_domain::id::{AssignmentId, JobId};
use agents_domain::namespace::Namespace;
use agents_domain::store::{
    AssignmentFilter, AssignmentLine, AttemptRecord, CooldownLine, DayLine, JobDetail, JobFilter, JobLine,
    Queue, StoreError,
};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::MicroUsd;
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, Value, names};
use super::{assignment_table, attempt_table, cooldown_table, find, job_table, runner_table, spending_table};

/// SQLite takes at most 32,766 parameters in a statement; lists of ids are asked for in pieces.
const IDS_AT_ONCE: usize = 500;

/// All the jobs of an assignment, in order.
pub(super) async fn job_details(on: &mut Connection, id: AssignmentId) -> Result<Vec<JobDetail>, StoreError> {
    let jobs = job_table::load(on, &[id]).await?;
    let mut details = Vec::with_capacity(jobs.len());
    for piece in jobs.chunks(IDS_AT_ONCE) {
        let ids: Vec<JobId> = piece.iter().map(|stored| stored.job.id).collect();
        let mut contexts: HashMap<JobId, String> = job_table::contexts(on, &ids).await?.into_iter().collect();
        let mut attempts: HashMap<JobId, Vec<AttemptRecord>> = HashMap::new();
        for attempt in attempt_table::of_jobs(on, &ids).await? {
            attempts.entry(attempt.job).or_default().push(attempt);
        }
        details.extend(piece.iter().map(|stored| JobDetail {
            context: contexts.remove(&stored.job.id).unwrap_or_default(),
            attempts: attempts.remove(&stored.job.id).unwrap_or_default(),
            job: stored.job.clone(),
        }));
    }
    Ok(details)
}

/// One job and its assignment.
pub(super) async fn job(
    on: &mut Connection,
    id: JobId,
) -> Result<Option<(Assignment, JobDetail)>, StoreError> {
    let select =
        format!("SELECT {} FROM jobs WHERE id = $1", names("", &job_table::COLUMNS[..job_table::READ]));
    let rows = Statement::new(select).bind(id.to_string()).fetch(on, "reading a job").await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let job = job_table::read(row, 0)?.job;
    let assignment = assignment_table::load(on, &[job.assignment]).await?.pop();
    let Some(stored) = assignment else { return Err(StoreError::NoAssignment(job.assignment)) };
    let context = job_table::contexts(on, &[id]).await?.pop().map(|(_, text)| text).unwrap_or_default();
    let attempts = attempt_table::of_jobs(on, &[id]).await?;
    Ok(Some((stored.assignment, JobDetail { job, context, attempts })))
}

/// Assignments, the latest first.
pub(super) async fn assignments(
    on: &mut Connection,
    filter: &AssignmentFilter,
) -> Result<Vec<AssignmentLine>, StoreError> {
    let select = format!(
        "SELECT {}, \
         (SELECT count(*) FROM jobs j WHERE j.assignment_id = a.id AND j.shadow = 0), \
         (SELECT count(*) FROM jobs j WHERE j.assignment_id = a.id AND j.shadow = 0 AND j.ended_at IS NOT NULL), \
         (SELECT sum(t.cost_micros) FROM attempts t JOIN jobs j ON j.id = t.job_id WHERE j.assignment_id = a.id) \
         FROM assignments a WHERE 1 = 1",
        names("a.", &assignment_table::COLUMNS[..assignment_table::READ]),
    );
    let mut statement = Statement::new(select);
    if let Some(namespace) = &filter.namespace {
        statement = statement.push(" AND a.namespace = ").push_bound(namespace.as_str().into());
    }
    if !filter.status.is_empty() {
        let names = filter.status.iter().map(|status| Value::from(status.as_str()));
        statement = statement.push(" AND a.status IN ").push_list(names);
    }
    statement = statement.push(" ORDER BY a.id DESC");
    if let Some(limit) = filter.limit {
        statement = statement.push(" LIMIT ").push_bound(limit.into());
    }
    let rows = statement.fetch(on, "listing assignments").await?;
    let read = |row: &AnyRow| {
        let assignment = assignment_table::read(row, 0)?.assignment;
        const TOTALS: [&str; 3] = ["jobs", "finished_jobs", "cost"];
        let mut columns = Columns::new(row, "assignments", &TOTALS, assignment_table::READ);
        let (jobs, finished_jobs) = (columns.count()?, columns.count()?);
        Ok(AssignmentLine {
            assignment,
            jobs,
            finished_jobs,
            cost: columns.optional_integer()?.map(MicroUsd::from_micros),
        })
    };
    rows.iter().map(read).collect()
}

/// Jobs, the latest first.
pub(super) async fn jobs(on: &mut Connection, filter: &JobFilter) -> Result<Vec<JobLine>, StoreError> {
    let mut condition = Statement::new("WHERE 1 = 1");
    if let Some(namespace) = &filter.namespace {
        condition = condition.push(" AND j.namespace = ").push_bound(namespace.as_str().into());
    }
    if let Some(assignment) = &filter.assignment {
        condition = condition.push(" AND j.assignment_id = ").push_bound(assignment.to_string().into());
    }
    if !filter.status.is_empty() {
        let names = filter.status.iter().map(|status| Value::from(status.as_str()));
        condition = condition.push(" AND j.status IN ").push_list(names);
    }
    if let Some(job_type) = &filter.job_type {
        condition = condition.push(" AND j.job_type = ").push_bound(job_type.as_str().into());
    }
    condition = condition.push(" ORDER BY j.id DESC");
    if let Some(limit) = filter.limit {
        condition = condition.push(" LIMIT ").push_bound(limit.into());
    }
    job_lines(on, condition).await
}

/// What runs, what is ready, what waits.
pub(super) async fn queue(
    on: &mut Connection,
    namespace: Option<&Namespace>,
    fallbacks: &Fallbacks,
    (limit, now): (u32, Timestamp),
) -> Result<Queue, StoreError> {
    let cooldowns = cooldowns(on, namespace, now).await?;
    let closed = closed_harnesses(&cooldowns, fallbacks);
    let moment =
        |condition: Statement| condition.push(" ORDER BY j.ready_at, j.id LIMIT ").push_bound(limit.into());
    let of_harnesses = |word: &str| {
        let heads = within(namespace, "j.status = 'pending' AND j.head = 1 AND j.harness ");
        heads.push(word).push_list(closed.iter().map(|harness| Value::from(harness.as_str())))
    };
    let running = job_lines(on, within(namespace, "j.status = 'running'").push(" ORDER BY j.id")).await?;
    let (heads, cooling) = match closed.is_empty() {
        true => (within(namespace, "j.status = 'pending' AND j.head = 1"), None),
        false => (of_harnesses("NOT IN "), Some(of_harnesses("IN "))),
    };
    let by_class = |condition: Statement| {
        condition.push(" ORDER BY j.priority, j.ready_at, j.id LIMIT ").push_bound(limit.into())
    };
    let heads = job_lines(on, by_class(heads)).await?;
    let behind = job_lines(on, moment(within(namespace, "j.status = 'pending' AND j.head = 0"))).await?;
    let days = spent_days(on, namespace, now).await?;
    let is_open = |line: &JobLine| !days.iter().any(|day| day.namespace == line.namespace);
    let (ready, mut waiting): (Vec<_>, Vec<_>) =
        heads.into_iter().partition(|line| line.job.is_ready(now) && is_open(line));
    if let Some(cooling) = cooling {
        waiting.extend(job_lines(on, moment(cooling)).await?);
    }
    waiting.extend(behind);
    let blocked = open_assignments(on, namespace, "a.status = 'blocked'", limit).await?;
    let held = open_assignments(on, namespace, "a.held = 1", limit).await?;
    let paused = open_assignments(on, namespace, "a.paused = 1", limit).await?;
    let runners = runner_table::load(on, namespace).await?;
    Ok(Queue { running, ready, waiting, blocked, held, paused, cooldowns, days, runners })
}

/// Harnesses that cool down and for which no other one stands in.
fn closed_harnesses(cooldowns: &[CooldownLine], fallbacks: &Fallbacks) -> Vec<String> {
    let cooling: Vec<Cooldown> = cooldowns.iter().map(|line| line.cooldown.clone()).collect();
    let is_closed = |name: &String| matches!(fallbacks.route(name, &cooling), Route::Waits { .. });
    cooling.iter().map(|cooldown| cooldown.harness.clone()).filter(is_closed).collect()
}

/// Harnesses that cool down, and how many jobs there are for each.
pub(super) async fn cooldowns(
    on: &mut Connection,
    namespace: Option<&Namespace>,
    now: Timestamp,
) -> Result<Vec<CooldownLine>, StoreError> {
    let cooling = cooldown_table::load(on, now).await?;
    let namespaces = if cooling.is_empty() { Vec::new() } else { asked_for(on, namespace).await? };
    let mut lines = Vec::with_capacity(cooling.len());
    for cooldown in cooling {
        let jobs = job_table::count_of_harness(on, &namespaces, &cooldown.harness).await?;
        lines.push(CooldownLine { cooldown, jobs });
    }
    Ok(lines)
}

/// When the next job that waits for a moment or a harness becomes ready.
pub(super) async fn next_ready_at(
    on: &mut Connection,
    namespace: Option<&Namespace>,
    fallbacks: &Fallbacks,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let namespaces = asked_for(on, namespace).await?;
    let cooling = cooldown_table::load(on, now).await?;
    let spent = spending_table::waiting(on, now).await?;
    let waits_until = |name: &Namespace| {
        spent.iter().find(|line| line.namespace == *name).and_then(|line| line.waits_until)
    };
    let open: Vec<Namespace> =
        namespaces.iter().filter(|name| waits_until(name).is_none()).cloned().collect();
    let routes = Routes { fallbacks, cooling: &cooling };
    let mut next = job_table::next_ready_at(on, &open, routes).await?;
    for (name, until) in namespaces.iter().filter_map(|name| Some((name, waits_until(name)?))) {
        let ready_at = job_table::next_ready_at(on, std::slice::from_ref(name), routes).await?;
        let at = ready_at.map(|at| at.max(until));
        next = [next, at].into_iter().flatten().min();
    }
    Ok(next)
}

/// Namespaces whose day is spent, with what is reserved.
async fn spent_days(
    on: &mut Connection,
    namespace: Option<&Namespace>,
    now: Timestamp,
) -> Result<Vec<DayLine>, StoreError> {
    let mut days = spending_table::waiting(on, now).await?;
    days.retain(|line| namespace.is_none_or(|name| line.namespace == *name));
    spending_table::add_reserved(on, &mut days).await?;
    Ok(days)
}

async fn asked_for(on: &mut Connection, namespace: Option<&Namespace>) -> Result<Vec<Namespace>, StoreError> {
    match namespace {
        Some(namespace) => Ok(vec![namespace.clone()]),
        None => find::namespaces(on).await,
    }
}

/// `WHERE <condition>` within a namespace, or within each one there is: the partial indexes begin with it.
fn within(namespace: Option<&Namespace>, condition: &str) -> Statement {
    match namespace {
        Some(namespace) => Statement::new("WHERE j.namespace = ").push_bound(namespace.as_str().into()),
        None => Statement::new("WHERE j.namespace IN (SELECT name FROM namespaces)"),
    }
    .push(" AND ")
    .push(condition)
}

async fn open_assignments(
    on: &mut Connection,
    namespace: Option<&Namespace>,
    condition: &str,
    limit: u32,
) -> Result<Vec<Assignment>, StoreError> {
    let columns = names("a.", &assignment_table::COLUMNS[..assignment_table::READ]);
    let mut statement = Statement::new(format!("SELECT {columns} FROM assignments a WHERE {condition}"));
    statement = match namespace {
        Some(namespace) => statement.push(" AND a.namespace = ").push_bound(namespace.as_str().into()),
        None => statement.push(" AND a.namespace IN (SELECT name FROM namespaces)"),
    };
    statement = statement.push(" ORDER BY a.id LIMIT ").push_bound(limit.into());
    let rows = statement.fetch(on, "listing assignments").await?;
    rows.iter().map(|row| Ok(assignment_table::read(row, 0)?.assignment)).collect()
}

/// Job lines that fit the condition, with the latest attempt of each.
async fn job_lines(on: &mut Connection, condition: Statement) -> Result<Vec<JobLine>, StoreError> {
    const OF_ASSIGNMENT: [&str; 5] = ["namespace", "north_star", "status", "paused", "priority"];
    let select = format!(
        "SELECT {}, a.namespace, a.north_star, a.status, a.paused, a.priority FROM jobs j JOIN assignments a ON a.id = j.assignment_id ",
        names("j.", &job_table::COLUMNS[..job_table::READ]),
    );
    let rows = condition.after(select).fetch(on, "listing jobs").await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        let job = job_table::read(row, 0)?.job;
        let mut columns = Columns::new(row, "assignments", &OF_ASSIGNMENT, job_table::READ);
        let namespace = columns.parsed(|text| Namespace::new(text).ok())?;
        let north_star = columns.text()?;
        let assignment_status = columns.parsed(AssignmentStatus::from_name)?;
        let assignment_paused = columns.flag()?;
        let priority = columns.ranked()?;
        let attempt = None;
        lines.push(JobLine {
            namespace,
            priority,
            north_star,
            assignment_status,
            assignment_paused,
            job,
            attempt,
        });
    }
    add_latest_attempts(on, &mut lines).await?;
    Ok(lines)
}

async fn add_latest_attempts(on: &mut Connection, lines: &mut [JobLine]) -> Result<(), StoreError> {
    let tried: Vec<JobId> =
        lines.iter().filter(|line| line.job.progress().attempts > 0).map(|line| line.job.id).collect();
    let mut latest: HashMap<JobId, AttemptRecord> = HashMap::new();
    for piece in tried.chunks(IDS_AT_ONCE) {
        for attempt in attempt_table::of_jobs(on, piece).await? {
            latest.insert(attempt.job, attempt);
        }
    }
    for line in lines {
        line.attempt = latest.remove(&line.job.id);
    }
    Ok(())
}
