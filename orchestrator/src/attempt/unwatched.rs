//! Attempts that a person wants ended while no runner is there to do it: their keepers are told directly.

use std::path::Path;

use agents_domain::id::{AttemptId, RunnerId};
use agents_domain::store::{Orphan, Store, StoreError};
use uuid::Uuid;

use super::{StopReason, files};
use crate::process::identity::{self, Life};
use crate::process::keeper::control::{self, Message};

/// Ends those of these attempts whose runner is dead or has left. The next runner reports their end.
pub async fn end_unwatched(
    store: &dyn Store,
    data_folder: &Path,
    wanted: &[(AttemptId, StopReason)],
) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let running = store.foreign_attempts(RunnerId::new(Uuid::nil())).await?;
    for orphan in running.iter().filter(|orphan| is_unwatched(orphan)) {
        let Some((attempt, reason)) = wanted.iter().find(|(attempt, _)| *attempt == orphan.attempt) else {
            continue;
        };
        let control = files(data_folder, *attempt).control();
        if let Err(error) = control::tell(&control, Message::End { reason: reason.as_end() }) {
            tracing::warn!(%error, %attempt, "its keeper could not be told");
        }
    }
    Ok(())
}

fn is_unwatched(orphan: &Orphan) -> bool {
    orphan.runner_process.as_ref().is_none_or(|process| identity::life(process) == Life::Dead)
}
