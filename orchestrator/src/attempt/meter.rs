//! Holds what a running attempt uses against its limits, and has more reserved for it while there is some.
//!
//! Between two looks an attempt can use more than it may; how much is bounded by how often its CLI tells what it uses.

use std::sync::Arc;
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{HarnessDefaults, Rejection};
use agents_domain::amounts::Amounts;
use agents_domain::attempt::AttemptProgress;
use agents_domain::limits::{Measure, Reached, Scope};
use agents_domain::spending::{AnyTerms, Ceiling};
use agents_domain::store::{Change, Claimed, Command, Store, StoreError};
use agents_domain::usage::MicroUsd;
use tokio::task::JoinSet;

use super::Surroundings;
use crate::settings;

/// How long the store is left alone after it could not say whether there is more.
const PATIENCE: Duration = Duration::from_secs(1);

/// The meter of one attempt.
pub(super) struct Meter {
    ceilings: Vec<Ceiling>,
    /// What is reserved for it.
    reserved: Amounts,
    desk: Desk,
    asking: JoinSet<Result<Option<Amounts>, StoreError>>,
    ask_again_at: Duration,
    /// The store could not say whether there is more: meanwhile what was left at the beginning is all there is.
    is_cut_off: bool,
}

/// Where more is asked for.
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
            is_cut_off: false,
        }
    }

    /// Looks, when the attempt has run for so long and has used so much. Gives the limit that it has passed.
    pub fn look(&mut self, run: Duration, progress: &AttemptProgress) -> Option<Reached> {
        let used = used(run, progress);
        let is_ours = |ceiling: &&Ceiling| self.is_cut_off || is_alone_in(ceiling.scope);
        let passed = self.ceilings.iter().filter(is_ours).find_map(|ceiling| passed(ceiling, &used));
        passed.or_else(|| self.draw(run, &used))
    }

    /// Has at least so much reserved, all in all.
    fn draw(&mut self, run: Duration, needs: &Amounts) -> Option<Reached> {
        match self.asking.try_join_next() {
            Some(Ok(Ok(granted))) => {
                self.reserved = granted.unwrap_or(self.reserved);
                self.is_cut_off = false;
            }
            Some(Ok(Err(StoreError::Rejected(Rejection::OutOfBudget { reached })))) => return Some(reached),
            // It has ended already, or the store is in trouble.
            Some(Ok(Err(error))) => {
                tracing::debug!(%error, "no more could be reserved");
                self.ask_again_at = run + PATIENCE;
                self.is_cut_off = true;
            }
            Some(Err(error)) => tracing::error!(%error, "asking for more broke down"),
            None => {}
        }
        let is_short = !needs.less(&self.reserved).is_none();
        if is_short && self.asking.is_empty() && run >= self.ask_again_at {
            let (store, command) = (Arc::clone(&self.desk.store), self.desk.command(*needs));
            self.asking.spawn(async move { store.execute(command).await.map(|receipt| receipt.reserved) });
        }
        None
    }
}

impl Desk {
    fn command(&self, needs: Amounts) -> Command {
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
            change: Change::Reserve { assignment, attempt, needs, terms: self.terms.clone() },
        }
    }
}

/// What the attempt has used. What its CLI does not tell is not more than what is reserved for it.
fn used(run: Duration, progress: &AttemptProgress) -> Amounts {
    let tokens = progress.usage.map_or(0, |usage| usage.total());
    Amounts::of_cost(progress.cost.unwrap_or_default())
        .with(Measure::Tokens, tokens)
        .with(Measure::Wall, u64::try_from(run.as_millis()).unwrap_or(u64::MAX))
        .with(Measure::ToolCalls, u64::from(progress.tool_calls))
}

/// Whether nobody else draws on that scope at the same time. What others draw on too is the store's to judge.
fn is_alone_in(scope: Scope) -> bool {
    match scope {
        Scope::Attempt | Scope::Job => true,
        Scope::Assignment | Scope::Day => false,
    }
}

/// The limit, if the attempt is past it.
fn passed(ceiling: &Ceiling, used: &Amounts) -> Option<Reached> {
    let used = used.of(ceiling.measure);
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
        let used = used(Duration::from_millis(60), &progress);
        let check = |measure, left, spent: Option<u64>| {
            let ceiling = Ceiling { scope: Scope::Job, measure, limit: 100, taken: 100 - left, left };
            assert_eq!(passed(&ceiling, &used).map(|reached| reached.spent), spent, "{measure:?}");
        };
        check(Measure::Cost, 70, None);
        check(Measure::Cost, 69, Some(101));
        check(Measure::Cost, 20, Some(150));
        check(Measure::Tokens, 49, Some(101));
        check(Measure::Wall, 59, Some(101));
        check(Measure::ToolCalls, 3, None);
        check(Measure::ToolCalls, 2, Some(101));
        let ceiling = Ceiling { scope: Scope::Attempt, measure: Measure::Cost, limit: 1, taken: 1, left: 0 };
        let unknown = super::used(Duration::ZERO, &AttemptProgress::default());
        assert_eq!(passed(&ceiling, &unknown), None, "an unknown cost has passed nothing");
    }
}
