//! One attempt from its claim to its report: prompt, process, stream, end.

mod activity;
mod observe;
mod prepare;
mod splitter;
mod tail;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agents_domain::attempt::{AttemptProgress, AttemptReport};
use agents_domain::harness::{ProcessEnd, StreamEnd, StreamSummary};
use agents_domain::id::{AttemptId, IdSource};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{Claimed, Store};
use agents_domain::timestamp::Clock;
use tokio::sync::watch;

pub use activity::describe;
pub use observe::Live;
pub use prepare::allowed;
pub use splitter::{LINE_MAX, Line, Splitter};
pub use tail::Tail;

use crate::process::{self, AttemptFiles, Running, SpawnError, stop};
use crate::review;
use crate::settings::SettingsSource;
use observe::Observer;
use prepare::Prepared;

/// What an attempt needs from around it.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Surroundings {
    pub store: Arc<dyn Store>,
    pub settings: Arc<dyn SettingsSource>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    /// The folder below which attempts keep their files.
    pub data_folder: PathBuf,
    /// The `agents` program itself.
    pub agents_program: PathBuf,
}

/// Why an attempt is to end before its agent is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// A person wants it.
    Cancelled,
    /// The runner shuts down; the job is done again later.
    Shutdown,
    /// Another runner owns the job now.
    LeaseLost,
}

/// The folder of an attempt's files. Spread over 256 folders by the random end of the id.
pub fn files(data_folder: &std::path::Path, attempt: AttemptId) -> AttemptFiles {
    let id = attempt.to_string();
    AttemptFiles { folder: data_folder.join("attempts").join(&id[id.len() - 2..]).join(id) }
}

/// Runs an attempt to its end, whatever that is, and reports. `stop` ends it early.
pub async fn run(
    claimed: &Claimed,
    around: &Surroundings,
    live: &Arc<Mutex<Live>>,
    stop: watch::Receiver<Option<StopReason>>,
) -> AttemptReport {
    let attempt = claimed.attempt.id;
    match prepare::prepare(claimed, around).await {
        Ok(prepared) => match process::start(&prepared.invocation, &prepared.files) {
            Ok((running, streams)) => {
                let observer = Observer::new(&prepared, streams, live);
                supervise(claimed, around, (prepared, observer), Supervised { running, stop }).await
            }
            Err(error) => early_end(attempt, not_started(&error, &prepared)),
        },
        Err(outcome) => early_end(attempt, outcome),
    }
}

struct Supervised {
    running: Running,
    stop: watch::Receiver<Option<StopReason>>,
}

/// How the process came to its end.
struct End {
    process: ProcessEnd,
    why: Option<EarlyEnd>,
}

/// Why we ended it, if we did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EarlyEnd {
    Asked(StopReason),
    Timeout,
    /// Its CLI goes on and will get nowhere.
    Hopeless,
}

async fn supervise(
    claimed: &Claimed,
    around: &Surroundings,
    (prepared, mut observer): (Prepared, Observer),
    mut supervised: Supervised,
) -> AttemptReport {
    let attempt = claimed.attempt.id;
    let pid = supervised.running.pid;
    let end = watch_over(&mut observer, &prepared, &mut supervised, (attempt, &*around.clock)).await;
    stop::kill_group(pid);
    // What the agent's tools have left running is ended too. An agent that called no tool has started nothing, and
    // the search through all processes is saved.
    if observer.has_called_tools() {
        kill_strays(attempt);
    }
    let told = observer.finish(&StreamEnd { process: end.process, stderr_tail: "", at: around.clock.now() });
    report(claimed, around, &prepared, end, told)
}

/// Reads along until the process has ended, by itself or by us.
async fn watch_over(
    observer: &mut Observer,
    prepared: &Prepared,
    supervised: &mut Supervised,
    (attempt, clock): (AttemptId, &dyn Clock),
) -> End {
    let deadline = tokio::time::sleep(prepared.timeout);
    tokio::pin!(deadline);
    loop {
        let pause = observer.read_on();
        if observer.is_hopeless(clock.now()) {
            let process = end_tree(observer, prepared, supervised, attempt).await;
            return End { process, why: Some(EarlyEnd::Hopeless) };
        }
        tokio::select! {
            process = supervised.running.ended() => return End { process, why: None },
            () = &mut deadline => {
                let process = end_tree(observer, prepared, supervised, attempt).await;
                return End { process, why: Some(EarlyEnd::Timeout) };
            }
            reason = asked_to_stop(&mut supervised.stop) => {
                let process = end_tree(observer, prepared, supervised, attempt).await;
                return End { process, why: Some(EarlyEnd::Asked(reason)) };
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Waits until somebody wants the end. If nobody is left who could want it, waits for ever.
async fn asked_to_stop(stop: &mut watch::Receiver<Option<StopReason>>) -> StopReason {
    match stop.wait_for(Option::is_some).await.map(|reason| *reason) {
        Ok(Some(reason)) => reason,
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

/// The signal it stops on cleanly, a grace in which its output is still read, then SIGKILL for all of it.
async fn end_tree(
    observer: &mut Observer,
    prepared: &Prepared,
    supervised: &mut Supervised,
    attempt: AttemptId,
) -> ProcessEnd {
    let pid = supervised.running.pid;
    stop::ask(pid, prepared.invocation.stop);
    let grace = tokio::time::sleep(prepared.grace);
    tokio::pin!(grace);
    let by_itself = loop {
        let pause = observer.read_on();
        tokio::select! {
            process = supervised.running.ended() => break Some(process),
            () = &mut grace => break None,
            () = tokio::time::sleep(pause) => {}
        }
    };
    kill_tree(pid, attempt);
    match by_itself {
        Some(process) => process,
        None => supervised.running.ended().await,
    }
}

fn kill_tree(pid: i32, attempt: AttemptId) {
    stop::kill_group(pid);
    kill_strays(attempt);
}

fn kill_strays(attempt: AttemptId) {
    let strays = stop::kill_marked(attempt);
    if strays > 0 {
        tracing::info!(%attempt, strays, "ended processes that had left the agent's group");
    }
}

fn report(
    claimed: &Claimed,
    around: &Surroundings,
    prepared: &Prepared,
    end: End,
    told: (StreamSummary, Option<String>),
) -> AttemptReport {
    let (summary, last_activity) = told;
    let outcome = match end.why {
        // What made it hopeless is what it came to.
        None | Some(EarlyEnd::Hopeless) => summary.outcome.clone(),
        Some(EarlyEnd::Timeout) if slept_for_a_limit(&summary.outcome, prepared.timeout, around) => {
            summary.outcome.clone()
        }
        Some(EarlyEnd::Timeout) => timed_out(prepared.timeout, last_activity.as_deref()),
        Some(EarlyEnd::Asked(StopReason::Cancelled)) => {
            Outcome::failure(OutcomeClass::Cancelled, "it was cancelled")
        }
        Some(EarlyEnd::Asked(StopReason::Shutdown)) => {
            Outcome::failure(OutcomeClass::Stopped, "the runner was stopped while it ran")
        }
        Some(EarlyEnd::Asked(StopReason::LeaseLost)) => {
            Outcome::failure(OutcomeClass::Lost, "another runner owns the job now")
        }
    };
    let answer = (claimed.job.job_type.is_pm() && outcome.is_success()).then(|| {
        let text = summary.structured.as_deref().unwrap_or(&outcome.text);
        review::read(text, &prepared.allowed, &*around.ids)
    });
    AttemptReport {
        attempt: claimed.attempt.id,
        outcome,
        process: Some(end.process),
        progress: AttemptProgress {
            session_id: summary.session_id,
            model: summary.model,
            cli_version: summary.cli_version,
            usage: summary.usage,
            cost: summary.cost,
            tool_calls: summary.tool_calls,
            last_activity,
        },
        answer,
        unknown_lines: summary.unknown_lines,
        bad_lines: summary.bad_lines,
    }
}

/// Whether the CLI was waiting, all the time it had, for the end of a limit. One that it named a shorter wait for was
/// over before, and the agent has worked since.
fn slept_for_a_limit(told: &Outcome, timeout: Duration, around: &Surroundings) -> bool {
    let now = around.clock.now();
    told.class == OutcomeClass::UsageLimit && told.resets_at.is_some_and(|reset| reset.since(now) >= timeout)
}

fn timed_out(timeout: Duration, last_activity: Option<&str>) -> Outcome {
    let last = last_activity.unwrap_or("nothing that is known");
    Outcome::failure(
        OutcomeClass::Timeout,
        format!("its {} s were up; the last it did: {last}", timeout.as_secs_f64()),
    )
}

fn not_started(error: &SpawnError, prepared: &Prepared) -> Outcome {
    match error {
        SpawnError::Missing { program: _ } => {
            Outcome::failure(OutcomeClass::CliMissing, error.to_string()).with_fix(&prepared.install)
        }
        SpawnError::NotRunnable { program, .. } => {
            let fix = format!("chmod +x \"$(command -v '{program}')\", or {}", prepared.install);
            Outcome::failure(OutcomeClass::CliRejected, error.to_string()).with_fix(fix)
        }
        SpawnError::Files { .. } => Outcome::failure(OutcomeClass::RunnerError, error.to_string()),
    }
}

/// The report of an attempt whose process never ran.
fn early_end(attempt: AttemptId, outcome: Outcome) -> AttemptReport {
    AttemptReport {
        attempt,
        outcome,
        process: None,
        progress: AttemptProgress::default(),
        answer: None,
        unknown_lines: 0,
        bad_lines: 0,
    }
}
