//! Commands: what a rejected one leaves behind (nothing), what several of one moment do to each other (nothing),
//! and what the history says.

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, NewAssignment, Rejection, StatusChange};
use agents_domain::assignment::AssignmentStatus;
use agents_domain::attempt::{Attempt, LEASE, Proof, Wish};
use agents_domain::decision::{Decision, Place};
use agents_domain::history::EventKind;
use agents_domain::id::{AssignmentId, AttemptId, IdSource, JobId};
use agents_domain::job::JobStatus;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{Change, Command, StoreError};
use uuid::Uuid;

use super::env::{Env, command, failure, holder, namespace, report, runner};

on_every_engine!(
    a_stale_attempts_word_is_rejected_and_changes_nothing,
    a_rejected_command_changes_nothing_also_beside_others_of_one_transaction,
    a_command_that_the_database_refuses_does_not_harm_the_others_of_its_transaction,
    a_command_to_an_assignment_that_is_not_there_says_so,
    the_history_has_every_event_of_every_receipt_in_order,
    an_attempt_is_given_up_only_by_proof_or_after_the_same_lease_was_seen_for_long,
    a_job_that_is_cancelled_in_the_moment_in_which_it_is_claimed_is_asked_to_end,
    a_question_is_asked_and_taken_in_one_step,
    a_question_that_is_asked_of_nobody_is_not_left_behind,
    a_running_attempt_is_taken_over_once_and_only_its_new_runner_ends_it,
    a_pm_loop_runs_to_its_end,
    of_two_that_want_one_folder_for_themselves_at_once_one_gets_it,
    a_folder_is_free_when_who_worked_in_it_is_done,
    thousands_of_jobs_are_changed_by_one_command,
);

fn rejection<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Rejection {
    match result {
        Err(StoreError::Rejected(rejection)) => rejection,
        Ok(_) | Err(_) => panic!("not rejected: {result:?}"),
    }
}

async fn a_stale_attempts_word_is_rejected_and_changes_nothing(env: Env) {
    let (assignment, _) = env.create("implement").await;
    let stale = env.claim_one().await;
    let attempt = stale.attempt.id;
    let why = "its runner is gone".to_owned();
    env.execute(Change::GiveUp { assignment, attempt, why, proof: Proof::Gone }).await.unwrap();
    env.claim_one().await;
    let before = env.all_of(assignment).await;
    let refused = Rejection::StaleAttempt { attempt };
    assert_eq!(rejection(env.finish(&stale, Outcome::success("late")).await), refused);
    let decision = Decision::Complete { reason: "late".to_owned(), ties: Default::default() };
    assert_eq!(rejection(env.execute(Change::Stage { assignment, attempt, decision }).await), refused);
    let why = "again".to_owned();
    let again = Change::GiveUp { assignment, attempt, why, proof: Proof::Gone };
    assert_eq!(rejection(env.execute(again).await), refused);
    assert_eq!(env.all_of(assignment).await, before);
}

async fn a_rejected_command_changes_nothing_also_beside_others_of_one_transaction(env: Env) {
    let kick_off = env.new_assignment(First::Director);
    let assignment = kick_off.id;
    env.execute(Change::Create(kick_off)).await.unwrap();
    let before = env.all_of(assignment).await;
    let (other, _) = env.create("implement").await;
    let foreign = Place::After(JobId::new(Uuid::from_u128(404)));
    let bad = Change::Insert { assignment, job: env.job("plan"), place: foreign };
    let good = Change::Insert { assignment: other, job: env.job("review"), place: Place::End };
    let (bad, good) = tokio::join!(env.execute(bad), env.execute(good));
    assert!(matches!(rejection(bad), Rejection::NotInAssignment { .. }));
    good.unwrap();
    assert_eq!(env.all_of(assignment).await, before, "the PM is still to be asked");
    assert_eq!(env.all_of(other).await.jobs.len(), 2);
}

async fn a_command_that_the_database_refuses_does_not_harm_the_others_of_its_transaction(env: Env) {
    let (taken, _) = env.create("implement").await;
    let mut same_id = env.new_assignment(First::Hold);
    same_id.id = taken;
    let one = env.new_assignment(First::Hold);
    let two = env.new_assignment(First::Hold);
    let ids = [one.id, two.id];
    let (one, bad, two) = tokio::join!(
        env.execute(Change::Create(one)),
        env.execute(Change::Create(same_id)),
        env.execute(Change::Create(two)),
    );
    assert_eq!((one.unwrap().assignment, two.unwrap().assignment), (ids[0], ids[1]));
    bad.unwrap_err();
    for id in ids {
        assert_eq!(env.all_of(id).await.history.len(), 1);
    }
}

async fn a_command_to_an_assignment_that_is_not_there_says_so(env: Env) {
    let nobody = AssignmentId::new(Uuid::from_u128(404));
    let insert = Change::Insert { assignment: nobody, job: env.job("plan"), place: Place::End };
    let said = env.execute(insert).await;
    assert!(matches!(said, Err(StoreError::NoAssignment(id)) if id == nobody), "{said:?}");
}

async fn the_history_has_every_event_of_every_receipt_in_order(env: Env) {
    let new = env.new_assignment(First::Job(env.job("implement")));
    let assignment = new.id;
    let mut expected = env.execute(Change::Create(new)).await.unwrap().events;
    env.later(1);
    let claimed = env.claim_one().await;
    expected.extend(claimed.events.clone());
    env.later(1);
    expected.extend(env.finish(&claimed, failure()).await.unwrap().events);
    env.later(1);
    let to = StatusChange::Blocked { reason: "\"wait\"\n".to_owned() };
    expected.extend(env.update(assignment, to).await.events);
    let to = StatusChange::Cancelled { reason: Some("enough".to_owned()) };
    expected.extend(env.update(assignment, to).await.events);
    let history = env.all_of(assignment).await.history;
    assert_eq!(history, expected);
    let kinds: Vec<EventKind> = history.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::AssignmentCreated,
            EventKind::JobInserted,
            EventKind::JobStarted,
            EventKind::AttemptEnded,
            EventKind::JobFailed,
            EventKind::JobInserted,
            EventKind::AssignmentBlocked,
            EventKind::JobCancelled,
            EventKind::AssignmentCancelled,
        ]
    );
}

async fn an_attempt_is_given_up_only_by_proof_or_after_the_same_lease_was_seen_for_long(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let give_up = async |attempt: AttemptId, proof: Proof| {
        let why = "its runner is gone".to_owned();
        env.execute(Change::GiveUp { assignment, attempt, why, proof }).await
    };
    let first = env.claim_one().await.attempt;
    let seen = Proof::Silent { lease_until: first.lease_until };
    env.later(1);
    env.store.heartbeat(runner(1), &[first.id], LEASE).await.unwrap();
    assert_eq!(rejection(give_up(first.id, seen).await), Rejection::StaleAttempt { attempt: first.id });
    let seen = Proof::Silent { lease_until: env.now().after(LEASE) };
    give_up(first.id, seen).await.unwrap();
    let second = env.claim_one().await.attempt.id;
    give_up(second, Proof::Gone).await.unwrap();
    let detail = env.store.job(job).await.unwrap().unwrap().1;
    assert_eq!(detail.job.status(), JobStatus::Pending);
    let ends: Vec<_> = detail.attempts.iter().map(|one| (one.outcome, one.message.as_deref())).collect();
    assert_eq!(ends, [(Some(OutcomeClass::Lost), Some("its runner is gone")); 2]);
}

async fn a_running_attempt_is_taken_over_once_and_only_its_new_runner_ends_it(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    let attempt = claimed.attempt.id;
    env.later(30);
    let take_over = |by: u128| Change::TakeOver {
        assignment,
        attempt,
        from: runner(1),
        holder: holder(by),
        proof: Proof::Gone,
    };
    let taken = env.store.take(command(take_over(2))).await.unwrap();
    let expected =
        Attempt { runner: runner(2), lease_until: env.now().after(LEASE), ..claimed.attempt.clone() };
    assert_eq!((taken.attempt, &taken.context), (expected, &claimed.context));
    assert_eq!(taken.events[0].kind, EventKind::AttemptTakenOver);
    let refused = Rejection::StaleAttempt { attempt };
    assert_eq!(rejection(env.store.take(command(take_over(3))).await), refused);
    assert_eq!(env.store.heartbeat(runner(1), &[attempt], LEASE).await.unwrap().lost, [attempt]);
    let late = Change::Finish { assignment, report: Box::new(report(attempt, Outcome::success("late"))) };
    let by = |number| Command { actor: Actor::Runner(runner(number)), ..command(late.clone()) };
    assert_eq!(rejection(env.store.execute(by(1)).await), refused);
    env.store.execute(by(2)).await.unwrap();
    let detail = env.store.job(job).await.unwrap().unwrap().1;
    assert_eq!((detail.job.status(), detail.attempts[0].runner), (JobStatus::Completed, runner(2)));
}

/// Both commands are decided in one transaction, in which the attempt is new.
async fn a_job_that_is_cancelled_in_the_moment_in_which_it_is_claimed_is_asked_to_end(env: Env) {
    let (assignment, job) = env.create("implement").await;
    let (claimed, ()) = tokio::join!(env.claim_one(), env.cancel(assignment));
    assert_eq!(env.store.wishes(runner(1)).await.unwrap(), [(claimed.attempt.id, Wish::Cancel)]);
    assert!(env.store.job(job).await.unwrap().unwrap().1.attempts[0].cancel_requested);
}

async fn a_question_is_asked_and_taken_in_one_step(env: Env) {
    let (assignment, _) = env.create("implement").await;
    env.cancel(assignment).await;
    let (question, attempt) = (env.job("chat"), AttemptId::new(env.ids.next()));
    let job = question.id;
    let ask = Change::Ask { assignment, question, holder: holder(7), attempt };
    let asked = env.store.take(command(ask)).await.unwrap();
    assert_eq!((asked.job.id, asked.attempt.id, asked.context.as_str()), (job, attempt, "do the chat"));
    let stored = env.store.job(job).await.unwrap().unwrap().1;
    assert_eq!((&stored.job, stored.attempts.len()), (&asked.job, 1));
    assert_eq!((stored.attempts[0].id, stored.attempts[0].runner), (attempt, runner(7)));
    let expected = Attempt { decision: None, end: None, ..asked.attempt.clone() };
    assert_eq!((asked.attempt, env.claim(10).await.len()), (expected, 0));
}

async fn a_question_that_is_asked_of_nobody_is_not_left_behind(env: Env) {
    let (assignment, _) = env.create("implement").await;
    let before = env.all_of(assignment).await;
    let (no_question, attempt) = (env.job("review"), AttemptId::new(env.ids.next()));
    let ask = Change::Ask { assignment, question: no_question, holder: holder(7), attempt };
    assert!(matches!(rejection(env.store.take(command(ask)).await), Rejection::NotReady { .. }));
    assert_eq!(env.all_of(assignment).await, before);
}

async fn a_pm_loop_runs_to_its_end(env: Env) {
    let new = env.new_assignment(First::Director);
    let assignment = new.id;
    env.execute(Change::Create(new)).await.unwrap();
    for job_type in ["plan", "implement", "review"] {
        let jobs = vec![(env.job(job_type), Place::First)];
        let decision = Decision::InsertJobs { reason: "it is needed".to_owned(), jobs, accept: Vec::new() };
        env.decide(&env.claim_one().await, decision).await;
        env.later(1);
        let claimed = env.claim_one().await;
        assert_eq!((claimed.job.job_type.as_str(), claimed.attempt.number), (job_type, 1));
        env.finish(&claimed, Outcome::success("done")).await.unwrap();
    }
    let end = env
        .decide(
            &env.claim_one().await,
            Decision::Complete { reason: "all done".to_owned(), ties: Default::default() },
        )
        .await;
    assert_eq!((end.status, end.has_ready), (AssignmentStatus::Complete, false));
    let stored = env.all_of(assignment).await;
    assert_eq!(stored.assignment.reason(), Some("all done"));
    assert!(stored.jobs.iter().all(|detail| detail.job.status() == JobStatus::Completed));
    assert_eq!(stored.jobs.len(), 7);
}

/// More rows than one statement has parameters for.
async fn thousands_of_jobs_are_changed_by_one_command(env: Env) {
    const MANY: usize = 3000;
    let mut new = env.new_assignment(First::Director);
    new.max_jobs = u32::try_from(MANY).unwrap();
    let assignment = new.id;
    env.execute(Change::Create(new)).await.unwrap();
    let pm = env.claim_one().await;
    let jobs = (0..MANY).map(|_| (env.job("implement"), Place::First)).collect();
    let mut end = report(pm.attempt.id, Outcome::success("done"));
    end.answer = Some(Ok(Decision::InsertJobs { reason: "so many".to_owned(), jobs, accept: Vec::new() }));
    env.execute(Change::Finish { assignment, report: Box::new(end) }).await.unwrap();
    env.cancel(assignment).await;
    let stored = env.all_of(assignment).await;
    let cancelled = stored.jobs.iter().filter(|one| one.job.status() == JobStatus::Cancelled).count();
    assert_eq!((stored.jobs.len(), cancelled), (MANY + 1, MANY));
    assert!(stored.jobs.iter().skip(1).all(|detail| detail.context == "do the implement"));
}

fn alone(env: &Env) -> NewAssignment {
    NewAssignment { alone: true, ..env.new_assignment(First::Hold) }
}

async fn of_two_that_want_one_folder_for_themselves_at_once_one_gets_it(env: Env) {
    let new = [alone(&env), alone(&env)];
    let [one, other] = new.clone().map(|new| env.execute(Change::Create(new)));
    // In one transaction of one writer; then each in the transaction of a writer of its own.
    let (one, other) = tokio::join!(one, other);
    let taken = Rejection::FolderTaken { folder: "/repo".to_owned(), by: one.unwrap().assignment };
    assert_eq!(rejection(other), taken);
    assert_eq!(env.store.assignment(new[1].id).await.unwrap(), None);
    env.cancel(new[0].id).await;
    let (here, there) = (env.another_store().await, env.another_store().await);
    let (one, other) = tokio::join!(
        here.execute(command(Change::Create(alone(&env)))),
        there.execute(command(Change::Create(alone(&env)))),
    );
    let (winner, loser) = if one.is_ok() { (one, other) } else { (other, one) };
    let taken = Rejection::FolderTaken { folder: "/repo".to_owned(), by: winner.unwrap().assignment };
    assert_eq!(rejection(loser), taken);
}

async fn a_folder_is_free_when_who_worked_in_it_is_done(env: Env) {
    let first = alone(&env);
    env.execute(Change::Create(first.clone())).await.unwrap();
    let elsewhere = NewAssignment { workspace: "/other".to_owned(), ..alone(&env) };
    env.execute(Change::Create(elsewhere)).await.unwrap();
    let foreign = NewAssignment { namespace: namespace("foreign"), ..alone(&env) };
    env.execute(Change::Create(foreign)).await.unwrap();
    // It has found no worktree to be possible, and shares.
    env.execute(Change::Create(env.new_assignment(First::Hold))).await.unwrap();
    let taken = |by| Rejection::FolderTaken { folder: "/repo".to_owned(), by };
    let refused = rejection(env.execute(Change::Create(alone(&env))).await);
    let sharing = env.store.assignments(&Default::default()).await.unwrap();
    assert!(sharing.iter().any(|line| refused == taken(line.assignment.id)), "{refused:?}");
    for line in sharing {
        env.cancel(line.assignment.id).await;
    }
    env.execute(Change::Create(alone(&env))).await.unwrap();
}
