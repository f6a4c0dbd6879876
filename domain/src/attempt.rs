//! An attempt: one try of a job, with its process, its lease and its end.

use std::time::Duration;

use crate::amounts::Amounts;
use crate::decision::Decision;
use crate::evidence::Evidence;
use crate::harness::ProcessEnd;
use crate::id::{AssignmentId, AttemptId, JobId, RunnerId};
use crate::outcome::{Outcome, OutcomeClass};
use crate::run::LongOutput;
use crate::timestamp::Timestamp;
use crate::usage::{CostSource, MicroUsd, TokenUsage};

/// How long a runner's right to an attempt lasts without a heartbeat, unless it is configured otherwise.
pub const LEASE: Duration = Duration::from_secs(60);

/// Where a runner is: which machine, and which boot of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// Empty where it can't be told.
    pub machine_id: String,
    /// Empty where it can't be told. Another one means that no process of the earlier one lives.
    pub boot_id: String,
}

/// Who takes an attempt, from where, and for how long without a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub runner: RunnerId,
    pub host: Host,
    pub lease: Duration,
}

impl Holder {
    /// A holder with the usual lease.
    pub fn new(runner: RunnerId, host: Host) -> Self {
        Self { runner, host, lease: LEASE }
    }
}

/// Why an attempt can be taken from its runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The runner's process is known to be dead, or it has left and said so.
    Gone,
    /// The runner has not renewed this lease for a whole lease time by the clock of who asks.
    Silent { lease_until: Timestamp },
}

/// What a person wants of a running attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Its end, and its job's.
    Cancel,
    /// Its end; its job is pending again.
    Pause,
}

/// One try of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub id: AttemptId,
    pub job: JobId,
    pub assignment: AssignmentId,
    /// The first one of a job is 1.
    pub number: u32,
    pub runner: RunnerId,
    /// Where its processes are.
    pub host: Host,
    pub harness: String,
    pub started_at: Timestamp,
    pub lease_until: Timestamp,
    /// The session that it continues, if it continues one.
    pub resumes: Option<String>,
    /// A person asked for its end.
    pub cancel_requested: bool,
    /// A person asked for its end, for now: the job goes on when its assignment does.
    pub pause_requested: bool,
    /// What is kept for it while it runs.
    pub reserved: Amounts,
    /// What the PM has decided from inside it so far.
    pub decision: Option<Decision>,
    pub end: Option<AttemptEnd>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptEnd {
    pub at: Timestamp,
    pub class: OutcomeClass,
    pub message: String,
}

/// A process, told apart from every other one that had or will have its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessMark {
    pub pid: i32,
    /// When it started, in the kernel's own unit; with the pid it is unique within one boot.
    pub start_time: u64,
    /// Which boot of which machine.
    pub boot_id: String,
}

/// How far a running attempt is: for people, renewed now and then.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptProgress {
    pub session_id: Option<String>,
    pub model: Option<String>,
    pub cli_version: Option<String>,
    pub usage: Option<TokenUsage>,
    pub cost: Option<MicroUsd>,
    /// Who says so.
    pub cost_source: Option<CostSource>,
    pub tool_calls: u32,
    /// What the agent did last, in a few words.
    pub last_activity: Option<String>,
}

/// Everything that a runner knows when an attempt has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptReport {
    pub attempt: AttemptId,
    pub outcome: Outcome,
    pub process: Option<ProcessEnd>,
    pub progress: AttemptProgress,
    /// What the PM's final answer says: a decision, or why it is none. `None` for other jobs, and where the
    /// attempt did not succeed.
    pub answer: Option<Result<Decision, String>>,
    pub unknown_lines: u32,
    pub bad_lines: u32,
    /// Processes besides the agent itself that had to be ended, in words.
    pub killed: Option<String>,
    /// What was measured in the workspace afterwards.
    pub evidence: Evidence,
    /// The whole output of a run, if it is long.
    pub output: Option<LongOutput>,
}
