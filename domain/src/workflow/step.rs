//! One execution of one step of a workflow's run.

use std::collections::BTreeMap;

use crate::id::{AssignmentId, JobId};
use crate::timestamp::Timestamp;

/// Where an execution of a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepStatus {
    /// A job of it is pending or running.
    Running,
    /// It waits: for a time, a person, or another run.
    Waiting,
    Completed,
    Failed,
    Cancelled,
}

impl StepStatus {
    /// Every status, in the order of the docs.
    pub const ALL: [StepStatus; 5] = [
        StepStatus::Running,
        StepStatus::Waiting,
        StepStatus::Completed,
        StepStatus::Failed,
        StepStatus::Cancelled,
    ];

    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            StepStatus::Running => "running",
            StepStatus::Waiting => "waiting",
            StepStatus::Completed => "completed",
            StepStatus::Failed => "failed",
            StepStatus::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<StepStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether nothing will happen to it any more.
    pub fn is_final(self) -> bool {
        match self {
            StepStatus::Running | StepStatus::Waiting => false,
            StepStatus::Completed | StepStatus::Failed | StepStatus::Cancelled => true,
        }
    }
}

/// One execution of a step. A retry of it is an execution of its own, with the next attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRun {
    /// Which execution of the run it is, from 1.
    pub number: u32,
    /// The step's id in the definition.
    pub step: String,
    /// Where among the iterations of loops: `each-file[2]/lint`. Outside of loops: the id alone.
    pub path: String,
    /// From 1; more when it was retried.
    pub attempt: u32,
    pub status: StepStatus,
    /// A JSON object: what it was given.
    pub inputs: String,
    /// A JSON object: what it has put out.
    pub outputs: Option<String>,
    /// A JSON object: message, class, step, attempt, tail, input.
    pub error: Option<String>,
    /// The job that does it, or did it last.
    pub job: Option<JobId>,
    /// The run that does it.
    pub child: Option<AssignmentId>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Where it went on, and by which rule: `onSuccess: test`.
    pub route: Option<String>,
}

/// A new execution of a step, or what has become of one: by its number.
pub type StepChange = StepRun;

/// The latest execution of steps, by the step's id; `None`: it has not been executed.
pub type Known = BTreeMap<String, Option<StepRun>>;
