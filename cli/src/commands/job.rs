//! `agents job`: one of them with its attempts, its context and its result.

use agents_domain::store::Store;
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
        app.printer.answer(
            || JobInAssignment::new(&assignment, &detail, &record),
            || output::job::detail(&assignment, (&detail, &record), app.now()),
        )
    }
}
