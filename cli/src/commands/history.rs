//! `agents history`: everything that happened to an assignment.

use agents_domain::store::Store;
use clap::Args;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::json::EventView;
use crate::target;

/// Show everything that happened to an assignment, oldest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents history 099a8057
  agents history 099a8057 --json | jq '.events[] | select(.kind == \"decision_applied\")'")]
pub struct History {
    /// The assignment's id, or the beginning or the end of it
    assignment: String,
}

impl History {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::assignment(&store, &self.assignment).await?;
        let events = store.history(id).await?;
        let json = || {
            let views: Vec<_> = events.iter().map(EventView::from).collect();
            serde_json::json!({ "assignment": id.to_string(), "events": views })
        };
        app.printer.answer(json, || output::assignment::history(&events))
    }
}
