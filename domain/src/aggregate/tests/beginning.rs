//! How an assignment begins, and what a person may insert.

use super::world::{World, job};
use crate::aggregate::{Aggregate, First, Rejection, StatusChange};
use crate::decision::Place;
use crate::director::Director;
use crate::history::EventKind;
use crate::id::JobId;
use crate::job::JobStatus;
use uuid::Uuid;

#[test]
fn a_new_assignment_asks_the_pm_for_the_first_job() {
    let world = World::with_pm();
    assert_eq!(world.list(), ["pm pending*"]);
    assert_eq!(world.status(), "active");
    assert!(world.told("pm").contains("No job has run yet"));
}

#[test]
fn a_first_job_is_taken_instead_of_the_pm() {
    assert_eq!(World::with_first("implement").list(), ["implement pending*"]);
}

#[test]
fn a_held_assignment_waits_for_its_first_job_which_releases_it() {
    let mut world = World::create(Director::Pm, First::Hold, 50);
    assert_eq!((world.list(), world.status()), (vec![], "active".to_owned()));
    assert!(world.aggregate.assignment().is_held());
    world.insert("plan", Place::End).unwrap();
    assert_eq!(world.list(), ["plan pending*"]);
    assert!(!world.aggregate.assignment().is_held());
}

#[test]
fn a_held_assignment_that_is_made_active_asks_the_pm() {
    let mut world = World::create(Director::Pm, First::Hold, 50);
    world.activate();
    assert_eq!(world.list(), ["pm pending*"]);
}

#[test]
fn an_assignment_without_a_north_star_is_refused() {
    let world = World::with_pm();
    let mut new = super::world::new_assignment(&world.ids, Director::Pm, First::Director, 50);
    new.north_star = " \n\t".to_owned();
    let refused = Aggregate::create(new, &super::world::context(world.now, &world.ids));
    assert_eq!(refused.unwrap_err(), Rejection::EmptyNorthStar);
}

#[test]
fn a_job_gets_the_harness_of_its_type_unless_it_names_one() {
    let mut world = World::with_first("implement");
    world.insert("review", Place::End).unwrap();
    let mut named = world.job("review");
    named.harness = Some("gemini".to_owned());
    world.command(|aggregate, ctx| aggregate.insert(named, Place::End, ctx)).unwrap();
    let harnesses: Vec<&str> = world.aggregate.jobs().iter().map(|job| job.harness.as_str()).collect();
    assert_eq!(harnesses, ["claude", "codex", "gemini"]);
}

#[test]
fn a_persons_first_job_replaces_a_kick_off_that_has_not_started() {
    let mut world = World::with_pm();
    world.insert("plan", Place::End).unwrap();
    assert_eq!(world.list(), ["pm cancelled", "plan pending*"]);
    world.insert("implement", Place::End).unwrap();
    assert_eq!(world.list(), ["pm cancelled", "plan pending*", "implement pending"]);
}

#[test]
fn a_kick_off_that_has_started_is_not_replaced() {
    let mut world = World::with_pm();
    world.claim();
    world.insert("plan", Place::First).unwrap();
    assert_eq!(world.list(), ["pm running", "plan pending"]);
}

#[test]
fn a_review_that_has_not_started_is_not_replaced() {
    let mut world = World::with_first("implement");
    world.work();
    world.insert("document", Place::End).unwrap();
    assert_eq!(world.list(), ["implement completed", "pm pending*", "document pending"]);
}

#[test]
fn a_question_does_not_replace_the_kick_off() {
    let mut world = World::with_pm();
    world.insert("chat", Place::End).unwrap();
    assert_eq!(world.list(), ["pm pending*", "chat pending*"]);
}

#[test]
fn jobs_are_inserted_at_the_end_at_the_front_and_after_another_one() {
    let mut world = World::with_first("implement");
    world.claim();
    world.insert("uat", Place::End).unwrap();
    let plan = world.insert("plan", Place::First).unwrap();
    world.insert("review", Place::After(plan)).unwrap();
    assert_eq!(world.list(), ["implement running", "plan pending", "review pending", "uat pending"]);
}

#[test]
fn a_place_after_a_job_of_another_assignment_is_refused_and_changes_nothing() {
    let mut world = World::with_pm();
    let foreign = JobId::new(Uuid::from_u128(u128::MAX));
    let refused = world.insert("plan", Place::After(foreign));
    let assignment = world.aggregate.assignment().id;
    assert_eq!(refused, Err(Rejection::NotInAssignment { job: foreign, assignment }));
    assert_eq!(world.list(), ["pm pending*"]);

    let mut held = World::create(Director::Pm, First::Hold, 50);
    assert!(held.insert("plan", Place::After(foreign)).is_err());
    assert!(held.aggregate.assignment().is_held());
}

#[test]
fn a_person_cannot_insert_more_jobs_than_the_limit_and_can_raise_it() {
    let mut world = World::create(Director::Pm, First::Hold, 2);
    world.insert("plan", Place::End).unwrap();
    world.insert("implement", Place::End).unwrap();
    let refused = world.insert("review", Place::End);
    let assignment = world.aggregate.assignment().id;
    assert_eq!(refused, Err(Rejection::TooManyJobs { assignment, limit: 2 }));
    world.insert("chat", Place::End).expect("a question does not count");
    world.update(StatusChange::Active { note: None, max_jobs: Some(3), limits: Vec::new() }).unwrap();
    world.insert("review", Place::End).unwrap();
    assert_eq!(world.aggregate.jobs().iter().filter(|job| !job.shadow).count(), 3);
}

#[test]
fn a_job_starts_only_when_it_is_its_turn() {
    let mut world = World::with_first("implement");
    let later = world.insert("review", Place::End).unwrap();
    assert_eq!(world.claim_job(later), Err(Rejection::NotReady { job: later }));
    let first = world.aggregate.jobs()[0].id;
    world.claim_job(first).unwrap();
    assert_eq!(world.claim_job(first), Err(Rejection::NotReady { job: first }));
    let foreign = job(JobId::new(Uuid::from_u128(u128::MAX)), "plan").id;
    assert!(matches!(world.claim_job(foreign), Err(Rejection::NotInAssignment { .. })));
    assert_eq!(world.count(EventKind::JobStarted), 1);
    assert_eq!(world.aggregate.jobs()[0].status(), JobStatus::Running);
}

#[test]
fn a_long_detail_is_cut_in_the_history_and_the_north_star_is_not() {
    let mut world = World::with_pm();
    let long = "ä".repeat(10_000);
    world.note(&long);
    let noted = world.events.iter().find(|event| event.kind == EventKind::AssignmentNoted).unwrap();
    assert_eq!(noted.detail("note").map(|note| note.chars().count()), Some(501));
    assert_eq!(world.aggregate.assignment().note(), Some(long.as_str()));
}
