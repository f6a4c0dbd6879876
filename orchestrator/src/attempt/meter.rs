//! Holds what a running attempt uses against its limits, and has more money reserved for it while there is some.
//!
//! Between two looks an attempt can use more than it may; how much is bounded by how often its CLI tells what it uses.

use std::sync::Arc;
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{HarnessDefaults, Rejection};
use agents_domain::attempt::AttemptProgress;
use agents_domain::limits::{Measure, Reached, Scope};
use agents_domain::spending::{AnyTerms, Ceiling};
use agents_domain::store::{Change, Claimed, Command, Store, StoreError};
use agents_domain::usage::MicroUsd;
use tokio::task::JoinSet;

use super::Surroundings;
use crate::settings;

/// How long the store is left alone after it could not say whether there is more money.
const PATIENCE: Duration = Duration::from_secs(1);

/// The meter of one attempt.
pub(super) struct Meter {
    ceilings: Vec<Ceiling>,
    /// What is reserved for it.
    reserved: MicroUsd,
    desk: Desk,
    asking: JoinSet<(MicroUsd, Result<(), StoreError>)>,
    ask_again_at: Duration,
}

/// Where more money is asked for.
struct Desk {
    store: Arc<dyn Store>,
    terms: AnyTerms,
    claimed: Claimed,
}

impl Meter {
    /// The meter of that attempt.
    pub fn new(claimed: &Claimed, around: &Surroundings) -> Self {
        let desk = Desk {
            store: Arc::clone(&around.store),
            terms: settings::terms(&around.settings),
            claimed: claimed.clone(),
        };
        Self {
            ceilings: claimed.ceilings.clone(),
            reserved: claimed.attempt.reserved,
            desk,
            asking: JoinSet::new(),
            ask_again_at: Duration::ZERO,
        }
    }

    /// Looks, when the attempt has run for so long and has used so much. Gives the limit that it has passed.
    pub fn look(&mut self, run: Duration, progress: &AttemptProgress) -> Option<Reached> {
        let passed = self.ceilings.iter().find_map(|ceiling| passed(ceiling, run, progress));
        passed.or_else(|| self.pay(run, progress.cost?))
    }

    /// Has so much reserved, all in all. Only money is shared between attempts that run at the same time.
    fn pay(&mut self, run: Duration, cost: MicroUsd) -> Option<Reached> {
        match self.asking.try_join_next() {
            Some(Ok((granted, Ok(())))) => self.reserved = granted,
            Some(Ok((_, Err(StoreError::Rejected(Rejection::OutOfBudget { reached }))))) => {
                return Some(reached);
            }
            // It has ended already, or the store is in trouble: the limits that need no store hold meanwhile.
            Some(Ok((_, Err(error)))) => {
                tracing::debug!(%error, "no more money could be reserved");
                self.ask_again_at = run + PATIENCE;
            }
            Some(Err(error)) => tracing::error!(%error, "asking for more money broke down"),
            None => {}
        }
        if cost > self.reserved && self.asking.is_empty() && run >= self.ask_again_at {
            let (store, command) = (Arc::clone(&self.desk.store), self.desk.command(cost));
            self.asking.spawn(async move { (cost, store.execute(command).await.map(|_| ())) });
        }
        None
    }
}

impl Desk {
    fn command(&self, cost: MicroUsd) -> Command {
        let (assignment, attempt) = (self.claimed.assignment.id, self.claimed.attempt.id);
        // Nothing is inserted, so nobody needs a harness.
        let defaults = HarnessDefaults {
            default: String::new(),
            by_type: Default::default(),
            reviewers: Default::default(),
        };
        Command {
            actor: Actor::Runner(self.claimed.attempt.runner),
            harness_defaults: Arc::new(defaults),
            change: Change::Reserve { assignment, attempt, cost, terms: self.terms.clone() },
        }
    }
}

/// The limit, if the attempt is past it. The assignment's money and the day's are the store's to judge: others draw on
/// them too.
fn passed(ceiling: &Ceiling, run: Duration, progress: &AttemptProgress) -> Option<Reached> {
    let used = match (ceiling.measure, ceiling.scope) {
        (Measure::Cost, Scope::Attempt | Scope::Job) => {
            u64::try_from(progress.cost?.as_micros()).unwrap_or_default()
        }
        (Measure::Tokens, _) => progress.usage?.total(),
        (Measure::Wall, _) => u64::try_from(run.as_millis()).unwrap_or(u64::MAX),
        (Measure::ToolCalls, _) => u64::from(progress.tool_calls),
        (Measure::Cost, Scope::Assignment | Scope::Day) | (Measure::Jobs, _) => return None,
    };
    (used > ceiling.left).then(|| ceiling.reached(used))
}

/// The most that the CLI itself may be told to spend.
pub(super) fn most(claimed: &Claimed) -> Option<MicroUsd> {
    let money = claimed.ceilings.iter().filter(|ceiling| ceiling.measure == Measure::Cost);
    let micros = money.map(|ceiling| ceiling.left).min()?;
    Some(MicroUsd::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)))
}

/// The limit at which the CLI has stopped by itself, if it was ours.
pub(super) fn passed_by_the_cli(claimed: &Claimed, cost: Option<MicroUsd>) -> Option<Reached> {
    let used = u64::try_from(cost?.as_micros()).unwrap_or_default();
    let money = claimed.ceilings.iter().filter(|ceiling| ceiling.measure == Measure::Cost);
    let lowest = money.min_by_key(|ceiling| ceiling.left).filter(|ceiling| used >= ceiling.left);
    lowest.map(|ceiling| ceiling.reached(used))
}

#[cfg(test)]
mod tests {
    use agents_domain::usage::TokenUsage;

    use super::*;

    #[test]
    fn an_attempt_that_is_past_a_limit_is_told_by_which_and_by_how_much() {
        let progress = AttemptProgress {
            cost: Some(MicroUsd::from_micros(70)),
            usage: Some(TokenUsage { input: 40, output: 10, ..TokenUsage::default() }),
            tool_calls: 3,
            ..AttemptProgress::default()
        };
        let check = |scope, measure, left, spent: Option<u64>| {
            let ceiling = Ceiling { scope, measure, limit: 100, taken: 100 - left, left };
            let found = passed(&ceiling, Duration::from_millis(60), &progress);
            assert_eq!(found.map(|reached| reached.spent), spent, "{measure:?} of {scope:?}");
        };
        check(Scope::Attempt, Measure::Cost, 70, None);
        check(Scope::Attempt, Measure::Cost, 69, Some(101));
        check(Scope::Job, Measure::Cost, 20, Some(150));
        check(Scope::Assignment, Measure::Cost, 20, None);
        check(Scope::Day, Measure::Tokens, 49, Some(101));
        check(Scope::Job, Measure::Wall, 59, Some(101));
        check(Scope::Assignment, Measure::ToolCalls, 3, None);
        check(Scope::Assignment, Measure::ToolCalls, 2, Some(101));
        let unknown = AttemptProgress::default();
        let ceiling = Ceiling { scope: Scope::Attempt, measure: Measure::Cost, limit: 1, taken: 0, left: 0 };
        assert_eq!(passed(&ceiling, Duration::ZERO, &unknown), None, "an unknown cost has passed nothing");
    }
}
