//! A person changes the checks of an assignment that is under way.

use super::world::World;
use crate::aggregate::{CheckEdit, Rejection, StatusChange};
use crate::evidence::Check;
use crate::history::EventKind;

fn edit(world: &mut World, edits: Vec<CheckEdit>) -> Result<(), Rejection> {
    world.update(StatusChange::Checks { edits })
}

fn add(command: &str) -> CheckEdit {
    CheckEdit::Add(Check::of_command(command))
}

fn drop_of(name: &str) -> CheckEdit {
    CheckEdit::Drop(name.to_owned())
}

fn names(world: &World) -> Vec<&str> {
    world.aggregate.assignment().checks().iter().map(|check| check.name.as_str()).collect()
}

#[test]
fn a_check_that_is_added_stands_against_complete_until_it_has_passed() {
    let mut world = World::with_proof(&["test"], &[]);
    world.work_measured("a", &[("test", true)]);
    edit(&mut world, vec![add("lint"), add("test")]).unwrap();
    assert_eq!(names(&world), ["test", "lint"], "what is there already is not there twice");
    let told = world.last(EventKind::ProofChanged);
    let details = ["check", "command", "required"].map(|name| told.detail(name).unwrap());
    assert_eq!(details, ["lint", "lint", "true"]);
    world.pm_completes(&[], "a", &[]);
    let refusal = world.aggregate.assignment().standing().refusal.clone();
    assert_eq!(refusal.as_deref(), Some("the required check `lint` was never run"));
    world.pm_completes(&[], "a", &[("lint", true)]);
    assert!(world.status().starts_with("complete"), "{}", world.status());
}

#[test]
fn an_optional_check_that_is_added_again_must_pass() {
    let mut world = World::with_proof(&["test"], &[]);
    world.aggregate.assignment.proof.checks[0].required = false;
    edit(&mut world, vec![add("test")]).unwrap();
    assert!(world.aggregate.assignment().checks()[0].required);
    assert_eq!(world.count(EventKind::ProofChanged), 2, "when it was made, and now");
}

#[test]
fn a_dropped_check_stands_in_nobodys_way_and_its_receipt_speaks_for_no_other_of_its_name() {
    let mut world = World::with_proof(&["test"], &[]);
    world.work_measured("a", &[("test", true)]);
    edit(&mut world, vec![drop_of("test")]).unwrap();
    assert_eq!(names(&world), [""; 0]);
    let told = world.last(EventKind::ProofChanged);
    assert_eq!(["check", "dropped"].map(|name| told.detail(name).unwrap()), ["test", "true"]);
    let other = Check { command: "other".to_owned(), ..Check::of_command("test") };
    edit(&mut world, vec![CheckEdit::Add(other)]).unwrap();
    world.pm_completes(&[], "a", &[]);
    let refusal = world.aggregate.assignment().standing().refusal.clone();
    assert_eq!(refusal.as_deref(), Some("the required check `test` was never run"));
}

#[test]
fn an_edit_that_makes_no_sense_changes_nothing() {
    let mut world = World::with_proof(&["test"], &[]);
    let assignment = world.aggregate.assignment().id;
    let gone = Rejection::NoCheck { assignment, name: "lint".to_owned() };
    assert_eq!(edit(&mut world, vec![add("more"), drop_of("lint")]), Err(gone));
    assert_eq!(edit(&mut world, vec![add("")]), Err(Rejection::EmptyCheck));
    let other = Check { command: "other".to_owned(), ..Check::of_command("test") };
    let twice = Rejection::CheckTwice { name: "test".to_owned() };
    assert_eq!(edit(&mut world, vec![CheckEdit::Add(other)]), Err(twice));
    let told_when_made = 1;
    assert_eq!((names(&world), world.count(EventKind::ProofChanged)), (vec!["test"], told_when_made));
}
