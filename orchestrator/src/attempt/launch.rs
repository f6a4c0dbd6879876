//! The beginning of an attempt: it is made ready, and its keeper is started.

use std::panic::resume_unwind;

use agents_domain::attempt::AttemptReport;
use agents_domain::invocation::Invocation;
use agents_domain::outcome::Outcome;
use agents_domain::store::Claimed;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::account::Account;
use super::prepare::{self, Prepared, Rules};
use super::{StopReason, Surroundings, report};
use crate::process::Streams;
use crate::process::custody::Custody;

/// Where an attempt is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thread {
    /// On those of the runner's loop, which is the cheapest.
    OfTheLoop,
    /// On one of its own, if it is a run. Of many that begin together each has its share of the processor then, beside the
    /// processes that were started before it, which else take nearly all of it from the two threads of the loop.
    OfItsOwn,
}

/// An attempt whose keeper has been started.
pub(super) struct Launched {
    pub custody: Custody,
    pub streams: Streams,
    pub account: Account,
    pub rules: Rules,
    pub invocation: Invocation,
}

/// Starts an attempt there. Only a run has a thread of its own for it: an agent's worktree may take minutes.
pub(super) async fn launch_on(
    thread: Thread,
    claimed: &Claimed,
    around: &Surroundings,
    stop: watch::Receiver<Option<StopReason>>,
) -> Result<Launched, Box<AttemptReport>> {
    match thread {
        Thread::OfItsOwn if claimed.job.job_type.is_run() => {
            let (claimed, around, runtime) = (claimed.clone(), around.clone(), Handle::current());
            let launch = move || runtime.block_on(launch(&claimed, &around, stop));
            let launched = tokio::task::spawn_blocking(launch).await;
            launched.unwrap_or_else(|error| resume_unwind(error.into_panic()))
        }
        Thread::OfItsOwn | Thread::OfTheLoop => launch(claimed, around, stop).await,
    }
}

async fn launch(
    claimed: &Claimed,
    around: &Surroundings,
    mut stop: watch::Receiver<Option<StopReason>>,
) -> Result<Launched, Box<AttemptReport>> {
    let attempt = claimed.attempt.id;
    let prepared = tokio::select! {
        prepared = prepare::prepare(claimed, around) => prepared,
        // A worktree and its setup may take a while.
        reason = wanted_end(&mut stop) => {
            Err(Outcome::failure(reason.class(), "it was stopped while its workspace was made ready"))
        }
    };
    let Prepared { invocation, terms, rules } =
        prepared.map_err(|outcome| Box::new(report::early_end(attempt, outcome)))?;
    let account = Account::of(claimed, around).await;
    match Custody::start(attempt, (&invocation, &rules.files), terms) {
        Ok((custody, streams)) => Ok(Launched { custody, streams, account, rules, invocation }),
        Err(error) => Err(Box::new(report::early_end(attempt, report::not_started(&error, &rules)))),
    }
}

async fn wanted_end(stop: &mut watch::Receiver<Option<StopReason>>) -> StopReason {
    loop {
        let reason = *stop.borrow_and_update();
        match reason {
            Some(reason) => return reason,
            None if stop.changed().await.is_err() => std::future::pending().await,
            None => {}
        }
    }
}
