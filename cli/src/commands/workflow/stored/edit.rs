//! `agents workflow edit`: the draft of a stored workflow, or the repository's file, in an editor.

use std::fs;

use clap::Args;
use serde_json::json;

use super::Desk;
use super::create::say;
use crate::app::App;
use crate::commands::definition::open_editor;
use crate::failure::Failure;
use crate::job_input;

/// Change a workflow in $VISUAL or $EDITOR: the draft of a stored one, or the repository's file
///
/// What is written is kept even if it is wrong: it is a draft, and `publish` checks it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  EDITOR=vi agents workflow edit nightly")]
pub struct Edit {
    /// Its name
    name: String,
}

impl Edit {
    /// Opens it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "change workflows").await?;
        let shelf = desk.shelf(&self.name).await?;
        let other = format!("agents workflow update {} --file <file>", self.name);
        if let Some((path, _)) = &shelf.file {
            open_editor(path, &other)?;
            let file = path.display().to_string();
            desk.sound(&job_input::file(path, "the workflow")?, (&file, &self.name))?;
            let json = || json!({ "name": self.name, "origin": "file", "file": file });
            return app.printer.answer(json, || format!("{file} is right\n"));
        }
        let (_, stored) = desk.stored(&self.name).await?;
        let before = shelf.newest().unwrap_or_default().to_owned();
        let folder = desk.here.config.data_folder()?.join("drafts").join(stored.namespace.as_str());
        let file = folder.join(format!("workflow-{}-{}.yaml", self.name, stored.revision));
        // What an earlier edit could not store is gone on with.
        if !file.is_file() {
            let made = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, &before));
            made.map_err(|error| Failure::file("write the draft", &file, &error))?;
        }
        let kept = |failure: Failure| failure.hint(format!("what was written is in {}", file.display()));
        open_editor(&file, &other)?;
        let text = job_input::file(&file, "the draft")?;
        let doubts = desk.doubts(&text, (&self.name, &self.name))?;
        let (now, done) = match text == before {
            true => (stored, "unchanged:"),
            false => (desk.write_draft(&self.name, (text, stored.revision)).await.map_err(kept)?, "changed"),
        };
        fs::remove_file(&file).map_err(|error| Failure::file("remove the draft", &file, &error))?;
        say(&desk, (&now, done), doubts)
    }
}
