//! What was spent and what is left of the limits, for people and as JSON. A sum that leaves unknown costs out says so.

use std::time::Duration;

use agents_domain::assignment::Assignment;
use agents_domain::limits::{Measure, Scope};
use agents_domain::spending::{Day, Spent};
use agents_domain::store::DayLine;
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::MicroUsd;
use serde::Serialize;

use super::time;

/// What was spent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpentView {
    /// As far as it is known.
    cost_usd: f64,
    /// Attempts whose cost is not known, and what they are taken to have cost where a limit asks.
    unknown_cost_attempts: u64,
    presumed_usd: f64,
    /// As far as they are known.
    tokens: u64,
    /// Attempts whose tokens are not known, and what they are taken to have used where a limit asks.
    unknown_usage_attempts: u64,
    presumed_tokens: u64,
    time_ms: u64,
    tool_calls: u64,
}

impl From<&Spent> for SpentView {
    fn from(spent: &Spent) -> Self {
        Self {
            cost_usd: spent.cost.as_dollars(),
            unknown_cost_attempts: spent.unknown,
            presumed_usd: spent.presumed.as_dollars(),
            tokens: spent.tokens,
            unknown_usage_attempts: spent.unknown_tokens,
            presumed_tokens: spent.presumed_tokens,
            time_ms: millis(spent.wall),
            tool_calls: spent.tool_calls,
        }
    }
}

/// One limit. Cost is in US dollars, time in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitView {
    scope: &'static str,
    what: &'static str,
    limit: f64,
    /// Of an assignment's own limit; those of an attempt or a job are each one's own.
    spent: Option<f64>,
    left: Option<f64>,
}

/// An assignment's money.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetView {
    spent: SpentView,
    limits: Vec<LimitView>,
    /// The limit that is reached, in words.
    reached: Option<String>,
}

impl From<&Assignment> for BudgetView {
    fn from(assignment: &Assignment) -> Self {
        let budget = assignment.budget();
        Self {
            spent: (&budget.spent).into(),
            limits: limits(assignment).map(limit_view).collect(),
            reached: budget.over.as_ref().map(|over| over.reason.clone()),
        }
    }
}

/// A limit of an assignment with what is spent of it.
struct Limit {
    scope: Scope,
    measure: Measure,
    limit: u64,
    spent: Option<u64>,
}

fn limits(assignment: &Assignment) -> impl Iterator<Item = Limit> {
    let budget = assignment.budget();
    let of = move |scope: Scope, measure: Measure| {
        let limit = budget.limits.of(scope)?.of(measure)?;
        let spent = (scope == Scope::Assignment).then(|| budget.spent.of(measure));
        Some(Limit { scope, measure, limit, spent })
    };
    let scopes = [Scope::Assignment, Scope::Job, Scope::Attempt];
    scopes.into_iter().flat_map(move |scope| Measure::ALL.into_iter().filter_map(move |one| of(scope, one)))
}

fn limit_view(limit: Limit) -> LimitView {
    let amount = |amount: u64| match limit.measure {
        Measure::Cost => amount as f64 / 1_000_000.0,
        Measure::Tokens | Measure::Wall | Measure::ToolCalls | Measure::Jobs => amount as f64,
    };
    LimitView {
        scope: limit.scope.as_str(),
        what: limit.measure.as_str(),
        limit: amount(limit.limit),
        spent: limit.spent.map(amount),
        left: limit.spent.map(|spent| amount(limit.limit.saturating_sub(spent))),
    }
}

/// `$1.20`, `≥ $1.20, 3 attempts of unknown cost`; `None`: nothing was spent.
pub fn known_cost(cost: MicroUsd, unknown: u64) -> Option<String> {
    match (cost, unknown) {
        (MicroUsd::ZERO, 0) => None,
        (cost, 0) => Some(time::money(cost)),
        (cost, 1) => Some(format!("≥ {}, 1 attempt of unknown cost", time::money(cost))),
        (cost, unknown) => Some(format!("≥ {}, {unknown} attempts of unknown cost", time::money(cost))),
    }
}

/// What is known of the tokens, where some are not known.
pub fn unknown_tokens(spent: &Spent) -> Option<String> {
    (spent.unknown_tokens > 0).then(|| spent.show(Measure::Tokens))
}

/// A line for each limit.
pub fn lines(assignment: &Assignment) -> Vec<String> {
    let line = |limit: Limit| {
        let shown = limit.measure.show(limit.limit);
        match limit.spent {
            Some(spent) => {
                let left = limit.measure.show(limit.limit.saturating_sub(spent));
                format!("{}: {} of {shown}, {left} left", limit.measure.as_str(), limit.measure.show(spent))
            }
            None => format!("{} of each {}: at most {shown}", limit.measure.as_str(), limit.scope.as_str()),
        }
    };
    limits(assignment).map(line).collect()
}

/// What a namespace has spent today of the limits that its claims are held against.
pub fn day(line: &DayLine) -> String {
    let of = |measure: Measure| {
        let limit = line.limits.of(measure)?;
        let taken = line.spent.of(measure).saturating_add(line.reserved.of(measure));
        Some(format!("{} of {}", measure.show(taken), measure.show(limit)))
    };
    Measure::ALL.into_iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// When the day is over whose budget is waited for.
pub fn day_over(line: &DayLine) -> Option<Timestamp> {
    line.waits_until.map(|at| Day::of(Timestamp::from_millis(at.as_millis() - 1)).end())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_leaves_something_out_says_so() {
        let check = |micros: i64, unknown: u64, shown: Option<&str>| {
            assert_eq!(known_cost(MicroUsd::from_micros(micros), unknown).as_deref(), shown);
        };
        check(0, 0, None);
        check(1_200_000, 0, Some("$1.20"));
        check(1_200_000, 3, Some("≥ $1.20, 3 attempts of unknown cost"));
        check(0, 1, Some("≥ $0.00, 1 attempt of unknown cost"));
    }
}
