//! Questions: beside the line, whatever the assignment's state.

use super::world::{World, blocked};
use crate::aggregate::{Rejection, StatusChange};
use crate::decision::Place;
use crate::outcome::{Outcome, OutcomeClass};

#[test]
fn a_question_is_answered_in_every_state_and_changes_none() {
    let active = World::with_first("implement");
    let mut busy = World::with_first("implement");
    busy.claim();
    let mut blocked_one = World::with_pm();
    blocked_one.pm_answers(Ok(blocked()));
    let mut completed = World::with_first("implement");
    completed
        .update(StatusChange::Complete { reason: None, ties: Default::default(), tree: None, force: false })
        .unwrap();
    let mut cancelled = World::with_first("implement");
    cancelled.update(StatusChange::Cancelled { reason: None }).unwrap();
    for mut world in [active, busy, blocked_one, completed, cancelled] {
        let (list, status) = (world.list(), world.status());
        let asked = world.ask();
        assert_eq!(world.list(), [list.clone(), vec!["chat running".to_owned()]].concat());
        world.finish(asked, Outcome::success("because"), None).unwrap();
        assert_eq!(world.list(), [list, vec!["chat completed".to_owned()]].concat());
        assert_eq!(world.status(), status);
    }
}

#[test]
fn a_question_that_fails_fails_at_once_and_neither_blocks_nor_asks_the_pm() {
    for class in [OutcomeClass::Auth, OutcomeClass::RateLimit, OutcomeClass::Overloaded, OutcomeClass::Lost] {
        let mut world = World::with_first("implement");
        let asked = world.ask();
        world.finish(asked, Outcome::failure(class, "no"), None).unwrap();
        assert_eq!(world.list(), ["implement pending*", "chat failed"], "{class}");
        assert_eq!(world.status(), "active");
    }
}

#[test]
fn questions_run_beside_the_line_and_beside_each_other() {
    let mut world = World::with_first("implement");
    world.ask();
    world.ask();
    world.claim();
    assert_eq!(world.list(), ["implement running", "chat running", "chat running"]);
}

#[test]
fn a_question_in_the_middle_of_the_list_does_not_hold_it_up() {
    let mut world = World::with_first("implement");
    let first = world.aggregate.jobs()[0].id;
    world.insert("review", Place::End).unwrap();
    world.insert("chat", Place::After(first)).unwrap();
    world.work();
    assert_eq!(world.list(), ["implement completed", "pm pending*", "chat pending*", "review pending"]);
}

#[test]
fn only_a_question_is_asked() {
    let mut world = World::with_first("implement");
    let (review, chat) = (world.job("review"), world.job("chat"));
    let attempt = world.ask();
    let mut attempt = world.aggregate.attempts().iter().find(|one| one.id == attempt).unwrap().clone();
    attempt.job = review.id;
    let refused = world.command(|aggregate, ctx| aggregate.ask(review.clone(), attempt.clone(), ctx));
    assert_eq!(refused, Err(Rejection::NotReady { job: review.id }));
    let refused = world.command(|aggregate, ctx| aggregate.ask(chat, attempt, ctx));
    assert_eq!(refused, Err(Rejection::NotReady { job: review.id }), "the attempt is of another job");
}
