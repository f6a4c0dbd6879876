//! `agents config`: what is configured, where each value came from, and the schema for editors.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::config::{Entry, Origin, schema};
use crate::failure::Failure;
use crate::output;
use crate::output::table::{Cell, Table};
use crate::output::text::{self, CYAN, DIM};

/// Show the configuration and where each value came from
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents config show
  AGENTS_CONCURRENCY=4 agents config show --json
  agents config schema > .agents/config.schema.json")]
pub struct ConfigCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Each value and where it came from: flags > environment > --config file > repository > user > default
    #[command(after_help = "Example:\n  agents config show")]
    Show,
    /// The JSON Schema of the config file, for editors
    #[command(after_help = "Example:\n  agents config schema > .agents/config.schema.json")]
    Schema,
}

#[derive(Debug, Serialize)]
struct EntryView<'a> {
    key: &'a str,
    value: &'a Value,
    origin: &'static str,
    /// The file, variable or flag.
    #[serde(rename = "from")]
    source: Option<String>,
}

impl<'a> From<&'a Entry> for EntryView<'a> {
    fn from(entry: &'a Entry) -> Self {
        let source = match &entry.origin {
            Origin::Default => None,
            Origin::User(path) | Origin::Repository(path) | Origin::File(path) => {
                Some(path.display().to_string())
            }
            Origin::Environment(name) | Origin::Flag(name) => Some((*name).to_owned()),
        };
        Self { key: &entry.key, value: &entry.value, origin: entry.origin.name(), source }
    }
}

impl ConfigCommand {
    /// Shows it.
    pub fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            What::Show => show(app),
            What::Schema => app.printer.json(&schema::schema()),
        }
    }
}

fn show(app: &App) -> Result<(), Failure> {
    let here = app.here()?;
    let mut entries = here.config.entries();
    if here.config.namespace()?.is_none()
        && let Ok(chosen) = here.namespace()
    {
        let value = Value::from(chosen.namespace.as_str());
        entries.insert(0, Entry { key: "namespace".to_owned(), value, origin: Origin::Default });
    }
    let json = || {
        let values: Vec<EntryView<'_>> = entries.iter().map(EntryView::from).collect();
        serde_json::json!({ "values": values })
    };
    app.printer.answer(json, || human(&entries))
}

/// Values are printed whole, also where the line gets long: a path that is cut is of no use.
fn human(entries: &[Entry]) -> String {
    let mut table = Table::new(&["KEY", "FROM", "VALUE"]);
    let mut files: Vec<String> = Vec::new();
    for entry in entries {
        let value = match &entry.value {
            Value::String(text) => text.clone(),
            other
            @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                other.to_string()
            }
        };
        let (from, file) = match &entry.origin {
            origin @ (Origin::User(path) | Origin::Repository(path) | Origin::File(path)) => {
                (origin.name(), Some(format!("{} = {}", origin.name(), path.display())))
            }
            Origin::Environment(name) | Origin::Flag(name) => (*name, None),
            origin @ Origin::Default => (origin.name(), None),
        };
        files.extend(file.filter(|file| !files.contains(file)));
        let color = if entry.origin == Origin::Default { DIM } else { CYAN };
        table.row(vec![(&entry.key).into(), Cell::colored(color, from), value.into()]);
    }
    let mut shown = table.render(output::width().max(400), "");
    if !files.is_empty() {
        shown.push_str(&format!("\n{}\n", text::colored(DIM, &files.join("\n"))));
    }
    shown
}
