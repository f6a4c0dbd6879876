//! `agents assignment`: one of them with its jobs.

use agents_domain::store::{Store, StoreError};
use clap::Args;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::json::AssignmentView;
use crate::target;

/// Show an assignment with its jobs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents assignment 099a8057
  agents assignment 099a8057 --json | jq '.jobs[] | {type, status, result}'")]
pub struct Assignment {
    /// Its id, or the beginning or the end of it
    id: String,
}

impl Assignment {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::assignment(&store, &self.id).await?;
        let assignment = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let jobs = store.job_details(id).await?;
        app.printer.answer(
            || AssignmentView::new(&assignment, &jobs),
            || output::assignment::detail(&assignment, &jobs, app.now()),
        )
    }
}
