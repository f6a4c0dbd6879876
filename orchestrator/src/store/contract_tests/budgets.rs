//! Money: what claims of several runners may take together, what is written down, and what waits for the next day.

use std::sync::Arc;
use std::time::Duration;

use agents_domain::aggregate::{First, Rejection};
use agents_domain::amounts::Amounts;
use agents_domain::attempt::{AttemptProgress, Proof};
use agents_domain::history::EventKind;
use agents_domain::id::AssignmentId;
use agents_domain::limits::{LimitChange, Limits, Measure, Reached, Scope};
use agents_domain::outcome::Outcome;
use agents_domain::spending::{AnyTerms, Day, Spent, Terms};
use agents_domain::store::{Change, ClaimRequest, Claimed, StoreError};
use agents_domain::usage::{MicroUsd, TokenUsage};

use super::env::{Env, holder, namespace, report};

on_every_engine!(
    claims_of_one_moment_never_take_more_than_the_day_has,
    two_stores_that_claim_at_once_never_take_more_than_the_day_has,
    what_the_day_has_no_room_for_waits_for_the_next_one,
    a_spent_day_of_one_namespace_holds_no_other_one_up,
    what_an_attempt_has_used_is_spent_and_no_longer_reserved,
    an_attempt_that_was_given_up_leaves_no_reservation,
    a_running_attempt_reserves_more_until_a_limit_stands_against_it,
    a_limit_of_the_assignment_gives_the_pm_the_place_of_the_work,
    a_raised_limit_of_the_day_counts_at_once,
    a_claim_that_a_limit_refuses_tells_what_has_followed,
);

fn cents(cents: i64) -> MicroUsd {
    MicroUsd::from_micros(cents * 10_000)
}

/// A day of so many cents, where an attempt is taken to cost 40.
fn day(cost: i64) -> AnyTerms {
    let day = Limits { cost: Some(cents(cost)), ..Limits::default() };
    AnyTerms(Arc::new(Terms { day, expected: Some(cents(40)), harness_defaults: None }))
}

async fn claim(env: &Env, number: u128, terms: AnyTerms) -> Vec<Claimed> {
    let holder = holder(number);
    let request = ClaimRequest { holder, namespaces: None, limit: 10, fallbacks: Default::default(), terms };
    env.store.claim(request).await.unwrap().claimed
}

async fn finish(env: &Env, claimed: &Claimed, cost: Option<MicroUsd>) {
    let mut report = report(claimed.attempt.id, Outcome::success("done"));
    let usage = cost.map(|_| TokenUsage { input: 3, ..TokenUsage::default() });
    report.progress = AttemptProgress { cost, usage, tool_calls: 2, ..AttemptProgress::default() };
    env.execute(Change::Finish { assignment: claimed.assignment.id, report: Box::new(report) })
        .await
        .unwrap();
}

async fn spent(env: &Env, assignment: AssignmentId) -> Spent {
    env.store.assignment(assignment).await.unwrap().unwrap().budget().spent
}

async fn claims_of_one_moment_never_take_more_than_the_day_has(env: Env) {
    for _ in 0..4 {
        env.create("implement").await;
    }
    let (one, two) = tokio::join!(claim(&env, 1, day(100)), claim(&env, 2, day(100)));
    assert_eq!(one.len() + two.len(), 2, "40 + 40, and a third would be 120");
    assert_eq!(claim(&env, 3, day(100)).await.len(), 0);
}

async fn two_stores_that_claim_at_once_never_take_more_than_the_day_has(env: Env) {
    for _ in 0..20 {
        env.create("implement").await;
    }
    let stores = [Arc::clone(&env.store), env.another_store().await];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..6u8 {
        let store = Arc::clone(&stores[usize::from(number % 2)]);
        tasks.spawn(async move {
            let request = ClaimRequest {
                holder: holder(u128::from(number)),
                namespaces: None,
                limit: 3,
                fallbacks: Default::default(),
                terms: day(500),
            };
            store.claim(request).await.unwrap().claimed.len()
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 12, "12 × 40 of 500");
}

async fn what_the_day_has_no_room_for_waits_for_the_next_one(env: Env) {
    let (first, _) = env.create("implement").await;
    let (_, waiting) = env.create("implement").await;
    let claimed = claim(&env, 1, day(50)).await;
    assert_eq!(claimed.iter().map(|one| one.assignment.id).collect::<Vec<_>>(), [first]);
    let queue = env.queue(None, 10).await;
    let until = env.now().after(Duration::from_secs(60));
    let days: Vec<_> =
        queue.days.iter().map(|day| (day.reserved.cost(), day.limits.cost, day.waits_until)).collect();
    assert_eq!(days, [(cents(40), Some(cents(50)), Some(until))]);
    assert_eq!(queue.waiting.iter().map(|line| line.job.id).collect::<Vec<_>>(), [waiting]);
    assert_eq!((queue.ready.len(), env.next_ready_at(None).await), (0, Some(until)));
    // The end of an attempt may make room; here it makes none.
    finish(&env, &claimed[0], Some(cents(45))).await;
    assert_eq!(claim(&env, 1, day(50)).await.len(), 0);
    let tomorrow = Day::of(env.now()).end().since(env.now());
    env.later(tomorrow.as_secs() + 1);
    assert_eq!(claim(&env, 1, day(50)).await.len(), 1);
}

async fn a_spent_day_of_one_namespace_holds_no_other_one_up(env: Env) {
    for _ in 0..12 {
        env.create_in("a", "implement").await;
    }
    env.later(1);
    env.create_in("b", "implement").await;
    let request = ClaimRequest {
        holder: holder(1),
        namespaces: None,
        limit: 3,
        fallbacks: Default::default(),
        terms: day(50),
    };
    let claimed = env.store.claim(request).await.unwrap().claimed;
    let of: Vec<_> = claimed.iter().map(|one| one.assignment.namespace.clone()).collect();
    assert_eq!(of, [namespace("a"), namespace("b")]);
}

async fn what_an_attempt_has_used_is_spent_and_no_longer_reserved(env: Env) {
    let (assignment, _) = env.create("implement").await;
    let claimed = claim(&env, 1, day(100)).await.remove(0);
    assert_eq!(claimed.attempt.reserved.cost(), cents(40));
    env.later(7);
    finish(&env, &claimed, Some(cents(15))).await;
    let known = Spent {
        cost: cents(15),
        tokens: 3,
        wall: Duration::from_secs(7),
        tool_calls: 2,
        jobs: 1,
        ..Spent::default()
    };
    assert_eq!(spent(&env, assignment).await, known);
    let job = env.store.job(claimed.job.id).await.unwrap().unwrap().1.job;
    assert_eq!(job.progress().spent, known);
    // Another assignment's job of that type and harness is expected to cost the same.
    env.create("implement").await;
    let all = claim(&env, 1, day(100)).await;
    let like = all.iter().find(|one| one.job.job_type.as_str() == "implement").unwrap();
    assert_eq!(like.attempt.reserved.cost(), cents(15));
    finish(&env, like, None).await;
    let unknown = Spent {
        presumed: cents(15),
        presumed_tokens: 3,
        tool_calls: 2,
        jobs: 1,
        unknown: 1,
        unknown_tokens: 1,
        ..Spent::default()
    };
    assert_eq!(spent(&env, like.assignment.id).await, unknown);
}

async fn an_attempt_that_was_given_up_leaves_no_reservation(env: Env) {
    let (assignment, _) = env.create("implement").await;
    let claimed = claim(&env, 1, day(100)).await.remove(0);
    let attempt = claimed.attempt.id;
    let why = "its runner is gone".to_owned();
    env.execute(Change::GiveUp { assignment, attempt, why, proof: Proof::Gone }).await.unwrap();
    assert_eq!(spent(&env, assignment).await.of(Measure::Cost), 400_000, "nobody knows what it has cost");
    let again = claim(&env, 1, day(100)).await;
    assert_eq!(again.len(), 1, "40 are taken to be spent, and 40 are free");
    assert_eq!(claim(&env, 2, day(100)).await.len(), 0);
}

async fn a_running_attempt_reserves_more_until_a_limit_stands_against_it(env: Env) {
    let (assignment, _) = env.create("implement").await;
    let claimed = claim(&env, 1, day(100)).await.remove(0);
    let attempt = claimed.attempt.id;
    let needs = |cost| {
        let needs = Amounts::of_cost(cost);
        env.execute(Change::Reserve { assignment, attempt, needs, terms: day(100) })
    };
    let reserved = needs(cents(90)).await.unwrap().reserved.unwrap();
    assert_eq!(reserved.cost(), cents(100), "something is reserved ahead, as far as it is there");
    let reached = Reached {
        scope: Scope::Day,
        measure: Measure::Cost,
        limit: 1_000_000,
        spent: 1_000_000,
        needed: 10_000,
    };
    let refused = needs(cents(101)).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Rejected(Rejection::OutOfBudget { reached: found }) if *found == reached),
        "{refused:?}"
    );
    env.create("implement").await;
    assert_eq!(claim(&env, 2, day(120)).await.len(), 0, "100 and 40");
}

async fn a_limit_of_the_assignment_gives_the_pm_the_place_of_the_work(env: Env) {
    let mut new = env.new_assignment(First::Job(env.job("implement")));
    let assignment = new.id;
    let change = |limit| LimitChange { scope: Scope::Assignment, measure: Measure::Cost, limit: Some(limit) };
    new.limits.change(&[change(600_000)]);
    env.execute(Change::Create(new)).await.unwrap();
    let claimed = claim(&env, 1, day(1000)).await.remove(0);
    assert_eq!(
        claimed.job.job_type.as_str(),
        "pm",
        "40 for the work would leave 20 for the PM, and it needs 40"
    );
    let over = claimed.assignment.budget().over.clone().unwrap();
    assert_eq!(
        over.reason,
        "the limit of the assignment is reached: 0.00 USD of 0.60 USD, and what comes next is expected to need 0.80 USD"
    );
    assert_eq!(env.store.assignment(assignment).await.unwrap().unwrap().budget().over, Some(over));
}

async fn a_raised_limit_of_the_day_counts_at_once(env: Env) {
    env.create("implement").await;
    assert_eq!(claim(&env, 1, day(30)).await.len(), 0);
    assert_eq!(claim(&env, 1, day(30)).await.len(), 0, "and it is not looked for again");
    assert_eq!(env.queue(None, 10).await.days.len(), 1);
    assert_eq!(claim(&env, 1, day(50)).await.len(), 1, "no time has passed");
    assert_eq!(env.queue(None, 10).await.days, []);
}

async fn a_claim_that_a_limit_refuses_tells_what_has_followed(env: Env) {
    let mut new = env.new_assignment(First::Job(env.job("implement")));
    new.limits.change(&[LimitChange { scope: Scope::Assignment, measure: Measure::Cost, limit: Some(0) }]);
    env.execute(Change::Create(new)).await.unwrap();
    let request = ClaimRequest {
        holder: holder(1),
        namespaces: None,
        limit: 10,
        fallbacks: Default::default(),
        terms: day(1000),
    };
    let mut told = Vec::new();
    for _ in 0..3 {
        let claims = env.store.claim(request.clone()).await.unwrap();
        assert_eq!(claims.claimed.len(), 0);
        told.extend(claims.refused.into_iter().map(|(_, event)| event.kind));
    }
    assert_eq!(told, [EventKind::JobInserted, EventKind::AssignmentBlocked]);
}
