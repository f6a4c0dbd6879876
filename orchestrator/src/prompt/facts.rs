//! What a template can say: the variables of every prompt, gathered from the store's records.

use agents_domain::assignment::Assignment;
use agents_domain::attempt::Attempt;
use agents_domain::id::JobId;
use agents_domain::job::{Job, JobStatus};
use agents_domain::job_type::JobType;
use agents_domain::store::{AttemptRecord, JobDetail};
use agents_domain::usage::MicroUsd;
use serde::Serialize;

use super::evidence_facts::{self, CriterionFacts, EvidenceFacts};
use super::limits::{self, LimitFacts};
use super::measured::{self, Measured};

/// The longest report of the job before this one, in characters. It is what the work goes on from.
const LATEST_REPORT: usize = 60_000;
/// The longest report of any earlier job, in characters.
const EARLIER_REPORT: usize = 8_000;
/// The longest explanation of a failure, in characters.
const FAILURE: usize = 2_000;
/// The longest context that is repeated to somebody else than its own job, in characters.
const REPEATED_CONTEXT: usize = 4_000;

/// Everything that a template can use.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    pub assignment: AssignmentFacts,
    pub job: JobFacts,
    /// Earlier jobs that have ended, oldest first.
    pub jobs: Vec<StepFacts>,
    /// How the attempt before this one ended, if there was one.
    pub retry: Option<RetryFacts>,
    pub pm: PmFacts,
    /// What the orchestrator itself has measured; for PMs, reviews and questions.
    pub evidence: EvidenceFacts,
    /// Marks the fences of this one prompt.
    pub nonce: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct AssignmentFacts {
    pub id: String,
    pub short_id: String,
    pub namespace: String,
    pub north_star: String,
    pub status: String,
    pub reason: Option<String>,
    pub workspace: String,
    /// What must hold before it is complete.
    pub criteria: Vec<CriterionFacts>,
    /// The commands of its checks.
    pub checks: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct JobFacts {
    pub id: String,
    pub short_id: String,
    #[serde(rename = "type")]
    pub job_type: String,
    pub harness: String,
    pub context: String,
    pub attempt: u32,
}

/// A job as others see it.
#[derive(Debug, Clone, Serialize)]
pub struct StepFacts {
    pub id: String,
    pub short_id: String,
    #[serde(rename = "type")]
    pub job_type: String,
    /// The one that did it last, which need not be the one that was asked for.
    pub harness: String,
    pub status: String,
    pub outcome: Option<String>,
    pub context: String,
    /// Its answer, if it completed. What a failed attempt said is no result.
    pub result: Option<String>,
    /// How it ended otherwise.
    pub failure: Option<String>,
    pub attempts: u32,
    pub duration: Option<String>,
    pub cost_usd: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RetryFacts {
    pub outcome: String,
    pub message: String,
    /// Where what it changed is kept, if that is not in the working folder any more.
    pub kept: Option<String>,
}

/// What only the PM needs; there for every template, so that one can be checked without an assignment.
#[derive(Debug, Clone, Serialize)]
pub struct PmFacts {
    pub last: Option<StepFacts>,
    pub waiting: Vec<StepFacts>,
    pub note: Option<String>,
    /// What was wrong with the decision before, if this is the second time it is asked.
    pub again: Option<String>,
    pub jobs_used: u32,
    pub max_jobs: u32,
    /// A job of the list, the PM's own apart, has completed.
    pub work_done: bool,
    pub limits: LimitFacts,
    pub job_types: Vec<String>,
    pub harnesses: Vec<String>,
}

/// What is known when a job starts.
#[derive(Debug)]
pub struct Known<'a> {
    pub assignment: &'a Assignment,
    pub job: &'a Job,
    pub attempt: &'a Attempt,
    pub context: &'a str,
    /// All the jobs of the assignment, in order.
    pub list: &'a [JobDetail],
    pub job_types: Vec<String>,
    pub harnesses: Vec<String>,
    /// What was measured. `None`: the job is not told.
    pub measured: Option<Measured>,
    /// Random, of this one prompt.
    pub nonce: String,
}

/// Gathers the variables of a job's prompt.
pub fn gather(known: &Known<'_>) -> Facts {
    let jobs = steps(known.list, Some(known.job.id), &known.job.job_type);
    let last = known.list.iter().rfind(|detail| !detail.job.shadow && has_ended(detail));
    Facts {
        assignment: assignment_facts(known.assignment),
        job: JobFacts {
            id: known.job.id.to_string(),
            short_id: known.job.id.short(),
            job_type: known.job.job_type.to_string(),
            harness: known.attempt.harness.clone(),
            context: known.context.to_owned(),
            attempt: known.attempt.number,
        },
        jobs,
        retry: retry(known.job),
        pm: pm_facts(known, last),
        evidence: known
            .measured
            .as_ref()
            .map(|measured| evidence_facts::gather(known.assignment, measured, measured::last(known.list)))
            .unwrap_or_default(),
        nonce: known.nonce.clone(),
    }
}

/// The earlier jobs as a job of this type is told of them. A PM and a question see the PM's own too.
pub(super) fn steps(list: &[JobDetail], own: Option<JobId>, job_type: &JobType) -> Vec<StepFacts> {
    let sees_shadow = job_type.is_pm() || job_type.is_chat();
    let is_told = |detail: &&JobDetail| {
        Some(detail.job.id) != own
            && !detail.job.job_type.is_chat()
            && (!detail.job.shadow || sees_shadow)
            && has_ended(detail)
    };
    let told: Vec<&JobDetail> = list.iter().filter(is_told).collect();
    let latest = told.iter().rposition(|detail| !detail.job.shadow);
    let size = |place| if Some(place) == latest { LATEST_REPORT } else { EARLIER_REPORT };
    told.iter().enumerate().map(|(place, detail)| step(detail, size(place))).collect()
}

fn has_ended(detail: &JobDetail) -> bool {
    detail.job.status().is_final() && detail.job.progress().attempts > 0
}

pub(super) fn assignment_facts(assignment: &Assignment) -> AssignmentFacts {
    AssignmentFacts {
        id: assignment.id.to_string(),
        short_id: assignment.id.short(),
        namespace: assignment.namespace.to_string(),
        north_star: assignment.north_star.clone(),
        status: assignment.status().as_str().to_owned(),
        reason: assignment.reason().map(str::to_owned),
        workspace: assignment.folder().to_owned(),
        criteria: evidence_facts::criteria(assignment),
        checks: assignment.checks().iter().map(|check| one_line(&check.command)).collect(),
    }
}

fn retry(job: &Job) -> Option<RetryFacts> {
    let progress = job.progress();
    // A first attempt knows of one only if its job repeats another one.
    let outcome = progress.outcome?;
    Some(RetryFacts {
        outcome: outcome.to_string(),
        message: progress.result.clone().unwrap_or_default(),
        kept: None,
    })
}

fn pm_facts(known: &Known<'_>, last: Option<&JobDetail>) -> PmFacts {
    let is_waiting = |detail: &&JobDetail| {
        detail.job.id != known.job.id
            && detail.job.status() == JobStatus::Pending
            && !detail.job.job_type.is_chat()
    };
    let counts = |detail: &&JobDetail| !detail.job.shadow && detail.job.status() != JobStatus::Cancelled;
    let progress = known.job.progress();
    PmFacts {
        last: last.map(|detail| step(detail, 0)),
        waiting: known.list.iter().filter(is_waiting).map(|detail| step(detail, 0)).collect(),
        note: known.assignment.note().map(str::to_owned),
        again: progress.result.clone().filter(|_| progress.asks > 0),
        jobs_used: u32::try_from(known.list.iter().filter(counts).count()).unwrap_or(u32::MAX),
        max_jobs: known.assignment.max_jobs,
        work_done: work_done(known.list),
        limits: limits::gather(known.assignment),
        job_types: known.job_types.clone(),
        harnesses: known.harnesses.clone(),
    }
}

pub(super) fn work_done(list: &[JobDetail]) -> bool {
    list.iter().any(|detail| !detail.job.shadow && detail.job.status() == JobStatus::Completed)
}

/// The text without line ends, for where a line of a prompt shows it.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn step(detail: &JobDetail, report: usize) -> StepFacts {
    let progress = detail.job.progress();
    let is_done = detail.job.status() == JobStatus::Completed;
    let costs = detail.attempts.iter().filter_map(|attempt| attempt.cost).map(MicroUsd::as_micros);
    let has_cost = detail.attempts.iter().any(|attempt| attempt.cost.is_some());
    StepFacts {
        id: detail.job.id.to_string(),
        short_id: detail.job.id.short(),
        job_type: detail.job.job_type.to_string(),
        harness: detail.attempts.last().map_or(&detail.job.harness, |attempt| &attempt.harness).clone(),
        status: detail.job.status().as_str().to_owned(),
        outcome: progress.outcome.map(|class| class.to_string()),
        context: cut(&detail.context, REPEATED_CONTEXT),
        result: progress.result.as_deref().filter(|_| is_done).map(|result| cut(result, report)),
        failure: progress.result.as_deref().filter(|_| !is_done).map(|why| cut(why, report.min(FAILURE))),
        attempts: progress.attempts,
        duration: detail.attempts.last().and_then(duration),
        cost_usd: has_cost.then(|| MicroUsd::from_micros(costs.sum()).as_dollars()),
    }
}

fn duration(attempt: &AttemptRecord) -> Option<String> {
    let seconds = attempt.ended_at?.since(attempt.started_at).as_secs();
    Some(if seconds < 60 { format!("{seconds}s") } else { format!("{}m{:02}s", seconds / 60, seconds % 60) })
}

/// The beginning and the end of a text that is too long: what was asked stands at the one, what came of it at
/// the other.
pub(super) fn cut(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let (head, tail) = (most / 3, most - most / 3);
    let beginning: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{beginning}\n[… {} characters left out …]\n{end}", length - most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_keeps_its_beginning_and_its_end() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("abcdefghi", 3), "a\n[… 6 characters left out …]\nhi");
    }
}
