//! `agents workflow cancel` and `pause`: a run is an assignment, and these are its commands.

use clap::Args;

use super::{Desk, stored};
use crate::app::App;
use crate::commands::{cancel, pause};
use crate::failure::Failure;

/// Cancel a run, with the step that it is at
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow cancel 099a8057 --reason \"the feature is not wanted\"")]
pub struct Cancel {
    /// The run: its id, or the beginning or the end of it
    run: String,
    /// Why
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: Option<String>,
}

/// Pause a run: it starts no step until `agents workflow resume`; or a workflow: only a person starts it until `activate`
///
/// The running step of a run is ended, which counts as no try. With --after-step it is left to its end. What `activate` has
/// set up for a workflow is disabled; its runs go on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow pause 099a8057
  agents workflow pause 099a8057 --after-step
  agents workflow pause nightly")]
pub struct Pause {
    /// The run: its id, or the beginning or the end of it; or the name of a workflow
    #[arg(value_name = "RUN|WORKFLOW")]
    run: String,
    /// Let the running step finish; nothing starts after it
    #[arg(long)]
    after_step: bool,
}

impl Cancel {
    /// Cancels it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "cancel anything").await?;
        let id = desk.find(&self.run).await?.run.assignment;
        cancel::Cancel::of(id, self.reason).run(app).await
    }
}

impl Pause {
    /// Pauses it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "pause runs").await?;
        let id = match desk.find(&self.run).await {
            Ok(found) => found.run.assignment,
            Err(failure) => {
                let paused = !self.after_step && stored::pause(&desk, &self.run).await?;
                return if paused {
                    Ok(())
                } else {
                    Err(failure.hint("`agents workflow list` lists workflows"))
                };
            }
        };
        pause::Pause::of(id, self.after_step).run(app).await
    }
}
