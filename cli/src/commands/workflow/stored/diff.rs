//! `agents workflow diff`: what is different between versions, the draft and the file.

use clap::Args;
use serde_json::json;
use similar::TextDiff;

use super::{Desk, Shelf};
use crate::app::App;
use crate::failure::Failure;
use crate::output::text::{self, GREEN, RED};

/// Show what is different between two texts of a workflow
///
/// Each is a version's number, `draft`, `file` or `published`. With one of them, it is held against what is worked on now; with
/// none, what is published is, or the version before it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow diff nightly
  agents workflow diff nightly 3 5
  agents workflow diff nightly published file")]
pub struct Diff {
    /// Its name
    name: String,
    /// The one before
    before: Option<String>,
    /// The one after
    after: Option<String>,
}

/// A text of a workflow, and what people call it.
type Side = (String, String);

impl Diff {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        let shelf = desk.shelf(&self.name).await?;
        let (before, after) = match (&self.before, &self.after) {
            (Some(before), Some(after)) => (side(&shelf, before)?, side(&shelf, after)?),
            (Some(before), None) => (side(&shelf, before)?, newest(&shelf)?),
            (None, _) => usual(&shelf)?,
        };
        let diff = unified(&before, &after);
        let json = || json!({ "name": self.name, "before": before.0, "after": after.0, "diff": diff });
        app.printer.answer(json, || match diff.is_empty() {
            true => format!("{} and {} of {} are the same\n", before.0, after.0, self.name),
            false => diff.lines().map(colored).collect(),
        })
    }
}

fn side(shelf: &Shelf, which: &str) -> Result<Side, Failure> {
    let name = &shelf.name;
    let missing = |what: &str| {
        Failure::rejected(format!("`{name}` has no {what}"))
            .hint(format!("`agents workflow versions {name}` lists what there is"))
    };
    match which {
        "draft" => Ok(("draft".to_owned(), shelf.draft().ok_or_else(|| missing("draft"))?.to_owned())),
        "file" => {
            let (_, text) = shelf.file.as_ref().ok_or_else(|| missing("file"))?;
            Ok(("file".to_owned(), text.clone()))
        }
        "published" => {
            let version = shelf.published().ok_or_else(|| missing("published version"))?;
            Ok((format!("version {}", version.number), version.text.clone()))
        }
        text => {
            let number: u32 = text.trim_start_matches('v').parse().map_err(|_| {
                Failure::usage(format!("`{text}` is no version"))
                    .hint("say a number, `draft`, `file` or `published`")
            })?;
            let version = shelf.versions.iter().find(|version| version.number == number);
            let version = version.ok_or_else(|| missing(&format!("version {number}")))?;
            Ok((format!("version {number}"), version.text.clone()))
        }
    }
}

/// What is worked on now.
fn newest(shelf: &Shelf) -> Result<Side, Failure> {
    match (&shelf.file, shelf.draft()) {
        (Some(_), _) => side(shelf, "file"),
        (None, Some(_)) => side(shelf, "draft"),
        (None, None) => side(shelf, "published"),
    }
}

/// What is worked on now against what is published; if nothing is, the version against the one before.
fn usual(shelf: &Shelf) -> Result<(Side, Side), Failure> {
    if shelf.draft().is_some() || shelf.file.is_some() {
        return Ok((side(shelf, "published")?, newest(shelf)?));
    }
    match shelf.versions.as_slice() {
        [after, before, ..] => {
            Ok((side(shelf, &before.number.to_string())?, side(shelf, &after.number.to_string())?))
        }
        [_] | [] => Err(Failure::rejected(format!("`{}` has one version and no draft", shelf.name))
            .hint("there is nothing that it could be held against")),
    }
}

/// Empty: they are the same.
fn unified((before, from): &Side, (after, to): &Side) -> String {
    TextDiff::from_lines(from, to).unified_diff().context_radius(3).header(before, after).to_string()
}

fn colored(line: &str) -> String {
    let line_end = format!("{line}\n");
    match line.chars().next() {
        Some('+') => text::colored(GREEN, &line_end),
        Some('-') => text::colored(RED, &line_end),
        Some(_) | None => line_end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_names_both_sides_and_equal_texts_have_none() {
        let side = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let (one, two) = (side("version 1", "a\nb\nc\n"), side("draft", "a\nB\nc\n"));
        assert_eq!(unified(&one, &two), "--- version 1\n+++ draft\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
        assert_eq!(unified(&one, &one), "");
    }
}
