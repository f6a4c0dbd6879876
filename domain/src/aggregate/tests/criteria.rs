//! Acceptance criteria: who may state, change and drop them, and when.

use super::measured::Met;
use super::world::World;
use crate::aggregate::{CriterionEdit, Rejection, StatusChange};
use crate::decision::Decision;
use crate::evidence::{Author, Citation};
use crate::history::EventKind;

/// Number, text and author of each.
fn criteria(world: &World) -> Vec<(u32, &str, Author)> {
    let all = world.aggregate.assignment().criteria().iter();
    all.map(|one| (one.number, one.text.as_str(), one.by)).collect()
}

fn edit(world: &mut World, edits: Vec<CriterionEdit>) -> Result<(), Rejection> {
    world.update(StatusChange::Criteria { edits })
}

fn add(text: &str) -> CriterionEdit {
    CriterionEdit::Add(text.to_owned())
}

fn accepting(world: &World, accept: &[&str]) -> Decision {
    match world.inserting(&["implement"]) {
        Decision::InsertJobs { reason, jobs, .. } => {
            let accept = accept.iter().map(|text| (*text).to_owned()).collect();
            Decision::InsertJobs { reason, jobs, accept }
        }
        other @ (Decision::Complete { .. } | Decision::Blocked { .. } | Decision::Continue { .. }) => other,
    }
}

#[test]
fn a_person_states_changes_and_drops_them_and_no_number_is_used_again() {
    let mut world = World::with_proof(&[], &["it greets", " it greets ", "it is quick"]);
    let person = Author::Person;
    assert_eq!(criteria(&world), [(1, "it greets", person), (2, "it is quick", person)]);
    let edits = vec![
        CriterionEdit::Reword(1, "it greets by name".to_owned()),
        CriterionEdit::Drop(2),
        add("it is documented"),
    ];
    edit(&mut world, edits).unwrap();
    assert_eq!(criteria(&world), [(1, "it greets by name", person), (3, "it is documented", person)]);
    assert_eq!(world.count(EventKind::ProofChanged), 5);
    edit(&mut world, vec![add("it is documented"), CriterionEdit::Reword(1, "it greets by name".to_owned())])
        .unwrap();
    assert_eq!(world.count(EventKind::ProofChanged), 5, "what is there already is no change");
}

#[test]
fn edits_of_which_one_makes_no_sense_change_nothing() {
    let mut world = World::with_proof(&[], &["it greets"]);
    let drop = CriterionEdit::Drop;
    for edits in [vec![add("more"), drop(2)], vec![drop(1), drop(1)], vec![drop(0)]] {
        let refused = edit(&mut world, edits.clone());
        assert!(matches!(refused, Err(Rejection::NoCriterion { .. })), "{edits:?}: {refused:?}");
    }
    for edits in [vec![drop(1), add(" ")], vec![CriterionEdit::Reword(1, String::new())]] {
        assert_eq!(edit(&mut world, edits), Err(Rejection::EmptyCriterion));
    }
    assert_eq!(criteria(&world), [(1, "it greets", Author::Person)]);
}

#[test]
fn the_pm_adds_some_with_its_first_jobs_and_none_afterwards() {
    let mut world = World::with_pm();
    world.pm_answers(Ok(accepting(&world, &["it greets", ""])));
    assert_eq!(criteria(&world), [(1, "it greets", Author::Pm)]);
    world.work();
    world.pm_answers(Ok(accepting(&world, &["it is Tuesday"])));
    let told = world.last(EventKind::DecisionInvalid).detail("message").unwrap();
    assert!(told.contains("only possible before the first job has completed"), "{told}");
    assert_eq!(criteria(&world), [(1, "it greets", Author::Pm)]);
    world.pm_answers(Ok(accepting(&world, &["it greets"])));
    assert_eq!(
        world.list().last().unwrap(),
        "implement pending*",
        "to name what is there already is no fault"
    );
}

#[test]
fn the_pm_may_not_flood_them() {
    let many: Vec<String> = (0..21).map(|number| format!("criterion {number}")).collect();
    let long = "x".repeat(501);
    for accept in [many.iter().map(String::as_str).collect(), vec![long.as_str()]] {
        let mut world = World::with_pm();
        world.pm_answers(Ok(accepting(&world, &accept)));
        assert_eq!((criteria(&world).len(), world.count(EventKind::DecisionInvalid)), (0, 1));
    }
}

#[test]
fn what_showed_the_old_words_does_not_show_the_new_ones() {
    let mut world = World::with_proof(&[], &["it greets"]);
    world.work_measured("a", &[]);
    world.pm_answers(Ok(world.inserting(&["review"])));
    let found = world.review_measured("a", &[Met { criterion: 1, citation: Citation::Holds }])[0];
    edit(&mut world, vec![CriterionEdit::Reword(1, "it greets in French".to_owned())]).unwrap();
    world.pm_completes(&[(1, found.to_string())], "a", &[]);
    assert_eq!(world.count(EventKind::CompletionRefused), 1);
}

#[test]
fn what_is_said_of_a_criterion_that_is_not_there_does_not_hold_of_one_that_comes_later() {
    let mut world = World::with_proof(&[], &["it greets"]);
    world.work_measured("a", &[]);
    world.pm_answers(Ok(world.inserting(&["review"])));
    let met = [1, 2].map(|criterion| Met { criterion, citation: Citation::Holds });
    let found = world.review_measured("a", &met);
    edit(&mut world, vec![add("it is quick")]).unwrap();
    world.pm_completes(&[(1, found[0].to_string()), (2, found[1].to_string())], "a", &[]);
    assert_eq!(world.count(EventKind::CompletionRefused), 1);
}
