//! One attempt from its claim to its report: prompt, keeper, stream, end.

mod account;
mod activity;
mod launch;
mod meter;
mod observe;
mod output;
mod prepare;
mod report;
mod splitter;
mod supervise;
mod tail;
mod unwatched;
mod watchdog;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agents_domain::attempt::{AttemptReport, Wish};
use agents_domain::id::{AttemptId, IdSource};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::start::Starter;
use agents_domain::store::{Claimed, Store};
use agents_domain::timestamp::Clock;
use tokio::sync::watch;

pub use activity::describe;
pub use launch::Thread;
pub use observe::Live;
pub use prepare::allowed;
pub use report::nothing_used;
pub use splitter::{LINE_MAX, Line, Splitter};
pub use tail::Tail;
pub use unwatched::end_unwatched;

use crate::evidence::key::SigningKey;
use crate::evidence::{self, Scene};
use crate::process::AttemptFiles;
use crate::process::custody::{self, Custody};
use crate::process::keeper::exit::{EndReason, Exit};
use crate::process::keeper::mark;
use crate::settings::SettingsSource;
use account::Account;
use launch::Launched;
use meter::Meter;
use observe::Observer;
use supervise::Supervised;

/// What an attempt needs from around it.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Surroundings {
    pub store: Arc<dyn Store>,
    pub settings: Arc<dyn SettingsSource>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    /// Who makes new runs, of what is due.
    pub starter: Arc<dyn Starter>,
    /// The folder below which attempts keep their files.
    pub data_folder: PathBuf,
    /// The `agents` program itself, for agents to call.
    pub agents_program: PathBuf,
    /// The program that keeps attempts: this very one.
    pub keeper: PathBuf,
    /// How long a runner's right to an attempt lasts without a heartbeat.
    pub lease: Duration,
    /// What receipts are signed with. Nothing but this process has it.
    pub key: Arc<SigningKey>,
}

/// Why an attempt is to end before its agent is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// A person wants it.
    Cancelled,
    /// A person has paused the assignment; the job is done on later.
    Paused,
    /// The runner shuts down; the job is done again later.
    Shutdown,
    /// Another runner owns the job now.
    LeaseLost,
}

impl StopReason {
    /// What a person's wish comes to.
    pub fn of(wish: Wish) -> Self {
        match wish {
            Wish::Cancel => StopReason::Cancelled,
            Wish::Pause => StopReason::Paused,
        }
    }

    /// How an attempt ends that is stopped for this reason before it has begun.
    pub fn class(self) -> OutcomeClass {
        match self {
            StopReason::Cancelled => OutcomeClass::Cancelled,
            StopReason::Paused | StopReason::Shutdown => OutcomeClass::Stopped,
            StopReason::LeaseLost => OutcomeClass::Lost,
        }
    }

    fn as_end(self) -> EndReason {
        match self {
            StopReason::Cancelled => EndReason::Cancelled,
            StopReason::Paused => EndReason::Paused,
            StopReason::Shutdown => EndReason::Shutdown,
            StopReason::LeaseLost => EndReason::LeaseLost,
        }
    }
}

/// The share of a lease after which a keeper ends its agent: the rest is for the end itself, so that nothing lives any more
/// when the lease is over.
pub fn keeper_lease(lease: Duration) -> Duration {
    lease / 4 * 3
}

/// The folder of an attempt's files. Spread over 256 folders by the random end of the id.
pub fn files(data_folder: &std::path::Path, attempt: AttemptId) -> AttemptFiles {
    let id = attempt.to_string();
    AttemptFiles { folder: data_folder.join("attempts").join(&id[id.len() - 2..]).join(id) }
}

/// Runs an attempt to its end, whatever that is, measures what it has come to, and reports. `stop` ends it early.
pub async fn run(
    claimed: &Claimed,
    around: &Surroundings,
    live: &Arc<Mutex<Live>>,
    stop: watch::Receiver<Option<StopReason>>,
    start_on: Thread,
) -> AttemptReport {
    let report = run_agent(claimed, around, live, stop.clone(), start_on).await;
    measured(claimed, around, live, (report, stop)).await
}

async fn run_agent(
    claimed: &Claimed,
    around: &Surroundings,
    live: &Arc<Mutex<Live>>,
    stop: watch::Receiver<Option<StopReason>>,
    start_on: Thread,
) -> AttemptReport {
    let Launched { custody, streams, account, rules, invocation } =
        match launch::launch_on(start_on, claimed, around, stop.clone()).await {
            Ok(launched) => launched,
            Err(report) => return *report,
        };
    let observer = Observer::new(rules.harness.reader_of(&claimed.context), streams, (live, account));
    let (age, meter) = (Duration::ZERO, Meter::new(claimed, around));
    let supervised = Supervised { custody, observer, stop, age, meter };
    let ended = supervise::to_the_end(supervised, &rules, &*around.clock).await;
    report::report(claimed, around, (&rules, Some(&invocation)), ended)
}

/// Goes on with an attempt that another runner has started: its stream is read from its beginning, and what it has told
/// before is the same again; what was measured of it is measured again.
pub async fn adopt(
    claimed: &Claimed,
    around: &Surroundings,
    live: &Arc<Mutex<Live>>,
    stop: watch::Receiver<Option<StopReason>>,
) -> AttemptReport {
    let report = adopt_agent(claimed, around, live, stop.clone()).await;
    measured(claimed, around, live, (report, stop)).await
}

/// With what was measured. Without its config an attempt has failed already, and there is nothing to measure by.
async fn measured(
    claimed: &Claimed,
    around: &Surroundings,
    live: &Arc<Mutex<Live>>,
    (mut report, stop): (AttemptReport, watch::Receiver<Option<StopReason>>),
) -> AttemptReport {
    match around.settings.for_workspace(Path::new(&claimed.assignment.workspace)) {
        Ok(settings) => {
            let scene = Scene { claimed, around, settings: &settings, live, stop: &stop };
            evidence::measure(scene, &mut report).await;
            output::keep(claimed, around, &settings, &mut report).await;
        }
        Err(error) => {
            tracing::warn!(%error, attempt = %report.attempt, "nothing is measured: its config can't be read");
            // What is not measured decides nothing.
            if claimed.job.job_type.is_pm() && report.outcome.is_success() {
                report.outcome = Outcome::failure(OutcomeClass::RunnerError, error);
            }
        }
    }
    report
}

async fn adopt_agent(
    claimed: &Claimed,
    around: &Surroundings,
    live: &Arc<Mutex<Live>>,
    stop: watch::Receiver<Option<StopReason>>,
) -> AttemptReport {
    let attempt = claimed.attempt.id;
    let (rules, _) = match prepare::rules(claimed, around) {
        Ok(found) => found,
        Err(outcome) => {
            // Nobody can read its stream, so nobody may leave it running.
            end_unread(attempt, &files(&around.data_folder, attempt)).await;
            return report::unread_end(attempt, outcome);
        }
    };
    let account = Account::of(claimed, around).await;
    let adopted = Custody::adopt(attempt, &rules.files)
        .and_then(|custody| Ok((custody, custody::streams(&rules.files)?)));
    match adopted {
        Ok((Some(custody), streams)) => {
            let observer = Observer::new(rules.harness.reader_of(&claimed.context), streams, (live, account));
            let (age, meter) = (custody.age(), Meter::new(claimed, around));
            let supervised = Supervised { custody, observer, stop, age, meter };
            let ended = supervise::to_the_end(supervised, &rules, &*around.clock).await;
            report::report(claimed, around, (&rules, None), ended)
        }
        // The runner was gone while it made the workspace ready.
        Ok((None, _)) if mark::was_never_taken(&rules.files.lock()) => {
            let why = "its runner was gone before its agent was started";
            report::early_end(attempt, Outcome::failure(OutcomeClass::Lost, why))
        }
        Ok((None, streams)) => {
            let observer = Observer::new(rules.harness.reader_of(&claimed.context), streams, (live, account));
            let exit = custody::left_behind(attempt, &rules.files);
            report::report(
                claimed,
                around,
                (&rules, None),
                supervise::Ended { exit, observer, asked: None, passed: None },
            )
        }
        Err(error) => report::unread_end(attempt, report::no_files(&rules, &error)),
    }
}

async fn end_unread(attempt: AttemptId, files: &AttemptFiles) -> Option<Exit> {
    let mut custody = Custody::adopt(attempt, files).ok()??;
    custody.ask_end(EndReason::Shutdown);
    Some(custody.ended().await)
}
