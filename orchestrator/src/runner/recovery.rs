//! Attempts whose runner is gone: ended for good, and their jobs made pending again.
//!
//! By proof where there is one (the runner's process is dead on this boot of this machine), else only when the
//! lease is over. What is left of the agent is ended before anybody can start the job again.

use std::path::Path;

use agents_domain::actor::Actor;
use agents_domain::attempt::Proof;
use agents_domain::id::RunnerId;
use agents_domain::store::{Change, Command, Orphan, StoreError};

use super::{Listener, RunnerEvent};
use crate::attempt::Surroundings;
use crate::process::identity::{self, Life};
use crate::process::stop;

/// Gives up every attempt that can be given up. Gives how many there were.
pub(super) async fn recover(
    around: &Surroundings,
    runner: RunnerId,
    listener: &dyn Listener,
) -> Result<usize, StoreError> {
    let now = around.clock.now();
    let mut recovered = 0;
    for orphan in around.store.foreign_attempts(runner).await? {
        let is_dead =
            orphan.runner_process.as_ref().is_some_and(|process| identity::life(process) == Life::Dead);
        if !is_dead && orphan.lease_until >= now {
            continue;
        }
        end_agent(&orphan);
        if give_up(&orphan, is_dead, around, runner, listener).await? {
            recovered += 1;
        }
        if is_dead {
            around.store.unregister(orphan.runner).await?;
        }
    }
    Ok(recovered)
}

/// Ends what is left of the agent, if it is on this machine.
fn end_agent(orphan: &Orphan) {
    let killed = stop::kill_marked(orphan.attempt);
    if killed > 0 {
        tracing::info!(attempt = %orphan.attempt, killed, "ended what a lost runner had left running");
    }
}

async fn give_up(
    orphan: &Orphan,
    proven: bool,
    around: &Surroundings,
    runner: RunnerId,
    listener: &dyn Listener,
) -> Result<bool, StoreError> {
    let Some(assignment) = around.store.assignment(orphan.assignment).await? else { return Ok(false) };
    let harness_defaults = match around.settings.for_workspace(Path::new(&assignment.workspace)) {
        Ok(settings) => std::sync::Arc::clone(&settings.harness_defaults),
        Err(error) => {
            tracing::warn!(%error, assignment = %assignment.id, "a lost attempt waits until its config can be read");
            return Ok(false);
        }
    };
    let (why, proof) = match proven {
        true => ("its runner is gone", Proof::Gone),
        false => {
            let proof = Proof::Silent { lease_until: orphan.lease_until };
            ("its runner was not heard of until the lease was over", proof)
        }
    };
    let why = why.to_owned();
    let change = Change::GiveUp { assignment: orphan.assignment, attempt: orphan.attempt, why, proof };
    match around.store.execute(Command { actor: Actor::Runner(runner), harness_defaults, change }).await {
        Ok(receipt) => {
            for event in receipt.events {
                listener.hear(&RunnerEvent::Happened { namespace: assignment.namespace.clone(), event });
            }
            Ok(true)
        }
        // Somebody else was quicker, or the runner lives after all.
        Err(StoreError::Rejected(_) | StoreError::LostRace { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
