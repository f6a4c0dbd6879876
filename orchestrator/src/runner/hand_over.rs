//! A runner that leaves its agents running to the next one: their keepers stay, under a longer lease.

use std::sync::Arc;
use std::time::Duration;

use agents_domain::id::AttemptId;
use agents_domain::outcome::OutcomeClass;
use agents_domain::store::StoreError;

use super::state::State;
use super::{Runner, RunnerEvent, finish, without_process};
use crate::attempt::{files, keeper_lease};
use crate::process::{custody, keeper::mark};

/// How long agents that were handed over wait for the next runner: a restart takes seconds, an upgrade minutes.
const HAND_OVER_LEASE: Duration = Duration::from_secs(10 * 60);

impl Runner {
    /// Leaves what runs to the next runner. Refused by the store, nothing has changed.
    pub(super) async fn hand_over(&self, state: &mut State) -> Result<(), StoreError> {
        // A keeper has its share of the lease, and that is to be the whole time.
        let lease = (HAND_OVER_LEASE * 4 / 3).max(self.options.lease);
        let running: Vec<AttemptId> = state.slots.keys().copied().collect();
        if running.is_empty() {
            return Ok(());
        }
        self.around.store.heartbeat(self.options.id, &running, lease).await?;
        state.tasks.abort_all();
        while let Some(ended) = state.tasks.join_next_with_id().await {
            match ended {
                Err(error) if error.is_cancelled() => self.let_go(error.id(), lease, state),
                ended => self.ended(ended, state),
            }
        }
        self.listener.hear(&RunnerEvent::HandedOver { running: running.len() });
        Ok(())
    }

    /// One that has no keeper yet has not begun, and is pending again.
    fn let_go(&self, task: tokio::task::Id, lease: Duration, state: &mut State) {
        let Some((attempt, assignment)) = state.by_task.remove(&task) else { return };
        state.slots.remove(&attempt);
        self.board.take(attempt);
        let files = files(&self.around.data_folder, attempt);
        // A keeper that is gone has left its mark, and what it has left is for the next runner.
        if mark::revoke(&files.lock()).unwrap_or(false) && mark::read(&files.lock()).is_none() {
            let report =
                without_process(attempt, OutcomeClass::Stopped, "the runner ended before it started");
            let (around, listener) = (self.around.clone(), Arc::clone(&self.listener));
            let runner = self.options.id;
            state.finishing.spawn(async move {
                finish::give_back((assignment, runner), report, &around, &*listener).await;
                // This runner starts nothing more.
                false
            });
        } else if let Err(error) = custody::renew(&files, keeper_lease(lease)) {
            tracing::warn!(%error, %attempt, "a keeper could not be told that it waits for the next runner");
        }
    }
}
