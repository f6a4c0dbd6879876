//! A person blocks, completes, cancels and reopens.

use super::world::{World, complete};
use crate::aggregate::{Rejection, StatusChange};
use crate::assignment::AssignmentStatus;
use crate::attempt::Proof;
use crate::decision::Place;
use crate::history::EventKind;
use crate::outcome::{Outcome, OutcomeClass};

fn completed() -> StatusChange {
    StatusChange::Complete {
        reason: Some("good enough".to_owned()),
        ties: Default::default(),
        tree: None,
        force: false,
    }
}

fn cancelled() -> StatusChange {
    StatusChange::Cancelled { reason: None }
}

#[test]
fn what_waits_is_cancelled_and_what_runs_is_asked_to_end() {
    for (change, status) in [(completed(), "complete: good enough"), (cancelled(), "cancelled")] {
        let mut world = World::with_first("implement");
        world.insert("review", Place::End).unwrap();
        let running = world.claim();
        world.update(change).unwrap();
        assert_eq!(world.list(), ["implement running", "review cancelled"]);
        assert_eq!(world.status(), status);
        assert!(world.aggregate.attempts()[0].cancel_requested);
        world.finish(running, Outcome::failure(OutcomeClass::Crashed, "signal 15"), None).unwrap();
        assert_eq!(world.list(), ["implement cancelled", "review cancelled"], "and no PM is asked");
    }
}

#[test]
fn the_end_of_a_running_job_is_asked_for_once() {
    let mut world = World::with_first("implement");
    world.claim();
    world.update(cancelled()).unwrap();
    world.update(completed()).unwrap();
    world.update(completed()).unwrap();
    assert_eq!(world.count(EventKind::CancelRequested), 1);
    assert_eq!(world.count(EventKind::AssignmentCompleted), 1);
}

#[test]
fn a_job_that_succeeds_although_its_end_was_asked_for_has_succeeded() {
    let mut world = World::with_first("implement");
    let running = world.claim();
    world.update(cancelled()).unwrap();
    world.finish(running, Outcome::success("done"), None).unwrap();
    assert_eq!(
        (world.list(), world.status()),
        (vec!["implement completed".to_owned()], "cancelled".to_owned())
    );
}

#[test]
fn a_decision_that_comes_after_the_assignment_was_closed_changes_nothing() {
    let mut world = World::with_pm();
    let pm = world.claim();
    world.update(cancelled()).unwrap();
    let decision = world.inserting(&["plan"]);
    world.finish(pm, Outcome::success("done"), Some(Ok(decision))).unwrap();
    assert_eq!((world.list(), world.status()), (vec!["pm completed".to_owned()], "cancelled".to_owned()));
}

#[test]
fn a_pm_without_a_decision_is_not_asked_again_after_the_assignment_was_closed() {
    let mut world = World::with_pm();
    let pm = world.claim();
    world.update(cancelled()).unwrap();
    world.finish(pm, Outcome::success("done"), Some(Err("no JSON".to_owned()))).unwrap();
    assert_eq!((world.list(), world.status()), (vec!["pm cancelled".to_owned()], "cancelled".to_owned()));
}

#[test]
fn nothing_is_inserted_into_a_closed_assignment() {
    for (change, status) in
        [(completed(), AssignmentStatus::Complete), (cancelled(), AssignmentStatus::Cancelled)]
    {
        let mut world = World::with_first("implement");
        world.update(change).unwrap();
        let assignment = world.aggregate.assignment().id;
        let closed = Err(Rejection::Closed { assignment, status });
        assert_eq!(world.insert("plan", Place::End).map(|_| ()), closed);
        let blocked = StatusChange::Blocked { reason: "wait".to_owned() };
        assert_eq!(world.update(blocked), closed);
    }
}

#[test]
fn a_reopened_assignment_asks_the_pm_what_is_next() {
    let mut world = World::with_first("implement");
    world.work();
    world.pm_answers(Ok(complete()));
    world.note("one more thing");
    assert_eq!(world.list(), ["implement completed", "pm completed", "pm pending*"]);
    assert_eq!(world.status(), "active");
}

#[test]
fn a_job_that_was_still_ending_when_the_assignment_was_reopened_is_reviewed() {
    let mut world = World::with_first("implement");
    let running = world.claim();
    world.update(cancelled()).unwrap();
    world.activate();
    assert_eq!(world.list(), ["implement running"]);
    world.finish(running, Outcome::failure(OutcomeClass::Crashed, "signal 15"), None).unwrap();
    assert_eq!(world.list(), ["implement cancelled", "pm pending*"]);
}

#[test]
fn a_blocked_assignment_runs_nothing_until_it_is_active_again() {
    let mut world = World::with_first("implement");
    let running = world.claim();
    world.update(StatusChange::Blocked { reason: "wait".to_owned() }).unwrap();
    assert_eq!(world.list(), ["implement running"], "what runs goes on");
    world.finish(running, Outcome::success("done"), None).unwrap();
    assert_eq!(world.list(), ["implement completed", "pm pending"]);
    world.insert("review", Place::End).unwrap();
    assert_eq!(world.status(), "blocked: wait");
    world.activate();
    assert_eq!(world.list(), ["implement completed", "pm pending*", "review pending"]);
}

#[test]
fn blocking_needs_a_reason() {
    let mut world = World::with_first("implement");
    let refused = world.update(StatusChange::Blocked { reason: "  ".to_owned() });
    assert_eq!(refused, Err(Rejection::ReasonNeeded { status: AssignmentStatus::Blocked }));
}

#[test]
fn a_stale_attempt_changes_nothing() {
    let mut world = World::with_first("implement");
    let stale = world.claim();
    world
        .command(|aggregate, ctx| aggregate.give_up(stale, ("its runner is gone", Proof::Gone), ctx))
        .unwrap();
    assert_eq!(world.list(), ["implement pending*"]);
    let refused = Rejection::StaleAttempt { attempt: stale };
    assert_eq!(world.finish(stale, Outcome::success("late"), None), Err(refused.clone()));
    let fresh = world.claim();
    assert_eq!(world.finish(stale, Outcome::success("late"), None), Err(refused.clone()));
    assert_eq!(world.stage(stale, complete()), Err(refused.clone()));
    let again = world.command(|aggregate, ctx| aggregate.give_up(stale, ("again", Proof::Gone), ctx));
    assert_eq!(again, Err(refused));
    world.finish(fresh, Outcome::success("done"), None).unwrap();
    assert_eq!(world.list(), ["implement completed", "pm pending*"]);
}
