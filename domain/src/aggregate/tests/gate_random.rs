//! Whatever PMs answer in whatever order: `complete` is reached only with the evidence for it, or by a person's force.

use proptest::prelude::*;
use proptest::sample::select;

use super::measured::{Met, complete_with};
use super::world::{World, go_on};
use crate::aggregate::{CriterionEdit, StatusChange};
use crate::assignment::Assignment;
use crate::evidence::{Citation, Tie, TreeState};
use crate::history::EventKind;
use crate::id::{AttemptId, FindingId, ReceiptId};
use crate::job::JobState;

const CHECKS: [&str; 2] = ["test", "lint"];
const TREES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Step {
    /// The next job ends with this tree and these results, whoever it is; a PM says this.
    End {
        tree: &'static str,
        results: Vec<(&'static str, bool)>,
        met: Vec<Met>,
        wrote: bool,
        says: Says,
    },
    Edit(CriterionEdit),
    Activate,
}

#[derive(Debug, Clone)]
enum Says {
    /// Which of all ids there ever were shows criterion 1, 2, …
    Complete(Vec<Option<prop::sample::Index>>),
    Insert(&'static str),
    Continue,
}

/// All that was ever measured, kept apart from what the aggregate makes of it.
#[derive(Default)]
struct Record {
    /// Receipt, check, tree, passed, in order.
    receipts: Vec<(ReceiptId, String, Option<TreeState>, bool)>,
    /// Finding, criterion, tree, citation.
    met: Vec<(FindingId, u32, Option<TreeState>, Citation)>,
    tree: Option<TreeState>,
}

fn step() -> impl Strategy<Value = Step> {
    let results = prop::collection::vec((select(&CHECKS[..]), prop::bool::weighted(0.75)), 0..3);
    let citation = select(vec![Citation::Holds, Citation::Holds, Citation::Wrong, Citation::None]);
    let met = (1u32..4, citation).prop_map(|(criterion, citation)| Met { criterion, citation });
    let met = prop::collection::vec(met, 0..3);
    let says = prop_oneof![
        5 => prop::collection::vec(prop::option::weighted(0.8, any::<prop::sample::Index>()), 0..4).prop_map(Says::Complete),
        2 => select(vec!["implement", "review"]).prop_map(Says::Insert),
        1 => Just(Says::Continue),
    ];
    let tree = prop_oneof![4 => Just(TREES[0]), 1 => select(&TREES[..])];
    prop_oneof![
        12 => (tree, results, met, prop::bool::weighted(0.3), says)
            .prop_map(|(tree, results, met, wrote, says)| Step::End { tree, results, met, wrote, says }),
        1 => (1u32..4).prop_map(|number| Step::Edit(CriterionEdit::Drop(number))),
        1 => select(vec!["x", "y"]).prop_map(|text| Step::Edit(CriterionEdit::Add(text.to_owned()))),
        1 => (1u32..4, select(vec!["p", "q"]))
            .prop_map(|(number, text)| Step::Edit(CriterionEdit::Reword(number, text.to_owned()))),
        1 => Just(Step::Activate),
    ]
}

/// The head of the list, taken.
fn claimed(world: &mut World) -> Option<AttemptId> {
    let is_head = |job: &&crate::job::Job| matches!(job.state(), JobState::Pending { head: true, .. });
    let head = world.aggregate.jobs().iter().find(is_head)?.id;
    world.claim_job(head).ok()
}

fn end(world: &mut World, record: &mut Record, step: &Step) {
    let Step::End { tree, results, met, wrote, says } = step else { return };
    let Some(attempt) = claimed(world) else { return };
    let job = world.aggregate.attempts().iter().find(|one| one.id == attempt).unwrap().job;
    let job_type = world.aggregate.jobs().iter().find(|one| one.id == job).unwrap().job_type.clone();
    let mut results = results.clone();
    results.sort();
    results.dedup_by_key(|(check, _)| *check);
    let mut evidence = world.measurement(attempt, tree, &results);
    if job_type.as_str() == "review" {
        evidence.findings = met.iter().map(|met| world.finding(attempt, *met)).collect();
    }
    let wrote = *wrote && !job_type.is_pm();
    evidence.checkpoint = Some(world.checkpoint(attempt, u32::from(wrote)));
    record.tree = evidence.tree.clone();
    for receipt in &evidence.receipts {
        record.receipts.push((receipt.id, receipt.check.clone(), receipt.tree.clone(), receipt.passed()));
    }
    for finding in evidence.findings.iter().filter(|_| !wrote) {
        record.met.push((finding.id, finding.criterion.unwrap(), evidence.tree.clone(), finding.citation));
    }
    let answer = job_type.is_pm().then(|| match says {
        Says::Complete(picks) => complete_with(&ties(record, picks)),
        Says::Insert(job_type) => Some(Ok(world.inserting(&[job_type]))),
        Says::Continue => Some(Ok(go_on())),
    });
    world.end_measured(attempt, answer.flatten(), evidence);
}

fn ties(record: &Record, picks: &[Option<prop::sample::Index>]) -> Vec<(u32, String)> {
    let mut ids: Vec<String> = record.receipts.iter().map(|(id, ..)| id.to_string()).collect();
    ids.extend(record.met.iter().map(|(id, ..)| id.to_string()));
    ids.push("nonsense".to_owned());
    let tie = |(place, pick): (usize, &Option<prop::sample::Index>)| {
        pick.map(|pick| (u32::try_from(place).unwrap() + 1, pick.get(&ids).clone()))
    };
    picks.iter().enumerate().filter_map(tie).collect()
}

/// Judged from the record alone.
fn check_is_shown(assignment: &Assignment, record: &Record) {
    for check in assignment.checks().iter().filter(|check| check.required) {
        let latest = record.receipts.iter().rfind(|(_, name, ..)| *name == check.name);
        let is_shown = latest.is_some_and(|(_, _, tree, passed)| *passed && *tree == record.tree);
        assert!(is_shown, "complete without `{}`", check.name);
    }
    for criterion in assignment.criteria() {
        let is_shown = match criterion.tie {
            None => false,
            Some(Tie::Receipt(tied)) => record
                .receipts
                .iter()
                .any(|(id, _, tree, passed)| *id == tied && *passed && *tree == record.tree),
            Some(Tie::Finding(tied)) => record.met.iter().any(|(id, number, tree, citation)| {
                *id == tied
                    && *number == criterion.number
                    && *citation == Citation::Holds
                    && *tree == record.tree
            }),
        };
        assert!(is_shown, "complete with criterion {} tied to {:?}", criterion.number, criterion.tie);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_answers_reaches_complete_without_the_evidence(
        checks in select(vec![&CHECKS[..], &CHECKS[..1], &[]]),
        accept in select(vec![&["one", "two"][..], &["one"], &[]]),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut world = World::with_proof(checks, accept);
        let mut record = Record::default();
        for step in &steps {
            let completed = world.count(EventKind::AssignmentCompleted);
            match step {
                Step::End { .. } => end(&mut world, &mut record, step),
                // One that makes no sense is refused, and has changed nothing.
                Step::Edit(edit) => {
                    drop(world.update(StatusChange::Criteria { edits: vec![edit.clone()] }));
                }
                Step::Activate => world.activate(),
            }
            if world.count(EventKind::AssignmentCompleted) > completed {
                check_is_shown(world.aggregate.assignment(), &record);
            }
        }
    }
}

#[test]
fn random_answers_do_reach_complete_so_that_the_property_says_something() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut completed, mut refused) = (0, 0);
    for _ in 0..300 {
        let mut world = World::with_proof(&CHECKS[..1], &["one"]);
        let mut record = Record::default();
        for _ in 0..30 {
            let step = step().new_tree(&mut runner).unwrap().current();
            end(&mut world, &mut record, &step);
        }
        completed += world.count(EventKind::AssignmentCompleted);
        refused += world.count(EventKind::CompletionRefused);
    }
    assert!(completed >= 20 && refused >= 100, "{completed} completed, {refused} refused");
}
