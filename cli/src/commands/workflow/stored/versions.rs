//! `agents workflow versions`: what was published, and when.

use clap::Args;
use serde_json::{Value, json};

use super::{Desk, Shelf};
use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::table::Table;
use crate::output::time;

/// List the published versions of a workflow, the latest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow versions nightly
  agents workflow versions nightly --json | jq -r '.versions[0].text'")]
pub struct Versions {
    /// Its name
    name: String,
}

impl Versions {
    /// Lists them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        let shelf = desk.shelf(&self.name).await?;
        app.printer.answer(|| view(&shelf), || human(app, &shelf))
    }
}

fn view(shelf: &Shelf) -> Value {
    let versions: Vec<Value> = shelf
        .versions
        .iter()
        .map(|version| {
            json!({
                "number": version.number, "label": version.label, "note": version.note, "text": version.text,
                "publishedAt": version.published_at.to_string(),
            })
        })
        .collect();
    json!({
        "name": shelf.name, "versions": versions, "published": shelf.published().map(|version| version.number),
        "draft": shelf.draft(), "file": shelf.file.as_ref().map(|(path, _)| path.display().to_string()),
    })
}

fn human(app: &App, shelf: &Shelf) -> String {
    let mut table = Table::new(&["VERSION", "LABEL", "PUBLISHED", "NOTE"]);
    for version in &shelf.versions {
        table.row(vec![
            version.number.to_string().into(),
            (&version.label).into(),
            time::relative(version.published_at, app.now()).into(),
            version.note.as_deref().unwrap_or("-").into(),
        ]);
    }
    let mut shown = match shelf.versions.is_empty() {
        true => format!("no version of {} is published\n", shelf.name),
        false => table.render(output::width(), ""),
    };
    if shelf.draft().is_some() {
        shown.push_str("there is a draft that is not published\n");
    }
    if let Some((path, _)) = &shelf.file {
        shown.push_str(&format!("{} holds, since a file goes before the store\n", path.display()));
    }
    shown
}
