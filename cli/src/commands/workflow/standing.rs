//! `agents workflow cancel` and `pause`: a run is an assignment, and these are its commands.

use clap::Args;

use super::Desk;
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

/// Pause a run: it starts no step until `agents workflow resume`
///
/// Its running step is ended, which counts as no try. With --after-step it is left to its end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow pause 099a8057
  agents workflow pause 099a8057 --after-step")]
pub struct Pause {
    /// The run: its id, or the beginning or the end of it
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
        let id = desk.find(&self.run).await?.run.assignment;
        pause::Pause::of(id, self.after_step).run(app).await
    }
}
