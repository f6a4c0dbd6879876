//! Runs are stored with what started them, and found by what people ask for.

use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::blob::BlobId;
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, AttemptId, ScheduleId, SubscriptionId};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::run::{LongOutput, OutputPlace, RunFilter, RunOrigin, RunStatus, Trigger, TriggerKind};
use agents_domain::store::{Change, StoreError};
use agents_domain::timestamp::Timestamp;
use agents_domain::upkeep::AttemptStanding;
use uuid::Uuid;

use super::env::{Env, namespace, report};

on_every_engine!(
    a_run_reads_back_with_what_started_it,
    a_run_is_found_by_its_definition_its_status_and_its_trigger,
    a_due_time_of_a_schedule_starts_one_run_at_most,
    a_long_output_is_named_by_its_run_and_by_no_other,
    an_output_that_could_not_be_kept_says_why,
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

fn blob(digit: &str) -> BlobId {
    digit.repeat(64).parse().unwrap()
}

/// A new run that ends well with this output; gives its id and its attempt.
async fn put_out(env: &Env, output: LongOutput) -> (AssignmentId, AttemptId) {
    let run = start(env, origin("nightly", Trigger::Manual)).await;
    let attempt = env.claim_one().await.attempt.id;
    let mut report = report(attempt, Outcome::success("the end"));
    report.output = Some(output);
    env.execute(Change::Finish { assignment: run, report: Box::new(report) }).await.unwrap();
    (run, attempt)
}

async fn a_long_output_is_named_by_its_run_and_by_no_other(env: Env) {
    let long = LongOutput { bytes: 200_000, place: OutputPlace::Blob(blob("a")) };
    let (run, attempt) = put_out(&env, long.clone()).await;
    let short = start(&env, origin("nightly", Trigger::Manual)).await;
    let claimed = env.claim_one().await;
    let named = env.store.standings_of_blobs(&[blob("a"), blob("b")]).await.unwrap();
    env.finish(&claimed, Outcome::success("all")).await.unwrap();
    let line = env.store.run(run).await.unwrap().unwrap();
    assert_eq!((line.output, line.result.as_deref()), (Some(long), Some("the end")));
    assert_eq!(env.store.run(short).await.unwrap().unwrap().output, None);
    let standing = AttemptStanding {
        attempt,
        namespace: namespace("repo"),
        workspace: "/repo".to_owned(),
        ended_at: Some(env.now()),
        closed_at: Some(env.now()),
    };
    assert_eq!(named, [(blob("a"), standing)]);
    assert_eq!(env.store.standings_of_blobs(&[]).await.unwrap(), []);
    env.sql("UPDATE runs SET output_blob = '../../x' WHERE output_blob IS NOT NULL").await.unwrap();
    let damaged = env.store.run(run).await;
    assert!(matches!(damaged, Err(StoreError::BadRow { .. })), "{damaged:?}");
}

async fn an_output_that_could_not_be_kept_says_why(env: Env) {
    let why = "no space left on device".to_owned();
    let lost = LongOutput { bytes: 200_000, place: OutputPlace::NotKept { why } };
    let (run, _) = put_out(&env, lost.clone()).await;
    let line = env.store.run(run).await.unwrap().unwrap();
    assert_eq!((line.output, line.status), (Some(lost), RunStatus::Completed));
}
