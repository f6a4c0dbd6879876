//! A person cancels single jobs.

use super::world::{World, complete};
use crate::aggregate::{First, Rejection, StatusChange};
use crate::decision::Place;
use crate::director::Director;
use crate::history::EventKind;
use crate::id::JobId;
use crate::outcome::{Outcome, OutcomeClass};
use uuid::Uuid;

fn undirected() -> World {
    let first = super::world::job(JobId::new(Uuid::from_u128(1000)), "implement");
    World::create(Director::None, First::Job(first), 50)
}

#[test]
fn a_job_that_waits_is_cancelled_at_once_and_the_list_goes_on_with_the_next() {
    let mut world = World::with_first("implement");
    world.insert("review", Place::End).unwrap();
    world.cancel(world.nth(0), Some("not needed")).unwrap();
    assert_eq!(world.list(), ["implement cancelled", "review pending*"]);
    assert_eq!(world.aggregate.jobs()[0].progress.result.as_deref(), Some("not needed"));
    let note = format!("The implement job {} was cancelled: not needed", world.nth(0).short());
    assert_eq!(world.aggregate.assignment().note(), Some(&*note), "the PM is told when it is asked next");
}

#[test]
fn the_pm_is_asked_when_the_last_job_that_waited_is_cancelled() {
    let mut world = World::with_first("implement");
    world.cancel(world.nth(0), None).unwrap();
    assert_eq!(world.list(), ["implement cancelled", "pm pending*"]);
    assert_eq!(world.aggregate.assignment().note(), None, "nothing was said");
}

#[test]
fn without_a_pm_the_assignment_is_blocked_when_its_last_job_is_cancelled() {
    let mut world = undirected();
    world.cancel(world.nth(0), Some("not needed")).unwrap();
    assert_eq!(world.status(), "blocked: the last job was cancelled: not needed");
}

#[test]
fn a_job_that_was_tried_before_it_is_cancelled_is_reviewed() {
    let mut world = World::with_first("implement");
    world.insert("review", Place::End).unwrap();
    world.work_ends(OutcomeClass::UsageLimit);
    world.cancel(world.nth(0), None).unwrap();
    assert_eq!(world.list(), ["implement cancelled", "pm pending*", "review pending"]);
}

#[test]
fn a_job_that_was_cancelled_among_those_that_wait_does_not_hold_others_back() {
    let mut world = World::with_first("plan");
    for job_type in ["implement", "review"] {
        world.insert(job_type, Place::End).unwrap();
    }
    world.cancel(world.nth(1), None).unwrap();
    world.insert("uat", Place::First).unwrap();
    assert_eq!(world.list(), ["uat pending*", "plan pending", "implement cancelled", "review pending"]);
}

#[test]
fn a_running_job_is_cancelled_when_its_attempt_has_ended_and_says_why() {
    let mut world = World::with_first("implement");
    let running = world.claim();
    world.cancel(world.nth(0), Some("wrong approach")).unwrap();
    assert_eq!(world.list(), ["implement running"]);
    assert!(world.aggregate.attempts()[0].cancel_requested);
    let asked = world.last(EventKind::CancelRequested);
    assert_eq!((asked.attempt, asked.detail("reason")), (Some(running), Some("wrong approach")));
    world.finish(running, Outcome::failure(OutcomeClass::Crashed, "signal 15"), None).unwrap();
    assert_eq!(world.list(), ["implement cancelled", "pm pending*"], "the PM is asked what comes next");
    let why = "implement job was cancelled while it ran: wrong approach";
    assert_eq!(world.aggregate.jobs()[0].progress.result.as_deref(), Some(why));
}

#[test]
fn a_job_that_had_just_succeeded_is_not_cancelled() {
    let mut world = World::with_first("implement");
    let running = world.claim();
    world.cancel(world.nth(0), None).unwrap();
    world.finish(running, Outcome::success("done"), None).unwrap();
    assert_eq!(world.list(), ["implement completed", "pm pending*"]);
}

#[test]
fn to_cancel_twice_is_to_cancel_once() {
    let mut world = World::with_first("implement");
    world.insert("review", Place::End).unwrap();
    world.claim();
    for _ in 0..2 {
        world.cancel(world.nth(0), None).unwrap();
        world.cancel(world.nth(1), None).unwrap();
    }
    assert_eq!(world.list(), ["implement running", "review cancelled"]);
    assert_eq!((world.count(EventKind::CancelRequested), world.count(EventKind::JobCancelled)), (1, 1));
    let foreign = JobId::new(Uuid::from_u128(404));
    let assignment = world.aggregate.assignment().id;
    assert_eq!(world.cancel(foreign, None), Err(Rejection::NotInAssignment { job: foreign, assignment }));
}

#[test]
fn a_pm_that_is_cancelled_is_not_asked_again_at_once() {
    let blocked = "blocked: a person cancelled the PM's job: I decide";
    let mut world = World::with_pm();
    world.cancel(world.nth(0), Some("I decide")).unwrap();
    assert_eq!((world.list(), world.status()), (vec!["pm cancelled".to_owned()], blocked.to_owned()));
    let mut world = World::with_pm();
    let pm = world.claim();
    world.cancel(world.nth(0), Some("I decide")).unwrap();
    world.finish(pm, Outcome::success("done"), Some(Ok(complete()))).unwrap();
    assert_eq!(
        (world.list(), world.status()),
        (vec!["pm completed".to_owned()], blocked.to_owned()),
        "a person's word is the later one"
    );
    let effect = world.last(EventKind::DecisionApplied).detail("effect");
    assert_eq!(effect, Some("none: a person blocked the assignment meanwhile"));
    world.activate();
    assert_eq!(world.list(), ["pm completed", "pm pending*"]);
}

#[test]
fn a_pm_is_skipped_when_jobs_wait_behind_it() {
    let mut world = World::with_first("implement");
    world.insert("review", Place::End).unwrap();
    world.work();
    let pm = world.claim();
    world.cancel(world.nth(1), None).unwrap();
    world.finish(pm, Outcome::failure(OutcomeClass::Cancelled, "ended"), None).unwrap();
    assert_eq!(world.list(), ["implement completed", "pm cancelled", "review pending*"]);
    assert_eq!(world.status(), "active");
}

#[test]
fn a_job_of_a_blocked_assignment_is_cancelled_and_the_pm_is_asked_when_it_goes_on() {
    let mut world = World::with_first("implement");
    world.update(StatusChange::Blocked { reason: "wait".to_owned() }).unwrap();
    world.cancel(world.nth(0), None).unwrap();
    assert_eq!(
        (world.list(), world.status()),
        (vec!["implement cancelled".to_owned()], "blocked: wait".to_owned())
    );
    world.activate();
    assert_eq!(world.list(), ["implement cancelled", "pm pending*"]);
}

#[test]
fn what_a_person_said_while_the_pm_thought_is_the_later_word() {
    let wait = || StatusChange::Blocked { reason: "wait".to_owned() };
    for decision in [complete(), super::world::blocked()] {
        let mut world = World::with_pm();
        let pm = world.claim();
        world.update(wait()).unwrap();
        world.finish(pm, Outcome::success("done"), Some(Ok(decision))).unwrap();
        assert_eq!(world.status(), "blocked: wait");
        let effect = world.last(EventKind::DecisionApplied).detail("effect");
        assert_eq!(effect, Some("none: a person blocked the assignment meanwhile"));
    }
    let mut world = World::with_pm();
    let pm = world.claim();
    world.update(wait()).unwrap();
    world.activate();
    world.finish(pm, Outcome::success("done"), Some(Ok(complete()))).unwrap();
    assert_eq!(world.status(), "complete: the star is reached", "the person's last word was to go on");
    let mut world = World::with_pm();
    let pm = world.claim();
    world.update(wait()).unwrap();
    let decision = world.inserting(&["plan"]);
    world.finish(pm, Outcome::success("done"), Some(Ok(decision))).unwrap();
    assert_eq!(world.list(), ["pm completed", "plan pending"], "jobs are added; they wait with it");
}
