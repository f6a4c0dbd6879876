//! What a clean-up and a check ask of the store, and what a repair does to damaged rows.

use agents_domain::audit::{Audit, FindingKind, audit};
use agents_domain::decision::Decision;
use agents_domain::history::EventKind;
use agents_domain::id::{AssignmentId, AttemptId};
use agents_domain::outcome::Outcome;
use agents_domain::store::{Change, StoreError};
use agents_domain::upkeep::{AttemptStanding, OldHistory, Openness};
use uuid::Uuid;

use super::env::{Env, namespace};

on_every_engine!(
    an_attempt_is_told_with_what_decides_how_long_its_files_are_kept,
    only_old_closed_assignments_have_old_histories,
    events_are_deleted_in_pieces_from_the_oldest_on,
    events_of_what_is_open_or_has_changed_since_stay,
    what_is_to_be_checked_comes_in_pages_the_latest_first,
    a_populated_store_is_sound,
    damaged_rows_are_found_mended_and_then_sound,
    a_job_whose_attempts_are_miscounted_can_start_again_after_the_repair,
);

/// An assignment that a PM has completed after one job. Its attempts, in order.
async fn completed(env: &Env) -> (AssignmentId, [AttemptId; 2]) {
    let (assignment, _) = env.create("implement").await;
    let work = env.claim_one().await;
    env.finish(&work, Outcome::success("done")).await.unwrap();
    let pm = env.claim_one().await;
    env.decide(&pm, Decision::Complete { reason: "it is done".to_owned(), ties: Default::default() }).await;
    (assignment, [work.attempt.id, pm.attempt.id])
}

async fn look_at(env: &Env, assignment: AssignmentId) -> Audit {
    let dossiers = env.store.dossiers(&[assignment]).await.unwrap();
    assert_eq!(dossiers.len(), 1);
    audit(&dossiers[0])
}

async fn an_attempt_is_told_with_what_decides_how_long_its_files_are_kept(env: Env) {
    assert_eq!(env.store.first_used_at().await.unwrap(), None);
    let began = env.now();
    env.create("implement").await;
    let running = env.claim_one().await.attempt.id;
    env.later(5);
    let (_, [first, _]) = completed(&env).await;
    let unknown = AttemptId::new(Uuid::from_u128(5));
    let mut found = env.store.standings(&[running, unknown, first]).await.unwrap();
    found.sort_by_key(|standing| standing.attempt);
    let standing = |attempt, at| AttemptStanding {
        attempt,
        namespace: namespace("repo"),
        workspace: "/repo".to_owned(),
        ended_at: at,
        closed_at: at,
    };
    assert_eq!(found, [standing(running, None), standing(first, Some(env.now()))]);
    assert_eq!(env.store.standings(&[]).await.unwrap(), []);
    assert_eq!(env.store.first_used_at().await.unwrap(), Some(began));
}

async fn only_old_closed_assignments_have_old_histories(env: Env) {
    env.create("implement").await;
    env.block(env.create("implement").await.0).await;
    let (cancelled, _) = env.create("implement").await;
    env.cancel(cancelled).await;
    let closed_at = env.now();
    env.later(100);
    let (young, _) = env.create("implement").await;
    env.cancel(young).await;
    let events = env.store.history(cancelled).await.unwrap().len() as u64;
    let old = OldHistory {
        assignment: cancelled,
        namespace: namespace("repo"),
        workspace: "/repo".to_owned(),
        closed_at,
        events,
    };
    assert_eq!(env.store.old_histories(closed_at, None, 10).await.unwrap(), [old]);
    assert_eq!(env.store.old_histories(closed_at, Some(cancelled), 10).await.unwrap(), []);
    let both = env.store.old_histories(env.now(), None, 10).await.unwrap();
    assert_eq!(both.iter().map(|old| old.assignment).collect::<Vec<_>>(), [cancelled, young]);
    assert_eq!(env.store.old_histories(env.now(), None, 1).await.unwrap().len(), 1);
}

/// How many events are deleted of each of these.
async fn forget(
    env: &Env,
    of: &[(AssignmentId, agents_domain::timestamp::Timestamp)],
    limit: u32,
) -> Vec<(AssignmentId, u64)> {
    env.store.forget_events(of.to_vec(), limit).await.unwrap().into_iter().collect()
}

async fn events_are_deleted_in_pieces_from_the_oldest_on(env: Env) {
    let (assignment, _) = completed(&env).await;
    let before = env.store.history(assignment).await.unwrap();
    let of = [(assignment, env.now())];
    assert_eq!(forget(&env, &of, 3).await, [(assignment, 3)]);
    assert_eq!(env.store.history(assignment).await.unwrap(), before[3..]);
    assert_eq!(look_at(&env, assignment).await, Audit::default(), "half of a history is no damage");
    assert_eq!(forget(&env, &of, 1000).await, [(assignment, before.len() as u64 - 3)]);
    assert_eq!(forget(&env, &of, 1000).await, []);
    assert_eq!(env.store.history(assignment).await.unwrap(), []);
    assert_eq!(forget(&env, &[], 1000).await, []);
    assert_eq!(look_at(&env, assignment).await, Audit::default());
    assert_eq!(env.store.job_details(assignment).await.unwrap().len(), 2, "jobs and attempts stay");
}

async fn events_of_what_is_open_or_has_changed_since_stay(env: Env) {
    let (active, _) = env.create("implement").await;
    let (cancelled, _) = env.create("implement").await;
    env.cancel(cancelled).await;
    let (ending, _) = env.create("implement").await;
    assert_eq!(env.claim(10).await.len(), 2);
    env.cancel(ending).await;
    let now = env.now();
    env.later(1);
    let of = [(active, now), (cancelled, env.now()), (ending, now)];
    assert_eq!(forget(&env, &of, 1000).await, []);
    assert_eq!(forget(&env, &[(active, now), (cancelled, now)], 1000).await, [(cancelled, 4)]);
    assert_eq!(env.store.history(cancelled).await.unwrap(), []);
}

async fn what_is_to_be_checked_comes_in_pages_the_latest_first(env: Env) {
    let (first, _) = env.create("implement").await;
    let (second, _) = env.create("implement").await;
    let (closed, _) = env.create("implement").await;
    env.block(second).await;
    env.cancel(closed).await;
    let page = async |which, before| env.store.assignments_to_check(which, before, 1).await.unwrap();
    assert_eq!(page(Openness::Open, None).await, [second]);
    assert_eq!(page(Openness::Open, Some(second)).await, [first]);
    assert_eq!(page(Openness::Open, Some(first)).await, []);
    assert_eq!(page(Openness::Closed, None).await, [closed]);
}

async fn a_populated_store_is_sound(env: Env) {
    let (assignment, _) = completed(&env).await;
    let (running, _) = env.create("implement").await;
    env.claim_one().await;
    env.insert(running, "review").await;
    for id in [assignment, running] {
        assert_eq!(look_at(&env, id).await, Audit::default());
    }
    let nobody = AssignmentId::new(Uuid::from_u128(5));
    assert_eq!(env.store.dossiers(&[nobody]).await.unwrap(), []);
}

async fn repair(env: &Env, assignment: AssignmentId, found: &Audit) -> Vec<EventKind> {
    let change = Change::Repair { assignment, repair: found.repair.clone() };
    env.execute(change).await.unwrap().events.iter().map(|event| event.kind).collect()
}

async fn damaged_rows_are_found_mended_and_then_sound(env: Env) {
    let cases: [(&str, FindingKind); 7] = [
        ("UPDATE jobs SET head = 0", FindingKind::WrongHead),
        ("UPDATE assignments SET held = 1", FindingKind::HeldWithWork),
        ("UPDATE jobs SET position = 0", FindingKind::OutOfOrder),
        ("UPDATE attempts SET number = 9 WHERE status = 'running'", FindingKind::Miscounted),
        (
            "UPDATE attempts SET status = 'ended', ended_at = 5, outcome = 'lost' WHERE status = 'running'",
            FindingKind::RunningWithoutAttempt,
        ),
        ("DELETE FROM events WHERE kind = 'job_inserted'", FindingKind::HistoryGap),
        ("DELETE FROM events", FindingKind::HistoryDiffers),
    ];
    for (damage, kind) in cases {
        let env = Env::on_sqlite().await;
        let (assignment, _) = env.create("implement").await;
        env.insert(assignment, "review").await;
        if kind != FindingKind::WrongHead {
            env.claim_one().await;
        }
        env.sql(damage).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
        let found = look_at(&env, assignment).await;
        assert!(found.findings.iter().any(|finding| finding.kind == kind), "{damage}: {found:?}");
        repair(&env, assignment, &found).await;
        assert_eq!(look_at(&env, assignment).await, Audit::default(), "{damage}");
        assert_eq!(repair(&env, assignment, &Audit::default()).await, [], "{damage}: done twice");
    }
    let nobody = AssignmentId::new(Uuid::from_u128(5));
    let said = env.execute(Change::Repair { assignment: nobody, repair: Default::default() }).await;
    assert!(matches!(said, Err(StoreError::NoAssignment(_))), "{said:?}");
}

async fn a_job_whose_attempts_are_miscounted_can_start_again_after_the_repair(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let first = env.claim_one().await;
    env.finish(&first, super::env::limit(&env, 60)).await.unwrap();
    env.later(60);
    env.sql("UPDATE jobs SET attempts = 0, tries = 0 WHERE status = 'pending'").await.unwrap();
    let refused = env
        .store
        .claim(agents_domain::store::ClaimRequest {
            fallbacks: Default::default(),
            terms: Default::default(),
            holder: super::env::holder(1),
            namespaces: None,
            limit: 1,
        })
        .await;
    assert!(refused.is_err(), "the number 1 is taken");
    repair(&env, assignment, &look_at(&env, assignment).await).await;
    let claimed = env.claim_one().await;
    assert_eq!((claimed.job.id, claimed.attempt.number), (job, 2));
}
