//! An attempt: one try of a job, with its process, its lease and its end.

use std::time::Duration;

use crate::decision::Decision;
use crate::harness::ProcessEnd;
use crate::id::{AssignmentId, AttemptId, JobId, RunnerId};
use crate::outcome::{Outcome, OutcomeClass};
use crate::timestamp::Timestamp;
use crate::usage::{MicroUsd, TokenUsage};

/// How long a runner's right to an attempt lasts without a heartbeat.
pub const LEASE: Duration = Duration::from_secs(60);

/// One try of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub id: AttemptId,
    pub job: JobId,
    pub assignment: AssignmentId,
    /// The first one of a job is 1.
    pub number: u32,
    pub runner: RunnerId,
    pub harness: String,
    pub started_at: Timestamp,
    pub lease_until: Timestamp,
    /// The session that it continues, if it continues one.
    pub resumes: Option<String>,
    /// A person asked for its end.
    pub cancel_requested: bool,
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

/// What is known of an attempt once its process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptStart {
    pub attempt: AttemptId,
    pub process: ProcessMark,
    pub model: Option<String>,
}

/// How far a running attempt is: for people, renewed now and then.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptProgress {
    pub session_id: Option<String>,
    pub model: Option<String>,
    pub cli_version: Option<String>,
    pub usage: Option<TokenUsage>,
    pub cost: Option<MicroUsd>,
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
}
