//! A run that nobody leads waits for no person: it succeeds, fails, or is cancelled.

use super::world::World;
use crate::aggregate::{Repetition, StatusChange};
use crate::history::EventKind;
use crate::id::JobId;
use crate::outcome::OutcomeClass;
use uuid::Uuid;

#[test]
fn it_is_complete_with_its_job() {
    let mut world = World::run();
    world.work();
    assert_eq!(world.status(), "complete");
}

#[test]
fn it_fails_with_its_job_and_asks_nobody() {
    for class in
        [OutcomeClass::Refusal, OutcomeClass::Auth, OutcomeClass::CliMissing, OutcomeClass::RunnerError]
    {
        let mut world = World::run();
        world.work_ends(class);
        assert_eq!(
            world.status(),
            format!("failed: job implement failed ({class}): it went wrong"),
            "{class}"
        );
        assert_eq!(world.list(), ["implement failed"], "{class}");
        assert!(world.events.iter().any(|event| event.kind == EventKind::AssignmentFailed), "{class}");
    }
}

#[test]
fn it_is_tried_again_where_its_job_would_be() {
    let mut world = World::run();
    world.work_ends(OutcomeClass::Overloaded);
    assert_eq!(
        (world.status(), world.list()),
        ("active".to_owned(), vec!["implement pending@15*".to_owned()])
    );
}

#[test]
fn it_is_cancelled_with_its_job() {
    let mut world = World::run();
    world
        .command(|aggregate, ctx| aggregate.cancel(JobId::new(Uuid::from_u128(1000)), Some("no"), ctx))
        .unwrap();
    assert_eq!(
        (world.status(), world.list()),
        ("cancelled: no".to_owned(), vec!["implement cancelled".to_owned()])
    );
    let mut running = World::run();
    running.work_ends(OutcomeClass::Cancelled);
    assert_eq!(running.list(), ["implement cancelled"]);
    assert!(running.status().starts_with("cancelled"), "{}", running.status());
}

#[test]
fn one_that_has_failed_goes_on_when_its_job_is_done_again() {
    let mut world = World::run();
    world.work_ends(OutcomeClass::Refusal);
    let again = Repetition {
        id: JobId::new(Uuid::from_u128(1001)),
        context: "again".to_owned(),
        session: None,
        is_fresh: true,
    };
    world.command(|aggregate, ctx| aggregate.retry(JobId::new(Uuid::from_u128(1000)), again, ctx)).unwrap();
    assert_eq!(world.list(), ["implement failed", "implement pending*"]);
    world.work();
    assert_eq!(world.status(), "complete");
}

#[test]
fn one_that_has_failed_stays_so_when_nothing_is_left_to_do() {
    let mut world = World::run();
    world.work_ends(OutcomeClass::Refusal);
    world.update(StatusChange::Active { note: None, max_jobs: None, limits: Vec::new() }).unwrap();
    assert!(world.status().starts_with("failed: the last job failed"), "{}", world.status());
}
