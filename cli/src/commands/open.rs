//! `agents open`: where an assignment's agents work.

use agents_domain::store::{Store, StoreError};
use agents_orchestrator::workspace;
use clap::Args;
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::target;

/// Print the folder that an assignment's agents work in
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cd \"$(agents open 099a8057)\"
  code \"$(agents open 099a8057)\"")]
pub struct Open {
    /// The assignment's id, or the beginning or the end of it
    assignment: String,
}

#[derive(Debug, Serialize)]
struct Opened {
    assignment: String,
    path: String,
    /// `null`: it works in the repository itself.
    branch: Option<String>,
    /// Whether the folder is there: it is made when the first job starts.
    exists: bool,
}

impl Open {
    /// Prints it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::assignment(&store, &self.assignment).await?;
        let assignment = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let worktree = assignment.worktree.as_ref();
        let opened = Opened {
            assignment: id.to_string(),
            path: assignment.folder().to_owned(),
            branch: worktree.map(|worktree| worktree.branch.clone()),
            exists: worktree.is_none_or(workspace::is_there),
        };
        app.printer.answer(|| &opened, || format!("{}\n", opened.path))?;
        if !opened.exists {
            app.printer.warning("it is not there: it is made when the next job starts");
        }
        Ok(())
    }
}
