//! Attempts whose runner is gone: taken over where their keeper or its word is on this machine, else given up.
//!
//! By proof where there is one (the runner's process is dead, it has left, or its machine has been booted since). Without
//! proof only when the same lease has been seen for a whole lease time by our own clock, whatever any wall clock says;
//! and on this machine only when no keeper of it lives.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::HarnessDefaults;
use agents_domain::attempt::{Host, Proof};
use agents_domain::id::{AttemptId, RunnerId};
use agents_domain::store::{Change, Claimed, Command, Orphan, StoreError};
use agents_domain::timestamp::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Listener, RunnerEvent, RunnerOptions};
use crate::attempt::{Surroundings, files, keeper_lease};
use crate::process::custody;
use crate::process::identity::{self, Life};
use crate::process::keeper::mark;

/// A runner that was not heard of for so long is not listed any more.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// What has been seen of other runners and their attempts, and since when it has been the same by our own clock.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    leases: HashMap<AttemptId, (Timestamp, Instant)>,
    beats: HashMap<RunnerId, (Timestamp, Instant)>,
}

/// What came of looking.
#[derive(Default)]
pub(super) struct Recovered {
    /// To be watched over by us from now on.
    pub taken_over: Vec<Claimed>,
    /// Given up; their jobs are pending again.
    pub given_up: usize,
    /// What stood in the way of the others. What was taken before is ours all the same.
    pub trouble: Option<StoreError>,
}

impl Lookout {
    /// Looks for attempts that need another runner: those of others, and our own that we do not know of, which nobody
    /// watches over.
    pub async fn recover(
        &mut self,
        around: &Surroundings,
        options: &RunnerOptions,
        (known, listener): (&[AttemptId], &dyn Listener),
    ) -> Recovered {
        let mut recovered = Recovered::default();
        let orphans = match around.store.foreign_attempts(RunnerId::new(Uuid::nil())).await {
            Ok(orphans) => orphans,
            Err(error) => return Recovered { trouble: Some(error), ..recovered },
        };
        self.leases.retain(|id, _| orphans.iter().any(|orphan| orphan.attempt == *id));
        for orphan in orphans.iter().filter(|orphan| !known.contains(&orphan.attempt)) {
            let Some(proof) = self.proof(orphan, options.lease) else { continue };
            if let Err(error) = recover_one(orphan, proof, (around, options, listener), &mut recovered).await
            {
                recovered.trouble.get_or_insert(error);
            }
        }
        if let Err(error) = self.forget_the_dead(around, options).await {
            recovered.trouble.get_or_insert(error);
        }
        recovered
    }

    fn proof(&mut self, orphan: &Orphan, lease: Duration) -> Option<Proof> {
        if is_gone(orphan) {
            return Some(Proof::Gone);
        }
        let quiet = quiet(&mut self.leases, orphan.attempt, orphan.lease_until);
        (quiet >= lease).then_some(Proof::Silent { lease_until: orphan.lease_until })
    }

    /// Takes runners off the list that are dead, or were not heard of for long. Their attempts were looked at before. One that
    /// lives keeps its place whatever the wall clock says, for what an unlisted runner has is taken from it.
    async fn forget_the_dead(
        &mut self,
        around: &Surroundings,
        options: &RunnerOptions,
    ) -> Result<(), StoreError> {
        let now = around.clock.now();
        let runners = around.store.runners().await?;
        self.beats.retain(|id, _| runners.iter().any(|runner| runner.id == *id));
        for runner in runners.iter().filter(|runner| runner.id != options.id) {
            let quiet = quiet(&mut self.beats, runner.id, runner.heartbeat_at);
            let is_old = now.since(runner.heartbeat_at) > FORGOTTEN && quiet >= options.lease;
            let is_gone = match identity::life(&runner.process) {
                Life::Dead => true,
                Life::Alive => false,
                Life::Unknown => is_old,
            };
            if is_gone {
                around.store.unregister(runner.id).await?;
            }
        }
        Ok(())
    }
}

async fn recover_one(
    orphan: &Orphan,
    proof: Proof,
    (around, options, listener): (&Surroundings, &RunnerOptions, &dyn Listener),
    recovered: &mut Recovered,
) -> Result<(), StoreError> {
    let is_here = is_this_machine(&orphan.host);
    let Some(harness_defaults) = readable(orphan, around).await? else {
        // Its agent goes on as long as somebody waits for the config to be mended. The one of a runner that may live is that
        // runner's to renew.
        let files = files(&around.data_folder, orphan.attempt);
        if is_here
            && proof == Proof::Gone
            && let Err(error) = custody::renew(&files, keeper_lease(options.lease))
        {
            tracing::warn!(%error, "the lease of a keeper could not be renewed");
        }
        return Ok(());
    };
    if is_here && !may_be_taken(orphan, proof, around) {
        return Ok(());
    }
    let finder = Finder { around, options, listener, harness_defaults };
    if is_here {
        recovered.taken_over.extend(finder.take_over(orphan, proof).await?);
    } else if finder.give_up(orphan, proof).await? {
        recovered.given_up += 1;
    }
    Ok(())
}

/// For how long, by our own clock, the same moment has been seen of somebody.
fn quiet<Id: Eq + Hash>(seen: &mut HashMap<Id, (Timestamp, Instant)>, of: Id, moment: Timestamp) -> Duration {
    let now = Instant::now();
    let last = seen.entry(of).or_insert((moment, now));
    if last.0 != moment {
        *last = (moment, now);
    }
    now - last.1
}

/// Whether the runner is proven not to live any more. One of another machine never is.
fn is_gone(orphan: &Orphan) -> bool {
    if !is_this_machine(&orphan.host) {
        return false;
    }
    let own = identity::host();
    let is_other_boot = !orphan.host.boot_id.is_empty() && orphan.host.boot_id != own.boot_id;
    match &orphan.runner_process {
        None => true,
        Some(process) => is_other_boot || identity::life(process) == Life::Dead,
    }
}

/// An attempt from before machines were written down is of this one: there was no way to share a store.
fn is_this_machine(host: &Host) -> bool {
    host.machine_id.is_empty() || host.machine_id == identity::host().machine_id
}

/// Without proof of its runner's death, an attempt is left alone while its keeper lives: the keeper ends it when nobody
/// renews its lease.
fn may_be_taken(orphan: &Orphan, proof: Proof, around: &Surroundings) -> bool {
    match proof {
        Proof::Gone => true,
        Proof::Silent { .. } => {
            let lock = files(&around.data_folder, orphan.attempt).lock();
            mark::revoke(&lock).unwrap_or_else(|error| {
                tracing::warn!(%error, "the lock of an attempt can't be looked at");
                false
            })
        }
    }
}

/// What follows is decided by the config of the attempt's workspace: until that can be read, the attempt is left alone.
async fn readable(
    orphan: &Orphan,
    around: &Surroundings,
) -> Result<Option<Arc<HarnessDefaults>>, StoreError> {
    let Some(assignment) = around.store.assignment(orphan.assignment).await? else { return Ok(None) };
    match around.settings.for_workspace(Path::new(&assignment.workspace)) {
        Ok(settings) => Ok(Some(Arc::clone(&settings.harness_defaults))),
        Err(error) => {
            tracing::warn!(%error, assignment = %assignment.id, "a lost attempt waits until its config can be read");
            Ok(None)
        }
    }
}

/// Who has found an attempt to recover.
struct Finder<'a> {
    around: &'a Surroundings,
    options: &'a RunnerOptions,
    listener: &'a dyn Listener,
    harness_defaults: Arc<HarnessDefaults>,
}

impl Finder<'_> {
    fn command(&self, change: Change) -> Command {
        let harness_defaults = Arc::clone(&self.harness_defaults);
        Command { actor: Actor::Runner(self.options.id), harness_defaults, change }
    }

    async fn take_over(&self, orphan: &Orphan, proof: Proof) -> Result<Option<Claimed>, StoreError> {
        let change = Change::TakeOver {
            assignment: orphan.assignment,
            attempt: orphan.attempt,
            from: orphan.runner,
            holder: self.options.holder(),
            proof,
        };
        match self.around.store.take(self.command(change)).await {
            Ok(claimed) => Ok(Some(claimed)),
            Err(error) => or_somebody_was_quicker(error).map(|()| None),
        }
    }

    async fn give_up(&self, orphan: &Orphan, proof: Proof) -> Result<bool, StoreError> {
        let why = "its runner was not heard of until the lease was over".to_owned();
        let (assignment, attempt) = (orphan.assignment, orphan.attempt);
        let change = Change::GiveUp { assignment, attempt, why, proof };
        match self.around.store.execute(self.command(change)).await {
            Ok(receipt) => {
                let Some(found) = self.around.store.assignment(assignment).await? else { return Ok(true) };
                for event in receipt.events {
                    self.listener.hear(&RunnerEvent::Happened { namespace: found.namespace.clone(), event });
                }
                Ok(true)
            }
            Err(error) => or_somebody_was_quicker(error).map(|()| false),
        }
    }
}

/// Somebody else was quicker, or the runner lives after all: nothing is lost by that.
fn or_somebody_was_quicker(error: StoreError) -> Result<(), StoreError> {
    match error {
        StoreError::Rejected(_) | StoreError::LostRace { .. } | StoreError::NoAssignment(_) => Ok(()),
        error @ (StoreError::BadRow { .. }
        | StoreError::Locked { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::Full { .. }
        | StoreError::Truncated { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Newer { .. }
        | StoreError::Unreachable { .. }
        | StoreError::BadUrl { .. }
        | StoreError::Database { .. }) => Err(error),
    }
}
