//! `agents workflow create`: a new workflow in the store, as a draft.

use agents_domain::workflow::StoredWorkflow;
use clap::Args;
use serde_json::{Value, json};

use super::Desk;
use crate::app::App;
use crate::failure::Failure;
use crate::output::text::{self, GREEN};

/// Keep a new workflow in the store, as a draft
///
/// A draft may still be wrong: what is wrong is told. Without a file it is a sketch of one step.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow create nightly
  agents workflow create nightly --file nightly.yaml
  generate-workflow | agents workflow create nightly --file -")]
pub struct Create {
    /// What it is run by
    name: String,
    /// Its YAML; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
}

impl Create {
    /// Keeps it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "create workflows").await?;
        let text = match &self.file {
            Some(file) => Desk::text_of(file)?,
            None => sketch(&self.name),
        };
        let doubts = desk.doubts(&text, (self.file.as_deref().unwrap_or(&self.name), &self.name))?;
        let made = desk.write_new(&self.name, text).await?;
        say(&desk, (&made, "created"), doubts)
    }
}

/// The smallest workflow that does something.
fn sketch(name: &str) -> String {
    format!(
        "name: {name}\nversion: \"1\"\n\nsteps:\n  - id: first\n    exec: {{ command: \"echo hello\" }}\n"
    )
}

/// Says how a draft is kept now.
pub fn say(
    desk: &Desk<'_>,
    (kept, done): (&StoredWorkflow, &str),
    warnings: Vec<String>,
) -> Result<(), Failure> {
    let name = &kept.name;
    desk.app.printer.answer(
        || stored_json(kept, &warnings),
        || {
            let done = text::colored(GREEN, done);
            format!(
                "{done} draft of workflow {name} (revision {}) in {}\n  agents workflow publish {name}\n",
                kept.revision, kept.namespace
            )
        },
    )?;
    warnings.iter().for_each(|warning| desk.app.printer.warning(warning));
    Ok(())
}

/// A workflow of the store, in JSON.
pub fn stored_json(kept: &StoredWorkflow, warnings: &[String]) -> Value {
    json!({
        "name": kept.name, "namespace": kept.namespace.as_str(), "status": kept.status.as_str(),
        "revision": kept.revision, "published": kept.published, "hasDraft": kept.draft.is_some(),
        "warnings": warnings,
    })
}

#[cfg(test)]
mod tests {
    use agents_workflows::{Modules, read};

    #[test]
    fn the_sketch_of_a_new_workflow_can_be_published_as_it_is() {
        let read = read(&super::sketch("nightly-1"), "sketch", "nightly-1", &Modules::default());
        assert_eq!(read.map(|workflow| workflow.steps.len()), Ok(1));
    }
}
