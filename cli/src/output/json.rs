//! The JSON that `--json` prints. Its shapes are documented in `docs/cli.md`; keys are added, never changed.

use std::collections::BTreeMap;

use agents_domain::assignment::Assignment;
use agents_domain::history::HistoryEvent;
use agents_domain::job::{Job, JobState};
use agents_domain::store::{AssignmentLine, AttemptRecord, EvidenceRecord, JobDetail, JobLine, RunnerRecord};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::{CostSource, MicroUsd, TokenUsage};
use serde::Serialize;

use super::budget::BudgetView;
use super::evidence::{OfJobView, StandingView};
use crate::app::is_alive;
use crate::failure::Failure;
use crate::output::worktree::WorktreeView;

/// `{"error": {…}}` on standard error.
#[derive(Debug, Serialize)]
pub struct ErrorView<'a> {
    error: ErrorBody<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    kind: &'static str,
    message: &'a str,
    hints: &'a [String],
}

impl<'a> ErrorView<'a> {
    /// The error for scripts.
    pub fn new(failure: &'a Failure) -> Self {
        Self {
            error: ErrorBody {
                kind: failure.kind.as_str(),
                message: &failure.message,
                hints: &failure.hints,
            },
        }
    }
}

/// Tokens of an attempt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    input: u64,
    cached: u64,
    cache_written: u64,
    output: u64,
    reasoning: Option<u64>,
}

impl From<&TokenUsage> for UsageView {
    fn from(usage: &TokenUsage) -> Self {
        let TokenUsage { input, cached, written, output, reasoning } = *usage;
        Self { input, cached, cache_written: written, output, reasoning }
    }
}

fn dollars(cost: Option<MicroUsd>) -> Option<f64> {
    cost.map(MicroUsd::as_dollars)
}

fn time(moment: Timestamp) -> String {
    moment.to_string()
}

/// One try of a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView<'a> {
    id: String,
    number: u32,
    outcome: Option<&'static str>,
    session_id: Option<&'a str>,
    exit_code: Option<i32>,
    usage: Option<UsageView>,
    cost_usd: Option<f64>,
    /// Who says so: the CLI, or the prices of the config.
    cost_source: Option<&'static str>,
    started_at: String,
    ended_at: Option<String>,
    signal: Option<i32>,
    message: Option<&'a str>,
    harness: &'a str,
    model: Option<&'a str>,
    cli_version: Option<&'a str>,
    resumes: Option<&'a str>,
    runner: String,
    tool_calls: u32,
    last_activity: Option<&'a str>,
    unknown_lines: u32,
    bad_lines: u32,
    cancel_requested: bool,
    pause_requested: bool,
}

impl<'a> From<&'a AttemptRecord> for AttemptView<'a> {
    fn from(attempt: &'a AttemptRecord) -> Self {
        Self {
            id: attempt.id.to_string(),
            number: attempt.number,
            outcome: attempt.outcome.map(|class| class.as_str()),
            session_id: attempt.session_id.as_deref(),
            exit_code: attempt.exit_code,
            usage: attempt.usage.as_ref().map(UsageView::from),
            cost_usd: dollars(attempt.cost),
            cost_source: attempt.cost_source.map(CostSource::as_str),
            started_at: time(attempt.started_at),
            ended_at: attempt.ended_at.map(time),
            signal: attempt.signal,
            message: attempt.message.as_deref(),
            harness: &attempt.harness,
            model: attempt.model.as_deref(),
            cli_version: attempt.cli_version.as_deref(),
            resumes: attempt.resumes.as_deref(),
            runner: attempt.runner.to_string(),
            tool_calls: attempt.tool_calls,
            last_activity: attempt.last_activity.as_deref(),
            unknown_lines: attempt.unknown_lines,
            bad_lines: attempt.bad_lines,
            cancel_requested: attempt.cancel_requested,
            pause_requested: attempt.pause_requested,
        }
    }
}

/// What is true of a job wherever it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobCore<'a> {
    id: String,
    #[serde(rename = "type")]
    job_type: &'a str,
    harness: &'a str,
    shadow: bool,
    status: &'static str,
    outcome: Option<&'static str>,
    result: Option<&'a str>,
    model: Option<&'a str>,
    timeout_ms: Option<u64>,
    created_at: String,
    ready_at: Option<String>,
    ended_at: Option<String>,
}

impl<'a> From<&'a Job> for JobCore<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            id: job.id.to_string(),
            job_type: job.job_type.as_str(),
            harness: &job.harness,
            shadow: job.shadow,
            status: job.status().as_str(),
            outcome: job.progress().outcome.map(|class| class.as_str()),
            result: job.progress().result.as_deref(),
            model: job.model.as_deref(),
            timeout_ms: job.timeout_ms,
            created_at: time(job.created_at),
            ready_at: ready_at(job).map(time),
            ended_at: job.ended_at().map(time),
        }
    }
}

/// When a pending job that is next in its line may start.
pub fn ready_at(job: &Job) -> Option<Timestamp> {
    match *job.state() {
        JobState::Pending { ready_at, head: true } => Some(ready_at),
        JobState::Pending { head: false, .. }
        | JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => None,
    }
}

/// A job of an assignment, with all that is known of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView<'a> {
    #[serde(flatten)]
    core: JobCore<'a>,
    context: &'a str,
    attempts: Vec<AttemptView<'a>>,
}

impl<'a> From<&'a JobDetail> for JobView<'a> {
    fn from(detail: &'a JobDetail) -> Self {
        Self {
            core: JobCore::from(&detail.job),
            context: &detail.context,
            attempts: detail.attempts.iter().map(AttemptView::from).collect(),
        }
    }
}

/// What is true of an assignment wherever it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentCore<'a> {
    id: String,
    namespace: &'a str,
    north_star: &'a str,
    status: &'static str,
    reason: Option<&'a str>,
    question: Option<&'a str>,
    note: Option<&'a str>,
    held: bool,
    paused: bool,
    workspace: &'a str,
    worktree: Option<WorktreeView>,
    max_jobs: u32,
    created_at: String,
    updated_at: String,
}

impl<'a> From<&'a Assignment> for AssignmentCore<'a> {
    fn from(assignment: &'a Assignment) -> Self {
        Self {
            id: assignment.id.to_string(),
            namespace: assignment.namespace.as_str(),
            north_star: &assignment.north_star,
            status: assignment.status().as_str(),
            reason: assignment.reason(),
            question: assignment.question(),
            note: assignment.note(),
            held: assignment.is_held(),
            paused: assignment.is_paused(),
            workspace: &assignment.workspace,
            worktree: assignment.worktree.as_ref().map(WorktreeView::new),
            max_jobs: assignment.max_jobs,
            created_at: time(assignment.created_at),
            updated_at: time(assignment.updated_at()),
        }
    }
}

/// `agents assignment`.
#[derive(Debug, Serialize)]
pub struct AssignmentView<'a> {
    #[serde(flatten)]
    core: AssignmentCore<'a>,
    budget: BudgetView,
    jobs: Vec<JobView<'a>>,
    evidence: StandingView<'a>,
}

impl<'a> AssignmentView<'a> {
    /// The assignment and its jobs in order.
    pub fn new(assignment: &'a Assignment, jobs: &'a [JobDetail]) -> Self {
        Self {
            core: assignment.into(),
            budget: assignment.into(),
            jobs: jobs.iter().map(JobView::from).collect(),
            evidence: assignment.into(),
        }
    }
}

/// `agents job`: the job, and the assignment that it is of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobInAssignment<'a> {
    #[serde(flatten)]
    job: JobView<'a>,
    assignment: String,
    namespace: &'a str,
    north_star: &'a str,
    assignment_status: &'static str,
    assignment_paused: bool,
    evidence: OfJobView<'a>,
    leftovers: Vec<String>,
}

impl<'a> JobInAssignment<'a> {
    /// The job, its assignment, what was measured after it, and where what failed attempts have left is kept.
    pub fn new(
        assignment: &'a Assignment,
        (detail, record): (&'a JobDetail, &'a EvidenceRecord),
        leftovers: Vec<String>,
    ) -> Self {
        Self {
            leftovers,
            evidence: OfJobView::new(assignment, record, detail.job.id),
            job: detail.into(),
            assignment: assignment.id.to_string(),
            namespace: assignment.namespace.as_str(),
            north_star: &assignment.north_star,
            assignment_status: assignment.status().as_str(),
            assignment_paused: assignment.is_paused(),
        }
    }
}

/// One assignment of `agents assignments`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentLineView<'a> {
    #[serde(flatten)]
    core: AssignmentCore<'a>,
    jobs: u32,
    finished_jobs: u32,
    cost_usd: Option<f64>,
}

impl<'a> From<&'a AssignmentLine> for AssignmentLineView<'a> {
    fn from(line: &'a AssignmentLine) -> Self {
        Self {
            core: (&line.assignment).into(),
            jobs: line.jobs,
            finished_jobs: line.finished_jobs,
            cost_usd: dollars(line.cost),
        }
    }
}

/// One job of `agents jobs` and of the queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobLineView<'a> {
    #[serde(flatten)]
    core: JobCore<'a>,
    assignment: String,
    namespace: &'a str,
    north_star: &'a str,
    assignment_status: &'static str,
    assignment_paused: bool,
    priority: &'static str,
    /// The attempt that runs it, or ran it last.
    attempt: Option<AttemptView<'a>>,
}

impl<'a> From<&'a JobLine> for JobLineView<'a> {
    fn from(line: &'a JobLine) -> Self {
        Self {
            core: (&line.job).into(),
            assignment: line.job.assignment.to_string(),
            namespace: line.namespace.as_str(),
            north_star: &line.north_star,
            assignment_status: line.assignment_status.as_str(),
            assignment_paused: line.assignment_paused,
            priority: line.priority.as_str(),
            attempt: line.attempt.as_ref().map(AttemptView::from),
        }
    }
}

/// A runner in the queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunnerView<'a> {
    id: String,
    name: &'a str,
    namespace: Option<&'a str>,
    concurrency: u32,
    version: &'a str,
    pid: i32,
    started_at: String,
    heartbeat_at: String,
    alive: bool,
}

impl<'a> RunnerView<'a> {
    /// The runner as it is at that moment.
    pub fn new(runner: &'a RunnerRecord, now: Timestamp) -> Self {
        Self {
            id: runner.id.to_string(),
            name: &runner.name,
            namespace: runner.namespace.as_ref().map(|namespace| namespace.as_str()),
            concurrency: runner.concurrency,
            version: &runner.version,
            pid: runner.process.pid,
            started_at: time(runner.started_at),
            heartbeat_at: time(runner.heartbeat_at),
            alive: is_alive(runner, now),
        }
    }
}

/// One event of `agents history`.
#[derive(Debug, Serialize)]
pub struct EventView<'a> {
    at: String,
    kind: &'static str,
    job: Option<String>,
    attempt: Option<String>,
    details: BTreeMap<&'a str, &'a str>,
}

impl<'a> From<&'a HistoryEvent> for EventView<'a> {
    fn from(event: &'a HistoryEvent) -> Self {
        Self {
            at: time(event.at),
            kind: event.kind.as_str(),
            job: event.job.map(|id| id.to_string()),
            attempt: event.attempt.map(|id| id.to_string()),
            details: event.details.iter().map(|(key, value)| (key.as_ref(), value.as_str())).collect(),
        }
    }
}
