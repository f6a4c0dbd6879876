//! A person pauses an assignment and lets it go on.

use super::world::{World, complete, session};
use crate::aggregate::{PauseMode, Rejection, StatusChange};
use crate::assignment::AssignmentStatus;
use crate::attempt::Proof;
use crate::decision::Place;
use crate::history::EventKind;
use crate::outcome::{Outcome, OutcomeClass};

fn paused_by_runner() -> Outcome {
    Outcome::failure(OutcomeClass::Stopped, "its assignment was paused")
}

#[test]
fn a_paused_assignment_starts_nothing_until_it_is_resumed() {
    let mut world = World::with_first("implement");
    world.insert("review", Place::End).unwrap();
    world.pause(PauseMode::Now).unwrap();
    assert_eq!(
        (world.list(), world.status()),
        (vec!["implement pending".to_owned(), "review pending".to_owned()], "active".to_owned())
    );
    assert!(matches!(world.claim_job(world.nth(0)), Err(Rejection::NotReady { .. })));
    world.resume().unwrap();
    assert_eq!(world.list(), ["implement pending*", "review pending"]);
}

#[test]
fn its_running_job_is_ended_without_counting_a_try_and_goes_on_in_its_session() {
    let mut world = World::with_first("implement");
    for _ in 0..5 {
        let running = world.claim();
        world.pause(PauseMode::Now).unwrap();
        let attempt = &world.aggregate.attempts()[0];
        assert_eq!((attempt.pause_requested, attempt.cancel_requested), (true, false));
        world.finish(running, paused_by_runner(), None).unwrap();
        assert_eq!(world.list(), ["implement pending"]);
        world.resume().unwrap();
    }
    let job = &world.aggregate.jobs()[0];
    assert_eq!((job.progress.tries, job.progress.resume.clone()), (0, Some(session())));
    assert_eq!(world.list(), ["implement pending*"]);
}

#[test]
fn a_job_that_is_lost_while_it_was_to_be_paused_has_not_used_up_a_try() {
    let mut world = World::with_first("implement");
    let running = world.claim();
    world.pause(PauseMode::Now).unwrap();
    world.command(|aggregate, ctx| aggregate.give_up(running, ("gone", Proof::Gone), ctx)).unwrap();
    let job = &world.aggregate.jobs()[0];
    assert_eq!((job.progress.tries, job.progress.outcome), (0, Some(OutcomeClass::Stopped)));
}

#[test]
fn a_running_job_can_be_left_to_its_end() {
    let mut world = World::with_first("implement");
    let running = world.claim();
    world.pause(PauseMode::AfterJob).unwrap();
    assert!(!world.aggregate.attempts()[0].pause_requested);
    world.finish(running, Outcome::success("done"), None).unwrap();
    assert_eq!(world.list(), ["implement completed", "pm pending"], "the PM is asked when it goes on");
    world.resume().unwrap();
    assert_eq!(world.list(), ["implement completed", "pm pending*"]);
}

#[test]
fn a_pause_can_be_made_sharper_and_asks_once() {
    let mut world = World::with_first("implement");
    world.claim();
    world.pause(PauseMode::AfterJob).unwrap();
    for _ in 0..2 {
        world.pause(PauseMode::Now).unwrap();
    }
    assert_eq!((world.count(EventKind::AssignmentPaused), world.count(EventKind::PauseRequested)), (1, 1));
    world.resume().unwrap();
    world.resume().unwrap();
    assert_eq!(world.count(EventKind::AssignmentResumed), 1);
    assert!(!world.aggregate.attempts()[0].pause_requested, "it need not end any more");
}

#[test]
fn a_cancellation_wins_over_a_pause() {
    let mut world = World::with_first("implement");
    let running = world.claim();
    world.pause(PauseMode::Now).unwrap();
    world.cancel(world.nth(0), None).unwrap();
    world.finish(running, paused_by_runner(), None).unwrap();
    assert_eq!(world.list(), ["implement cancelled", "pm pending"]);
}

#[test]
fn a_pm_that_completes_a_paused_assignment_is_asked_again_when_it_is_resumed() {
    let mut world = World::with_pm();
    let pm = world.claim();
    world.pause(PauseMode::AfterJob).unwrap();
    world.finish(pm, Outcome::success("done"), Some(Ok(complete()))).unwrap();
    assert_eq!(
        (world.list(), world.status()),
        (vec!["pm completed".to_owned(), "pm pending".to_owned()], "active".to_owned())
    );
    let effect = world.last(EventKind::DecisionApplied).detail("effect");
    assert_eq!(effect, Some("none: a person paused the assignment meanwhile; the PM is asked again"));
}

#[test]
fn a_blocked_assignment_can_be_paused_and_needs_both_words_to_go_on() {
    let mut world = World::with_first("implement");
    world.update(StatusChange::Blocked { reason: "wait".to_owned() }).unwrap();
    world.pause(PauseMode::Now).unwrap();
    world.activate();
    assert_eq!(world.list(), ["implement pending"], "it is still paused");
    world.update(StatusChange::Blocked { reason: "wait".to_owned() }).unwrap();
    world.resume().unwrap();
    assert_eq!(world.list(), ["implement pending"], "it is still blocked");
    world.activate();
    assert_eq!(world.list(), ["implement pending*"]);
}

#[test]
fn a_closed_assignment_is_not_paused() {
    for (change, status) in [
        (StatusChange::Cancelled { reason: None }, AssignmentStatus::Cancelled),
        (
            StatusChange::Complete { reason: None, ties: Default::default(), tree: None, force: false },
            AssignmentStatus::Complete,
        ),
    ] {
        let mut world = World::with_first("implement");
        world.pause(PauseMode::Now).unwrap();
        world.update(change).unwrap();
        assert!(!world.aggregate.assignment().is_paused());
        let assignment = world.aggregate.assignment().id;
        assert_eq!(world.pause(PauseMode::Now), Err(Rejection::Closed { assignment, status }));
        world.resume().unwrap();
        assert_eq!(world.count(EventKind::AssignmentResumed), 0);
    }
}

#[test]
fn a_question_may_be_asked_of_a_paused_assignment_and_goes_on_when_one_is_paused() {
    let mut world = World::with_first("implement");
    let before = world.ask();
    world.pause(PauseMode::Now).unwrap();
    let after = world.ask();
    for question in [before, after] {
        assert!(!world.aggregate.attempts().iter().any(|one| one.id == question && one.pause_requested));
        world.finish(question, Outcome::success("because"), None).unwrap();
    }
    assert_eq!(world.list(), ["implement pending", "chat completed", "chat completed"]);
}
