//! What must hold of an aggregate after every command, whatever came before.

use std::collections::{BTreeMap, BTreeSet};

use crate::aggregate::{Aggregate, Context, News, Rejection};
use crate::attempt::Attempt;
use crate::audit::Repair;
use crate::history::replay::{Told, replay};
use crate::history::{EventKind, HistoryEvent};
use crate::id::{AttemptId, JobId};
use crate::job::{Job, JobState, JobStatus};

/// Checks the aggregate as it was stored, against what it was before and against its whole history.
pub fn check(before: &Aggregate, after: &Aggregate, history: &[HistoryEvent]) {
    let line: Vec<&Job> = after.jobs.iter().filter(|job| !job.job_type.is_chat()).collect();
    something_is_left(after, &line);
    one_runs_or_may_run(after, &line);
    started_jobs_are_first(&line);
    running_jobs_have_one_attempt(after);
    sessions_stay_with_their_harness(before, after);
    only_what_is_open_is_paused(after);
    positions_grow(after);
    what_was_stays(before, after);
    history_tells_it_all(after, history);
    history_tells_every_attempt(after, history);
}

/// A rejected command has changed nothing at all.
pub fn check_unchanged(before: &Aggregate, after: &Aggregate, rejection: &Rejection) {
    assert_eq!(before.assignment, after.assignment, "changed by a command rejected with: {rejection}");
    assert_eq!(before.jobs, after.jobs, "changed by a command rejected with: {rejection}");
    assert_eq!(before.attempts, after.attempts, "changed by a command rejected with: {rejection}");
    assert!(after.events.is_empty(), "events of a command rejected with: {rejection}");
    assert!(after.cooldowns.is_empty(), "cool-downs of a command rejected with: {rejection}");
    assert!(after.contexts.is_empty(), "contexts of a command rejected with: {rejection}");
}

fn something_is_left(aggregate: &Aggregate, line: &[&Job]) {
    let is_open = line.iter().any(|job| !job.status().is_final());
    let assignment = &aggregate.assignment;
    if assignment.is_active() && !assignment.is_held() {
        assert!(is_open, "an active assignment has nothing left");
    }
    if assignment.is_held() {
        assert!(!is_open, "a held assignment has something to do");
    }
    if assignment.is_closed() {
        assert!(line.iter().all(|job| !job.is_pending()), "a closed assignment has a job that waits");
    }
}

fn one_runs_or_may_run(aggregate: &Aggregate, line: &[&Job]) {
    let running = line.iter().filter(|job| job.status() == JobStatus::Running).count();
    assert!(running <= 1, "{running} jobs of one line run");
    let heads: Vec<JobId> = line.iter().filter(|job| is_head(job)).map(|job| job.id).collect();
    let first_open = line.iter().find(|job| !job.status().is_final()).map(|job| job.id);
    let may_run = aggregate.assignment.is_active() && !aggregate.assignment.is_paused() && running == 0;
    assert_eq!(heads, first_open.filter(|_| may_run).into_iter().collect::<Vec<_>>(), "which may run");
    for question in aggregate.jobs.iter().filter(|job| job.job_type.is_chat()) {
        assert!(!question.is_pending() || is_head(question), "a question always may run");
    }
}

fn is_head(job: &Job) -> bool {
    matches!(job.state(), JobState::Pending { head: true, .. })
}

/// Cancelled jobs never ran, or no longer count: they may stand anywhere.
fn started_jobs_are_first(line: &[&Job]) {
    let is_past = |job: &&&Job| match job.status() {
        JobStatus::Running | JobStatus::Completed | JobStatus::Failed => true,
        JobStatus::Pending | JobStatus::Cancelled => false,
    };
    let past = line.iter().rposition(|job| is_past(&job));
    let pending = line.iter().position(|job| job.is_pending());
    if let (Some(past), Some(pending)) = (past, pending) {
        assert!(past < pending, "a job that waits stands before one that has run");
    }
}

fn running_jobs_have_one_attempt(aggregate: &Aggregate) {
    let of_jobs: Vec<_> =
        aggregate.jobs.iter().filter_map(|job| Some((job.running_attempt()?, job.id))).collect();
    let of_attempts: Vec<_> = aggregate.attempts.iter().map(|attempt| (attempt.id, attempt.job)).collect();
    let as_set = |pairs: &[_]| pairs.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(as_set(&of_jobs), as_set(&of_attempts), "running jobs and running attempts");
    assert_eq!(of_jobs.len(), of_attempts.len(), "running jobs and running attempts");
}

/// An attempt continues a session only if its own harness has it.
fn sessions_stay_with_their_harness(before: &Aggregate, after: &Aggregate) {
    let is_new = |attempt: &&Attempt| !before.attempts.iter().any(|one| one.id == attempt.id);
    for attempt in after.attempts.iter().filter(is_new) {
        let Some(resumed) = &attempt.resumes else { continue };
        let job = before.jobs.iter().find(|job| job.id == attempt.job).expect("it was there before");
        let session = job.progress.resume.as_ref().expect("a session to continue");
        assert_eq!((&session.id, &session.harness), (resumed, &attempt.harness), "whose session it is");
    }
}

fn only_what_is_open_is_paused(aggregate: &Aggregate) {
    let assignment = &aggregate.assignment;
    assert!(!(assignment.is_paused() && assignment.is_closed()), "a closed assignment is paused");
    for attempt in &aggregate.attempts {
        let is_wanted = !attempt.pause_requested || attempt.cancel_requested || assignment.is_paused();
        assert!(is_wanted, "an attempt is to be paused, and its assignment is not");
    }
}

fn positions_grow(aggregate: &Aggregate) {
    let grows = aggregate.jobs.windows(2).all(|pair| pair[0].position < pair[1].position);
    assert!(grows, "positions must keep the order");
}

/// No job is lost, none changes its place among the others, and what has ended has ended.
fn what_was_stays(before: &Aggregate, after: &Aggregate) {
    let mut later = after.jobs.iter();
    for job in &before.jobs {
        let now = later.find(|one| one.id == job.id).expect("a job is lost or has changed its place");
        if job.status().is_final() {
            assert_eq!(job.progress, now.progress, "a finished job has changed");
        }
        assert!(now.progress.attempts >= job.progress.attempts, "an attempt is forgotten");
    }
}

/// The history alone gives the same statuses, and lacks nothing.
fn history_tells_it_all(aggregate: &Aggregate, history: &[HistoryEvent]) {
    let told = replay(history);
    let jobs = aggregate.jobs.iter().map(|job| (job.id, job.status())).collect();
    let status = Some(aggregate.assignment.status());
    assert_eq!(told, Told { is_whole: true, status, jobs, gaps: Vec::new() }, "what the history tells");
    let ends = |paused: bool, kind| kind == EventKind::AssignmentPaused || (paused && !ends_a_pause(kind));
    let paused = history.iter().fold(false, |paused, event| ends(paused, event.kind));
    assert_eq!(paused, aggregate.assignment.is_paused(), "whether it is paused by its history");
}

/// A repair finds nothing to do in what commands have made.
pub fn check_repair_changes_nothing(aggregate: &Aggregate, ctx: &Context<'_>) {
    let mut repaired = aggregate.clone();
    repaired.repair(&Repair::default(), ctx);
    assert_eq!(repaired.assignment, aggregate.assignment);
    assert_eq!(repaired.jobs, aggregate.jobs);
    assert_eq!(repaired.attempts, aggregate.attempts);
    assert_eq!(repaired.take_news(), News::default());
}

fn ends_a_pause(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::AssignmentResumed | EventKind::AssignmentCompleted | EventKind::AssignmentCancelled
    )
}

/// An attempt begins once and ends once; what has begun and not ended is what runs.
fn history_tells_every_attempt(aggregate: &Aggregate, history: &[HistoryEvent]) {
    let mut begun: BTreeMap<JobId, u32> = BTreeMap::new();
    let mut running: BTreeSet<AttemptId> = BTreeSet::new();
    let mut ended: BTreeSet<AttemptId> = BTreeSet::new();
    for event in history {
        let (Some(job), Some(attempt)) = (event.job, event.attempt) else { continue };
        if event.kind == EventKind::JobStarted {
            *begun.entry(job).or_default() += 1;
            assert!(running.insert(attempt), "an attempt has begun twice");
        }
        if event.kind == EventKind::AttemptEnded {
            assert!(running.remove(&attempt), "an attempt has ended that did not run");
            assert!(ended.insert(attempt), "an attempt has ended twice");
        }
    }
    let real: BTreeSet<AttemptId> = aggregate.attempts.iter().map(|attempt| attempt.id).collect();
    assert_eq!(running, real, "the running attempts by their history");
    for job in &aggregate.jobs {
        let count = begun.get(&job.id).copied().unwrap_or_default();
        assert_eq!(count, job.progress.attempts, "the attempts of a job by its history");
    }
}
