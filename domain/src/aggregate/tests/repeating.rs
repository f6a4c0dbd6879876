//! A person has a job done again.

use super::world::{World, session};
use crate::aggregate::{First, PauseMode, Rejection, Repetition, StatusChange};
use crate::decision::Place;
use crate::director::Director;
use crate::history::EventKind;
use crate::id::JobId;
use crate::outcome::{Outcome, OutcomeClass};
use uuid::Uuid;

/// An assignment whose implement job has failed, and whose PM is to look at it.
fn with_failed() -> World {
    let mut world = World::with_first("implement");
    world.work_ends(OutcomeClass::Timeout);
    assert_eq!(world.list(), ["implement failed", "pm pending*"]);
    world
}

#[test]
fn a_failed_job_is_repeated_by_a_new_one_in_the_place_of_its_review() {
    let mut world = with_failed();
    let failed = world.nth(0);
    let again = world.retry(failed, Some("s-1")).unwrap();
    assert_eq!(world.list(), ["implement failed", "implement pending*", "pm cancelled"]);
    assert_eq!(world.contexts[&again], world.contexts[&failed]);
    let inserted = world.last(EventKind::JobInserted);
    assert_eq!((inserted.job, inserted.detail("repeats")), (Some(again), Some(&*failed.to_string())));
    let job = &world.aggregate.jobs()[1];
    assert_eq!(
        (job.progress.resume.as_ref().map(|session| session.id.as_str()), job.progress.outcome),
        (Some("s-1"), Some(OutcomeClass::Timeout))
    );
    let attempt = world.claim();
    assert_eq!(world.aggregate.attempts()[0].resumes.as_deref(), Some("s-1"));
    world.finish(attempt, Outcome::success("done"), None).unwrap();
    assert_eq!(world.list(), ["implement failed", "implement completed", "pm cancelled", "pm pending*"]);
}

#[test]
fn a_fresh_repetition_continues_no_session() {
    let mut world = with_failed();
    world.retry(world.nth(0), None).unwrap();
    world.claim();
    assert_eq!(world.aggregate.attempts()[0].resumes, None);
}

#[test]
fn a_cancelled_job_is_repeated_where_it_stood() {
    let mut world = World::with_first("plan");
    for job_type in ["implement", "review"] {
        world.insert(job_type, Place::End).unwrap();
    }
    let cancelled = world.nth(1);
    world.cancel(cancelled, None).unwrap();
    world.retry(cancelled, None).unwrap();
    let expected = ["plan pending*", "implement cancelled", "implement pending", "review pending"];
    assert_eq!(world.list(), expected);
}

#[test]
fn a_job_that_waits_for_its_time_is_ready_now() {
    let mut world = World::with_first("implement");
    world.work_ends(OutcomeClass::Overloaded);
    assert!(world.list()[0].starts_with("implement pending@"), "{:?}", world.list());
    world.retry(world.nth(0), Some("session")).unwrap();
    assert_eq!(world.list(), ["implement pending*"]);
    assert_eq!(world.aggregate.jobs()[0].progress.resume, Some(session()));
    world.retry(world.nth(0), Some("session")).unwrap();
    assert_eq!(world.count(EventKind::RetryRequested), 1, "it is ready already");
    world.retry(world.nth(0), None).unwrap();
    assert_eq!(world.aggregate.jobs()[0].progress.resume, None, "fresh");
}

#[test]
fn an_assignment_that_is_not_active_goes_on_with_what_is_repeated() {
    let changes = [
        StatusChange::Blocked { reason: "wait".to_owned() },
        StatusChange::Complete { reason: None, ties: Default::default(), tree: None, force: false },
        StatusChange::Cancelled { reason: None },
    ];
    for change in changes {
        let mut world = with_failed();
        world.update(change.clone()).unwrap();
        world.retry(world.nth(0), None).unwrap();
        assert_eq!(world.status(), "active", "{change:?}");
        assert!(world.list().contains(&"implement pending*".to_owned()), "{change:?}: {:?}", world.list());
    }
    let mut world = World::with_first("implement");
    world.work_ends(OutcomeClass::Auth);
    assert_eq!(world.list(), ["implement pending"]);
    world.retry(world.nth(0), None).unwrap();
    assert_eq!((world.list(), world.status()), (vec!["implement pending*".to_owned()], "active".to_owned()));
}

#[test]
fn a_paused_assignment_stays_paused() {
    let mut world = with_failed();
    world.pause(PauseMode::Now).unwrap();
    world.retry(world.nth(0), None).unwrap();
    assert_eq!(world.list(), ["implement failed", "implement pending", "pm cancelled"]);
}

#[test]
fn without_a_pm_the_list_goes_on_after_what_is_repeated() {
    let first = super::world::job(JobId::new(Uuid::from_u128(1000)), "implement");
    let mut world = World::create(Director::None, First::Job(first), 50);
    world.insert("review", Place::End).unwrap();
    world.work_ends(OutcomeClass::Refusal);
    assert_eq!(world.list(), ["implement failed", "review pending"]);
    world.retry(world.nth(0), None).unwrap();
    assert_eq!(world.list(), ["implement failed", "implement pending*", "review pending"]);
}

#[test]
fn a_failed_pm_is_asked_again() {
    let mut world = World::with_pm();
    world.work_ends(OutcomeClass::Refusal);
    let pm = world.nth(0);
    let asked = world.retry(pm, None).unwrap();
    assert_eq!(
        (world.list(), world.status()),
        (vec!["pm failed".to_owned(), "pm pending*".to_owned()], "active".to_owned())
    );
    assert_eq!(world.retry(pm, None), Err(Rejection::AlreadyRepeated { job: pm, by: asked }));
}

#[test]
fn what_is_done_again_already_is_not_repeated_twice() {
    let mut world = with_failed();
    let failed = world.nth(0);
    let by = world.retry(failed, None).unwrap();
    let refused = Err(Rejection::AlreadyRepeated { job: failed, by });
    assert_eq!(world.retry(failed, None), refused);
    world.claim();
    assert_eq!(world.retry(failed, None), refused);
}

#[test]
fn what_cannot_be_repeated_is_refused() {
    let mut world = World::with_first("implement");
    let job = world.nth(0);
    let running = world.claim();
    assert_eq!(world.retry(job, None), Err(Rejection::StillRunning { job }));
    world.finish(running, Outcome::success("done"), None).unwrap();
    assert_eq!(world.retry(job, None), Err(Rejection::AlreadyDone { job }));
    let question = world.ask();
    world.finish(question, Outcome::failure(OutcomeClass::Refusal, "no"), None).unwrap();
    let job = world.aggregate.jobs().iter().find(|job| job.job_type.is_chat()).unwrap().id;
    assert_eq!(world.retry(job, None), Err(Rejection::IsQuestion { job }));
}

#[test]
fn the_limit_on_jobs_counts_what_is_repeated() {
    let first = super::world::job(JobId::new(Uuid::from_u128(1000)), "implement");
    let mut world = World::create(Director::Pm, First::Job(first), 1);
    world.work_ends(OutcomeClass::Refusal);
    let assignment = world.aggregate.assignment().id;
    let full = Err(Rejection::TooManyJobs { assignment, limit: 1 });
    assert_eq!(world.retry(world.nth(0), None), full);
}

/// What [`Repetition::of`] continues after an attempt that ended so.
#[test]
fn the_session_of_the_last_attempt_is_continued_if_it_is_sound() {
    let goes_on = |class, resumes: Option<&str>| {
        let detail = super::world::failed_detail(class, resumes);
        Repetition::of(&detail, JobId::new(Uuid::nil()), false).session
    };
    let session = || Some(session());
    for class in
        [OutcomeClass::Timeout, OutcomeClass::Cancelled, OutcomeClass::Network, OutcomeClass::Stopped]
    {
        assert_eq!(goes_on(class, None), session(), "{class}");
        assert_eq!(goes_on(class, Some("session")), session(), "{class}");
    }
    assert_eq!(goes_on(OutcomeClass::SilenceTimeout, None), session());
    assert_eq!(goes_on(OutcomeClass::SilenceTimeout, Some("session")), None, "it is poisoned");
    for class in [OutcomeClass::ContextOverflow, OutcomeClass::Refusal, OutcomeClass::SessionUnknown] {
        assert_eq!(goes_on(class, None), None, "{class}");
    }
    let mut detail = super::world::failed_detail(OutcomeClass::Timeout, None);
    assert_eq!(Repetition::of(&detail, JobId::new(Uuid::nil()), true).session, None, "fresh");
    detail.attempts[0].harness = "codex".to_owned();
    assert_eq!(Repetition::of(&detail, JobId::new(Uuid::nil()), false).session, None, "another harness's");
}
