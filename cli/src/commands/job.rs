//! `agents job`: one of them with its attempts, its context and its result.

use std::path::Path;

use agents_domain::assignment::Assignment;
use agents_domain::id::AttemptId;
use agents_domain::outcome::OutcomeClass;
use agents_domain::store::{AttemptRecord, JobDetail, Store};
use agents_orchestrator::workspace;
use clap::Args;

use crate::app::App;
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::output::json::JobInAssignment;
use crate::target;

/// Show a job with its attempts, context and result
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents job 7c1e4b02
  agents job 7c1e4b02 --json | jq -r .result")]
pub struct Job {
    /// Its id, or the beginning or the end of it
    id: String,
}

impl Job {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::job(&store, &self.id).await?;
        let (assignment, detail) = store
            .job(id)
            .await?
            .ok_or_else(|| Failure::new(FailureKind::NotFound, format!("there is no job {id}")))?;
        let record = store.evidence(assignment.id).await?;
        let leftovers = leftovers(&assignment, &detail).await;
        app.printer.answer(
            || JobInAssignment::new(&assignment, (&detail, &record), leftovers.clone()),
            || {
                let shown = output::job::detail(&assignment, (&detail, &record), app.now());
                shown + &output::job::leftovers(&leftovers)
            },
        )
    }
}

/// Where what its failed attempts have left is kept. A repository that can't be asked keeps nobody from the rest.
async fn leftovers(assignment: &Assignment, detail: &JobDetail) -> Vec<String> {
    let Some(worktree) = &assignment.worktree else { return Vec::new() };
    let has_failed =
        |attempt: &&AttemptRecord| attempt.outcome.is_some_and(|class| class != OutcomeClass::Success);
    let failed: Vec<AttemptId> =
        detail.attempts.iter().filter(has_failed).map(|attempt| attempt.id).collect();
    if failed.is_empty() {
        return Vec::new();
    }
    let found = workspace::leftovers_of(worktree, Path::new(&assignment.workspace), &failed).await;
    found.unwrap_or_else(|error| {
        tracing::warn!(%error, "what failed attempts have left can't be told");
        Vec::new()
    })
}
