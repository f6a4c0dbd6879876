//! Runs are stored with what started them, and found by what people ask for.

use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, ScheduleId, SubscriptionId};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::run::{RunFilter, RunOrigin, RunStatus, Trigger, TriggerKind};
use agents_domain::store::Change;
use agents_domain::timestamp::Timestamp;
use uuid::Uuid;

use super::env::Env;

on_every_engine!(
    a_run_reads_back_with_what_started_it,
    a_run_is_found_by_its_definition_its_status_and_its_trigger,
    a_due_time_of_a_schedule_starts_one_run_at_most,
);

fn origin(definition: &str, trigger: Trigger) -> RunOrigin {
    RunOrigin {
        definition: Some(definition.to_owned()),
        worker: "exec".to_owned(),
        trigger,
        params: r#"{"who":"you"}"#.to_owned(),
        input: Some("[1]".to_owned()),
        depth: 2,
        replays: Some(AssignmentId::new(Uuid::from_u128(7))),
    }
}

fn on_schedule(seconds: i64) -> Trigger {
    Trigger::Schedule { schedule: ScheduleId::new(Uuid::from_u128(5)), due: Timestamp::from_seconds(seconds) }
}

async fn start(env: &Env, run: RunOrigin) -> AssignmentId {
    let new = env.new_assignment(First::Job(env.job("implement")));
    let id = new.id;
    let new = NewAssignment { director: Director::None, run: Some(Box::new(run)), ..new };
    env.execute(Change::Create(new)).await.unwrap();
    id
}

async fn a_run_reads_back_with_what_started_it(env: Env) {
    let by = SubscriptionId::new(Uuid::from_u128(3));
    let triggers = [
        Trigger::Manual,
        Trigger::Api,
        on_schedule(60),
        Trigger::Event {
            subscription: by,
            happening: "00000000-0000-0000-0000-000000000009".parse().unwrap(),
        },
        Trigger::Webhook {
            subscription: by,
            delivery: "00000000-0000-0000-0000-00000000000a".parse().unwrap(),
        },
    ];
    for trigger in triggers {
        let run = origin("nightly", trigger);
        let id = start(&env, run.clone()).await;
        let line = env.store.run(id).await.unwrap().unwrap();
        assert_eq!((line.origin, line.status, line.started_at), (run, RunStatus::Pending, None));
        assert!(line.assignment.is_run);
    }
    let (other, _) = env.create("plan").await;
    assert_eq!(env.store.run(other).await.unwrap(), None);
}

async fn a_run_is_found_by_its_definition_its_status_and_its_trigger(env: Env) {
    let failed = start(&env, origin("nightly", Trigger::Manual)).await;
    env.later(10);
    let claimed = env.claim_one().await;
    env.finish(&claimed, Outcome::failure(OutcomeClass::Refusal, "no")).await.unwrap();
    let waiting = start(&env, origin("weekly", on_schedule(60))).await;
    let found = async |filter: RunFilter| {
        let lines = env.store.runs(&filter).await.unwrap();
        lines.into_iter().map(|line| line.assignment.id).collect::<Vec<_>>()
    };
    assert_eq!(found(RunFilter::default()).await, [waiting, failed]);
    assert_eq!(found(RunFilter { limit: Some(1), ..RunFilter::default() }).await, [waiting]);
    let definition = Some("nightly".to_owned());
    assert_eq!(found(RunFilter { definition, ..RunFilter::default() }).await, [failed]);
    let trigger = Some(TriggerKind::Schedule);
    assert_eq!(found(RunFilter { trigger, ..RunFilter::default() }).await, [waiting]);
    let since = Some(env.now());
    assert_eq!(found(RunFilter { since, ..RunFilter::default() }).await, [waiting]);
    for (status, expected) in
        [(RunStatus::Failed, vec![failed]), (RunStatus::Pending, vec![waiting]), (RunStatus::Running, vec![])]
    {
        assert_eq!(
            found(RunFilter { status: vec![status], ..RunFilter::default() }).await,
            expected,
            "{status:?}"
        );
    }
    let line = env.store.run(failed).await.unwrap().unwrap();
    assert_eq!((line.status, line.outcome), (RunStatus::Failed, Some(OutcomeClass::Refusal)));
    assert!(line.started_at.is_some() && line.ended_at.is_some());
}

async fn a_due_time_of_a_schedule_starts_one_run_at_most(env: Env) {
    start(&env, origin("nightly", on_schedule(60))).await;
    start(&env, origin("nightly", on_schedule(61))).await;
    let new = env.new_assignment(First::Job(env.job("implement")));
    let run = Some(Box::new(origin("nightly", on_schedule(60))));
    let again = env.execute(Change::Create(NewAssignment { director: Director::None, run, ..new })).await;
    assert!(again.is_err(), "{again:?}");
    assert_eq!(env.store.runs(&RunFilter::default()).await.unwrap().len(), 2);
}
