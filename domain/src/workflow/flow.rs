//! What directs a run, as the store sees it: a signal goes in, a turn comes out. Pure, and JSON only passes through as text.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::step::{Known, StepChange};
use crate::assignment::AssignmentStatus;
use crate::decision::NewJob;
use crate::id::{AssignmentId, IdSource, JobId};
use crate::limits::LimitChange;
use crate::outcome::OutcomeClass;
use crate::start::Start;
use crate::timestamp::Timestamp;

/// What never changes of a workflow's run, for its expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The id of the workflow: the name of its file.
    pub workflow: String,
    pub version: String,
    /// A JSON object: all params, defaults filled in.
    pub params: String,
    /// What it was given besides, as JSON.
    pub input: Option<String>,
    /// `manual`, `schedule`, `event`, `webhook`, `api`.
    pub trigger: String,
    /// The zone of `{{ now }}` and `{{ today }}`, by its IANA name. `None`: UTC.
    pub zone: Option<String>,
    pub started_at: Timestamp,
}

/// A new run of a workflow: what it starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFlow {
    pub facts: Facts,
    /// The definition as it is now, with all that it uses.
    pub snapshot: String,
    /// The SHA-256 of the snapshot, in hex.
    pub hash: String,
    /// The run whose step it is.
    pub parent: Option<AssignmentId>,
    /// What holds for steps that say nothing of it, if one of its steps has limits of its own.
    pub limits: Vec<LimitChange>,
}

/// What a run has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// It begins.
    Begin,
    /// The job of the present step has ended for good. `text`: the answer, or the explanation.
    JobEnded { job: JobId, class: OutcomeClass, text: String },
    /// The time that it has waited for has come.
    Woken,
    /// A person has answered the approval that it waits for.
    Answered { approved: bool, by: String, comment: Option<String> },
    /// The run that it waits for was started.
    ChildStarted { child: AssignmentId },
    /// The run that it waits for could not be started.
    ChildRefused { why: String },
    /// The run that it waits for has ended.
    ChildEnded { child: AssignmentId, status: AssignmentStatus, text: String },
    /// A person wants the innermost loop to end; it goes on behind it.
    Break { reason: Option<String> },
    /// A person wants a run that has failed or was cancelled to go on: at that step, else where it stopped.
    GoOn { from: Option<String> },
}

/// What is asked of a flow.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "an id source has nothing to show")]
pub struct Ask<'a> {
    pub run: AssignmentId,
    pub facts: &'a Facts,
    /// What the flow wanted to be kept; empty at the beginning.
    pub state: &'a str,
    pub signal: &'a Signal,
    /// What is known of steps; [`NoTurn::Needs`] asks for more.
    pub known: &'a Known,
    /// What the run has spent so far, for bounds of loops.
    pub spent_micro_usd: u64,
    pub now: Timestamp,
    pub ids: &'a dyn IdSource,
}

/// A job of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepJob {
    pub job: NewJob,
    /// What its attempts may use at most.
    pub limits: Vec<LimitChange>,
}

/// What a run waits for while none of its jobs is pending or running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A time.
    Time { until: Timestamp },
    /// A person's yes or no; past `until` it is woken.
    Person { step: String, question: String, until: Option<Timestamp> },
    /// Somebody who can start a run has to start this one.
    Start { start: Start },
    /// That run; past `until` it is woken.
    Run { child: AssignmentId, until: Option<Timestamp> },
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    /// `result`: what it answers, for people and for a run that waits for it.
    Complete {
        result: String,
    },
    Failed {
        reason: String,
    },
    Cancelled {
        reason: String,
    },
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    Job(Box<StepJob>),
    Wait(Wait),
    End(Ends),
    /// What is pending or running or waited for stays so.
    GoOn,
}

/// A step of the run: what is to be written, all of it in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// What the flow wants to be kept.
    pub state: String,
    /// The id of the step that it is at.
    pub at: Option<String>,
    pub steps: Vec<StepChange>,
    pub then: Then,
    /// Jobs and runs of it that nobody wants any more (a break, a step that was left by its time limit).
    pub cancels: Vec<JobId>,
}

/// Why there is no turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTurn {
    /// It must know the latest executions of these steps too.
    Needs(BTreeSet<String>),
    /// The signal does not fit where the run stands: a person is told so, and nothing changes.
    Refused(String),
}

/// A definition that directs runs. Pure.
pub trait Flow: Send + Sync {
    /// What follows from a signal.
    fn turn(&self, ask: Ask<'_>) -> Result<Turn, NoTurn>;
}

/// Reads snapshots: definitions as they were when a run was started, with all the modules that they use.
pub trait FlowReader: Send + Sync {
    /// The flow of that snapshot; the error is for a person.
    fn read(&self, snapshot: &str) -> Result<Arc<dyn Flow>, String>;
}
