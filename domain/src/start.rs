//! What a schedule, a subscription or a person starts, and the port that makes a new run of it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::aggregate::NewAssignment;
use crate::id::AssignmentId;
use crate::namespace::Namespace;
use crate::run::Trigger;
use crate::timestamp::Timestamp;

/// What is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The definition of that name; `params` is a JSON object.
    Definition { name: String, params: String },
    /// An assignment that a PM leads; the text may name params as `{{ params.x }}`.
    NorthStar { template: String, params: String },
    /// The workflow of that name; `params` is a JSON object.
    Workflow { name: String, params: String },
}

impl Start {
    /// What people call it: the definition's name, or the beginning of the north star.
    pub fn title(&self) -> &str {
        match self {
            Start::Definition { name, params: _ } | Start::Workflow { name, params: _ } => name,
            Start::NorthStar { template, params: _ } => template,
        }
    }

    /// Its params, a JSON object.
    pub fn params(&self) -> &str {
        match self {
            Start::Definition { params, .. }
            | Start::NorthStar { params, .. }
            | Start::Workflow { params, .. } => params,
        }
    }
}

/// Why a run is started, and what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub trigger: Trigger,
    /// JSON.
    pub input: Option<String>,
    /// How many triggers lie between it and whoever began: 0 for a person.
    pub depth: u32,
    /// The run that it does once more.
    pub replays: Option<AssignmentId>,
    /// The moment that `{{ now }}` and `{{ today }}` mean: the due time of a schedule, else the present.
    pub at: Timestamp,
    /// The time zone that they are told in, by its IANA name. `None`: UTC.
    pub zone: Option<String>,
}

/// What is wrong with what is to be started, for a person: one line for each problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("; "))]
pub struct StartError {
    pub problems: Vec<String>,
    /// What is to be started is not there at all.
    pub is_unknown: bool,
}

impl StartError {
    /// These problems of something that is there.
    pub fn new(problems: Vec<String>) -> Self {
        Self { problems, is_unknown: false }
    }

    /// What is to be started is not there.
    pub fn unknown(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()], is_unknown: true }
    }
}

/// Makes new runs. Nothing is stored: whoever asks does that, in a transaction of its own.
#[async_trait]
pub trait Starter: Send + Sync {
    /// A new run in that namespace.
    async fn new_run(
        &self,
        namespace: &Namespace,
        start: &Start,
        cause: Cause,
    ) -> Result<NewAssignment, StartError>;

    /// The same for runs that are made at one moment: what they have in common is read once, and is forgotten with this.
    fn at_once(self: Arc<Self>) -> Arc<dyn Starter>;
}
