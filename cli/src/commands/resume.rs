//! `agents resume`: a paused assignment goes on.

use agents_domain::actor::Actor;
use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::id::AssignmentId;
use agents_domain::store::{Change, Store, StoreError};
use clap::Args;
use serde::Serialize;

use crate::app::{self, App};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::output::text::{self, GREEN};
use crate::target;

/// Let a paused assignment go on
///
/// A job that the pause has ended goes on in the agent's own session. One that is not paused stays as it is, and that
/// is no error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents resume 099a8057
  agents resume 099a8057 --json | jq .status")]
pub struct Resume {
    /// The assignment's id, or the beginning or the end of it
    assignment: String,
}

#[derive(Debug, Serialize)]
struct Resumed {
    id: String,
    status: &'static str,
    paused: bool,
    changed: bool,
    warnings: Vec<String>,
}

impl Resume {
    /// That assignment.
    pub fn of(id: AssignmentId) -> Self {
        Self { assignment: id.to_string() }
    }

    /// Lets it go on.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("resume an assignment")?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::assignment(&store, &self.assignment).await?;
        let receipt = app.execute(&here, &store, (Actor::Person, Change::Resume { assignment: id })).await?;
        let stored = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let changed = !receipt.events.is_empty();
        let mut warnings = Vec::new();
        if stored.is_active() {
            warnings.extend(app::no_runner_warning(&store, &stored.namespace, app.now()).await?);
        }
        let resumed = Resumed {
            id: id.to_string(),
            status: stored.status().as_str(),
            paused: stored.is_paused(),
            changed,
            warnings,
        };
        app.printer.answer(|| &resumed, || said(&stored, changed))?;
        resumed.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }
}

fn said(assignment: &Assignment, changed: bool) -> String {
    let id = assignment.id.short();
    let status = assignment.status();
    if !changed {
        return format!("assignment {id} is not paused ({}); nothing has changed\n", status.as_str());
    }
    match status {
        AssignmentStatus::Blocked => format!(
            "assignment {id} is no longer paused, but still blocked: {}\n  to go on: agents update-assignment {id} \
             --status active --note \"…\"\n",
            assignment.reason().unwrap_or_default()
        ),
        AssignmentStatus::Active
        | AssignmentStatus::Complete
        | AssignmentStatus::Failed
        | AssignmentStatus::Cancelled => {
            format!("assignment {id} {}\n", text::colored(GREEN, "goes on"))
        }
    }
}
