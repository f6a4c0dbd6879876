//! `complete` is refused while the evidence stands against it, whatever anybody says.

use super::measured::{Met, complete_with};
use super::world::World;
use crate::aggregate::{Rejection, StatusChange};
use crate::evidence::{Citation, Evidence, Tie};
use crate::history::EventKind;
use crate::outcome::Outcome;

const HOLDS: Met = Met { criterion: 1, citation: Citation::Holds };

/// Why the last `complete` was refused.
fn refusal(world: &World) -> &str {
    world.aggregate.assignment().standing().refusal.as_deref().unwrap_or("(not refused)")
}

fn is_complete(world: &World) -> bool {
    world.status().starts_with("complete")
}

#[test]
fn a_required_check_must_have_passed_on_the_present_tree() {
    let mut world = World::with_proof(&["test"], &[]);
    world.work_measured("a", &[]);
    world.pm_completes(&[], "a", &[]);
    assert_eq!(refusal(&world), "the required check `test` was never run");
    assert_eq!(
        world.list(),
        ["implement completed", "pm completed", "pm pending*"],
        "the refusal is its next input"
    );
    let failed = {
        let attempt = world.claim();
        let evidence = world.measurement(attempt, "a", &[("test", false)]);
        world.end_measured(attempt, complete_with(&[]), evidence)[0]
    };
    assert_eq!(refusal(&world), format!("the required check `test` fails (receipt {})", failed.short()));
    world.pm_answers(Ok(world.inserting(&["fix"])));
    assert_eq!(refusal(&world), "(not refused)", "the PM goes on with the work");
    world.work_measured("b", &[("test", true)]);
    let stale = world.aggregate.assignment().standing().receipts[0].id;
    world.pm_completes(&[], "c", &[]);
    let said =
        format!("the required check `test` was not run on the present tree (receipt {})", stale.short());
    assert_eq!(refusal(&world), said);
    world.pm_completes(&[], "c", &[("test", true)]);
    assert_eq!(world.status(), "complete: the star is reached");
}

#[test]
fn a_check_that_is_not_required_stands_in_nobodys_way() {
    let mut world = World::with_proof(&["test"], &[]);
    world.aggregate.assignment.proof.checks[0].required = false;
    world.work_measured("a", &[("test", false)]);
    world.pm_completes(&[], "a", &[]);
    assert!(is_complete(&world));
}

#[test]
fn a_criterion_needs_a_receipt_that_has_passed_or_a_reviewers_finding_at_a_place_that_is_there() {
    // Given all receipts and all findings, as a PM sees them.
    type Ties<'a> = &'a dyn Fn(&[String], &[String]) -> Vec<(u32, String)>;
    let check = |ties: Ties<'_>, expected: Result<(), &str>| {
        let mut world = World::with_proof(&[], &["it greets"]);
        let receipts = world.work_measured("a", &[("test", true), ("lint", false)]);
        world.pm_answers(Ok(world.inserting(&["review"])));
        let wrong = Met { criterion: 1, citation: Citation::Wrong };
        let none = Met { criterion: 1, citation: Citation::None };
        let other = Met { criterion: 2, citation: Citation::Holds };
        let found = world.review_measured("a", &[HOLDS, wrong, none, other]);
        let receipts: Vec<String> = receipts.iter().map(ToString::to_string).collect();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let ties = ties(&receipts, &found);
        world.pm_completes(&ties, "a", &[]);
        match expected {
            Ok(()) => assert!(is_complete(&world), "{ties:?}: {}", refusal(&world)),
            Err(part) => assert!(refusal(&world).contains(part), "{ties:?}: {}", refusal(&world)),
        }
    };
    let end = |id: &str, length: usize| id[id.len() - length..].to_owned();
    check(&|receipts, _| vec![(1, receipts[0].clone())], Ok(()));
    check(&|receipts, _| vec![(1, end(&receipts[0], 8))], Ok(()));
    check(&|receipts, _| vec![(1, format!(" {} ", receipts[0].to_uppercase()))], Ok(()));
    check(&|_, found| vec![(1, found[0].clone())], Ok(()));
    check(&|_, _| vec![], Err("criterion 1 (\"it greets\") is tied to no receipt and no finding"));
    check(&|receipts, _| vec![(2, receipts[0].clone())], Err("criterion 1 (\"it greets\") is tied to no"));
    check(&|receipts, _| vec![(1, receipts[1].clone())], Err("which has not passed"));
    check(&|receipts, _| vec![(1, end(&receipts[0], 7))], Err("which is neither"));
    check(&|receipts, _| vec![(1, receipts[0][..8].to_owned())], Err("which is neither"));
    check(&|_, _| vec![(1, "test".to_owned())], Ok(()));
    check(&|_, _| vec![(1, "lint".to_owned())], Err("which has not passed"));
    check(&|_, _| vec![(1, "tests".to_owned())], Err("is tied to `tests`, which is neither"));
    check(&|_, _| vec![(1, String::new())], Err("which is neither"));
    for place in 1..4 {
        check(&|_, found| vec![(1, found[place].clone())], Err("which is neither"));
    }
}

#[test]
fn what_is_tied_stays_with_its_criterion() {
    let mut world = World::with_proof(&["test"], &["it greets"]);
    let receipt = world.work_measured("a", &[("test", true)])[0];
    world.pm_completes(&[(1, receipt.short())], "a", &[]);
    assert!(is_complete(&world));
    assert_eq!(world.aggregate.assignment().criteria()[0].tie, Some(Tie::Receipt(receipt)));
}

#[test]
fn what_a_reviewer_has_seen_does_not_hold_of_a_tree_that_was_changed_since() {
    let mut world = World::with_proof(&[], &["it greets"]);
    world.work_measured("a", &[]);
    world.pm_answers(Ok(world.inserting(&["review", "document"])));
    let found = world.review_measured("a", &[HOLDS])[0];
    world.pm_answers(Ok(super::world::go_on()));
    world.work_measured("b", &[]);
    world.pm_completes(&[(1, found.to_string())], "b", &[]);
    assert!(refusal(&world).contains("neither the latest receipt of a check nor a reviewer's finding"));
}

#[test]
fn whoever_has_changed_the_tree_does_not_find_that_it_is_right() {
    let mut world = World::with_proof(&[], &["it greets"]);
    let attempt = world.claim();
    let mut evidence = world.measurement(attempt, "a", &[]);
    evidence.checkpoint = Some(world.checkpoint(attempt, 1));
    evidence.findings = vec![world.finding(attempt, HOLDS)];
    let found = evidence.findings[0].id;
    world.end_measured(attempt, None, evidence);
    world.pm_completes(&[(1, found.to_string())], "a", &[]);
    assert!(refusal(&world).contains("which is neither"), "{}", refusal(&world));
}

#[test]
fn a_guard_that_is_a_gate_stands_against_it_until_the_tree_has_changed() {
    let mut world = World::with_proof(&[], &[]);
    let attempt = world.claim();
    let mut evidence = world.measurement(attempt, "a", &[]);
    evidence.findings = vec![world.guarded(attempt, "tests/a.rs is gone")];
    world.end_measured(attempt, None, evidence);
    world.pm_completes(&[], "a", &[]);
    assert_eq!(refusal(&world), "a guard stands against it: tests/a.rs is gone");
    world.pm_answers(Ok(world.inserting(&["fix"])));
    world.work_measured("b", &[]);
    world.pm_completes(&[], "b", &[]);
    assert!(is_complete(&world));
}

#[test]
fn a_pm_that_is_refused_three_times_in_a_row_needs_a_person() {
    let mut world = World::with_proof(&["test"], &[]);
    world.work_measured("a", &[("test", false)]);
    for refused in 1..=3 {
        assert_eq!(world.aggregate.assignment().standing().refusals, refused - 1);
        world.pm_completes(&[], "a", &[]);
    }
    assert_eq!(world.count(EventKind::CompletionRefused), 3);
    let said = "blocked: the PM decided 3 times that it is complete, and the evidence stands against it: ";
    assert!(world.status().starts_with(said), "{}", world.status());
}

#[test]
fn a_person_is_held_to_the_same_evidence_and_may_force_it_with_a_reason() {
    let complete = |reason: Option<&str>, force: bool| StatusChange::Complete {
        reason: reason.map(str::to_owned),
        ties: Default::default(),
        force,
    };
    let mut world = World::with_proof(&["test"], &["it greets"]);
    world.work_measured("a", &[("test", false)]);
    let against = match world.update(complete(Some("ship it"), false)) {
        Err(Rejection::NotShown { against }) => against.join("; "),
        other => panic!("{other:?}"),
    };
    assert!(against.contains("`test` fails") && against.contains("criterion 1"), "{against}");
    for reason in [None, Some(" ")] {
        let refused = world.update(complete(reason, true));
        assert!(matches!(refused, Err(Rejection::ReasonNeeded { .. })), "{refused:?}");
    }
    world.update(complete(Some("the check is flaky"), true)).unwrap();
    assert_eq!(world.status(), "complete: the check is flaky");
    let told = world.last(EventKind::AssignmentCompleted);
    assert_eq!((told.detail("forced"), told.detail("against")), (Some("true"), Some(against.as_str())));
    assert_eq!(world.aggregate.assignment().criteria()[0].tie, None, "nothing shows it");
}

#[test]
fn force_that_was_not_needed_is_not_told_as_force() {
    let mut world = World::with_proof(&["test"], &[]);
    world.work_measured("a", &[("test", true)]);
    let reason = Some("done".to_owned());
    world.update(StatusChange::Complete { reason, ties: Default::default(), force: true }).unwrap();
    assert_eq!(world.last(EventKind::AssignmentCompleted).detail("forced"), None);
}

#[test]
fn a_person_ties_criteria_as_a_pm_does() {
    let mut world = World::with_proof(&["test"], &["it greets"]);
    let receipt = world.work_measured("a", &[("test", true)])[0];
    let ties = [(1, receipt.short())].into();
    world.update(StatusChange::Complete { reason: None, ties, force: false }).unwrap();
    assert_eq!(world.aggregate.assignment().criteria()[0].tie, Some(Tie::Receipt(receipt)));
}

#[test]
fn a_staged_decision_is_held_to_the_evidence_too() {
    let mut world = World::with_proof(&["test"], &[]);
    world.work_measured("a", &[("test", false)]);
    let attempt = world.claim();
    world.stage(attempt, super::world::complete()).unwrap();
    world.finish_measured(attempt, (Outcome::success("done"), None), Evidence::default()).unwrap();
    assert!(refusal(&world).contains("`test` fails"));
}

#[test]
fn where_trees_cannot_be_told_apart_the_latest_receipt_counts() {
    let mut world = World::with_proof(&["test"], &[]);
    let attempt = world.claim();
    let mut evidence = world.measurement(attempt, "a", &[("test", true)]);
    evidence.tree = None;
    evidence.receipts[0].tree = None;
    world.end_measured(attempt, None, evidence);
    world.pm_answers(Ok(super::world::complete()));
    assert!(is_complete(&world));
}
