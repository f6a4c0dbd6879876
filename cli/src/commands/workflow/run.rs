//! `agents workflow run`: starts a run of a workflow.

use std::path::PathBuf;

use clap::Args;

use super::{Desk, dry_run, follow, not_found};
use crate::app::App;
use crate::caller::Caller;
use crate::commands::create::refuse_foreign_namespace;
use crate::commands::run::{Begun, GivenOptions, begin, by_hand};
use crate::failure::Failure;

/// Start a run of a workflow
///
/// A runner does its steps. The run keeps the definition that it has started with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow run implement-feature --param feature=\"dark mode\"
  agents workflow run nightly --params '{\"days\": 7}' --wait
  agents workflow run release --follow
  agents workflow run release --dry-run
  agents workflow run release --with-sample sample.yaml --json | jq -r '.route[].step'")]
pub struct Run {
    /// The name of the workflow
    workflow: String,
    #[command(flatten)]
    given: GivenOptions,
    /// Wait for its end and print what it answers; the exit code is 0 if it is completed
    #[arg(long, conflicts_with = "follow")]
    wait: bool,
    /// Say each step as it begins and ends; the exit code is as with --wait
    #[arg(long)]
    follow: bool,
    /// Start nothing: say the route that it would take if each step succeeded
    #[arg(long, conflicts_with_all = ["wait", "follow"])]
    dry_run: bool,
    /// The same with a sample: a file with `params`, `input`, `trigger` and `stubs` of steps, as in a file of cases
    #[arg(long, value_name = "FILE", conflicts_with_all = ["wait", "follow"])]
    with_sample: Option<PathBuf>,
}

impl Run {
    /// Starts it, or tells what it would do.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let is_trial = self.dry_run || self.with_sample.is_some();
        if !is_trial {
            Caller::of_process()?.person_only("start runs")?;
        }
        let desk = Desk::open(app).await?;
        let chosen = desk.here.namespace()?;
        let definitions = desk.definitions()?;
        let found = definitions.find_workflow(&chosen.namespace, &self.workflow).await.map_err(not_found)?;
        let params = self.given.params(&found.workflow.params)?;
        if is_trial {
            let given = (params, self.given.input()?);
            return dry_run::run(app, &found.workflow, given, self.with_sample.as_deref());
        }
        refuse_foreign_namespace(&desk.store, &desk.here, &chosen).await?;
        let cause = by_hand(app, self.given.input()?, None);
        let mut new = definitions.run_of_workflow(&chosen.namespace, (&found, &params), cause).await?;
        new.priority = self.given.priority.or(new.priority);
        let mut warnings = Vec::new();
        if found.hides_stored {
            warnings.push(format!(
                "`{0}` is in a file and in the store: the file's was run; `agents workflow delete {0}` ends that",
                self.workflow
            ));
        }
        let id = new.id;
        if self.follow {
            return follow::begin(&desk, new, &warnings).await;
        }
        let begun = Begun { app, here: &desk.here, store: &desk.store, wait: self.wait };
        begin(begun, new, warnings).await.map_err(|failure| match self.wait {
            true => failure.hint(format!("agents workflow status {}", id.short())),
            false => failure,
        })
    }
}
