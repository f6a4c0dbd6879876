//! What people want of jobs and assignments, as it is stored and as runners are told of it.

use agents_domain::aggregate::{PauseMode, Rejection, Repetition};
use agents_domain::attempt::{LEASE, Wish};
use agents_domain::id::{AssignmentId, IdSource, JobId};
use agents_domain::job::JobStatus;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{Change, JobFilter, Receipt, StoreError};

use super::env::{Env, failure, runner};

on_every_engine!(
    a_cancelled_job_is_stored_with_its_reason_and_a_running_one_is_wished_to_end,
    a_pause_is_kept_and_nothing_of_the_assignment_can_be_claimed,
    a_runner_is_told_of_a_pause_until_it_is_taken_back,
    a_cancellation_is_told_before_a_pause,
    the_queue_shows_what_is_paused,
    a_job_is_repeated_with_its_context_in_its_session,
    a_parked_job_is_ready_when_it_is_retried,
);

async fn cancel(env: &Env, (assignment, job): (AssignmentId, JobId)) -> Receipt {
    env.execute(Change::Cancel { assignment, job, reason: Some("enough".to_owned()) }).await.unwrap()
}

async fn pause(env: &Env, assignment: AssignmentId) -> Receipt {
    env.execute(Change::Pause { assignment, mode: PauseMode::Now }).await.unwrap()
}

async fn resume(env: &Env, assignment: AssignmentId) -> Receipt {
    env.execute(Change::Resume { assignment }).await.unwrap()
}

async fn retry(env: &Env, (assignment, job): (AssignmentId, JobId)) -> Result<Receipt, StoreError> {
    let detail = env.store.job(job).await.unwrap().unwrap().1;
    let again = Repetition::of(&detail, JobId::new(env.ids.next()), false);
    env.execute(Change::Retry { assignment, job, again }).await
}

async fn a_cancelled_job_is_stored_with_its_reason_and_a_running_one_is_wished_to_end(env: Env) {
    let (assignment, running) = env.create("implement").await;
    let waiting = env.insert(assignment, "review").await;
    let claimed = env.claim_one().await;
    cancel(&env, (assignment, waiting)).await;
    cancel(&env, (assignment, running)).await;
    assert_eq!(cancel(&env, (assignment, running)).await.events, [], "it has been asked already");
    let wishes = [(claimed.attempt.id, Wish::Cancel)];
    assert_eq!(env.store.wishes(runner(1)).await.unwrap(), wishes);
    env.finish(&claimed, Outcome::failure(OutcomeClass::Crashed, "signal 15")).await.unwrap();
    assert_eq!(env.store.wishes(runner(1)).await.unwrap(), []);
    let end = async |job| {
        let job = env.store.job(job).await.unwrap().unwrap().1.job;
        (job.status(), job.progress().result.clone().unwrap())
    };
    assert_eq!(end(waiting).await, (JobStatus::Cancelled, "enough".to_owned()));
    let why = "implement job was cancelled while it ran: enough".to_owned();
    assert_eq!(end(running).await, (JobStatus::Cancelled, why));
}

async fn a_pause_is_kept_and_nothing_of_the_assignment_can_be_claimed(env: Env) {
    let (paused, _) = env.create("implement").await;
    let (_, other) = env.create("implement").await;
    pause(&env, paused).await;
    assert_eq!(pause(&env, paused).await.events, []);
    let another = env.another_store().await;
    assert!(another.assignment(paused).await.unwrap().unwrap().is_paused());
    let claimed = env.claim(10).await;
    assert_eq!(claimed.iter().map(|one| one.job.id).collect::<Vec<_>>(), [other]);
    assert_eq!(env.next_ready_at(None).await, None);
    assert!(resume(&env, paused).await.has_ready);
    assert_eq!(resume(&env, paused).await.events, []);
    assert_eq!(env.claim_one().await.assignment.id, paused);
    assert!(!env.store.assignment(paused).await.unwrap().unwrap().is_paused());
}

async fn a_runner_is_told_of_a_pause_until_it_is_taken_back(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let attempt = env.claim_one().await.attempt.id;
    pause(&env, assignment).await;
    let wishes = vec![(attempt, Wish::Pause)];
    assert_eq!(env.store.wishes(runner(1)).await.unwrap(), wishes);
    assert_eq!(env.store.wishes(runner(2)).await.unwrap(), []);
    assert_eq!(env.store.heartbeat(runner(1), &[attempt], LEASE).await.unwrap().wishes, wishes);
    assert!(env.store.job(job).await.unwrap().unwrap().1.attempts[0].pause_requested);
    resume(&env, assignment).await;
    assert_eq!(env.store.wishes(runner(1)).await.unwrap(), []);
    assert!(!env.store.job(job).await.unwrap().unwrap().1.attempts[0].pause_requested);
}

async fn a_cancellation_is_told_before_a_pause(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let attempt = env.claim_one().await.attempt.id;
    pause(&env, assignment).await;
    cancel(&env, (assignment, job)).await;
    assert_eq!(env.store.wishes(runner(1)).await.unwrap(), [(attempt, Wish::Cancel)]);
}

async fn the_queue_shows_what_is_paused(env: Env) {
    let (paused, job) = env.create("implement").await;
    let (_, other) = env.create("implement").await;
    pause(&env, paused).await;
    let queue = env.queue(None, 10).await;
    assert_eq!(queue.paused.iter().map(|one| one.id).collect::<Vec<_>>(), [paused]);
    let lines = |lines: &[agents_domain::store::JobLine]| {
        lines.iter().map(|line| (line.job.id, line.assignment_paused)).collect::<Vec<_>>()
    };
    assert_eq!((lines(&queue.waiting), lines(&queue.ready)), (vec![(job, true)], vec![(other, false)]));
    let all = env.store.jobs(&JobFilter::default()).await.unwrap();
    assert_eq!(lines(&all), [(other, false), (job, true)]);
}

async fn a_job_is_repeated_with_its_context_in_its_session(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    let mut end = super::env::report(claimed.attempt.id, Outcome::failure(OutcomeClass::Timeout, "too long"));
    end.progress.session_id = Some("s-1".to_owned());
    env.execute(Change::Finish { assignment, report: Box::new(end) }).await.unwrap();
    retry(&env, (assignment, job)).await.unwrap();
    let refused = retry(&env, (assignment, job)).await;
    assert!(matches!(refused, Err(StoreError::Rejected(Rejection::AlreadyRepeated { .. }))), "{refused:?}");
    let again = env.claim_one().await;
    assert_ne!(again.job.id, job);
    assert_eq!((again.context.as_str(), again.attempt.number), ("do the implement", 1));
    assert_eq!(again.attempt.resumes.as_deref(), Some("s-1"));
    let told = (again.job.progress().outcome, again.job.progress().result.as_deref());
    assert_eq!(told, (Some(OutcomeClass::Timeout), Some("too long")));
    env.finish(&again, failure()).await.unwrap();
}

async fn a_parked_job_is_ready_when_it_is_retried(env: Env) {
    let (assignment, job) = env.create("implement").await;
    env.finish(&env.claim_one().await, Outcome::failure(OutcomeClass::Overloaded, "later")).await.unwrap();
    assert_eq!(env.claim(1).await.len(), 0);
    assert!(retry(&env, (assignment, job)).await.unwrap().has_ready);
    assert_eq!(env.claim_one().await.job.id, job);
}
