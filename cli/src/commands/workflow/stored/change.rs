//! `agents workflow update` and `duplicate`: another draft, and a copy.

use clap::Args;

use super::Desk;
use super::create::say;
use crate::app::App;
use crate::failure::Failure;

/// Give a stored workflow another draft; what is published stays until `agents workflow publish`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow update nightly --file nightly.yaml
  agents workflow update nightly --file nightly.yaml --revision 3")]
pub struct Update {
    /// Its name
    name: String,
    /// The YAML; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    file: String,
    /// Only if it is still at this revision: nobody else's change is overwritten [default: as it is now]
    #[arg(long, value_name = "N")]
    revision: Option<u32>,
}

/// Copy a workflow, from a file or from the store, as the draft of a new one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow duplicate nightly weekly")]
pub struct Duplicate {
    /// Its name
    name: String,
    /// The name of the copy
    new: String,
}

impl Update {
    /// Changes it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "change workflows").await?;
        let (_, stored) = desk.stored(&self.name).await?;
        let text = Desk::text_of(&self.file)?;
        let doubts = desk.doubts(&text, (&self.file, &self.name))?;
        let seen = self.revision.unwrap_or(stored.revision);
        let kept = desk.write_draft(&self.name, (text, seen)).await?;
        say(&desk, (&kept, "changed"), doubts)
    }
}

impl Duplicate {
    /// Copies it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "create workflows").await?;
        let shelf = desk.shelf(&self.name).await?;
        let text = shelf.newest().unwrap_or_default().to_owned();
        if desk.shelf_or_nothing(&self.new).await?.file.is_some() {
            return Err(Failure::rejected(format!("there is a file of the workflow `{}` already", self.new))
                .hint("give the copy another name"));
        }
        let doubts = desk.doubts(&text, (&self.new, &self.new))?;
        let made = desk.write_new(&self.new, text).await?;
        say(&desk, (&made, "created"), doubts)
    }
}
