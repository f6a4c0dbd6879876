//! Who asked for a change: recorded in the history, and decides what may be asked.

use std::fmt;

use crate::id::{AttemptId, JobId, RunnerId};

/// Who asked for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A person at a terminal, or a script of theirs.
    Person,
    /// The PM, from inside this attempt of this job.
    Pm { job: JobId, attempt: AttemptId },
    /// A runner, of its own accord.
    Runner(RunnerId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Person => f.write_str("person"),
            Actor::Pm { job, attempt: _ } => write!(f, "pm {job}"),
            Actor::Runner(id) => write!(f, "runner {id}"),
        }
    }
}
