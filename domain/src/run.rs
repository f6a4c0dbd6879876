//! A run: an assignment that somebody or something has started from a description, once.
//!
//! Its list, its end, its history and its budget are an assignment's. What is told here is what it was started from,
//! and by what. A run without a director never waits for a person: it succeeds, fails, or is cancelled.

use async_trait::async_trait;

use crate::assignment::{Assignment, AssignmentStatus};
use crate::blob::BlobId;
use crate::id::{AssignmentId, DeliveryId, HappeningId, ScheduleId, SubscriptionId};
use crate::namespace::Namespace;
use crate::outcome::OutcomeClass;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// How many triggers may lie one behind the other: a run that starts a run that starts a run ...
pub const DEPTH_MAX: u32 = 8;

/// What has started a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A person at a terminal, or a script of theirs.
    Manual,
    /// A program, over the API.
    Api,
    /// A schedule, for that due time: it is the run's identity, whenever it really began.
    Schedule { schedule: ScheduleId, due: Timestamp },
    /// A subscription to what has happened.
    Event { subscription: SubscriptionId, happening: HappeningId },
    /// A request that a webhook has received.
    Webhook { subscription: SubscriptionId, delivery: DeliveryId },
}

/// The kind of a trigger, for filters and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TriggerKind {
    Manual,
    Api,
    Schedule,
    Event,
    Webhook,
}

impl TriggerKind {
    /// Every kind, in the order of the docs.
    pub const ALL: [TriggerKind; 5] = [
        TriggerKind::Manual,
        TriggerKind::Schedule,
        TriggerKind::Webhook,
        TriggerKind::Event,
        TriggerKind::Api,
    ];

    /// The name in the store, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            TriggerKind::Manual => "manual",
            TriggerKind::Api => "api",
            TriggerKind::Schedule => "schedule",
            TriggerKind::Event => "event",
            TriggerKind::Webhook => "webhook",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<TriggerKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Trigger {
    /// The kind alone.
    pub fn kind(&self) -> TriggerKind {
        match self {
            Trigger::Manual => TriggerKind::Manual,
            Trigger::Api => TriggerKind::Api,
            Trigger::Schedule { .. } => TriggerKind::Schedule,
            Trigger::Event { .. } => TriggerKind::Event,
            Trigger::Webhook { .. } => TriggerKind::Webhook,
        }
    }
}

/// What a run was started from, and by what. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOrigin {
    /// The name of its definition. `None`: a north star.
    pub definition: Option<String>,
    /// What does it: a worker's name, or `pm`.
    pub worker: String,
    pub trigger: Trigger,
    /// A JSON object: its params, all of them, with defaults filled in.
    pub params: String,
    /// What it was given besides, as JSON.
    pub input: Option<String>,
    /// How many triggers lie between it and whoever began: 0 for a person.
    pub depth: u32,
    /// The run that it does once more.
    pub replays: Option<AssignmentId>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl RunStatus {
    /// Every status, in the order of the docs.
    pub const ALL: [RunStatus; 5] = [
        RunStatus::Pending,
        RunStatus::Running,
        RunStatus::Completed,
        RunStatus::Failed,
        RunStatus::Cancelled,
    ];

    /// The name in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Pending => "pending",
            RunStatus::Running => "running",
            RunStatus::Completed => "completed",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<RunStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Where the run of that assignment stands; `begun`: whether one of its jobs has ever been started. What a PM leads
    /// and is blocked still runs: it goes on when a person has answered.
    pub fn of(status: AssignmentStatus, begun: bool) -> RunStatus {
        match status {
            AssignmentStatus::Active if !begun => RunStatus::Pending,
            AssignmentStatus::Active | AssignmentStatus::Blocked => RunStatus::Running,
            AssignmentStatus::Complete => RunStatus::Completed,
            AssignmentStatus::Failed => RunStatus::Failed,
            AssignmentStatus::Cancelled => RunStatus::Cancelled,
        }
    }

    /// Whether nothing will happen to it any more.
    pub fn is_final(self) -> bool {
        match self {
            RunStatus::Pending | RunStatus::Running => false,
            RunStatus::Completed | RunStatus::Failed | RunStatus::Cancelled => true,
        }
    }
}

/// Which runs a list shows.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    pub namespace: Option<Namespace>,
    pub definition: Option<String>,
    /// Empty: all of them.
    pub status: Vec<RunStatus>,
    pub trigger: Option<TriggerKind>,
    /// The schedule or the subscription that has started it.
    pub started_by: Option<String>,
    /// Only those that were made then or later.
    pub since: Option<Timestamp>,
    pub limit: Option<u32>,
}

/// How much of an output is stored with its job, in bytes: its end. Of a longer one all is kept as a blob.
pub const INLINE_MAX: usize = 64 * 1024;

/// The whole output of a run, if it is longer than [`INLINE_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongOutput {
    pub bytes: u64,
    pub place: OutputPlace,
}

/// Where a long output is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputPlace {
    /// In this blob, until that is past its time.
    Blob(BlobId),
    /// It could not be written.
    NotKept { why: String },
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLine {
    pub assignment: Assignment,
    pub origin: RunOrigin,
    pub status: RunStatus,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When its last attempt ended.
    pub ended_at: Option<Timestamp>,
    /// What its last job has answered, or why it has ended.
    pub result: Option<String>,
    /// How its last job has ended.
    pub outcome: Option<OutcomeClass>,
    /// All of its output, if `result` is only the end.
    pub output: Option<LongOutput>,
}

/// The port to runs.
#[async_trait]
pub trait Runs: Send + Sync {
    /// One run.
    async fn run(&self, id: AssignmentId) -> Result<Option<RunLine>, StoreError>;

    /// Runs, the latest first.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunLine>, StoreError>;
}
