//! Hands the end of an attempt to the store, and does not let go until the store has taken it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::HarnessDefaults;
use agents_domain::attempt::AttemptReport;
use agents_domain::id::{AssignmentId, RunnerId};
use agents_domain::store::{Change, Claimed, Command, StoreError};

use super::{Listener, RunnerEvent, TROUBLE_LONGEST, TROUBLE_SHORTEST};
use crate::attempt::Surroundings;

/// Reports the end of an attempt.
pub(super) async fn finish(
    claimed: &Claimed,
    report: AttemptReport,
    around: &Surroundings,
    listener: &dyn Listener,
) {
    let defaults = defaults(&claimed.assignment.workspace, around);
    let namespace = claimed.assignment.namespace.clone();
    let runner = claimed.attempt.runner;
    let command = Command {
        actor: Actor::Runner(runner),
        harness_defaults: defaults,
        change: Change::Finish { assignment: claimed.assignment.id, report: Box::new(report) },
    };
    hand_over(command, around, listener, |event| RunnerEvent::Happened {
        namespace: namespace.clone(),
        event,
    })
    .await;
}

/// Reports an attempt whose supervision broke down.
pub(super) async fn give_back(
    (assignment, runner): (AssignmentId, RunnerId),
    report: AttemptReport,
    around: &Surroundings,
    listener: &dyn Listener,
) {
    let Ok(Some(found)) = around.store.assignment(assignment).await else { return };
    let command = Command {
        actor: Actor::Runner(runner),
        harness_defaults: defaults(&found.workspace, around),
        change: Change::Finish { assignment, report: Box::new(report) },
    };
    let namespace = found.namespace;
    hand_over(command, around, listener, |event| RunnerEvent::Happened {
        namespace: namespace.clone(),
        event,
    })
    .await;
}

async fn hand_over(
    command: Command,
    around: &Surroundings,
    listener: &dyn Listener,
    heard: impl Fn(agents_domain::history::HistoryEvent) -> RunnerEvent,
) {
    let mut trouble: Option<Duration> = None;
    loop {
        match around.store.execute(command.clone()).await {
            Ok(receipt) => {
                if trouble.is_some() {
                    listener.hear(&RunnerEvent::StoreMended);
                }
                for event in receipt.events {
                    listener.hear(&heard(event));
                }
                return;
            }
            Err(StoreError::Rejected(_) | StoreError::NoAssignment(_)) => {
                if let Change::Finish { report, .. } = &command.change {
                    listener.hear(&RunnerEvent::Stale { attempt: report.attempt });
                }
                return;
            }
            Err(StoreError::LostRace { .. }) => {}
            Err(error) => {
                let pause = trouble.map_or(TROUBLE_SHORTEST, |pause| (pause * 2).min(TROUBLE_LONGEST));
                if trouble.replace(pause).is_none() {
                    listener.hear(&RunnerEvent::StoreTrouble { error: error.to_string() });
                }
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Which harness does the job that follows: as the config says, or as it said when it could last be read.
fn defaults(workspace: &str, around: &Surroundings) -> Arc<HarnessDefaults> {
    let workspace = Path::new(workspace);
    match around.settings.for_workspace(workspace) {
        Ok(settings) => Arc::clone(&settings.harness_defaults),
        Err(error) => around.settings.last_harness_defaults(workspace).unwrap_or_else(|| {
            tracing::warn!(%error, "the config can't be read; the next job goes to claude");
            Arc::new(HarnessDefaults {
                default: "claude".to_owned(),
                by_type: std::collections::BTreeMap::new(),
                reviewers: Default::default(),
            })
        }),
    }
}
