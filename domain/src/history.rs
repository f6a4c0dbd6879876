//! The append-only history: one event for each transition, written in the transaction that makes it.

pub mod proof;
pub mod replay;

use std::borrow::Cow;

use crate::id::{AssignmentId, AttemptId, JobId};
use crate::timestamp::Timestamp;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    AssignmentCreated,
    AssignmentActivated,
    AssignmentBlocked,
    AssignmentCompleted,
    AssignmentFailed,
    AssignmentCancelled,
    AssignmentNoted,
    AssignmentPaused,
    AssignmentResumed,
    JobInserted,
    JobStarted,
    JobCompleted,
    JobFailed,
    JobRetried,
    JobCancelled,
    CancelRequested,
    HarnessCooledDown,
    PauseRequested,
    RetryRequested,
    AttemptTakenOver,
    AttemptEnded,
    DecisionStaged,
    DecisionApplied,
    DecisionInvalid,
    /// A check was run.
    CheckRan,
    /// What a job has done was committed.
    CheckpointMade,
    /// A guard or a reviewer has found something.
    FindingMade,
    /// `complete` was decided, and the evidence stands against it.
    CompletionRefused,
    /// What must be shown before it is complete was changed.
    ProofChanged,
    /// Work came to the same as the work before it.
    NothingGained,
    /// A person has rolled an assignment's branch back, merged it, or proposed it.
    BranchMoved,
    /// A step of a workflow waits: for a time, a person, or another run.
    StepWaits,
    /// A person has answered a step, or ended a loop, or had a run go on.
    StepAnswered,
}

impl EventKind {
    /// Every kind, in the order of the docs.
    pub const ALL: [EventKind; 33] = [
        EventKind::AssignmentCreated,
        EventKind::AssignmentActivated,
        EventKind::AssignmentBlocked,
        EventKind::AssignmentCompleted,
        EventKind::AssignmentFailed,
        EventKind::AssignmentCancelled,
        EventKind::AssignmentNoted,
        EventKind::AssignmentPaused,
        EventKind::AssignmentResumed,
        EventKind::JobInserted,
        EventKind::JobStarted,
        EventKind::JobCompleted,
        EventKind::JobFailed,
        EventKind::JobRetried,
        EventKind::JobCancelled,
        EventKind::CancelRequested,
        EventKind::HarnessCooledDown,
        EventKind::PauseRequested,
        EventKind::RetryRequested,
        EventKind::AttemptTakenOver,
        EventKind::AttemptEnded,
        EventKind::DecisionStaged,
        EventKind::DecisionApplied,
        EventKind::DecisionInvalid,
        EventKind::CheckRan,
        EventKind::CheckpointMade,
        EventKind::FindingMade,
        EventKind::CompletionRefused,
        EventKind::ProofChanged,
        EventKind::NothingGained,
        EventKind::BranchMoved,
        EventKind::StepWaits,
        EventKind::StepAnswered,
    ];

    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::AssignmentCreated => "assignment_created",
            EventKind::AssignmentActivated => "assignment_activated",
            EventKind::AssignmentBlocked => "assignment_blocked",
            EventKind::AssignmentCompleted => "assignment_completed",
            EventKind::AssignmentFailed => "assignment_failed",
            EventKind::AssignmentCancelled => "assignment_cancelled",
            EventKind::AssignmentNoted => "assignment_noted",
            EventKind::AssignmentPaused => "assignment_paused",
            EventKind::AssignmentResumed => "assignment_resumed",
            EventKind::JobInserted => "job_inserted",
            EventKind::JobStarted => "job_started",
            EventKind::JobCompleted => "job_completed",
            EventKind::JobFailed => "job_failed",
            EventKind::JobRetried => "job_retried",
            EventKind::JobCancelled => "job_cancelled",
            EventKind::CancelRequested => "cancel_requested",
            EventKind::HarnessCooledDown => "harness_cooled_down",
            EventKind::PauseRequested => "pause_requested",
            EventKind::RetryRequested => "retry_requested",
            EventKind::AttemptTakenOver => "attempt_taken_over",
            EventKind::AttemptEnded => "attempt_ended",
            EventKind::DecisionStaged => "decision_staged",
            EventKind::DecisionApplied => "decision_applied",
            EventKind::DecisionInvalid => "decision_invalid",
            EventKind::CheckRan => "check_ran",
            EventKind::CheckpointMade => "checkpoint_made",
            EventKind::FindingMade => "finding_made",
            EventKind::CompletionRefused => "completion_refused",
            EventKind::ProofChanged => "proof_changed",
            EventKind::NothingGained => "nothing_gained",
            EventKind::BranchMoved => "branch_moved",
            EventKind::StepWaits => "step_waits",
            EventKind::StepAnswered => "step_answered",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<EventKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One event of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEvent {
    pub at: Timestamp,
    pub kind: EventKind,
    pub assignment: AssignmentId,
    pub job: Option<JobId>,
    pub attempt: Option<AttemptId>,
    /// Named details, in a fixed order; long texts are cut to [`DETAIL_MAX`].
    pub details: Vec<(Cow<'static, str>, String)>,
}

/// The longest detail, in characters: the whole text is with the job or the attempt.
pub const DETAIL_MAX: usize = 500;

/// A text as the history keeps it.
pub fn cut(text: String) -> String {
    match text.char_indices().nth(DETAIL_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl HistoryEvent {
    /// The detail of that name.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
