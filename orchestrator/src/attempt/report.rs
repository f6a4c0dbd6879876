//! What a runner reports of an attempt that has ended: from the word of its keeper, and from its stream.

use std::io;
use std::time::Duration;

use agents_domain::attempt::{AttemptProgress, AttemptReport};
use agents_domain::harness::StreamEnd;
use agents_domain::id::AttemptId;
use agents_domain::invocation::Invocation;
use agents_domain::limits::{Reached, Scope};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::Claimed;
use agents_domain::usage::{MicroUsd, TokenUsage};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::prepare::Rules;
use super::supervise::Ended;
use super::{Surroundings, meter};
use crate::process::keeper::exit::{EndReason, Exit, NotStarted};
use crate::process::keeper::mark;
use crate::process::{SpawnError, refused};
use crate::review;

/// To read so much may take long, in bytes. To go aside for less takes longer than to read it.
const ASIDE_FROM: u64 = 1 << 20;

/// The report of an attempt of which nothing lives any more.
pub(super) fn report(
    claimed: &Claimed,
    around: &Surroundings,
    (rules, invocation): (&Rules, Option<&Invocation>),
    ended: Ended,
) -> AttemptReport {
    let Ended { exit, observer, asked, passed } = ended;
    let end = StreamEnd { process: exit.process(), stderr_tail: "", at: around.clock.now() };
    let (summary, progress) = match observer.unread() {
        ..ASIDE_FROM => observer.finish(&end),
        ASIDE_FROM.. => aside(|| observer.finish(&end)),
    };
    let never_ran = exit.not_started.is_some() || has_not_begun(&exit, invocation, rules);
    let progress = if never_ran { nothing_used() } else { progress };
    let reason = exit.reason.or(asked.filter(|_| exit.is_unknown));
    let outcome = match (reason, &exit.not_started) {
        (Some(EndReason::Timeout), _) if slept_for_a_limit(&summary.outcome, rules, around) => {
            summary.outcome.clone()
        }
        // What made it hopeless is what it came to.
        (Some(EndReason::Hopeless), _) => summary.outcome.clone(),
        (Some(EndReason::OverBudget), _) => over_budget(passed.as_ref(), claimed, &progress),
        (Some(reason), _) => ended_early(reason, rules, progress.last_activity.as_deref()),
        (None, Some(not_started)) => not_run(not_started, invocation, rules),
        (None, None) if never_ran => Outcome::failure(
            OutcomeClass::HostTrouble,
            "its keeper could not begin: is there room on the disk, and are there free processes?",
        ),
        (None, None) if exit.is_unknown => {
            Outcome::failure(OutcomeClass::Lost, "its keeper was killed, so nobody knows how it ended")
        }
        (None, None) if summary.outcome.class == OutcomeClass::BudgetLimit => {
            match meter::passed_by_the_cli(claimed, progress.cost) {
                Some(reached) => over_budget(Some(&reached), claimed, &progress),
                None => summary.outcome.clone(),
            }
        }
        (None, None) => summary.outcome.clone(),
    };
    let answer = (claimed.job.job_type.is_pm() && outcome.is_success()).then(|| {
        let text = summary.structured.as_deref().unwrap_or(&outcome.text);
        review::read(text, &rules.allowed, &*around.ids)
    });
    AttemptReport {
        attempt: claimed.attempt.id,
        outcome,
        process: Some(exit.process()),
        progress,
        answer,
        unknown_lines: summary.unknown_lines,
        bad_lines: summary.bad_lines,
        killed: killed(&exit),
        evidence: Default::default(),
        output: None,
    }
}

/// Does what may take long where it keeps nobody else of this process: an agent may have printed a gigabyte that nobody has read.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

/// Whether the keeper that we have started has not even written down who it is.
fn has_not_begun(exit: &Exit, invocation: Option<&Invocation>, rules: &Rules) -> bool {
    exit.is_unknown && invocation.is_some() && mark::read(&rules.files.lock()).is_none()
}

fn ended_early(reason: EndReason, rules: &Rules, last_activity: Option<&str>) -> Outcome {
    let last = last_activity.unwrap_or("nothing that is known");
    let seconds = |time: Duration| time.as_secs_f64();
    let (class, text) = match reason {
        EndReason::Cancelled => (OutcomeClass::Cancelled, "it was cancelled".to_owned()),
        EndReason::Paused => (OutcomeClass::Stopped, "its assignment was paused while it ran".to_owned()),
        EndReason::Shutdown => (OutcomeClass::Stopped, "the runner was stopped while it ran".to_owned()),
        EndReason::Terminated => {
            (OutcomeClass::Stopped, "its keeper was told to end, as when the machine shuts down".to_owned())
        }
        EndReason::LeaseLost => (OutcomeClass::Lost, "another runner owns the job now".to_owned()),
        EndReason::LeaseOver => (
            OutcomeClass::Lost,
            "no runner was left to watch over it, so its keeper ended it when the lease was over".to_owned(),
        ),
        EndReason::Timeout => (
            OutcomeClass::Timeout,
            format!("its {} s were up; the last it did: {last}", seconds(rules.timeouts.whole)),
        ),
        EndReason::StartTimeout => (
            OutcomeClass::StartTimeout,
            format!("nothing came from it in its first {} s", seconds(rules.timeouts.start)),
        ),
        EndReason::SilenceTimeout => (
            OutcomeClass::SilenceTimeout,
            format!(
                "nothing came from it for {} s, and nothing that it had started was at work; the last it did: {last}",
                seconds(rules.timeouts.silence)
            ),
        ),
        EndReason::OutputOverflow => (
            OutcomeClass::OutputOverflow,
            format!("it printed more than an attempt may (`maxOutputBytes`); the last it did: {last}"),
        ),
        EndReason::OverBudget => {
            (OutcomeClass::OverLimit, format!("it was past a limit; the last it did: {last}"))
        }
        EndReason::Hopeless => {
            (OutcomeClass::Unclassified, "to wait for it any longer was hopeless".to_owned())
        }
    };
    Outcome::failure(class, text)
}

/// It was ended at a limit. What has spent the day can go on when the next one has come.
fn over_budget(passed: Option<&Reached>, claimed: &Claimed, progress: &AttemptProgress) -> Outcome {
    let last = progress.last_activity.as_deref().unwrap_or("nothing that is known");
    let what = passed.map_or_else(|| "a limit is reached".to_owned(), ToString::to_string);
    let text = format!("{what}; the last it did: {last}");
    match passed {
        Some(reached) if reached.scope == Scope::Day => Outcome::failure(OutcomeClass::Stopped, text),
        Some(reached) => Outcome::failure(OutcomeClass::OverLimit, text)
            .with_fix(reached.raise(&claimed.assignment.id.short())),
        None => Outcome::failure(OutcomeClass::OverLimit, text),
    }
}

/// What had to be ended besides the agent itself, in words.
fn killed(exit: &Exit) -> Option<String> {
    let named = |list: &[crate::process::keeper::exit::Ended]| {
        let names: Vec<String> = list.iter().map(|one| format!("{} ({})", one.name, one.pid)).collect();
        names.join(", ")
    };
    let mut words = named(&exit.ended);
    if exit.ended_count > exit.ended.len() {
        words.push_str(&format!(" and {} more", exit.ended_count - exit.ended.len()));
    }
    if !exit.survivors.is_empty() {
        words.push_str(&format!("; the kernel did not end: {}", named(&exit.survivors)));
    }
    (!words.is_empty()).then_some(words)
}

/// Whether the CLI was waiting, all the time it had, for the end of a limit. One that it named a shorter wait for was
/// over before, and the agent has worked since.
fn slept_for_a_limit(told: &Outcome, rules: &Rules, around: &Surroundings) -> bool {
    let now = around.clock.now();
    told.class == OutcomeClass::UsageLimit
        && told.resets_at.is_some_and(|reset| reset.since(now) >= rules.timeouts.whole)
}

fn not_run(not_started: &NotStarted, invocation: Option<&Invocation>, rules: &Rules) -> Outcome {
    let error = io::Error::from_raw_os_error(not_started.errno);
    match invocation {
        Some(invocation) => self::not_started(&refused(invocation, &error), rules),
        None => Outcome::failure(OutcomeClass::CliRejected, format!("its program can't be run: {error}")),
    }
}

/// The outcome of an attempt whose agent could not be started.
pub(super) fn not_started(error: &SpawnError, rules: &Rules) -> Outcome {
    match error {
        SpawnError::Missing { program: _ } => {
            Outcome::failure(OutcomeClass::CliMissing, error.to_string()).with_fix(&rules.install)
        }
        SpawnError::NotRunnable { program, .. } => {
            let fix = format!("chmod +x \"$(command -v '{program}')\", or {}", rules.install);
            Outcome::failure(OutcomeClass::CliRejected, error.to_string()).with_fix(fix)
        }
        SpawnError::Revoked => Outcome::failure(OutcomeClass::Lost, error.to_string()),
        SpawnError::Files { .. } | SpawnError::Refused { .. } => {
            Outcome::failure(OutcomeClass::HostTrouble, error.to_string())
        }
    }
}

/// The outcome of an attempt whose files can't be read.
pub(super) fn no_files(rules: &Rules, error: &io::Error) -> Outcome {
    let folder = rules.files.folder.display();
    Outcome::failure(OutcomeClass::Lost, format!("what it printed can't be read ({folder}: {error})"))
}

/// The report of an attempt that has run and of which nobody can read what it has used.
pub(super) fn unread_end(attempt: AttemptId, outcome: Outcome) -> AttemptReport {
    AttemptReport { progress: AttemptProgress::default(), ..early_end(attempt, outcome) }
}

/// The report of an attempt whose process never ran.
pub(super) fn early_end(attempt: AttemptId, outcome: Outcome) -> AttemptReport {
    AttemptReport {
        attempt,
        outcome,
        process: None,
        progress: nothing_used(),
        answer: None,
        unknown_lines: 0,
        bad_lines: 0,
        killed: None,
        evidence: Default::default(),
        output: None,
    }
}

/// What an attempt has used that never ran: nothing, and that is known.
pub fn nothing_used() -> AttemptProgress {
    AttemptProgress {
        usage: Some(TokenUsage::default()),
        cost: Some(MicroUsd::ZERO),
        ..AttemptProgress::default()
    }
}
