//! Runners and their rights to attempts.

use agents_domain::attempt::{AttemptProgress, LEASE, Proof, Wish};
use agents_domain::id::AttemptId;
use agents_domain::outcome::Outcome;
use agents_domain::store::{Change, HeartbeatReply, Orphan};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::{CostSource, MicroUsd};
use uuid::Uuid;

use super::env::{Env, holder, runner, runner_record};

on_every_engine!(
    a_heartbeat_renews_the_leases_of_the_attempts_that_it_names,
    a_heartbeat_tells_what_is_lost_and_what_is_to_end,
    a_heartbeat_of_another_runner_renews_nothing,
    progress_is_written_for_ones_own_running_attempts_only,
    an_attempts_end_keeps_the_progress_that_it_does_not_repeat,
    attempts_of_other_runners_are_found_with_their_runners_process,
    a_runner_is_known_from_its_registration_until_it_is_taken_away,
);

fn some_progress() -> AttemptProgress {
    AttemptProgress {
        session_id: Some("s-1".to_owned()),
        cost: Some(MicroUsd::from_micros(5)),
        cost_source: Some(CostSource::Prices),
        tool_calls: 3,
        last_activity: Some("reads a file".to_owned()),
        ..AttemptProgress::default()
    }
}

/// Until when the lease of that attempt of runner 1 is.
async fn lease(env: &Env, claimed: &agents_domain::store::Claimed) -> Timestamp {
    let foreign = env.store.foreign_attempts(runner(9)).await.unwrap();
    foreign.iter().find(|one| one.attempt == claimed.attempt.id).unwrap().lease_until
}

async fn a_heartbeat_renews_the_leases_of_the_attempts_that_it_names(env: Env) {
    env.create("implement").await;
    env.create("implement").await;
    let claimed = env.claim(2).await;
    let begun = env.now();
    env.later(20);
    let longer = 2 * LEASE;
    let reply = env.store.heartbeat(runner(1), &[claimed[0].attempt.id], longer).await.unwrap();
    assert_eq!(reply, HeartbeatReply::default());
    assert_eq!(lease(&env, &claimed[0]).await, env.now().after(longer));
    let untouched = lease(&env, &claimed[1]).await;
    assert_eq!(untouched, begun.after(LEASE), "nobody does a job of which its runner does not know");
}

async fn a_heartbeat_tells_what_is_lost_and_what_is_to_end(env: Env) {
    let mut attempts = Vec::new();
    for _ in 0..3 {
        env.create("implement").await;
        attempts.extend(env.claim(1).await);
    }
    let [kept, ended, unwanted] = [&attempts[0], &attempts[1], &attempts[2]];
    env.finish(ended, Outcome::success("done")).await.unwrap();
    env.cancel(unwanted.assignment.id).await;
    let unknown = AttemptId::new(Uuid::from_u128(404));
    let named = [kept.attempt.id, ended.attempt.id, unwanted.attempt.id, unknown];
    let reply = env.store.heartbeat(runner(1), &named, LEASE).await.unwrap();
    let wishes = vec![(unwanted.attempt.id, Wish::Cancel)];
    let expected = HeartbeatReply { lost: vec![ended.attempt.id, unknown], wishes: wishes.clone() };
    assert_eq!(reply, expected);
    assert_eq!(env.store.wishes(runner(1)).await.unwrap(), wishes);
    assert_eq!(env.store.wishes(runner(2)).await.unwrap(), []);
    assert_eq!(env.store.heartbeat(runner(1), &[], LEASE).await.unwrap(), HeartbeatReply::default());
}

async fn a_heartbeat_of_another_runner_renews_nothing(env: Env) {
    env.create("implement").await;
    let claimed = env.claim_one().await;
    let until = lease(&env, &claimed).await;
    env.later(LEASE.as_secs());
    let reply = env.store.heartbeat(runner(2), &[claimed.attempt.id], LEASE).await.unwrap();
    assert_eq!(reply.lost, [claimed.attempt.id]);
    assert_eq!(lease(&env, &claimed).await, until);
}

async fn progress_is_written_for_ones_own_running_attempts_only(env: Env) {
    let (_, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    let attempt = async || env.store.job(job).await.unwrap().unwrap().1.attempts.remove(0);
    let untouched = attempt().await;
    let progress = [(claimed.attempt.id, some_progress())];
    env.store.progress(runner(2), &progress).await.unwrap();
    env.store.progress(runner(1), &[]).await.unwrap();
    assert_eq!(attempt().await, untouched, "a foreign runner has no say");
    env.store.progress(runner(1), &progress).await.unwrap();
    let written = attempt().await;
    assert_eq!((written.tool_calls, written.last_activity.as_deref()), (3, Some("reads a file")));
    env.finish(&claimed, Outcome::success("done")).await.unwrap();
    let ended = attempt().await;
    let more = [(claimed.attempt.id, AttemptProgress { tool_calls: 99, ..AttemptProgress::default() })];
    env.store.progress(runner(1), &more).await.unwrap();
    assert_eq!(attempt().await, ended, "it has ended");
}

async fn an_attempts_end_keeps_the_progress_that_it_does_not_repeat(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    env.store.progress(runner(1), &[(claimed.attempt.id, some_progress())]).await.unwrap();
    let why = "its runner is gone".to_owned();
    let give_up = Change::GiveUp { assignment, attempt: claimed.attempt.id, why, proof: Proof::Gone };
    env.execute(give_up).await.unwrap();
    let attempt = env.store.job(job).await.unwrap().unwrap().1.attempts.remove(0);
    assert_eq!((attempt.session_id.as_deref(), attempt.tool_calls), (Some("s-1"), 3));
    assert_eq!((attempt.cost, attempt.exit_code), (Some(MicroUsd::from_micros(5)), None));
}

async fn attempts_of_other_runners_are_found_with_their_runners_process(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    assert_eq!(env.store.foreign_attempts(runner(1)).await.unwrap(), [], "they are its own");
    let mut expected = Orphan {
        attempt: claimed.attempt.id,
        assignment,
        job,
        runner: runner(1),
        host: holder(1).host,
        runner_process: None,
        lease_until: env.now().after(LEASE),
    };
    assert_eq!(env.store.foreign_attempts(runner(2)).await.unwrap(), [expected.clone()]);
    let record = runner_record(1, None, env.now());
    env.store.register(&record).await.unwrap();
    expected.runner_process = Some(record.process);
    assert_eq!(env.store.foreign_attempts(runner(2)).await.unwrap(), [expected]);
    env.finish(&claimed, Outcome::success("done")).await.unwrap();
    assert_eq!(env.store.foreign_attempts(runner(2)).await.unwrap(), []);
}

async fn a_runner_is_known_from_its_registration_until_it_is_taken_away(env: Env) {
    let runners = async || env.queue(None, 10).await.runners;
    let mut record = runner_record(1, Some("repo"), env.now());
    env.store.register(&record).await.unwrap();
    assert_eq!(runners().await, [record.clone()]);
    env.later(20);
    env.store.heartbeat(runner(1), &[], LEASE).await.unwrap();
    record.heartbeat_at = env.now();
    assert_eq!(runners().await, [record.clone()]);
    env.store.register(&record).await.unwrap();
    env.store.unregister(runner(1)).await.unwrap();
    env.store.unregister(runner(1)).await.unwrap();
    assert_eq!(runners().await, []);
}
