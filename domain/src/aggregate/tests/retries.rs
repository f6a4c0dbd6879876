//! Ends that are not the job's own fault.

use std::time::Duration;

use super::world::{World, session};
use crate::attempt::{AttemptProgress, AttemptReport};
use crate::cooldown::Cooldown;
use crate::fallback::Fallbacks;
use crate::history::EventKind;
use crate::outcome::{Outcome, OutcomeClass};

#[test]
fn what_only_a_person_can_mend_blocks_with_the_fix_and_the_job_runs_after_it() {
    let mut world = World::with_first("implement");
    let attempt = world.claim();
    let outcome = Outcome::failure(OutcomeClass::Auth, "not logged in").with_fix("run `claude /login`");
    world.finish(attempt, outcome, None).unwrap();
    assert_eq!(
        world.status(),
        "blocked: not logged in (auth). To mend it: run `claude /login`; then: agents update-assignment 00000001 --status active"
    );
    assert_eq!(world.list(), ["implement pending"]);
    world.activate();
    assert_eq!(world.list(), ["implement pending*"]);
    world.work();
    assert_eq!(world.list(), ["implement completed", "pm pending*"]);
}

#[test]
fn a_limit_cools_its_harness_down_and_holds_up_the_line_and_counts_as_no_try() {
    let mut world = World::with_first("implement");
    world.insert("review", crate::decision::Place::End).unwrap();
    let attempt = world.claim();
    let over = world.now.after(Duration::from_secs(3600));
    let outcome = Outcome::failure(OutcomeClass::UsageLimit, "5 hours").with_reset(Some(over));
    world.finish(attempt, outcome, None).unwrap();
    let cooldown = Cooldown {
        harness: "claude".to_owned(),
        until: over.after(Duration::from_secs(5)),
        since: world.now,
        class: OutcomeClass::UsageLimit,
        reason: "5 hours".to_owned(),
        attempt,
    };
    assert_eq!(world.cooldowns, [cooldown]);
    assert_eq!(world.list(), ["implement pending*", "review pending"]);
    let parked = world.aggregate.jobs()[0].id;
    world.later(3604);
    assert!(world.claim_job(parked).is_err(), "not before its harness has cooled down");
    world.later(1);
    let progress = world.aggregate.jobs()[0].progress();
    assert_eq!((progress.attempts, progress.tries), (1, 0), "a limit counts as no try");
    assert_eq!(progress.resume, Some(session()));
    world.work();
    assert_eq!(world.aggregate.jobs()[0].progress().attempts, 2);
}

#[test]
fn every_limit_is_everybodys_also_that_of_a_question_or_of_an_attempt_that_was_to_be_cancelled() {
    let limit = || Outcome::failure(OutcomeClass::RateLimit, "429");
    let mut world = World::with_first("implement");
    let question = world.ask();
    world.finish(question, limit(), None).unwrap();
    assert_eq!((world.cooldowns.len(), world.count(EventKind::HarnessCooledDown)), (1, 1));
    let mut world = World::with_first("implement");
    let attempt = world.claim();
    world.update(crate::aggregate::StatusChange::Cancelled { reason: None }).unwrap();
    world.finish(attempt, limit(), None).unwrap();
    assert_eq!((world.cooldowns.len(), world.list()), (1, vec!["implement cancelled".to_owned()]));
    let mut world = World::with_first("implement");
    world.work_ends(OutcomeClass::Overloaded);
    assert_eq!(world.cooldowns, []);
}

#[test]
fn a_fallback_does_the_job_meanwhile_and_continues_no_session_but_its_own() {
    let pairs = [("claude".to_owned(), "codex".to_owned())];
    let mut world = World::with_first("implement");
    world.fallbacks = Fallbacks::new(pairs.into()).unwrap();
    let latest = |world: &World| {
        let attempt = &world.aggregate.attempts()[0];
        (attempt.harness.clone(), attempt.resumes.clone())
    };
    world.work_ends(OutcomeClass::UsageLimit);
    let attempt = world.claim();
    assert_eq!(latest(&world), ("codex".to_owned(), None), "the session is claude's");
    let started = world.events.iter().rfind(|event| event.kind == EventKind::JobStarted).unwrap();
    assert_eq!((started.detail("harness"), started.detail("insteadOf")), (Some("codex"), Some("claude")));
    assert_eq!(world.aggregate.jobs()[0].harness, "claude", "what was asked for stays");
    world.finish(attempt, Outcome::failure(OutcomeClass::Stopped, "stopped"), None).unwrap();
    let attempt = world.claim();
    assert_eq!(latest(&world), ("codex".to_owned(), Some("session".to_owned())));
    world.finish(attempt, Outcome::failure(OutcomeClass::Stopped, "stopped"), None).unwrap();
    world.later(15 * 60);
    world.claim();
    assert_eq!(latest(&world), ("claude".to_owned(), None), "the session is codex's");
    let started = world.events.iter().rfind(|event| event.kind == EventKind::JobStarted).unwrap();
    assert_eq!(started.detail("insteadOf"), None);
}

#[test]
fn trouble_at_the_provider_is_tried_again_and_then_the_pm_decides() {
    let mut world = World::with_first("implement");
    for _ in 0..4 {
        world.work_ends(OutcomeClass::Overloaded);
        world.later(600);
    }
    assert_eq!(world.list(), ["implement failed", "pm pending*"]);
    assert_eq!((world.count(EventKind::JobStarted), world.count(EventKind::JobRetried)), (4, 3));
}

#[test]
fn an_attempt_that_the_runner_stopped_counts_as_no_try() {
    let mut world = World::with_first("implement");
    for _ in 0..10 {
        world.work_ends(OutcomeClass::Stopped);
    }
    assert_eq!(world.list(), ["implement pending*"]);
    assert_eq!(world.aggregate.jobs()[0].progress().tries, 0);
}

#[test]
fn an_attempt_continues_the_session_only_where_that_helps() {
    for (class, resumes) in [(OutcomeClass::Stopped, Some("session")), (OutcomeClass::ContextOverflow, None)]
    {
        let mut world = World::with_first("implement");
        world.work_ends(class);
        world.claim();
        let attempt = &world.aggregate.attempts()[0];
        assert_eq!((attempt.number, attempt.resumes.as_deref()), (2, resumes), "{class}");
    }
}

#[test]
fn a_blocked_assignment_keeps_its_reason_when_a_job_meets_trouble() {
    let mut world = World::with_first("implement");
    let attempt = world.claim();
    let wait = crate::aggregate::StatusChange::Blocked { reason: "wait".to_owned() };
    world.update(wait).unwrap();
    world.finish(attempt, Outcome::failure(OutcomeClass::Auth, "not logged in"), None).unwrap();
    assert_eq!(
        (world.list(), world.status().as_str()),
        (vec!["implement pending".to_owned()], "blocked: wait")
    );
}

#[test]
fn an_attempt_that_never_ran_leaves_the_session_that_it_was_to_continue() {
    let mut world = World::with_first("implement");
    world.work_ends(OutcomeClass::Stopped);
    let attempt = world.claim();
    let report = AttemptReport {
        attempt,
        outcome: Outcome::failure(OutcomeClass::Stopped, "its harness cools down"),
        process: None,
        progress: AttemptProgress::default(),
        answer: None,
        unknown_lines: 0,
        bad_lines: 0,
        killed: None,
        evidence: Default::default(),
        output: None,
    };
    world.command(|aggregate, ctx| aggregate.finish(report, ctx)).unwrap();
    assert_eq!(world.aggregate.jobs()[0].progress().resume, Some(session()));
}
