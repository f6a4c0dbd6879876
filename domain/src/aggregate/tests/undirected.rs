//! Without a director an assignment ends with its last job.

use super::world::{World, job};
use crate::aggregate::{First, StatusChange};
use crate::decision::Place;
use crate::director::Director;
use crate::id::JobId;
use crate::outcome::OutcomeClass;
use uuid::Uuid;

fn undirected() -> World {
    let first = job(JobId::new(Uuid::from_u128(1000)), "implement");
    World::create(Director::None, First::Job(first), 50)
}

#[test]
fn it_is_complete_with_its_last_job() {
    let mut world = undirected();
    world.insert("review", Place::End).unwrap();
    world.work();
    assert_eq!(world.list(), ["implement completed", "review pending*"]);
    world.work();
    assert_eq!((world.list().len(), world.status().as_str()), (2, "complete"));
}

#[test]
fn it_is_blocked_when_its_last_job_fails() {
    let mut world = undirected();
    world.work_ends(OutcomeClass::Refusal);
    assert_eq!(world.status(), "blocked: job implement failed (refusal): it went wrong");
}

#[test]
fn it_is_blocked_when_a_job_fails_that_others_wait_for() {
    let mut world = undirected();
    world.insert("review", Place::End).unwrap();
    world.work_ends(OutcomeClass::Refusal);
    assert_eq!(world.status(), "blocked: job implement failed (refusal): it went wrong");
    assert_eq!(world.list(), ["implement failed", "review pending"]);
    world.activate();
    assert_eq!(world.list(), ["implement failed", "review pending*"]);
}

#[test]
fn it_is_never_complete_over_a_job_that_did_not_succeed() {
    let mut world = undirected();
    world.work_ends(OutcomeClass::Cancelled);
    assert!(world.status().starts_with("blocked: the last job was cancelled"), "{}", world.status());

    let mut reopened = undirected();
    reopened.update(StatusChange::Cancelled { reason: None }).unwrap();
    reopened.activate();
    assert!(reopened.status().starts_with("blocked: the last job was cancelled"), "{}", reopened.status());
}
