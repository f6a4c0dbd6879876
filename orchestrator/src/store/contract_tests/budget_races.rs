//! Several runners of two stores at once: whatever they claim, reserve and end, a day's limit holds for every measure.

use std::collections::HashMap;
use std::sync::Arc;

use agents_domain::aggregate::Rejection;
use agents_domain::amounts::Amounts;
use agents_domain::attempt::AttemptProgress;
use agents_domain::id::AttemptId;
use agents_domain::limits::{Limits, Measure};
use agents_domain::outcome::Outcome;
use agents_domain::spending::{AnyTerms, Terms};
use agents_domain::store::{Change, ClaimRequest, Claimed, Store, StoreError};
use agents_domain::usage::{MicroUsd, TokenUsage};
use tokio::task::JoinSet;

use super::env::{Env, command, holder, namespace, report};

on_every_engine!(
    runners_of_two_stores_never_take_more_of_anything_than_a_day_has,
    what_is_reserved_of_anything_is_stored_and_read_again,
    a_day_that_is_spent_is_told_to_every_runner_that_asks,
);

const RUNNERS: u8 = 6;
const ROUNDS: usize = 4;

/// A day that has so much of one measure, and enough of all others.
fn day(measure: Measure, limit: u64) -> AnyTerms {
    let mut day = Limits::default();
    day.set(measure, Some(limit));
    AnyTerms(Arc::new(Terms { day, ..Terms::default() }))
}

fn request(number: u8, measure: Measure, terms: &AnyTerms) -> ClaimRequest {
    ClaimRequest {
        holder: holder(u128::from(number)),
        namespaces: Some(vec![namespace(measure.as_str())]),
        limit: 3,
        fallbacks: Default::default(),
        terms: terms.clone(),
    }
}

/// What is taken for each attempt: spent by those that have ended, reserved for the others.
type Taken = HashMap<AttemptId, Amounts>;

/// A runner claims; what it has got needs twice as much as was reserved; the first of it uses all that and ends.
async fn round(store: Arc<dyn Store>, request: ClaimRequest) -> Taken {
    let mut taken = Taken::new();
    for claimed in store.claim(request.clone()).await.unwrap().claimed {
        let (id, reserved) = (claimed.attempt.id, claimed.attempt.reserved);
        let needs = reserved.plus(&reserved).with(Measure::Jobs, 0);
        let assignment = claimed.assignment.id;
        let terms = request.terms.clone();
        let more = store.execute(command(Change::Reserve { assignment, attempt: id, needs, terms })).await;
        let reserved = match more {
            Ok(receipt) => receipt.reserved.unwrap(),
            Err(StoreError::Rejected(Rejection::OutOfBudget { .. })) => reserved,
            Err(error) => panic!("{error}"),
        };
        let is_first = taken.is_empty();
        taken.insert(id, reserved);
        if is_first {
            end(&*store, &claimed, &reserved).await;
            // Time stands still here.
            taken.insert(id, reserved.with(Measure::Wall, 0));
        }
    }
    taken
}

/// It ends and has used all that was reserved, of all but time.
async fn end(store: &dyn Store, claimed: &Claimed, used: &Amounts) {
    let mut report = report(claimed.attempt.id, Outcome::success("done"));
    let usage = TokenUsage { input: used.of(Measure::Tokens), ..TokenUsage::default() };
    report.progress = AttemptProgress {
        cost: Some(MicroUsd::from_micros(used.of(Measure::Cost).try_into().unwrap())),
        usage: Some(usage),
        tool_calls: used.of(Measure::ToolCalls).try_into().unwrap(),
        ..AttemptProgress::default()
    };
    let change = Change::Finish { assignment: claimed.assignment.id, report: Box::new(report) };
    store.execute(command(change)).await.unwrap();
}

async fn runners_of_two_stores_never_take_more_of_anything_than_a_day_has(env: Env) {
    let stores = [Arc::clone(&env.store), env.another_store().await];
    for measure in Measure::ALL {
        let limit = if measure == Measure::Jobs { 25 } else { 3_000 };
        let terms = day(measure, limit);
        for _ in 0..40 {
            env.create_in(measure.as_str(), "implement").await;
        }
        let mut taken = Taken::new();
        for _ in 0..ROUNDS {
            let mut tasks = JoinSet::new();
            for number in 0..RUNNERS {
                let store = Arc::clone(&stores[usize::from(number % 2)]);
                tasks.spawn(round(store, request(number, measure, &terms)));
            }
            tasks.join_all().await.into_iter().for_each(|more| taken.extend(more));
            let sum: u64 = taken.values().map(|amounts| amounts.of(measure)).sum();
            assert!(sum <= limit, "{measure:?}: {sum} of {limit}");
        }
        let sum: u64 = taken.values().map(|amounts| amounts.of(measure)).sum();
        assert!(sum * 2 > limit, "{measure:?}: the limit was not even tried: {sum} of {limit}");
    }
}

async fn what_is_reserved_of_anything_is_stored_and_read_again(env: Env) {
    env.create_in("tokens", "implement").await;
    let terms = day(Measure::Tokens, 3_000);
    let claimed = env.store.claim(request(1, Measure::Tokens, &terms)).await.unwrap().claimed.remove(0);
    let expected = [500_000, 300, 600_000, 20, 1];
    assert_eq!(Measure::ALL.map(|measure| claimed.attempt.reserved.of(measure)), expected);
    let (assignment, attempt) = (claimed.assignment.id, claimed.attempt.id);
    let needs =
        Amounts::NONE.with(Measure::Tokens, 400).with(Measure::Wall, 700_000).with(Measure::ToolCalls, 40);
    for store in [Arc::clone(&env.store), env.another_store().await] {
        // The second time it is there already, as the other store reads it.
        let change = Change::Reserve { assignment, attempt, needs, terms: terms.clone() };
        let reserved = store.execute(command(change)).await.unwrap().reserved.unwrap();
        let expected = [500_000, 500, 875_000, 50, 1];
        assert_eq!(Measure::ALL.map(|measure| reserved.of(measure)), expected);
    }
}

async fn a_day_that_is_spent_is_told_to_every_runner_that_asks(env: Env) {
    for _ in 0..2 {
        env.create_in("jobs", "implement").await;
    }
    let terms = day(Measure::Jobs, 1);
    let days = |number| {
        let (store, request) = (Arc::clone(&env.store), request(number, Measure::Jobs, &terms));
        async move {
            let claims = store.claim(request).await.unwrap();
            let taken = |line: &agents_domain::store::DayLine| line.reserved.of(Measure::Jobs);
            (claims.claimed.len(), claims.spent_days.iter().map(taken).collect::<Vec<_>>())
        }
    };
    assert_eq!(days(1).await, (1, vec![1]), "one begins, the other one is refused");
    assert_eq!(days(2).await, (0, vec![1]), "it is not looked for again, and it is told all the same");
    let others = request(3, Measure::Cost, &terms);
    assert_eq!(env.store.claim(others).await.unwrap().spent_days, [], "another namespace's day is not spent");
}
