//! The port to the store: commands that change an aggregate, claims, leases, and queries for people.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::actor::Actor;
use crate::aggregate::{
    BranchMove, HarnessDefaults, NewAssignment, PauseMode, Rejection, Repetition, StatusChange,
};
use crate::amounts::Amounts;
use crate::assignment::{Assignment, AssignmentStatus};
use crate::attempt::{Attempt, AttemptProgress, AttemptReport, Holder, Host, ProcessMark, Proof, Wish};
use crate::audit::Repair;
use crate::cooldown::Cooldown;
use crate::decision::{Decision, NewJob, Place};
use crate::definition::Definitions;
use crate::evidence::{CheckReceipt, Checkpoint, Finding, VerificationKey};
use crate::fallback::Fallbacks;
use crate::happening::Happenings;
use crate::history::HistoryEvent;
use crate::id::{AssignmentId, AttemptId, JobId, ReceiptId, RunnerId};
use crate::import::Imports;
use crate::job::{Job, JobStatus};
use crate::limits::Limits;
use crate::namespace::Namespace;
use crate::notice::Notices;
use crate::outcome::OutcomeClass;
use crate::priority::Priority;
use crate::run::Runs;
use crate::schedule::Schedules;
use crate::spending::{AnyTerms, Ceiling, Spent};
use crate::subscription::Subscriptions;
use crate::timestamp::Timestamp;
use crate::upkeep::Upkeep;
use crate::usage::{CostSource, MicroUsd, TokenUsage};
use crate::webhook::Webhooks;
use crate::workflow::{Signal, Workflows};

/// A change to one assignment, decided by its aggregate.
#[derive(Debug, Clone)]
pub struct Command {
    pub actor: Actor,
    pub harness_defaults: Arc<HarnessDefaults>,
    pub change: Change,
}

/// What is to be changed.
#[derive(Debug, Clone)]
pub enum Change {
    Create(NewAssignment),
    Insert {
        assignment: AssignmentId,
        job: NewJob,
        place: Place,
    },
    /// A question, taken at once by the runner that asks it.
    Ask {
        assignment: AssignmentId,
        question: NewJob,
        holder: Holder,
        attempt: AttemptId,
    },
    Stage {
        assignment: AssignmentId,
        attempt: AttemptId,
        decision: Decision,
    },
    Update {
        assignment: AssignmentId,
        to: StatusChange,
    },
    /// A person no longer wants the job.
    Cancel {
        assignment: AssignmentId,
        job: JobId,
        reason: Option<String>,
    },
    /// A person wants the assignment to start no job.
    Pause {
        assignment: AssignmentId,
        mode: PauseMode,
    },
    /// A person lets a paused assignment go on.
    Resume {
        assignment: AssignmentId,
    },
    /// A person has the job done again.
    Retry {
        assignment: AssignmentId,
        job: JobId,
        again: Repetition,
    },
    Finish {
        assignment: AssignmentId,
        report: Box<AttemptReport>,
    },
    /// The attempt's runner is gone, and nothing is left of its processes.
    GiveUp {
        assignment: AssignmentId,
        attempt: AttemptId,
        why: String,
        proof: Proof,
    },
    /// The attempt's runner is gone, and another one on its machine goes on with it.
    TakeOver {
        assignment: AssignmentId,
        attempt: AttemptId,
        from: RunnerId,
        holder: Holder,
        proof: Proof,
    },
    /// A person has done something with its branch.
    MoveBranch {
        assignment: AssignmentId,
        how: BranchMove,
    },
    /// A running attempt needs so much, all in all.
    Reserve {
        assignment: AssignmentId,
        attempt: AttemptId,
        needs: Amounts,
        terms: AnyTerms,
    },
    /// The workflow that leads it is told something.
    Signal {
        assignment: AssignmentId,
        signal: Signal,
    },
    /// What an audit has found wrong is put right, as far as it can be.
    Repair {
        assignment: AssignmentId,
        repair: Repair,
    },
}

impl Change {
    /// The assignment that it changes.
    pub fn assignment(&self) -> AssignmentId {
        match self {
            Change::Create(new) => new.id,
            Change::Insert { assignment, .. }
            | Change::Ask { assignment, .. }
            | Change::Stage { assignment, .. }
            | Change::Update { assignment, .. }
            | Change::Cancel { assignment, .. }
            | Change::Pause { assignment, .. }
            | Change::Resume { assignment }
            | Change::Retry { assignment, .. }
            | Change::Finish { assignment, .. }
            | Change::GiveUp { assignment, .. }
            | Change::TakeOver { assignment, .. }
            | Change::MoveBranch { assignment, .. }
            | Change::Reserve { assignment, .. }
            | Change::Signal { assignment, .. }
            | Change::Repair { assignment, .. } => *assignment,
        }
    }
}

/// What a command has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    pub assignment: AssignmentId,
    pub status: AssignmentStatus,
    /// What happened, in order.
    pub events: Vec<HistoryEvent>,
    /// Whether a job of the assignment may start now, as far as it does not wait for its harness.
    pub has_ready: bool,
    /// What is reserved for an attempt by now for which more was asked.
    pub reserved: Option<Amounts>,
}

/// A request for work.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    pub holder: Holder,
    /// `None`: those of every namespace.
    pub namespaces: Option<Vec<Namespace>>,
    pub limit: usize,
    /// Who stands in for a harness that cools down.
    pub fallbacks: Arc<Fallbacks>,
    /// What may be spent.
    pub terms: AnyTerms,
}

/// A job that a runner has taken, with all that is needed to start it.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub assignment: Assignment,
    pub job: Job,
    pub attempt: Attempt,
    pub context: String,
    /// Whether it is the only job of its assignment.
    pub is_alone: bool,
    /// How far it may go by each limit.
    pub ceilings: Vec<Ceiling>,
    pub events: Vec<HistoryEvent>,
}

/// What came of a claim.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    pub claimed: Vec<Claimed>,
    /// What happened to assignments of which nothing was claimed: a limit stood against it.
    pub refused: Vec<(Namespace, HistoryEvent)>,
    /// Namespaces that may not begin a job now, since their day has no room for it.
    pub spent_days: Vec<DayLine>,
}

/// A runner, as it makes itself known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerRecord {
    pub id: RunnerId,
    /// Host and process, for people.
    pub name: String,
    pub process: ProcessMark,
    /// `None`: it serves every namespace.
    pub namespace: Option<Namespace>,
    pub concurrency: u32,
    pub version: String,
    pub started_at: Timestamp,
    pub heartbeat_at: Timestamp,
}

/// What a heartbeat brings back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeartbeatReply {
    /// Attempts that the runner named and does not own any longer.
    pub lost: Vec<AttemptId>,
    /// What people want of attempts of the runner.
    pub wishes: Vec<(AttemptId, Wish)>,
}

/// A running attempt whose owner may be gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    pub attempt: AttemptId,
    pub assignment: AssignmentId,
    pub job: JobId,
    pub runner: RunnerId,
    /// Where its processes are.
    pub host: Host,
    /// The runner's own process. `None`: the runner is not recorded any longer, so it has left.
    pub runner_process: Option<ProcessMark>,
    pub lease_until: Timestamp,
}

/// Which assignments a list shows.
#[derive(Debug, Clone, Default)]
pub struct AssignmentFilter {
    pub namespace: Option<Namespace>,
    pub status: Vec<AssignmentStatus>,
    pub limit: Option<u32>,
}

/// Which jobs a list shows.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    pub namespace: Option<Namespace>,
    pub assignment: Option<AssignmentId>,
    pub status: Vec<JobStatus>,
    pub job_type: Option<String>,
    pub limit: Option<u32>,
}

/// An assignment in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignmentLine {
    pub assignment: Assignment,
    pub jobs: u32,
    pub finished_jobs: u32,
    pub cost: Option<MicroUsd>,
}

/// A job in a list, with what a line about it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct JobLine {
    pub namespace: Namespace,
    pub priority: Priority,
    pub north_star: String,
    pub assignment_status: AssignmentStatus,
    pub assignment_paused: bool,
    pub job: Job,
    /// The attempt that runs it, or ran it last.
    pub attempt: Option<AttemptRecord>,
}

/// A job with all its attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDetail {
    pub job: Job,
    pub context: String,
    pub attempts: Vec<AttemptRecord>,
}

/// An attempt as it is stored, running or ended.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    pub id: AttemptId,
    pub job: JobId,
    pub number: u32,
    pub runner: RunnerId,
    pub harness: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub outcome: Option<OutcomeClass>,
    pub message: Option<String>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub session_id: Option<String>,
    pub resumes: Option<String>,
    pub model: Option<String>,
    pub cli_version: Option<String>,
    pub usage: Option<TokenUsage>,
    pub cost: Option<MicroUsd>,
    pub cost_source: Option<CostSource>,
    pub tool_calls: u32,
    pub last_activity: Option<String>,
    pub unknown_lines: u32,
    pub bad_lines: u32,
    pub cancel_requested: bool,
    pub pause_requested: bool,
}

/// All that was measured of an assignment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EvidenceRecord {
    pub checkpoints: Vec<Checkpoint>,
    pub receipts: Vec<CheckReceipt>,
    pub findings: Vec<Finding>,
    /// The keys that the receipts name, as far as a runner has made them known.
    pub keys: Vec<VerificationKey>,
    /// Of each attempt with receipts the runner that has ended it, which alone can have made them.
    pub signers: BTreeMap<AttemptId, RunnerId>,
}

/// A harness that cools down, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CooldownLine {
    pub cooldown: Cooldown,
    /// Jobs that are next in their lists and were to be done by it.
    pub jobs: u32,
}

/// What a namespace has spent today, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLine {
    pub namespace: Namespace,
    pub spent: Spent,
    /// For its attempts that run.
    pub reserved: Amounts,
    /// The limits that a claim was last held against.
    pub limits: Limits,
    /// A claim was refused; until then nobody looks for its jobs.
    pub waits_until: Option<Timestamp>,
}

/// What usage is summed up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    Assignment,
    JobType,
    Harness,
    Model,
    /// In UTC, the day on which an attempt began.
    Day,
}

impl UsageBy {
    /// Every one, in the order of the docs.
    pub const ALL: [UsageBy; 5] =
        [UsageBy::Assignment, UsageBy::JobType, UsageBy::Harness, UsageBy::Model, UsageBy::Day];

    /// The name on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            UsageBy::Assignment => "assignment",
            UsageBy::JobType => "job-type",
            UsageBy::Harness => "harness",
            UsageBy::Model => "model",
            UsageBy::Day => "day",
        }
    }

    /// The name above a column.
    pub fn title(self) -> &'static str {
        match self {
            UsageBy::Assignment => "ASSIGNMENT",
            UsageBy::JobType => "JOB TYPE",
            UsageBy::Harness => "HARNESS",
            UsageBy::Model => "MODEL",
            UsageBy::Day => "DAY",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<UsageBy> {
        Self::ALL.into_iter().find(|by| by.as_str() == name)
    }
}

/// Which attempts are summed up, and by what.
#[derive(Debug, Clone, Default)]
pub struct UsageFilter {
    pub namespace: Option<Namespace>,
    /// Only those that began then or later.
    pub since: Option<Timestamp>,
    /// `None`: all in one.
    pub by: Option<UsageBy>,
}

/// What some attempts have used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageLine {
    /// What they have in common; empty for a model that no CLI has told.
    pub key: String,
    /// Of an assignment.
    pub north_star: String,
    pub attempts: u64,
    /// As far as it is known.
    pub cost: MicroUsd,
    /// Ended attempts whose cost is not known.
    pub unknown_cost: u64,
    /// Ended attempts whose tokens are not known.
    pub unknown_tokens: u64,
    pub tokens: TokenUsage,
    pub wall: Duration,
    pub tool_calls: u64,
}

/// The queue at a glance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Queue {
    pub running: Vec<JobLine>,
    pub ready: Vec<JobLine>,
    /// Pending jobs that wait: for the job before them, for a moment, or for their harness to have cooled down.
    pub waiting: Vec<JobLine>,
    pub blocked: Vec<Assignment>,
    /// Active assignments that wait for their first job.
    pub held: Vec<Assignment>,
    /// Assignments that a person has paused.
    pub paused: Vec<Assignment>,
    pub cooldowns: Vec<CooldownLine>,
    /// Namespaces whose day is spent: their jobs wait for the next one.
    pub days: Vec<DayLine>,
    pub runners: Vec<RunnerRecord>,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The request makes no sense in the present state; nothing has changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no such assignment.
    #[error("there is no assignment {0}")]
    NoAssignment(AssignmentId),
    /// Another process changed the same rows in between; nothing has changed here.
    #[error("{what} was changed by another process at the same moment; try again")]
    LostRace { what: String },
    /// A row holds what it can't hold.
    #[error("the store is damaged: column {column} of table {table} holds `{value}` in row {row}")]
    BadRow { table: &'static str, column: &'static str, row: String, value: String },
    /// Another program holds the database.
    #[error("database {path} is locked by another program")]
    Locked { path: String },
    /// The database cannot be written.
    #[error("database {path} can't be written: {why}")]
    ReadOnly { path: String, why: String },
    /// There is no room for what is to be written.
    #[error("database {path} can't be written: the disk is full")]
    Full { path: String },
    /// The file is not a database, or a damaged one.
    #[error("{path} is not a sound database: {why}")]
    Corrupt { path: String, why: String },
    /// The file is empty or gone, and the journal that belongs to it is there.
    #[error(
        "database {path} was truncated or removed: it has nothing, and its journal {path}-wal has something"
    )]
    Truncated { path: String },
    /// A newer version of the program made the database.
    #[error(
        "database {path} was made by a newer version of agents (its schema is {found}, this version knows {known})"
    )]
    Newer { path: String, found: i64, known: i64 },
    /// The database can't be reached or opened.
    #[error("database {path} can't be used: {why}")]
    Unreachable { path: String, why: String },
    /// The address of the database is not understood.
    #[error("`{url}` is not the address of a database: {why}")]
    BadUrl { url: String, why: String },
    /// Anything else that the database says.
    #[error("database error while {doing}: {why}")]
    Database { doing: &'static str, why: String },
}

/// The store.
#[async_trait]
pub trait Store:
    Upkeep
    + Runs
    + Definitions
    + Schedules
    + Happenings
    + Subscriptions
    + Webhooks
    + Notices
    + Imports
    + Workflows
{
    /// Lets an aggregate decide the command, and writes what follows in one transaction.
    async fn execute(&self, command: Command) -> Result<Receipt, StoreError>;

    /// Takes up to `limit` ready jobs.
    async fn claim(&self, request: ClaimRequest) -> Result<Claims, StoreError>;

    /// Asks a question, or takes an attempt over: a command that brings an attempt to be worked on.
    async fn take(&self, command: Command) -> Result<Claimed, StoreError>;

    /// Makes a runner known.
    async fn register(&self, runner: &RunnerRecord) -> Result<(), StoreError>;

    /// Makes the key known that a runner signs receipts with; it is not forgotten with the runner.
    async fn publish(&self, key: &VerificationKey) -> Result<(), StoreError>;

    /// Forgets a runner that has ended.
    async fn unregister(&self, runner: RunnerId) -> Result<(), StoreError>;

    /// Every runner that has not been forgotten.
    async fn runners(&self) -> Result<Vec<RunnerRecord>, StoreError>;

    /// Renews the runner's own mark and, for so long, the leases of the attempts it owns.
    async fn heartbeat(
        &self,
        runner: RunnerId,
        attempts: &[AttemptId],
        lease: Duration,
    ) -> Result<HeartbeatReply, StoreError>;

    /// Writes down how far running attempts are.
    async fn progress(
        &self,
        runner: RunnerId,
        progress: &[(AttemptId, AttemptProgress)],
    ) -> Result<(), StoreError>;

    /// What people want of running attempts of this runner.
    async fn wishes(&self, runner: RunnerId) -> Result<Vec<(AttemptId, Wish)>, StoreError>;

    /// Running attempts of other runners.
    async fn foreign_attempts(&self, runner: RunnerId) -> Result<Vec<Orphan>, StoreError>;

    /// When the next pending job that waits for a moment, or for its harness to have cooled down, becomes ready.
    async fn next_ready_at(
        &self,
        namespace: Option<&Namespace>,
        fallbacks: &Fallbacks,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Makes an assignment immediate, and its pending jobs ready now; how many there are. Nothing else of it changes.
    async fn force(&self, assignment: AssignmentId) -> Result<u64, StoreError>;

    /// Harnesses that cool down, by name.
    async fn cooldowns(&self, namespace: Option<&Namespace>) -> Result<Vec<CooldownLine>, StoreError>;

    /// Ends the cool-down of a harness; the one that there was.
    async fn lift_cooldown(&self, harness: &str) -> Result<Option<Cooldown>, StoreError>;

    /// Ids of assignments that begin or end with this text (hyphens do not count), at most three.
    async fn assignments_like(&self, part: &str) -> Result<Vec<AssignmentId>, StoreError>;

    /// Ids of jobs that begin or end with this text (hyphens do not count), at most three.
    async fn jobs_like(&self, part: &str) -> Result<Vec<JobId>, StoreError>;

    /// One assignment.
    async fn assignment(&self, id: AssignmentId) -> Result<Option<Assignment>, StoreError>;

    /// All the jobs of an assignment, in order, with their attempts.
    async fn job_details(&self, assignment: AssignmentId) -> Result<Vec<JobDetail>, StoreError>;

    /// One job with its attempts, and its assignment.
    async fn job(&self, id: JobId) -> Result<Option<(Assignment, JobDetail)>, StoreError>;

    /// Assignments, the latest first.
    async fn assignments(&self, filter: &AssignmentFilter) -> Result<Vec<AssignmentLine>, StoreError>;

    /// Jobs, the latest first.
    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<JobLine>, StoreError>;

    /// What runs, what is ready, what waits.
    async fn queue(
        &self,
        namespace: Option<&Namespace>,
        fallbacks: &Fallbacks,
        limit: u32,
    ) -> Result<Queue, StoreError>;

    /// The history of an assignment, oldest first.
    async fn history(&self, assignment: AssignmentId) -> Result<Vec<HistoryEvent>, StoreError>;

    /// All that was measured of an assignment, the oldest first.
    async fn evidence(&self, assignment: AssignmentId) -> Result<EvidenceRecord, StoreError>;

    /// Receipts whose ids begin or end with this text (hyphens do not count), at most three, with their assignments.
    async fn receipts_like(&self, part: &str) -> Result<Vec<(AssignmentId, ReceiptId)>, StoreError>;

    /// What the PM has decided from inside this attempt so far.
    async fn staged_decision(&self, attempt: AttemptId) -> Result<Option<Decision>, StoreError>;

    /// What attempts have used. Nothing: there are none.
    async fn usage(&self, filter: &UsageFilter) -> Result<Vec<UsageLine>, StoreError>;

    /// The folder that a namespace was first used in, if it was used.
    async fn namespace_root(&self, namespace: &Namespace) -> Result<Option<String>, StoreError>;
}
