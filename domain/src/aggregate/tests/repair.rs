//! What can't be, as a damaged store would have it: each is found, named, mended, and then found no more.

use super::world::{World, context};
use crate::aggregate::{Aggregate, StatusChange};
use crate::assignment::{Assignment, AssignmentOrigin, AssignmentProgress, AssignmentState};
use crate::attempt::Attempt;
use crate::audit::{Audit, Dossier, FindingKind, Repair, audit};
use crate::history::EventKind;
use crate::id::AttemptId;
use crate::job::{JobProgress, JobState};
use crate::store::AttemptRecord;
use crate::timestamp::Timestamp;

fn record(attempt: &Attempt) -> AttemptRecord {
    AttemptRecord {
        id: attempt.id,
        job: attempt.job,
        number: attempt.number,
        runner: attempt.runner,
        harness: attempt.harness.clone(),
        started_at: attempt.started_at,
        ended_at: None,
        outcome: None,
        message: None,
        exit_code: None,
        signal: None,
        session_id: None,
        resumes: None,
        model: None,
        cli_version: None,
        usage: None,
        cost: None,
        cost_source: None,
        tool_calls: 0,
        last_activity: None,
        unknown_lines: 0,
        bad_lines: 0,
        cancel_requested: false,
        pause_requested: false,
    }
}

fn looked_at(world: &World) -> Audit {
    audit(&Dossier {
        assignment: world.aggregate.assignment.clone(),
        jobs: world.aggregate.jobs.clone(),
        attempts: world.aggregate.attempts.iter().map(record).collect(),
        events: world.events.clone(),
        waits: false,
    })
}

fn kinds(found: &Audit) -> Vec<FindingKind> {
    found.findings.iter().map(|finding| finding.kind).collect()
}

/// A list of a finished, a running and two waiting jobs.
fn sound() -> World {
    let mut world = World::with_first("implement");
    world.insert("review", crate::decision::Place::End).unwrap();
    world.work();
    world.claim();
    assert_eq!(kinds(&looked_at(&world)), []);
    world
}

fn set_job(world: &mut World, index: usize, change: impl FnOnce(&mut JobProgress)) {
    change(&mut world.aggregate.jobs[index].progress);
}

fn set_state(world: &mut World, state: AssignmentState) {
    let old = &world.aggregate.assignment;
    let origin = AssignmentOrigin {
        worktree: None,
        id: old.id,
        namespace: old.namespace.clone(),
        north_star: old.north_star.clone(),
        director: old.director,
        workspace: old.workspace.clone(),
        max_jobs: old.max_jobs,
        is_run: old.is_run,
        priority: old.priority,
        created_at: old.created_at,
    };
    let progress = AssignmentProgress {
        state,
        paused: false,
        note: None,
        proof: Default::default(),
        budget: Default::default(),
        updated_at: old.updated_at(),
    };
    world.aggregate.assignment = Assignment::restore(origin, progress);
}

/// The damage is found as this; after a repair nothing is found, and the list is this.
fn check(damage: impl FnOnce(&mut World), found: &[FindingKind], list: &[&str]) {
    let mut world = sound();
    damage(&mut world);
    let before = looked_at(&world);
    assert_eq!(kinds(&before), found);
    mend(&mut world, &before.repair);
    assert_eq!(looked_at(&world), Audit::default(), "after the repair");
    assert_eq!(world.list(), list);
    let mut again = world.aggregate.clone();
    again.repair(&before.repair, &context(world.now, &world.ids));
    assert_eq!((&again.assignment, &again.jobs), (&world.aggregate.assignment, &world.aggregate.jobs));
}

/// Repairs and "stores", past the check that the history is whole: some of these are cut.
fn mend(world: &mut World, repair: &Repair) {
    world.aggregate.repair(repair, &context(world.now, &world.ids));
    let events = world.aggregate.take_news().events;
    world.events.extend(events);
    let Aggregate { assignment, jobs, attempts, .. } = world.aggregate.clone();
    let running = attempts.into_iter().filter(|one| one.end.is_none()).collect();
    world.aggregate = Aggregate::restore(assignment, jobs, running);
}

const SOUND: [&str; 3] = ["implement completed", "pm running", "review pending"];

#[test]
fn a_job_that_nothing_does_is_tried_again() {
    let end = |world: &mut World| world.aggregate.attempts.clear();
    let list = ["implement completed", "pm pending*", "review pending"];
    check(end, &[FindingKind::RunningWithoutAttempt], &list);
}

#[test]
fn an_attempt_that_its_job_does_not_know_is_ended_and_the_job_tried_again() {
    let other = AttemptId::new(uuid::Uuid::from_u128(77));
    let list = ["implement completed", "pm pending*", "review pending"];
    check(
        |world| set_job(world, 1, |job| job.state = JobState::Running { attempt: other }),
        &[FindingKind::RunningWithoutAttempt, FindingKind::AttemptWithoutJob],
        &list,
    );
}

#[test]
fn heads_are_marked_anew() {
    let head = |world: &mut World| {
        let state = JobState::Pending { ready_at: Timestamp::from_millis(0), head: true };
        set_job(world, 2, |job| job.state = state);
    };
    check(head, &[FindingKind::WrongHead], &SOUND);
}

#[test]
fn an_active_assignment_with_nothing_left_asks_its_director() {
    let take_away = |world: &mut World| {
        world.aggregate.jobs.truncate(1);
        world.aggregate.attempts.clear();
        let first = world.aggregate.jobs[0].id;
        world.events.retain(|event| event.job.is_none_or(|job| job == first));
    };
    check(take_away, &[FindingKind::NothingNext], &["implement completed", "pm pending*"]);
}

#[test]
fn a_held_assignment_with_work_goes_on_and_a_closed_one_gives_its_work_up() {
    check(
        |world| set_state(world, AssignmentState::Active { held: true }),
        &[FindingKind::HeldWithWork],
        &SOUND,
    );
    check(
        |world| set_state(world, AssignmentState::Complete { reason: None }),
        &[FindingKind::ClosedWithWork, FindingKind::HistoryDiffers],
        &["implement completed", "pm running", "review cancelled"],
    );
}

#[test]
fn attempts_are_counted_and_places_numbered_again() {
    check(|world| set_job(world, 1, |job| job.attempts = 0), &[FindingKind::Miscounted], &SOUND);
    let same = |world: &mut World| world.aggregate.jobs[2].position = world.aggregate.jobs[1].position;
    check(same, &[FindingKind::OutOfOrder], &SOUND);
}

#[test]
fn a_history_that_lacks_an_event_is_told_how_things_stand() {
    let lose = |kind: EventKind| {
        move |world: &mut World| {
            let place = world.events.iter().position(|event| event.kind == kind).unwrap();
            world.events.remove(place);
        }
    };
    check(lose(EventKind::JobStarted), &[FindingKind::HistoryGap], &SOUND);
    check(lose(EventKind::AttemptEnded), &[FindingKind::HistoryGap], &SOUND);
    check(lose(EventKind::JobCompleted), &[FindingKind::HistoryDiffers], &SOUND);
    check(lose(EventKind::AssignmentCreated), &[FindingKind::HistoryDiffers], &SOUND);
    let all = |world: &mut World| world.events.clear();
    let found = [FindingKind::HistoryDiffers; 3];
    check(all, &found, &SOUND);
}

#[test]
fn checks_and_criteria_that_something_else_has_changed_are_found() {
    let world = || World::with_proof(&["make test", "make lint"], &["It works.", "It is fast."]);
    assert_eq!(looked_at(&world()), Audit::default());
    let check = |spoil: &dyn Fn(&mut crate::assignment::Proof), expected: &[&str]| {
        let mut world = world();
        spoil(&mut world.aggregate.assignment.proof);
        let audit = looked_at(&world);
        let said: Vec<_> = audit.findings.iter().map(|one| (one.kind, one.detail.as_str())).collect();
        let expected: Vec<_> = expected.iter().map(|said| (FindingKind::ProofDiffers, *said)).collect();
        assert_eq!((said, audit.is_mendable()), (expected, false));
    };
    let gone = |what: &str| format!("{what} of the history is not there any more");
    let all = ["the check `make lint`", "the check `make test`", "criterion 1", "criterion 2"].map(gone);
    check(&|proof| *proof = Default::default(), &all.each_ref().map(String::as_str));
    check(
        &|proof| proof.checks[1].required = false,
        &["the check `make lint` is another one by the history"],
    );
    check(
        &|proof| proof.checks[0].command = "true".to_owned(),
        &["the check `make test` is another one by the history"],
    );
    check(
        &|proof| proof.criteria[1].text = "Never mind.".to_owned(),
        &["criterion 2 says something else by the history"],
    );
}

#[test]
fn a_decision_that_the_history_does_not_tell_is_missed() {
    let mut world = World::with_first("implement");
    world.work();
    world.pm_answers(Ok(super::world::complete()));
    assert_eq!(looked_at(&world), Audit::default());
    world.events.retain(|event| event.kind != EventKind::DecisionApplied);
    let found: Vec<FindingKind> = looked_at(&world).findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(found, [FindingKind::HistoryGap]);
}

#[test]
fn a_closed_assignment_whose_history_retention_has_deleted_is_sound_also_when_it_goes_on() {
    let mut world = World::with_first("implement");
    world.work();
    world.pm_answers(Ok(super::world::complete()));
    world.events.clear();
    assert_eq!(looked_at(&world), Audit::default());
    assert!(world.aggregate.jobs.iter().all(|job| job.status().is_final()));
    let go_on = StatusChange::Active { note: None, max_jobs: None, limits: Vec::new() };
    world.aggregate.update(go_on, &context(world.now, &world.ids)).unwrap();
    let events = world.aggregate.take_news().events;
    world.events.extend(events);
    assert_eq!(world.list(), ["implement completed", "pm completed", "pm pending*"]);
    assert_eq!(looked_at(&world), Audit::default());
}

#[test]
fn an_end_that_is_not_known_and_two_jobs_that_run_are_left_to_a_person() {
    let mut world = sound();
    set_job(&mut world, 0, |job| job.outcome = None);
    let found = looked_at(&world);
    assert_eq!(kinds(&found), [FindingKind::NoOutcome]);
    assert!(!found.is_mendable());
    let mut world = sound();
    let attempt = AttemptId::new(uuid::Uuid::from_u128(77));
    let mut second = world.aggregate.attempts[0].clone();
    (second.id, second.job) = (attempt, world.aggregate.jobs[2].id);
    world.aggregate.attempts.push(second);
    set_job(&mut world, 2, |job| {
        job.state = JobState::Running { attempt };
        job.attempts = 1;
    });
    let found = kinds(&looked_at(&world));
    assert_eq!(found, [FindingKind::SeveralRunning, FindingKind::HistoryDiffers]);
}

#[test]
fn every_kind_of_finding_has_a_name_of_its_own_a_meaning_and_a_way_out() {
    let names: std::collections::BTreeSet<&str> =
        FindingKind::ALL.into_iter().map(FindingKind::as_str).collect();
    assert_eq!(names.len(), FindingKind::ALL.len());
    for kind in FindingKind::ALL {
        assert!(!kind.meaning().is_empty() && !kind.advice().is_empty(), "{}", kind.as_str());
        let is_repaired = kind.advice() == "agents doctor --repair";
        assert_eq!(kind.mending().is_some(), is_repaired, "{}", kind.as_str());
    }
}
