//! `agents workflow publish`: a version that never changes.

use agents_domain::workflow::{Edit, StoredWorkflow};
use clap::Args;
use serde_json::json;

use super::{Desk, Shelf};
use crate::app::App;
use crate::failure::Failure;
use crate::output::text::{self, GREEN};

/// Publish a workflow: its draft, or the repository's file of that name, becomes the next version
///
/// It is checked first, and all that is wrong is told. Versions never change; the latest `workflows.versionsKept` of them are
/// kept. Runs that have begun keep what they have started with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow publish nightly --note \"backs up the second disk too\"
  agents workflow publish nightly --file nightly.yaml")]
pub struct Publish {
    /// Its name
    name: String,
    /// What is new
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    note: Option<String>,
    /// Publish this text; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
}

impl Publish {
    /// Publishes it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "publish workflows").await?;
        let shelf = match &self.file {
            Some(_) => desk.shelf_or_nothing(&self.name).await?,
            None => desk.shelf(&self.name).await?,
        };
        let (text, source) = self.text(&shelf)?;
        let label = desk.sound(&text, (&source, &self.name))?.version;
        if shelf.published().is_some_and(|version| version.text == text) {
            return Err(Failure::rejected(format!(
                "nothing is new: version {} of `{}` says the same",
                shelf.published().map_or(0, |version| version.number),
                self.name
            ))
            .hint(format!("`agents workflow versions {}` lists what is published", self.name)));
        }
        let drafted = self.drafted(&desk, (&shelf, text)).await?;
        let edit = Edit::Publish { note: self.note, label: label.clone(), revision: drafted.revision };
        let done = desk.write(&self.name, edit).await?;
        let Some(number) = done.version else {
            return Err(Failure::rejected(format!("somebody else has changed `{}` in between", self.name))
                .hint("look at it, and run the same command again"));
        };
        let name = &self.name;
        let mut warnings = Vec::new();
        if let (Some((path, _)), true) = (&shelf.file, self.file.is_some()) {
            warnings.push(format!("{} has this name too, and the file's holds", path.display()));
        }
        let status = done.workflow.map_or("active", |now| now.status.as_str());
        app.printer.answer(
            || json!({"name": name, "version": number, "label": label, "status": status, "warnings": warnings}),
            || {
                let published = text::colored(GREEN, "published");
                format!("{published} workflow {name}, version {number} ({label})\n  agents workflow activate {name}  sets up its triggers\n")
            },
        )?;
        warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }

    /// What is published, and where it is from.
    fn text(&self, shelf: &Shelf) -> Result<(String, String), Failure> {
        let name = &self.name;
        if let Some(file) = &self.file {
            let text = Desk::text_of(file)?;
            if shelf.draft().is_some_and(|draft| draft != text) {
                return Err(Failure::rejected(format!("`{name}` has a draft that says something else"))
                    .hint(format!("agents workflow publish {name} publishes the draft"))
                    .hint(format!("agents workflow update {name} --file {file} replaces it")));
            }
            return Ok((text, file.clone()));
        }
        match (shelf.draft(), &shelf.file) {
            (Some(draft), _) => Ok((draft.to_owned(), format!("{name} (draft)"))),
            (None, Some((path, text))) => Ok((text.clone(), path.display().to_string())),
            (None, None) => Err(Failure::rejected(format!("`{name}` has no draft: all of it is published"))
                .hint(format!("agents workflow edit {name}, or --file FILE, makes one"))),
        }
    }

    /// The store's row with that text as its draft.
    async fn drafted(
        &self,
        desk: &Desk<'_>,
        (shelf, text): (&Shelf, String),
    ) -> Result<StoredWorkflow, Failure> {
        match &shelf.stored {
            None => desk.write_new(&self.name, text).await,
            Some(stored) if stored.draft.as_deref() == Some(text.as_str()) => Ok(stored.clone()),
            Some(stored) => desk.write_draft(&self.name, (text, stored.revision)).await,
        }
    }
}
