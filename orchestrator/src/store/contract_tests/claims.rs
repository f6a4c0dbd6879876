//! Who gets which job, and when.

use std::collections::BTreeSet;
use std::sync::Arc;

use agents_domain::aggregate::{First, PauseMode};
use agents_domain::decision::Decision;
use agents_domain::id::JobId;
use agents_domain::job::JobState;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::priority::Priority;
use agents_domain::store::{Change, ClaimRequest, Claimed};

use super::env::{Env, holder, limit, namespace, runner};

on_every_engine!(
    the_longest_waiting_job_is_claimed_first,
    the_classes_go_before_the_time_of_waiting,
    what_a_person_forces_is_immediate_and_waits_for_no_moment,
    only_the_head_of_a_list_is_claimed,
    a_job_is_not_claimed_before_its_time,
    a_job_waits_for_no_clock_that_was_set_back,
    a_claim_takes_no_more_than_its_limit,
    a_claim_takes_only_from_its_namespaces,
    nothing_of_a_blocked_or_cancelled_assignment_is_claimed,
    a_claim_brings_all_that_is_needed_to_start,
    claims_of_one_moment_share_what_is_ready,
    two_stores_with_eight_tasks_claim_each_of_200_jobs_once,
    a_day_in_which_there_is_nothing_to_do_starts_no_agent,
);

fn jobs(claimed: &[Claimed]) -> Vec<JobId> {
    claimed.iter().map(|one| one.job.id).collect()
}

async fn the_longest_waiting_job_is_claimed_first(env: Env) {
    let (_, limited) = env.create("implement").await;
    let first = env.claim_one().await;
    env.finish(&first, limit(&env, 10)).await.unwrap();
    let (_, second) = env.create_in("b", "implement").await;
    env.later(5);
    let (_, third) = env.create_in("a", "implement").await;
    env.later(5);
    assert_eq!(jobs(&env.claim(10).await), [limited, second, third]);
}

async fn the_classes_go_before_the_time_of_waiting(env: Env) {
    let of = async |class: Priority, name: &str| {
        let job = env.job("implement");
        let id = job.id;
        let mut new = env.new_assignment(First::Job(job));
        (new.priority, new.namespace) = (Some(class), namespace(name));
        env.execute(Change::Create(new)).await.unwrap();
        env.later(5);
        id
    };
    let deferred = of(Priority::Deferred, "a").await;
    let scheduled = of(Priority::Scheduled, "b").await;
    let next_scheduled = of(Priority::Scheduled, "a").await;
    let immediate = of(Priority::Immediate, "b").await;
    let next_immediate = of(Priority::Immediate, "a").await;
    let ready: Vec<JobId> =
        env.queue(Some(&namespace("a")), 10).await.ready.iter().map(|line| line.job.id).collect();
    assert_eq!(ready, [next_immediate, next_scheduled, deferred]);
    assert_eq!(jobs(&env.claim(1).await), [immediate]);
    assert_eq!(jobs(&env.claim(10).await), [next_immediate, scheduled, next_scheduled, deferred]);
}

async fn what_a_person_forces_is_immediate_and_waits_for_no_moment(env: Env) {
    let job = env.job("implement");
    let (mut new, forced) = (env.new_assignment(First::Job(job.clone())), job.id);
    new.priority = Some(Priority::Deferred);
    let id = new.id;
    env.execute(Change::Create(new)).await.unwrap();
    let claimed = env.claim_one().await;
    env.finish(&claimed, Outcome::failure(OutcomeClass::Overloaded, "later")).await.unwrap();
    assert_eq!(env.claim(10).await.len(), 0);
    assert_eq!(env.store.force(id).await.unwrap(), 1);
    let (_, other) = env.create("implement").await;
    assert_eq!(jobs(&env.claim(10).await), [forced, other]);
    assert_eq!(env.store.assignment(id).await.unwrap().unwrap().priority, Priority::Immediate);
    assert_eq!(env.store.force(id).await.unwrap(), 0, "nothing of it waits");
}

async fn only_the_head_of_a_list_is_claimed(env: Env) {
    let (assignment, head) = env.create("implement").await;
    env.insert(assignment, "review").await;
    assert_eq!(jobs(&env.claim(10).await), [head]);
    assert_eq!(env.claim(10).await.len(), 0, "one job of a list runs at a time");
    let question = env.insert(assignment, "chat").await;
    assert_eq!(jobs(&env.claim(10).await), [question], "but a question stands beside it");
}

async fn a_job_is_not_claimed_before_its_time(env: Env) {
    let (_, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    let overloaded = Outcome::failure(OutcomeClass::Overloaded, "later");
    let receipt = env.finish(&claimed, overloaded).await.unwrap();
    assert!(!receipt.has_ready);
    env.later(14);
    assert_eq!(env.claim(10).await.len(), 0);
    env.later(16);
    assert_eq!(jobs(&env.claim(10).await), [job]);
}

async fn a_job_waits_for_no_clock_that_was_set_back(env: Env) {
    env.later(3600);
    let (_, new) = env.create("implement").await;
    let (_, stopped) = env.create("review").await;
    let (_, overloaded) = env.create("plan").await;
    for claimed in env.claim(10).await {
        let class = match claimed.job.job_type.as_str() {
            "plan" => OutcomeClass::Overloaded,
            _ => OutcomeClass::Stopped,
        };
        env.finish(&claimed, Outcome::failure(class, "not now")).await.unwrap();
    }
    let (_, untouched) = env.create("implement").await;
    env.set_back(60);
    let ready: Vec<JobId> = env.queue(None, 10).await.ready.iter().map(|line| line.job.id).collect();
    assert_eq!(ready, [new, stopped, untouched]);
    assert_eq!(jobs(&env.claim(2).await), [new, stopped]);
    assert_eq!(jobs(&env.claim(2).await), [untouched], "the provider gets its time");
    env.set_back(3540);
    assert_eq!(jobs(&env.claim(2).await), [overloaded], "and not an hour more");
}

async fn a_claim_takes_no_more_than_its_limit(env: Env) {
    for name in ["a", "b", "c"] {
        env.create_in(name, "implement").await;
    }
    assert_eq!(env.claim(0).await.len(), 0);
    assert_eq!(env.claim(2).await.len(), 2);
    assert_eq!(env.claim(2).await.len(), 1);
}

async fn a_claim_takes_only_from_its_namespaces(env: Env) {
    let mut created = Vec::new();
    for name in ["a", "b", "c"] {
        created.push(env.create_in(name, "implement").await.1);
    }
    let request = |names: &[&str]| ClaimRequest {
        holder: holder(1),
        namespaces: Some(names.iter().map(|name| namespace(name)).collect()),
        limit: 10,
        fallbacks: Default::default(),
        terms: Default::default(),
    };
    assert_eq!(env.store.claim(request(&[])).await.unwrap().claimed.len(), 0);
    assert_eq!(env.store.claim(request(&["elsewhere"])).await.unwrap().claimed.len(), 0);
    assert_eq!(jobs(&env.store.claim(request(&["a", "c"])).await.unwrap().claimed), [created[0], created[2]]);
    assert_eq!(jobs(&env.claim(10).await), [created[1]]);
}

async fn nothing_of_a_blocked_or_cancelled_assignment_is_claimed(env: Env) {
    let (blocked, _) = env.create("implement").await;
    env.block(blocked).await;
    let (cancelled, _) = env.create("implement").await;
    env.cancel(cancelled).await;
    assert_eq!(env.claim(10).await.len(), 0);
}

async fn a_claim_brings_all_that_is_needed_to_start(env: Env) {
    let (assignment, job) = env.create("implement").await;
    env.later(1);
    let claimed = env.claim_one().await;
    assert_eq!(claimed.assignment, env.all_of(assignment).await.assignment);
    assert_eq!((claimed.job.id, claimed.context.as_str()), (job, "do the implement"));
    assert_eq!(*claimed.job.state(), JobState::Running { attempt: claimed.attempt.id });
    assert_eq!((claimed.attempt.job, claimed.attempt.runner), (job, runner(1)));
    assert_eq!((claimed.attempt.number, claimed.attempt.started_at), (1, env.now()));
    let history = env.all_of(assignment).await.history;
    assert_eq!(claimed.events, history[history.len() - 1..]);
}

/// Both claims find the same jobs first in the one transaction that they share.
async fn claims_of_one_moment_share_what_is_ready(env: Env) {
    for _ in 0..4 {
        env.create("implement").await;
    }
    let (one, two) = tokio::join!(env.claim(2), env.claim(2));
    let all: BTreeSet<JobId> = jobs(&one).into_iter().chain(jobs(&two)).collect();
    assert_eq!((one.len(), two.len(), all.len()), (2, 2, 4));
}

async fn two_stores_with_eight_tasks_claim_each_of_200_jobs_once(env: Env) {
    let mut created = BTreeSet::new();
    for _ in 0..200 {
        created.insert(env.create("implement").await.1);
    }
    let stores = [Arc::clone(&env.store), env.another_store().await];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8u8 {
        let store = Arc::clone(&stores[usize::from(number % 2)]);
        tasks.spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let holder = holder(u128::from(number));
                let request = ClaimRequest {
                    holder,
                    namespaces: None,
                    limit: 3,
                    fallbacks: Default::default(),
                    terms: Default::default(),
                };
                let some = store.claim(request).await.unwrap().claimed;
                if some.is_empty() {
                    return claimed;
                }
                claimed.extend(jobs(&some));
            }
        });
    }
    let claimed: Vec<JobId> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 200, "no job is claimed twice");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), created, "and none is left");
    let one = env.queue(None, 1000).await;
    assert_eq!((one.running.len(), one.ready.len()), (200, 0));
    let record = one.running[0].attempt.as_ref().unwrap();
    assert_eq!(one.running[0].job.running_attempt(), Some(record.id));
}

/// A day with a claim on each tick of a runner; nothing that is done, blocked, held or paused brings it anything.
async fn a_day_in_which_there_is_nothing_to_do_starts_no_agent(env: Env) {
    let (done, _) = env.create("implement").await;
    let work = env.claim_one().await;
    env.finish(&work, Outcome::success("done")).await.unwrap();
    let pm = env.claim_one().await;
    let reason = "it is".to_owned();
    env.decide(&pm, Decision::Complete { reason, ties: Default::default() }).await;
    let (cancelled, _) = env.create("implement").await;
    env.cancel(cancelled).await;
    let (blocked, _) = env.create("implement").await;
    env.block(blocked).await;
    let held = env.new_assignment(First::Hold);
    let paused = env.create("implement").await.0;
    let held_id = held.id;
    env.execute(Change::Create(held)).await.unwrap();
    env.execute(Change::Pause { assignment: paused, mode: PauseMode::Now }).await.unwrap();
    let all = [done, cancelled, blocked, held_id, paused];
    let mut before = Vec::new();
    for id in all {
        before.push(env.all_of(id).await);
    }
    for _ in 0..2880 {
        env.later(30);
        assert_eq!(env.claim(10).await.len(), 0);
    }
    assert_eq!(env.next_ready_at(None).await, None, "nothing wakes a runner either");
    for (id, before) in all.into_iter().zip(before) {
        assert_eq!(env.all_of(id).await, before);
    }
}
