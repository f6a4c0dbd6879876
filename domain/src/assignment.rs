//! An assignment: what a person wants, and whether it is still wanted.

use crate::budget::Budget;
use crate::director::Director;
use crate::evidence::{Check, Criterion, Standing};
use crate::id::AssignmentId;
use crate::namespace::Namespace;
use crate::priority::Priority;
use crate::timestamp::Timestamp;
use crate::worktree::Worktree;

/// How many jobs an assignment may have unless its owner says otherwise.
pub const DEFAULT_MAX_JOBS: u32 = 50;

/// What a person wants. Its jobs are kept beside it, in the [`crate::aggregate::Aggregate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub id: AssignmentId,
    pub namespace: Namespace,
    pub north_star: String,
    pub director: Director,
    /// The repository, or the folder, that it belongs to.
    pub workspace: String,
    /// Where its agents work, if not there.
    pub worktree: Option<Worktree>,
    /// Jobs of its list, the PM's own and questions apart. Past it the assignment is blocked.
    pub max_jobs: u32,
    /// It is a [run](crate::run).
    pub is_run: bool,
    /// Which of the jobs that could start goes first.
    pub priority: Priority,
    pub created_at: Timestamp,
    state: AssignmentState,
    paused: bool,
    note: Option<String>,
    pub(crate) proof: Proof,
    pub(crate) budget: Budget,
    updated_at: Timestamp,
}

/// Whether an assignment goes on, and what is then true of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignmentState {
    /// Something is pending or running, unless it is `held`: then it waits for its first job.
    Active { held: bool },
    /// A person is needed.
    Blocked { reason: String, question: Option<String> },
    /// The north star is reached.
    Complete { reason: Option<String> },
    /// A run that nobody leads has come to nothing.
    Failed { reason: String },
    /// Nobody wants it any longer.
    Cancelled { reason: Option<String> },
}

/// The state alone, for filters and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssignmentStatus {
    Active,
    Blocked,
    Complete,
    Failed,
    Cancelled,
}

impl AssignmentStatus {
    /// Every status, in the order of the docs.
    pub const ALL: [AssignmentStatus; 5] = [
        AssignmentStatus::Active,
        AssignmentStatus::Blocked,
        AssignmentStatus::Complete,
        AssignmentStatus::Failed,
        AssignmentStatus::Cancelled,
    ];

    /// The name in the store, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            AssignmentStatus::Active => "active",
            AssignmentStatus::Blocked => "blocked",
            AssignmentStatus::Complete => "complete",
            AssignmentStatus::Failed => "failed",
            AssignmentStatus::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<AssignmentStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What must be shown before an assignment is complete, and what has been.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    pub checks: Vec<Check>,
    pub criteria: Vec<Criterion>,
    /// The highest number that a criterion has ever had, so that none is used again.
    pub numbered: u32,
    pub standing: Standing,
}

/// What a stored assignment consists of besides what never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentProgress {
    pub state: AssignmentState,
    /// A person has paused it: it starts no job. Never with one that is closed.
    pub paused: bool,
    pub note: Option<String>,
    pub proof: Proof,
    pub budget: Budget,
    pub updated_at: Timestamp,
}

/// What never changes of an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentOrigin {
    pub id: AssignmentId,
    pub namespace: Namespace,
    pub north_star: String,
    pub director: Director,
    pub workspace: String,
    pub worktree: Option<Worktree>,
    pub max_jobs: u32,
    pub is_run: bool,
    /// Which of the jobs that could start goes first.
    pub priority: Priority,
    pub created_at: Timestamp,
}

impl Assignment {
    /// A new assignment. `held`: it waits for its first job instead of asking its director.
    pub fn new(origin: AssignmentOrigin, held: bool, proof: Proof) -> Self {
        let updated_at = origin.created_at;
        let state = AssignmentState::Active { held };
        let budget = Budget::default();
        Self::restore(
            origin,
            AssignmentProgress { state, paused: false, note: None, proof, budget, updated_at },
        )
    }

    /// The assignment as it was stored.
    pub fn restore(origin: AssignmentOrigin, progress: AssignmentProgress) -> Self {
        Self {
            id: origin.id,
            namespace: origin.namespace,
            north_star: origin.north_star,
            director: origin.director,
            workspace: origin.workspace,
            worktree: origin.worktree,
            max_jobs: origin.max_jobs,
            is_run: origin.is_run,
            priority: origin.priority,
            created_at: origin.created_at,
            state: progress.state,
            paused: progress.paused,
            note: progress.note,
            proof: progress.proof,
            budget: progress.budget,
            updated_at: progress.updated_at,
        }
    }

    /// The folder that its agents work in.
    pub fn folder(&self) -> &str {
        self.worktree.as_ref().map_or(&self.workspace, |worktree| &worktree.path)
    }

    /// What must be shown before it is complete, and what has been.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Its limits, and what it has spent.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The commands that tell whether its work is right.
    pub fn checks(&self) -> &[Check] {
        &self.proof.checks
    }

    /// What must hold before it is complete.
    pub fn criteria(&self) -> &[Criterion] {
        &self.proof.criteria
    }

    /// Where it stands by its evidence.
    pub fn standing(&self) -> &Standing {
        &self.proof.standing
    }

    /// Whether it goes on, and what is then true of it.
    pub fn state(&self) -> &AssignmentState {
        &self.state
    }

    /// The state alone.
    pub fn status(&self) -> AssignmentStatus {
        match &self.state {
            AssignmentState::Active { .. } => AssignmentStatus::Active,
            AssignmentState::Blocked { .. } => AssignmentStatus::Blocked,
            AssignmentState::Complete { .. } => AssignmentStatus::Complete,
            AssignmentState::Failed { .. } => AssignmentStatus::Failed,
            AssignmentState::Cancelled { .. } => AssignmentStatus::Cancelled,
        }
    }

    /// Why it is in its state, where there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match &self.state {
            AssignmentState::Active { .. } => None,
            AssignmentState::Blocked { reason, question: _ } | AssignmentState::Failed { reason } => {
                Some(reason)
            }
            AssignmentState::Complete { reason } | AssignmentState::Cancelled { reason } => reason.as_deref(),
        }
    }

    /// What the PM asks a person, if it is blocked on a question.
    pub fn question(&self) -> Option<&str> {
        match &self.state {
            AssignmentState::Blocked { question, reason: _ } => question.as_deref(),
            AssignmentState::Active { .. }
            | AssignmentState::Complete { .. }
            | AssignmentState::Failed { .. }
            | AssignmentState::Cancelled { .. } => None,
        }
    }

    /// Whether it waits for its first job.
    pub fn is_held(&self) -> bool {
        self.state == AssignmentState::Active { held: true }
    }

    /// Whether it ends by itself whatever happens to its job: no person is asked.
    pub fn ends_by_itself(&self) -> bool {
        self.is_run && self.director != Director::Pm
    }

    /// Whether it goes on: something of it is pending or running.
    pub fn is_active(&self) -> bool {
        self.status() == AssignmentStatus::Active
    }

    /// Whether a person has paused it. It may be active or blocked then.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether its jobs may start.
    pub fn may_run(&self) -> bool {
        self.is_active() && !self.paused
    }

    /// Whether it has ended (it can be made active again).
    pub fn is_closed(&self) -> bool {
        match self.status() {
            AssignmentStatus::Complete | AssignmentStatus::Failed | AssignmentStatus::Cancelled => true,
            AssignmentStatus::Active | AssignmentStatus::Blocked => false,
        }
    }

    /// What a person told the PM, until a PM has answered.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// When its state last changed.
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    pub(crate) fn release(&mut self, now: Timestamp) {
        if self.is_held() {
            self.change(AssignmentState::Active { held: false }, now);
        }
    }

    /// To another state. What is closed is not paused.
    pub(crate) fn change(&mut self, state: AssignmentState, now: Timestamp) {
        self.state = state;
        self.paused &= !self.is_closed();
        self.updated_at = now;
    }

    pub(crate) fn set_paused(&mut self, paused: bool, now: Timestamp) {
        self.paused = paused;
        self.updated_at = now;
    }

    /// Adds what a person told the PM to what no PM has answered yet.
    pub(crate) fn add_note(&mut self, note: &str, now: Timestamp) {
        self.note = Some(match self.note.take() {
            Some(earlier) => format!("{earlier}\n\n{note}"),
            None => note.to_owned(),
        });
        self.updated_at = now;
    }

    pub(crate) fn clear_note(&mut self) {
        self.note = None;
    }
}
