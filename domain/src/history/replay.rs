//! The history played again: what it says of an assignment and its jobs, and where something is missing in it.
//!
//! Retention deletes the history of a closed assignment from its beginning on. What is left is then not whole, and says
//! nothing of the jobs before it.

use std::collections::{BTreeMap, BTreeSet};

use super::{EventKind, HistoryEvent};
use crate::assignment::AssignmentStatus;
use crate::id::{AttemptId, JobId};
use crate::job::JobStatus;

/// The detail of an event that a repair has written: it says how things are, whatever came before.
pub const REPAIRED: &str = "repaired";

/// What a history says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// It begins with the assignment's creation.
    pub is_whole: bool,
    /// `None`: it does not say.
    pub status: Option<AssignmentStatus>,
    pub jobs: BTreeMap<JobId, JobStatus>,
    /// Where something must be missing, in words; what a repair has dealt with is not among them.
    pub gaps: Vec<String>,
}

/// Plays the events of one assignment, in order.
pub fn replay(history: &[HistoryEvent]) -> Told {
    let is_whole = history.first().is_some_and(|event| event.kind == EventKind::AssignmentCreated);
    let mut told = Told { is_whole, ..Told::default() };
    let mut numbers: BTreeMap<JobId, u32> = BTreeMap::new();
    let mut counts_from_one = is_whole;
    let mut running = BTreeSet::new();
    for (place, event) in history.iter().enumerate() {
        let last = event.job.and_then(|job| numbers.get(&job).copied());
        let expected = last.or_else(|| counts_from_one.then_some(0)).map(|last| last + 1);
        if event.detail(REPAIRED).is_some() {
            told.gaps.clear();
            numbers.clear();
            running.clear();
            counts_from_one = false;
        } else if let Some(gap) = told
            .gap_before(event, place, expected)
            .or_else(|| untold_end(event, &running))
            .or_else(|| untold_decision(event, history.get(place + 1)))
        {
            told.gaps.push(gap);
        }
        match (event.kind, event.attempt) {
            (EventKind::JobStarted, Some(attempt)) => _ = running.insert(attempt),
            (EventKind::AttemptEnded, Some(attempt)) => _ = running.remove(&attempt),
            _ => {}
        }
        if let (Some(job), Some(number)) = (event.job, number(event)) {
            numbers.insert(job, number);
        }
        told.take(event);
    }
    told
}

/// What ends a job comes after the end of its attempt.
fn untold_end(event: &HistoryEvent, running: &BTreeSet<AttemptId>) -> Option<String> {
    let is_end = matches!(event.kind, EventKind::JobCompleted | EventKind::JobFailed | EventKind::JobRetried);
    let attempt = event.attempt.filter(|attempt| is_end && running.contains(attempt))?;
    Some(format!("{} of attempt {attempt}, whose end is not told", event.kind.as_str()))
}

/// A PM's job is completed by its decision, which is told directly afterwards.
fn untold_decision(event: &HistoryEvent, next: Option<&HistoryEvent>) -> Option<String> {
    let is_pm = event.kind == EventKind::JobCompleted && event.detail("type") == Some("pm");
    let is_told = next.is_some_and(|next| (next.kind, next.job) == (EventKind::DecisionApplied, event.job));
    let job = event.job.filter(|_| is_pm && !is_told)?;
    Some(format!("job {job} is completed, and what it decided is not told"))
}

impl Told {
    /// What is missing between what was told so far and this event; `expected` is the number that a new attempt at its
    /// job must have.
    fn gap_before(&self, event: &HistoryEvent, place: usize, expected: Option<u32>) -> Option<String> {
        if event.kind == EventKind::AssignmentCreated {
            return (place > 0).then(|| "the assignment is created a second time".to_owned());
        }
        let job = event.job?;
        let before = self.jobs.get(&job).copied();
        // What is left of a history that was cut may speak of any job that it has not told of before.
        if before.is_none() && !self.is_whole {
            return None;
        }
        let is_right = match event.kind {
            EventKind::JobInserted => before.is_none(),
            EventKind::JobStarted => before == Some(JobStatus::Pending),
            EventKind::JobCompleted | EventKind::JobFailed | EventKind::JobRetried => {
                before == Some(JobStatus::Running)
            }
            EventKind::JobCancelled => before.is_some_and(|status| !status.is_final()),
            EventKind::AttemptTakenOver | EventKind::HarnessCooledDown => before == Some(JobStatus::Running),
            EventKind::CancelRequested
            | EventKind::PauseRequested
            | EventKind::RetryRequested
            | EventKind::AttemptEnded
            | EventKind::DecisionStaged
            | EventKind::DecisionApplied
            | EventKind::DecisionInvalid
            | EventKind::CheckRan
            | EventKind::CheckpointMade
            | EventKind::FindingMade
            | EventKind::CompletionRefused
            | EventKind::NothingGained => before.is_some(),
            EventKind::AssignmentCreated
            | EventKind::AssignmentActivated
            | EventKind::AssignmentBlocked
            | EventKind::AssignmentCompleted
            | EventKind::AssignmentFailed
            | EventKind::AssignmentCancelled
            | EventKind::AssignmentPaused
            | EventKind::AssignmentResumed
            | EventKind::ProofChanged
            | EventKind::BranchMoved
            | EventKind::StepWaits
            | EventKind::StepAnswered
            | EventKind::AssignmentNoted => true,
        };
        if !is_right {
            let was = before.map_or("not in the list", JobStatus::as_str);
            return Some(format!("{} of job {job}, which was {was}", event.kind.as_str()));
        }
        let (number, expected) = (number(event)?, expected?);
        (number != expected)
            .then(|| format!("attempt {number} of job {job} follows attempt {}", expected - 1))
    }

    fn take(&mut self, event: &HistoryEvent) {
        let of_job = |status| event.job.map(|id| (id, status));
        let (of_assignment, of_job) = match event.kind {
            EventKind::AssignmentCreated | EventKind::AssignmentActivated => {
                (Some(AssignmentStatus::Active), None)
            }
            EventKind::AssignmentBlocked => (Some(AssignmentStatus::Blocked), None),
            EventKind::AssignmentCompleted => (Some(AssignmentStatus::Complete), None),
            EventKind::AssignmentFailed => (Some(AssignmentStatus::Failed), None),
            EventKind::AssignmentCancelled => (Some(AssignmentStatus::Cancelled), None),
            EventKind::JobInserted | EventKind::JobRetried => (None, of_job(JobStatus::Pending)),
            EventKind::JobStarted => (None, of_job(JobStatus::Running)),
            EventKind::JobCompleted => (None, of_job(JobStatus::Completed)),
            EventKind::JobFailed => (None, of_job(JobStatus::Failed)),
            EventKind::JobCancelled => (None, of_job(JobStatus::Cancelled)),
            EventKind::AssignmentNoted
            | EventKind::AssignmentPaused
            | EventKind::AssignmentResumed
            | EventKind::CancelRequested
            | EventKind::HarnessCooledDown
            | EventKind::PauseRequested
            | EventKind::RetryRequested
            | EventKind::AttemptTakenOver
            | EventKind::AttemptEnded
            | EventKind::DecisionStaged
            | EventKind::DecisionApplied
            | EventKind::DecisionInvalid
            | EventKind::CheckRan
            | EventKind::CheckpointMade
            | EventKind::FindingMade
            | EventKind::CompletionRefused
            | EventKind::ProofChanged
            | EventKind::NothingGained
            | EventKind::BranchMoved
            | EventKind::StepWaits
            | EventKind::StepAnswered => (None, None),
        };
        self.status = of_assignment.or(self.status);
        self.jobs.extend(of_job);
    }
}

/// The number of the attempt that has just begun.
fn number(event: &HistoryEvent) -> Option<u32> {
    (event.kind == EventKind::JobStarted).then(|| event.detail("number")?.parse().ok()).flatten()
}
