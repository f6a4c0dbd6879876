//! `agents evidence`: what the orchestrator itself has measured of an assignment, and what stands against `complete`.

use agents_domain::store::{Store, StoreError};
use clap::Args;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::evidence::EvidenceView;
use crate::target;

/// Show what was measured of an assignment: commits, receipts of checks, findings, criteria and what shows them
///
/// None of it comes from what agents say of their own work. Receipts and findings are what criteria are tied to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents evidence 099a8057
  agents evidence 099a8057 --json | jq '.receipts[] | select(.passed | not) | .tail'
  agents update-assignment 099a8057 --status complete --tie 1=4d3f21aa")]
pub struct Evidence {
    /// The assignment's id, or the beginning or the end of it
    assignment: String,
}

impl Evidence {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::assignment(&store, &self.assignment).await?;
        let assignment = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let record = store.evidence(id).await?;
        app.printer.answer(
            || EvidenceView::new(&assignment, &record),
            || output::evidence::shown(&assignment, &record, app.now()),
        )
    }
}
