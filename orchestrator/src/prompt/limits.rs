//! What a PM is told of its assignment's money: what is spent, what is left, and whether it is to wrap up.

use agents_domain::assignment::Assignment;
use agents_domain::limits::{Measure, Scope};
use serde::Serialize;

/// What is spent and left.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LimitFacts {
    /// Each limit of the assignment in words: `cost: 1.20 USD of 5.00 USD are spent`.
    pub lines: Vec<String>,
    /// Attempts whose cost is not known.
    pub unknown: u64,
    /// The limit that is reached: no more work can be done, only complete or blocked are possible.
    pub reached: Option<String>,
}

/// The facts of that assignment.
pub fn gather(assignment: &Assignment) -> LimitFacts {
    let budget = assignment.budget();
    let line = |measure: Measure| {
        let limit = budget.limits.of(Scope::Assignment)?.of(measure)?;
        let spent = budget.spent.show(measure);
        Some(format!("{}: {spent} of {} are spent", measure.as_str(), measure.show(limit)))
    };
    LimitFacts {
        lines: Measure::ALL.into_iter().filter_map(line).collect(),
        unknown: budget.spent.unknown,
        reached: budget.over.as_ref().map(|over| over.reason.clone()),
    }
}
