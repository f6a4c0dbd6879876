//! An assignment's money, what a job has spent, and a day's limits, as the JSON of their columns.

use std::time::Duration;

use agents_domain::budget::{Budget, Over};
use agents_domain::limits::{Limits, OwnLimits};
use agents_domain::spending::Spent;
use agents_domain::typical::{Told, Typical};
use agents_domain::usage::MicroUsd;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct LimitsColumn {
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<u64>,
}

/// Money in millionths of a dollar.
#[derive(Serialize, Deserialize, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct SpentColumn {
    cost: i64,
    presumed: i64,
    tokens: u64,
    presumed_tokens: u64,
    wall_ms: u64,
    tool_calls: u64,
    jobs: u64,
    unknown: u64,
    unknown_tokens: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypicalColumn {
    job_type: String,
    harness: String,
    attempts: u64,
    cost: u64,
    unknown: u64,
    /// What follows was not written at first.
    #[serde(default)]
    token_attempts: u64,
    #[serde(default)]
    tokens: u64,
    #[serde(default)]
    unknown_tokens: u64,
    #[serde(default)]
    measured: u64,
    #[serde(default)]
    wall_ms: u64,
    #[serde(default)]
    tool_calls: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OverColumn {
    reason: String,
    raise: String,
    #[serde(default, skip_serializing_if = "is_default")]
    is_past: bool,
}

fn typical_column(one: &Typical) -> TypicalColumn {
    TypicalColumn {
        job_type: one.job_type.clone(),
        harness: one.harness.clone(),
        attempts: one.cost.attempts,
        cost: one.cost.sum,
        unknown: one.cost.unknown,
        token_attempts: one.tokens.attempts,
        tokens: one.tokens.sum,
        unknown_tokens: one.tokens.unknown,
        measured: one.wall.attempts,
        wall_ms: one.wall.sum,
        tool_calls: one.tool_calls.sum,
    }
}

fn typical(one: TypicalColumn) -> Typical {
    let measured = |sum| Told { attempts: one.measured, sum, unknown: 0 };
    Typical {
        cost: Told { attempts: one.attempts, sum: one.cost, unknown: one.unknown },
        tokens: Told { attempts: one.token_attempts, sum: one.tokens, unknown: one.unknown_tokens },
        wall: measured(one.wall_ms),
        tool_calls: measured(one.tool_calls),
        job_type: one.job_type,
        harness: one.harness,
    }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct BudgetColumn {
    #[serde(skip_serializing_if = "is_default")]
    attempt: LimitsColumn,
    #[serde(skip_serializing_if = "is_default")]
    job: LimitsColumn,
    #[serde(skip_serializing_if = "is_default")]
    assignment: LimitsColumn,
    #[serde(skip_serializing_if = "is_default")]
    spent: SpentColumn,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    typical: Vec<TypicalColumn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<OverColumn>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The text of a budget.
pub(super) fn write_budget(budget: &Budget) -> String {
    text(&BudgetColumn {
        attempt: limits_column(&budget.limits.attempt),
        job: limits_column(&budget.limits.job),
        assignment: limits_column(&budget.limits.assignment),
        spent: spent_column(&budget.spent),
        typical: budget.typical.iter().map(typical_column).collect(),
        over: budget.over.as_ref().map(|over| OverColumn {
            reason: over.reason.clone(),
            raise: over.raise.clone(),
            is_past: over.is_past,
        }),
    })
}

/// The budget of that text.
pub(super) fn read_budget(text: &str) -> Option<Budget> {
    let column: BudgetColumn = serde_json::from_str(text).ok()?;
    Some(Budget {
        limits: OwnLimits {
            attempt: limits(&column.attempt),
            job: limits(&column.job),
            assignment: limits(&column.assignment),
        },
        spent: spent(&column.spent),
        typical: column.typical.into_iter().map(typical).collect(),
        over: column.over.map(|over| Over { reason: over.reason, raise: over.raise, is_past: over.is_past }),
    })
}

/// The text of what was spent; nothing for nothing.
pub(super) fn write_spent(spent: &Spent) -> Option<String> {
    (*spent != Spent::default()).then(|| text(&spent_column(spent)))
}

/// What was spent, of that text.
pub(super) fn read_spent(text: &str) -> Option<Spent> {
    serde_json::from_str(text).ok().as_ref().map(spent)
}

/// The text of limits.
pub(super) fn write_limits(limits: &Limits) -> String {
    text(&limits_column(limits))
}

/// The limits of that text.
pub(super) fn read_limits(text: &str) -> Option<Limits> {
    serde_json::from_str(text).ok().as_ref().map(limits)
}

fn text(column: &impl Serialize) -> String {
    // Numbers and texts are always JSON.
    serde_json::to_string(column).unwrap_or_default()
}

fn limits_column(limits: &Limits) -> LimitsColumn {
    LimitsColumn {
        cost: limits.cost.map(MicroUsd::as_micros),
        tokens: limits.tokens,
        wall_ms: limits.wall.map(millis),
        tool_calls: limits.tool_calls,
        jobs: limits.jobs,
    }
}

fn limits(column: &LimitsColumn) -> Limits {
    Limits {
        cost: column.cost.map(MicroUsd::from_micros),
        tokens: column.tokens,
        wall: column.wall_ms.map(Duration::from_millis),
        tool_calls: column.tool_calls,
        jobs: column.jobs,
    }
}

fn spent_column(spent: &Spent) -> SpentColumn {
    SpentColumn {
        cost: spent.cost.as_micros(),
        presumed: spent.presumed.as_micros(),
        tokens: spent.tokens,
        presumed_tokens: spent.presumed_tokens,
        wall_ms: millis(spent.wall),
        tool_calls: spent.tool_calls,
        jobs: spent.jobs,
        unknown: spent.unknown,
        unknown_tokens: spent.unknown_tokens,
    }
}

fn spent(column: &SpentColumn) -> Spent {
    Spent {
        cost: MicroUsd::from_micros(column.cost),
        presumed: MicroUsd::from_micros(column.presumed),
        tokens: column.tokens,
        presumed_tokens: column.presumed_tokens,
        wall: Duration::from_millis(column.wall_ms),
        tool_calls: column.tool_calls,
        jobs: column.jobs,
        unknown: column.unknown,
        unknown_tokens: column.unknown_tokens,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use agents_domain::typical::Example;

    use super::*;

    #[test]
    fn a_budget_is_read_as_it_was_written_and_an_empty_one_is_small() {
        let limits = Limits {
            cost: Some(MicroUsd::from_micros(1)),
            tokens: Some(2),
            wall: Some(Duration::from_millis(3)),
            tool_calls: Some(4),
            jobs: Some(5),
        };
        let spent = Spent {
            cost: MicroUsd::from_micros(1),
            presumed: MicroUsd::from_micros(2),
            tokens: 3,
            wall: Duration::from_millis(4),
            tool_calls: 5,
            jobs: 6,
            unknown: 7,
            presumed_tokens: 8,
            unknown_tokens: 9,
        };
        let mut typical = Vec::new();
        let example = |cost, tokens| Example {
            job_type: "plan".to_owned(),
            harness: "claude".to_owned(),
            cost,
            tokens,
            wall: 5,
            tool_calls: 6,
        };
        Typical::add(&mut typical, &example(Some(9), None));
        Typical::add(&mut typical, &example(None, Some(8)));
        let over = Some(Over { reason: "so".to_owned(), raise: "agents".to_owned(), is_past: true });
        let own = OwnLimits { attempt: limits, job: Limits::default(), assignment: limits };
        let budget = Budget { limits: own, spent, typical, over };
        assert_eq!(read_budget(&write_budget(&budget)), Some(budget));
        assert_eq!(write_budget(&Budget::default()), "{}");
        assert_eq!(read_spent(&write_spent(&spent).unwrap()), Some(spent));
        assert_eq!(write_spent(&Spent::default()), None);
        assert_eq!(read_limits(&write_limits(&limits)), Some(limits));
        assert_eq!(read_budget("[1]"), None);
    }
}
