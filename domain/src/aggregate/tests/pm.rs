//! The PM: asked after every job, and what its decisions do.

use super::world::{World, blocked, complete, go_on, session};
use crate::aggregate::{First, Rejection, StatusChange};
use crate::decision::{Decision, Place};
use crate::director::Director;
use crate::history::EventKind;
use crate::id::JobId;
use crate::outcome::{Outcome, OutcomeClass};
use uuid::Uuid;

#[test]
fn the_pm_follows_a_finished_job_directly_before_what_waits() {
    let mut world = World::with_first("implement");
    world.insert("document", Place::End).unwrap();
    world.work();
    assert_eq!(world.list(), ["implement completed", "pm pending*", "document pending"]);
}

#[test]
fn the_pm_follows_a_failed_job_too() {
    let mut world = World::with_first("implement");
    world.insert("document", Place::End).unwrap();
    world.work_ends(OutcomeClass::Refusal);
    assert_eq!(world.list(), ["implement failed", "pm pending*", "document pending"]);
    assert_eq!(world.status(), "active");
}

#[test]
fn every_finished_job_is_followed_by_exactly_one_pm_job_until_the_star_is_reached() {
    let mut world = World::with_pm();
    for job_type in ["plan", "implement", "review"] {
        world.pm_answers(Ok(world.inserting(&[job_type])));
        world.work();
    }
    world.pm_answers(Ok(complete()));
    let done =
        ["pm", "plan", "pm", "implement", "pm", "review", "pm"].map(|name| format!("{name} completed"));
    assert_eq!(world.list(), done);
    assert_eq!(world.status(), "complete: the star is reached");
}

#[test]
fn several_jobs_of_one_decision_keep_their_order_and_go_before_what_waits() {
    let mut world = World::with_first("implement");
    world.insert("document", Place::End).unwrap();
    world.work();
    world.pm_answers(Ok(world.inserting(&["plan", "review", "uat"])));
    assert_eq!(
        world.list(),
        [
            "implement completed",
            "pm completed",
            "plan pending*",
            "review pending",
            "uat pending",
            "document pending"
        ]
    );
}

#[test]
fn the_pm_may_say_where_a_job_goes() {
    let mut world = World::with_first("implement");
    let document = world.insert("document", Place::End).unwrap();
    world.insert("uat", Place::End).unwrap();
    world.work();
    let jobs = vec![
        (world.job("plan"), Place::End),
        (world.job("review"), Place::After(document)),
        (world.job("fix"), Place::First),
    ];
    world.pm_answers(Ok(Decision::InsertJobs { reason: "so".to_owned(), jobs, accept: Vec::new() }));
    assert_eq!(
        world.list()[2..],
        ["fix pending*", "document pending", "review pending", "uat pending", "plan pending"]
    );
}

#[test]
fn a_job_after_one_that_was_never_in_the_list_goes_to_the_end() {
    let mut world = World::with_first("implement");
    world.insert("document", Place::End).unwrap();
    world.work();
    let nowhere = Place::After(JobId::new(Uuid::from_u128(u128::MAX)));
    let jobs = vec![(world.job("review"), nowhere)];
    world.pm_answers(Ok(Decision::InsertJobs { reason: "so".to_owned(), jobs, accept: Vec::new() }));
    assert_eq!(world.list()[2..], ["document pending*", "review pending"]);
}

#[test]
fn complete_while_jobs_wait_does_nothing_yet_and_says_so() {
    let mut world = World::with_first("implement");
    world.insert("document", Place::End).unwrap();
    world.work();
    world.pm_answers(Ok(complete()));
    assert_eq!(world.list(), ["implement completed", "pm completed", "document pending*"]);
    assert_eq!(world.status(), "active");
    let applied = world.events.iter().find(|event| event.kind == EventKind::DecisionApplied).unwrap();
    assert!(applied.detail("effect").unwrap().contains("jobs still wait"));
}

#[test]
fn blocked_keeps_the_reason_and_the_question() {
    let mut world = World::with_pm();
    world.pm_answers(Ok(blocked()));
    assert_eq!(world.status(), "blocked: I don't know");
    assert_eq!(world.aggregate.assignment().question(), Some("which one?"));
    assert_eq!(world.list(), ["pm completed"]);
    world.note("the second one");
    assert_eq!((world.status().as_str(), world.aggregate.assignment().question()), ("active", None));
    assert_eq!(world.list(), ["pm completed", "pm pending*"]);
}

#[test]
fn continue_goes_on_with_what_waits() {
    let mut world = World::with_first("implement");
    world.insert("document", Place::End).unwrap();
    world.work();
    world.pm_answers(Ok(go_on()));
    assert_eq!(world.list(), ["implement completed", "pm completed", "document pending*"]);
}

#[test]
fn a_decision_that_cannot_be_applied_is_asked_for_again_once_and_then_the_assignment_is_blocked() {
    let check = |answer: Result<Decision, String>, why: &str| {
        let mut world = World::with_pm();
        world.pm_answers(answer.clone());
        assert_eq!(world.list(), ["pm pending*"], "{why}");
        assert_eq!(world.aggregate.jobs()[0].progress().resume, Some(session()));
        assert!(world.aggregate.jobs()[0].progress().result.as_deref().unwrap().contains(why));
        world.pm_answers(answer);
        assert_eq!(world.list(), ["pm failed"], "{why}");
        assert!(world.status().starts_with("blocked: the PM was asked 2 times"), "{}", world.status());
        assert!(world.status().contains(why), "{}", world.status());
        assert_eq!(world.count(EventKind::DecisionInvalid), 2);
    };
    check(Err("this is no JSON".to_owned()), "this is no JSON");
    check(Ok(go_on()), "continue is only possible while jobs wait");
    check(
        Ok(Decision::InsertJobs { reason: "so".to_owned(), jobs: vec![], accept: Vec::new() }),
        "insert_job names no job",
    );
    check(Ok(Decision::Blocked { reason: " ".to_owned(), question: None }), "blocked gives no reason");
}

#[test]
fn the_pm_cannot_insert_its_own_successor_or_a_question() {
    for job_type in ["pm", "chat"] {
        let mut world = World::with_pm();
        world.pm_answers(Ok(world.inserting(&["plan", job_type])));
        assert_eq!(world.list(), ["pm pending*"], "{job_type}");
        assert_eq!(world.count(EventKind::DecisionInvalid), 1);
    }
}

#[test]
fn an_answer_without_any_decision_is_asked_for_again() {
    let mut world = World::with_pm();
    let attempt = world.claim();
    world.finish(attempt, Outcome::success("hello"), None).unwrap();
    assert_eq!(world.list(), ["pm pending*"]);
    world.pm_answers(Ok(world.inserting(&["plan"])));
    assert_eq!(world.list(), ["pm completed", "plan pending*"]);
}

#[test]
fn a_staged_decision_wins_over_the_answer() {
    for answer in [None, Some(Ok(complete())), Some(Err("no JSON".to_owned()))] {
        let mut world = World::with_pm();
        let attempt = world.claim();
        let decision = world.inserting(&["plan"]);
        world.stage(attempt, decision).unwrap();
        assert_eq!(world.list(), ["pm running"], "nothing happens before the attempt has ended");
        world.finish(attempt, Outcome::success("done"), answer).unwrap();
        assert_eq!(world.list(), ["pm completed", "plan pending*"]);
    }
}

#[test]
fn decisions_of_one_attempt_add_up_or_conflict() {
    let mut world = World::with_pm();
    let attempt = world.claim();
    let (one, two) = (world.inserting(&["plan"]), world.inserting(&["review"]));
    world.stage(attempt, one).unwrap();
    world.stage(attempt, two).unwrap();
    assert!(matches!(world.stage(attempt, complete()), Err(Rejection::Conflict(_))));
    world.finish(attempt, Outcome::success("done"), None).unwrap();
    assert_eq!(world.list(), ["pm completed", "plan pending*", "review pending"]);
}

#[test]
fn the_last_reason_of_one_decision_counts() {
    let mut world = World::with_pm();
    let attempt = world.claim();
    world.stage(attempt, complete()).unwrap();
    world
        .stage(attempt, Decision::Complete { reason: "really".to_owned(), ties: Default::default() })
        .unwrap();
    world.finish(attempt, Outcome::success("done"), None).unwrap();
    assert_eq!(world.status(), "complete: really");
}

#[test]
fn a_place_in_another_assignment_is_refused_when_it_is_staged() {
    let mut world = World::with_pm();
    let attempt = world.claim();
    let foreign = JobId::new(Uuid::from_u128(u128::MAX));
    let jobs = vec![(world.job("plan"), Place::After(foreign))];
    let refused =
        world.stage(attempt, Decision::InsertJobs { reason: String::new(), jobs, accept: Vec::new() });
    assert!(matches!(refused, Err(Rejection::NotInAssignment { job, .. }) if job == foreign));
}

#[test]
fn a_pm_that_is_tried_again_does_not_carry_what_its_last_attempt_had_staged() {
    let mut world = World::with_pm();
    let attempt = world.claim();
    world.stage(attempt, complete()).unwrap();
    world.finish(attempt, Outcome::failure(OutcomeClass::Crashed, "signal 9"), None).unwrap();
    assert_eq!(world.list(), ["pm pending*"]);
    world.pm_answers(Ok(world.inserting(&["plan"])));
    assert_eq!(
        (world.list(), world.status().as_str()),
        (vec!["pm completed".into(), "plan pending*".into()], "active")
    );
}

#[test]
fn a_pm_that_fails_blocks_and_the_next_pm_is_asked_when_a_person_goes_on() {
    let mut world = World::with_pm();
    world.work_ends(OutcomeClass::Refusal);
    assert_eq!(world.status(), "blocked: the PM job failed (refusal): it went wrong");
    world.activate();
    assert_eq!(world.list(), ["pm failed", "pm pending*"]);
}

#[test]
fn a_pm_that_wants_more_jobs_than_the_limit_blocks() {
    let mut world = World::create(Director::Pm, First::Director, 2);
    world.pm_answers(Ok(world.inserting(&["plan", "implement", "review"])));
    assert_eq!(world.list(), ["pm completed"]);
    assert_eq!(world.status(), "blocked: the limit of 2 jobs is reached, and the PM wants 3 more");
    world.update(StatusChange::Active { note: None, max_jobs: Some(3), limits: Vec::new() }).unwrap();
    world.pm_answers(Ok(world.inserting(&["plan", "implement", "review"])));
    assert_eq!(world.list()[2..], ["plan pending*", "implement pending", "review pending"]);
}

#[test]
fn a_note_is_kept_until_a_pm_that_started_after_it_has_decided() {
    let mut world = World::with_first("implement");
    world.work();
    let pm = world.claim();
    world.later(1);
    world.note("mind the gap");
    world.later(1);
    let decision = world.inserting(&["review"]);
    world.finish(pm, Outcome::success("done"), Some(Ok(decision))).unwrap();
    assert_eq!(world.aggregate.assignment().note(), Some("mind the gap"), "that PM could not know of it");
    world.later(1);
    world.note("and the cat");
    world.later(1);
    world.work();
    assert_eq!(world.aggregate.assignment().note(), Some("mind the gap\n\nand the cat"));
    world.pm_answers(Ok(complete()));
    assert_eq!(world.aggregate.assignment().note(), None);
}

#[test]
fn a_note_left_in_the_moment_in_which_the_pm_starts_is_kept() {
    let mut world = World::with_first("implement");
    world.work();
    let pm = world.claim();
    world.note("mind the gap");
    let decision = world.inserting(&["review"]);
    world.finish(pm, Outcome::success("done"), Some(Ok(decision))).unwrap();
    assert_eq!(world.aggregate.assignment().note(), Some("mind the gap"));
}
