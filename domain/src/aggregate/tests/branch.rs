//! What a person does with an assignment's branch.

use super::world::World;
use crate::aggregate::{BranchMove, Rejection, StatusChange};
use crate::evidence::TreeState;
use crate::history::EventKind;

fn state(commit: &str) -> TreeState {
    TreeState { commit: commit.to_owned(), dirty: None }
}

/// The branch goes back to before the first job.
fn roll_back(world: &mut World) -> Result<(), Rejection> {
    let job = world.nth(0);
    let how =
        BranchMove::RolledBack { job, also: Vec::new(), to: state("abc"), kept: "refs/kept".to_owned() };
    world.command(|aggregate, ctx| aggregate.move_branch(how, ctx))
}

#[test]
fn a_rollback_is_told_with_what_is_kept_and_what_was_measured_is_of_another_tree() {
    let mut world = World::with_first("implement");
    world.work();
    roll_back(&mut world).unwrap();
    let told = world.last(EventKind::BranchMoved);
    let details = ["move", "commit", "kept"].map(|name| told.detail(name).unwrap());
    assert_eq!(details, ["rolled_back", "abc", "refs/kept"]);
    assert_eq!(world.aggregate.assignment().standing().tree, Some(state("abc")));
}

#[test]
fn a_complete_assignment_that_is_rolled_back_is_blocked_and_an_active_ones_pm_is_told() {
    let mut world = World::with_first("implement");
    world.work();
    let word =
        format!("a person has rolled back the work of job {}; it is kept as refs/kept", world.nth(0).short());
    roll_back(&mut world).unwrap();
    assert_eq!(
        (world.status().as_str(), world.aggregate.assignment().note()),
        ("active", Some(word.as_str()))
    );
    let complete =
        StatusChange::Complete { reason: None, ties: Default::default(), tree: None, force: false };
    world.update(complete).unwrap();
    roll_back(&mut world).unwrap();
    assert_eq!(world.status(), format!("blocked: {word}"));
    world.update(StatusChange::Cancelled { reason: None }).unwrap();
    roll_back(&mut world).unwrap();
    assert_eq!(world.status(), "cancelled");
}

#[test]
fn nothing_is_rolled_back_while_a_job_runs() {
    let mut world = World::with_first("implement");
    world.claim();
    let running = world.nth(0);
    assert_eq!(roll_back(&mut world), Err(Rejection::StillRunning { job: running }));
    assert_eq!(world.count(EventKind::BranchMoved), 0);
}

#[test]
fn a_conflict_lets_a_complete_assignment_go_on_with_the_job_that_resolves_it() {
    let mut world = World::with_first("implement");
    world.work();
    world
        .update(StatusChange::Complete { reason: None, ties: Default::default(), tree: None, force: false })
        .unwrap();
    let how = BranchMove::Conflict { job: world.job("implement") };
    world.command(|aggregate, ctx| aggregate.move_branch(how, ctx)).unwrap();
    assert_eq!(world.status(), "active");
    assert_eq!(world.list(), ["implement completed", "pm cancelled", "implement pending*"]);
}
