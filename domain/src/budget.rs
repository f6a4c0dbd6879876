//! An assignment's money: its limits, what it has spent, and which limit is reached.

use crate::limits::{OwnLimits, Reached};
use crate::spending::Spent;
use crate::typical::Typical;

/// An assignment's money.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    pub limits: OwnLimits,
    /// By all its attempts that have ended.
    pub spent: Spent,
    /// What its jobs have used, by type and harness.
    pub typical: Vec<Typical>,
    /// A limit is reached: the PM wraps up, and then it is blocked, until a person lets it go on.
    pub over: Option<Over>,
}

/// A limit that an assignment has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// In words.
    pub reason: String,
    /// The command that raises the limit.
    pub raise: String,
    /// An attempt was ended at it, and may have used what was kept for the PM.
    pub is_past: bool,
}

impl Over {
    /// What is said of a limit that an assignment of that id has reached.
    pub fn of(reached: &Reached, assignment: &str) -> Self {
        Self { reason: reached.to_string(), raise: reached.raise(assignment), is_past: false }
    }
}
