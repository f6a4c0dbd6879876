//! Work that comes to nothing new: the PM is told, then a person.

use super::measured::Met;
use super::world::World;
use crate::aggregate::{REPEATS_MOST, REPEATS_TOLD};
use crate::evidence::{Citation, Finding, Severity};
use crate::history::EventKind;

/// The next job ends well, has changed so many files, and the check came to this.
fn works(world: &mut World, files: u32, tree: &str, passed: bool) {
    let attempt = world.claim();
    let mut evidence = world.measurement(attempt, tree, &[("test", passed)]);
    evidence.checkpoint = Some(world.checkpoint(attempt, files));
    world.end_measured(attempt, None, evidence);
}

/// The next job is a review that finds something in these files.
fn finds(world: &mut World, files: &[&str]) {
    let attempt = world.claim();
    let mut evidence = world.measurement(attempt, "a", &[]);
    let found = |file: &&str| Finding {
        severity: Severity::Major,
        file: Some((*file).to_owned()),
        criterion: None,
        ..world.finding(attempt, Met { criterion: 0, citation: Citation::Holds })
    };
    evidence.findings = files.iter().map(found).collect();
    world.end_measured(attempt, None, evidence);
}

fn then(world: &mut World, job_type: &str) {
    let decision = world.inserting(&[job_type]);
    world.pm_answers(Ok(decision));
}

fn repeats(world: &World) -> u32 {
    world.aggregate.assignment().standing().repeats
}

#[test]
fn jobs_that_change_nothing_are_counted_and_at_last_block() {
    let mut world = World::with_proof(&["test"], &[]);
    works(&mut world, 3, "a", false);
    for expected in 1..=REPEATS_MOST {
        assert_eq!(world.status(), "active");
        then(&mut world, "fix");
        works(&mut world, 0, "a", false);
        if expected < REPEATS_MOST {
            assert_eq!(repeats(&world), expected);
        }
    }
    let said = format!(
        "blocked: no progress: {REPEATS_MOST} jobs in a row have changed nothing, have made again what was there before, \
         or have only found again what was found"
    );
    assert_eq!(world.status(), said);
    let told = world.count(EventKind::NothingGained);
    assert_eq!(u32::try_from(told).unwrap(), REPEATS_MOST);
    const { assert!(REPEATS_TOLD < REPEATS_MOST, "the PM is told before a person is needed") };
    world.activate();
    assert_eq!((world.status().as_str(), repeats(&world)), ("active", 0), "it has as many new chances");
}

#[test]
fn a_change_or_another_result_of_a_check_is_progress() {
    let mut world = World::with_proof(&["test"], &[]);
    works(&mut world, 3, "a", false);
    then(&mut world, "fix");
    works(&mut world, 0, "a", false);
    assert_eq!(repeats(&world), 1);
    then(&mut world, "fix");
    works(&mut world, 1, "b", false);
    assert_eq!(repeats(&world), 0);
    then(&mut world, "fix");
    works(&mut world, 0, "b", true);
    assert_eq!(repeats(&world), 0, "what failed passes now");
}

/// The next job changes a file, which makes the tree this.
fn makes(world: &mut World, content: &str) {
    let attempt = world.claim();
    // Each commit is another one, whatever is in it.
    let mut evidence = world.measurement(attempt, &attempt.to_string(), &[("test", false)]);
    evidence.checkpoint = Some(world.checkpoint(attempt, 1));
    evidence.content = Some(content.to_owned());
    world.end_measured(attempt, None, evidence);
}

#[test]
fn work_that_goes_to_and_fro_is_counted_and_at_last_blocks() {
    let mut world = World::with_proof(&["test"], &[]);
    for (content, expected) in [("a", 0), ("b", 0), ("a", 1), ("b", 2), ("a", 3)] {
        makes(&mut world, content);
        assert_eq!(repeats(&world), expected, "{content}");
        then(&mut world, "fix");
    }
    makes(&mut world, "b");
    assert!(world.status().starts_with("blocked: no progress: 4 jobs in a row"), "{}", world.status());
}

#[test]
fn new_work_after_a_step_back_is_progress_and_only_the_last_few_trees_are_remembered() {
    let mut world = World::with_proof(&["test"], &[]);
    for (content, expected) in [("a", 0), ("b", 0), ("a", 1), ("c", 0)] {
        makes(&mut world, content);
        assert_eq!(repeats(&world), expected, "{content}");
        then(&mut world, "fix");
    }
    for number in 0..8 {
        makes(&mut world, &number.to_string());
        then(&mut world, "fix");
    }
    makes(&mut world, "b");
    assert_eq!(repeats(&world), 0, "that was long ago");
    assert_eq!(world.aggregate.assignment().standing().seen.len(), 8);
}

#[test]
fn reviews_that_only_repeat_findings_are_counted() {
    let mut world = World::with_proof(&[], &[]);
    works(&mut world, 3, "a", true);
    for (files, expected) in
        [(&["a.rs", "b.rs"][..], 0), (&["b.rs", "a.rs"], 1), (&["a.rs", "b.rs"], 2), (&["c.rs"], 0)]
    {
        then(&mut world, "review");
        finds(&mut world, files);
        assert_eq!(repeats(&world), expected, "{files:?}");
    }
}
