//! What of a stream's counts is this attempt's own, and what it has cost.
//!
//! A resumed session goes on counting from where it stood: its cost with every CLI, its tokens with some. What earlier
//! attempts of the session have used is taken off here, once, so that the live view, the limits and the report say the
//! same. What can't be told is `None`.

use std::path::Path;
use std::sync::Arc;

use agents_domain::attempt::AttemptProgress;
use agents_domain::price::PriceTable;
use agents_domain::store::{AttemptRecord, Claimed};
use agents_domain::usage::{CostSource, MicroUsd, TokenUsage};

use super::Surroundings;

/// How one attempt is accounted for.
#[derive(Debug, Clone)]
pub(super) struct Account {
    before: Before,
    prices: Arc<PriceTable>,
    harness: String,
    /// The model that it was asked for, for a CLI that does not tell it.
    model: Option<String>,
}

/// What the session had used before this attempt.
#[derive(Debug, Clone)]
enum Before {
    /// It is a new session.
    Nothing,
    Used {
        session: String,
        cost: MicroUsd,
        /// `None`: this CLI counts the tokens of each process apart.
        usage: Option<TokenUsage>,
    },
    /// The store could not tell.
    Unknown { session: String },
}

impl Account {
    /// The account of that attempt.
    pub async fn of(claimed: &Claimed, around: &Surroundings) -> Self {
        let settings = around.settings.for_workspace(Path::new(&claimed.assignment.workspace)).ok();
        let harness = claimed.attempt.harness.clone();
        let asked_for = claimed.job.model.clone().filter(|_| claimed.job.harness == harness);
        let model = settings.as_ref().and_then(|settings| settings.models.get(&harness).cloned());
        let spans = settings.as_ref().and_then(|settings| settings.harnesses.get(&harness));
        let spans = spans.is_none_or(|harness| harness.usage_spans_session());
        Self {
            before: before(claimed, around, spans).await,
            prices: settings.map(|settings| Arc::clone(&settings.prices)).unwrap_or_default(),
            model: asked_for.or(model),
            harness,
        }
    }

    /// The attempt's own share of what its stream has told, with what it cost.
    pub fn own(&self, told: AttemptProgress) -> AttemptProgress {
        let mut own = told;
        let goes_on = |session: &String| own.session_id.as_ref() == Some(session);
        match &self.before {
            Before::Used { session, cost, usage } if goes_on(session) => {
                own.cost = own.cost.map(|total| total.less(*cost));
                own.usage = own.usage.map(|total| total.less(usage.unwrap_or_default()));
            }
            Before::Unknown { session } if goes_on(session) => (own.cost, own.usage) = (None, None),
            Before::Nothing | Before::Used { .. } | Before::Unknown { .. } => {}
        }
        own.cost_source = own.cost.map(|_| CostSource::Cli);
        if own.cost.is_none()
            && let Some(usage) = &own.usage
        {
            let model = own.model.as_deref().or(self.model.as_deref());
            own.cost = self.prices.of(&self.harness, model).map(|price| price.cost(usage));
            own.cost_source = own.cost.map(|_| CostSource::Prices);
        }
        own
    }
}

async fn before(claimed: &Claimed, around: &Surroundings, spans: bool) -> Before {
    let Some(session) = claimed.attempt.resumes.clone() else { return Before::Nothing };
    // A job that repeats another one may go on in that one's session.
    let Ok(jobs) = around.store.job_details(claimed.assignment.id).await else {
        return Before::Unknown { session };
    };
    let attempts = jobs.iter().flat_map(|detail| &detail.attempts);
    let earlier = attempts
        .filter(|attempt| attempt.id != claimed.attempt.id && attempt.session_id.as_ref() == Some(&session));
    used(session.clone(), earlier, spans)
}

/// A cost that was computed is none that the CLI has counted: a turn that was killed is lost to its total.
fn used<'a>(session: String, earlier: impl Iterator<Item = &'a AttemptRecord>, spans: bool) -> Before {
    let (mut cost, mut usage) = (MicroUsd::ZERO, TokenUsage::default());
    for attempt in earlier {
        if attempt.cost_source == Some(CostSource::Cli) {
            cost = cost.plus(attempt.cost.unwrap_or_default());
        }
        usage = usage.plus(attempt.usage.unwrap_or_default());
    }
    Before::Used { session, cost, usage: spans.then_some(usage) }
}

#[cfg(test)]
mod tests {
    use agents_domain::price::Price;

    use super::*;

    fn micros(micros: i64) -> MicroUsd {
        MicroUsd::from_micros(micros)
    }

    fn account(before: Before) -> Account {
        let price =
            Price { input: micros(2_000_000), cached: micros(0), written: micros(0), output: micros(0) };
        let prices = Arc::new(PriceTable::new([("small".to_owned(), price)]));
        Account { before, prices, harness: "codex".to_owned(), model: Some("small".to_owned()) }
    }

    fn told(session: &str, cost: Option<i64>, input: u64) -> AttemptProgress {
        AttemptProgress {
            session_id: Some(session.to_owned()),
            cost: cost.map(micros),
            usage: Some(TokenUsage { input, ..TokenUsage::default() }),
            ..AttemptProgress::default()
        }
    }

    fn check(
        before: Before,
        told: AttemptProgress,
        expected: (Option<i64>, Option<CostSource>, Option<u64>),
    ) {
        let own = account(before).own(told);
        let cost = own.cost.map(MicroUsd::as_micros);
        assert_eq!((cost, own.cost_source, own.usage.map(|usage| usage.input)), expected);
    }

    fn used_before(usage: Option<u64>) -> Before {
        let usage = usage.map(|input| TokenUsage { input, ..TokenUsage::default() });
        Before::Used { session: "s".to_owned(), cost: micros(30), usage }
    }

    #[test]
    fn a_resumed_session_s_earlier_use_is_not_this_attempt_s() {
        check(Before::Nothing, told("s", Some(100), 70), (Some(100), Some(CostSource::Cli), Some(70)));
        check(used_before(None), told("s", Some(100), 70), (Some(70), Some(CostSource::Cli), Some(70)));
        check(used_before(Some(60)), told("s", Some(100), 70), (Some(70), Some(CostSource::Cli), Some(10)));
        let other = told("another", Some(100), 70);
        check(used_before(Some(60)), other, (Some(100), Some(CostSource::Cli), Some(70)));
    }

    #[test]
    fn what_the_store_could_not_tell_is_unknown_and_not_counted_twice() {
        let before = Before::Unknown { session: "s".to_owned() };
        check(before, told("s", Some(100), 70), (None, None, None));
    }

    #[test]
    fn a_cost_is_computed_from_the_own_tokens_only_where_the_cli_tells_none() {
        check(used_before(Some(60)), told("s", None, 70), (Some(20), Some(CostSource::Prices), Some(10)));
        let large = AttemptProgress { model: Some("large".to_owned()), ..told("s", None, 70) };
        check(Before::Nothing, large, (None, None, Some(70)));
    }
}
