//! A job: one piece of work in an assignment's list, and every transition of it.

use crate::id::{AssignmentId, AttemptId, JobId};
use crate::job_type::JobType;
use crate::outcome::OutcomeClass;
use crate::retry;
use crate::session::Session;
use crate::spending::Spent;
use crate::timestamp::Timestamp;

/// One piece of work. What it was told (its context) and what it answered are kept in the store beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub assignment: AssignmentId,
    pub job_type: JobType,
    /// The agent CLI that is to do it. An attempt says which one really did.
    pub harness: String,
    pub model: Option<String>,
    pub timeout_ms: Option<u64>,
    /// The PM's own job, or a question: in the list, but no PM follows it.
    pub shadow: bool,
    pub created_at: Timestamp,
    pub(crate) position: i64,
    pub(crate) progress: JobProgress,
}

/// What changes of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobProgress {
    pub state: JobState,
    /// Attempts so far; the number of the latest one.
    pub attempts: u32,
    /// Those of them that count against the retry policy.
    pub tries: u32,
    /// Attempts that ended well without the decision that a PM job is for.
    pub asks: u32,
    /// How the latest attempt ended; of a job that repeats another one, how that one did, until then.
    pub outcome: Option<OutcomeClass>,
    /// The answer of a completed job; the explanation of the latest end of any other.
    pub result: Option<String>,
    /// The session to continue in the next attempt, if the last one is to be continued.
    pub resume: Option<Session>,
    /// What its attempts have spent.
    pub spent: Spent,
}

/// Where a job stands, and what is then true of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// It waits: for its turn if it is not the `head` of its list, else until `ready_at`.
    Pending {
        ready_at: Timestamp,
        head: bool,
    },
    /// This attempt does it.
    Running {
        attempt: AttemptId,
    },
    Completed {
        at: Timestamp,
    },
    Failed {
        at: Timestamp,
    },
    Cancelled {
        at: Timestamp,
    },
}

/// The state alone, for filters and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl JobStatus {
    /// Every status, in the order of the docs.
    pub const ALL: [JobStatus; 5] = [
        JobStatus::Pending,
        JobStatus::Running,
        JobStatus::Completed,
        JobStatus::Failed,
        JobStatus::Cancelled,
    ];

    /// The name in the store, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Pending => "pending",
            JobStatus::Running => "running",
            JobStatus::Completed => "completed",
            JobStatus::Failed => "failed",
            JobStatus::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<JobStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether nothing will happen to the job any more.
    pub fn is_final(self) -> bool {
        match self {
            JobStatus::Pending | JobStatus::Running => false,
            JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled => true,
        }
    }
}

/// What never changes of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOrigin {
    pub id: JobId,
    pub assignment: AssignmentId,
    pub job_type: JobType,
    pub harness: String,
    pub model: Option<String>,
    pub timeout_ms: Option<u64>,
    pub shadow: bool,
    pub created_at: Timestamp,
}

impl Job {
    /// A new job at that position, ready at once when it is its turn.
    pub(crate) fn new(origin: JobOrigin, position: i64) -> Self {
        let state = JobState::Pending { ready_at: origin.created_at, head: false };
        let progress = JobProgress {
            state,
            attempts: 0,
            tries: 0,
            asks: 0,
            outcome: None,
            result: None,
            resume: None,
            spent: Spent::default(),
        };
        Self::restore(origin, position, progress)
    }

    /// The job as it was stored.
    pub fn restore(origin: JobOrigin, position: i64, progress: JobProgress) -> Self {
        Self {
            id: origin.id,
            assignment: origin.assignment,
            job_type: origin.job_type,
            harness: origin.harness,
            model: origin.model,
            timeout_ms: origin.timeout_ms,
            shadow: origin.shadow,
            created_at: origin.created_at,
            position,
            progress,
        }
    }

    /// Where it stands.
    pub fn state(&self) -> &JobState {
        &self.progress.state
    }

    /// What has changed of it since it was made.
    pub fn progress(&self) -> &JobProgress {
        &self.progress
    }

    /// Its place in the order of its list; only the order means something.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// The state alone.
    pub fn status(&self) -> JobStatus {
        match self.progress.state {
            JobState::Pending { .. } => JobStatus::Pending,
            JobState::Running { .. } => JobStatus::Running,
            JobState::Completed { .. } => JobStatus::Completed,
            JobState::Failed { .. } => JobStatus::Failed,
            JobState::Cancelled { .. } => JobStatus::Cancelled,
        }
    }

    /// Whether it waits.
    pub fn is_pending(&self) -> bool {
        self.status() == JobStatus::Pending
    }

    /// Whether nothing has happened to it yet.
    pub fn is_untouched(&self) -> bool {
        self.is_pending() && self.progress.attempts == 0
    }

    /// The attempt that does it now.
    pub fn running_attempt(&self) -> Option<AttemptId> {
        match self.progress.state {
            JobState::Running { attempt } => Some(attempt),
            JobState::Pending { .. }
            | JobState::Completed { .. }
            | JobState::Failed { .. }
            | JobState::Cancelled { .. } => None,
        }
    }

    /// Whether it is pending, it is its turn, and it has nothing to wait for.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        match self.progress.state {
            JobState::Pending { ready_at, head } => {
                head && retry::is_ready(ready_at, self.progress.outcome, now)
            }
            JobState::Running { .. }
            | JobState::Completed { .. }
            | JobState::Failed { .. }
            | JobState::Cancelled { .. } => false,
        }
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.progress.state {
            JobState::Pending { .. } | JobState::Running { .. } => None,
            JobState::Completed { at } | JobState::Failed { at } | JobState::Cancelled { at } => Some(at),
        }
    }

    pub(crate) fn set_head(&mut self, is_head: bool) {
        if let JobState::Pending { ready_at, head: _ } = self.progress.state {
            self.progress.state = JobState::Pending { ready_at, head: is_head };
        }
    }

    /// Pending and ready -> running. `false`: it is not a head that is ready, and nothing has changed.
    pub(crate) fn start(&mut self, attempt: AttemptId, now: Timestamp) -> bool {
        let is_ready = self.is_ready(now);
        if is_ready {
            self.progress.state = JobState::Running { attempt };
            self.progress.attempts += 1;
        }
        is_ready
    }

    /// Running -> completed.
    pub(crate) fn complete(&mut self, answer: String, now: Timestamp) {
        self.end(JobState::Completed { at: now }, OutcomeClass::Success, answer);
    }

    /// Running -> failed.
    pub(crate) fn fail(&mut self, class: OutcomeClass, why: String, now: Timestamp) {
        self.end(JobState::Failed { at: now }, class, why);
    }

    /// Pending or running -> cancelled.
    pub(crate) fn cancel(&mut self, why: String, now: Timestamp) {
        self.end(JobState::Cancelled { at: now }, OutcomeClass::Cancelled, why);
    }

    fn end(&mut self, state: JobState, class: OutcomeClass, result: String) {
        self.progress.state = state;
        self.progress.outcome = Some(class);
        self.progress.result = Some(result);
        self.progress.resume = None;
    }

    /// Running: why it is being ended, for whoever sees its end.
    pub(crate) fn explain(&mut self, why: String) {
        self.progress.result = Some(why);
    }

    /// Pending: ready now, and without the session that was to be continued if it is to be fresh. Whether that changes
    /// anything.
    pub(crate) fn hurry(&mut self, now: Timestamp, is_fresh: bool) -> bool {
        let JobState::Pending { ready_at, head } = self.progress.state else { return false };
        let drops_session = is_fresh && self.progress.resume.take().is_some();
        self.progress.state = JobState::Pending { ready_at: ready_at.min(now), head };
        drops_session || ready_at > now
    }

    /// A new job: it repeats an old one, and is told how that one ended.
    pub(crate) fn continue_from(&mut self, old: &Job, session: Option<Session>) {
        self.progress.outcome = old.progress.outcome;
        self.progress.result = old.progress.result.clone();
        self.progress.resume = session;
    }

    /// Whether it was made to repeat that job, and has not ended an attempt of its own yet.
    pub(crate) fn repeats(&self, old: &Job) -> bool {
        let is_first =
            self.is_untouched() || (self.running_attempt().is_some() && self.progress.attempts == 1);
        is_first
            && self.job_type == old.job_type
            && self.progress.outcome.is_some()
            && (self.progress.outcome, &self.progress.result) == (old.progress.outcome, &old.progress.result)
    }

    /// Running -> pending again.
    pub(crate) fn retry(&mut self, again: RetryLater) {
        self.progress.state = JobState::Pending { ready_at: again.at, head: false };
        self.progress.outcome = Some(again.class);
        self.progress.result = Some(again.why);
        self.progress.resume = again.resume;
        match again.counted_as {
            Counted::Nothing => {}
            Counted::Try => self.progress.tries += 1,
            Counted::Ask => self.progress.asks += 1,
        }
    }
}

/// How a job becomes pending again.
#[derive(Debug, Clone)]
pub(crate) struct RetryLater {
    pub at: Timestamp,
    pub counted_as: Counted,
    pub class: OutcomeClass,
    pub why: String,
    pub resume: Option<Session>,
}

/// What an attempt that is followed by another one counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Nothing,
    Try,
    Ask,
}
