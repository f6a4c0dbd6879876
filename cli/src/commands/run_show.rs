//! `agents run-show`: one run with all that is known of it.

use std::sync::Arc;

use agents_domain::id::AssignmentId;
use agents_domain::run::Runs;
use agents_domain::store::Store;
use agents_orchestrator::store::SqlStore;
use clap::Args;

use crate::app::App;
use crate::commands::workflow;
use crate::failure::{Failure, FailureKind};
use crate::output::run::{self, Output, RunDetailView};
use crate::target;

/// Show a run: what started it, its params, its input, its output, its times
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents run-show 099a8057
  agents run-show 099a8057 --json | jq -r .output")]
pub struct RunShow {
    /// The run: its id or that of its job, or the beginning or the end of it
    run: String,
}

/// The run that is meant.
pub async fn find(store: &SqlStore, text: &str) -> Result<AssignmentId, Failure> {
    let id = target::run(store, text).await.map_err(|failure| {
        let hints = vec!["`agents runs --all-namespaces` lists them".to_owned()];
        if failure.kind == FailureKind::NotFound { Failure { hints, ..failure } } else { failure }
    })?;
    if store.run(id).await?.is_some() {
        return Ok(id);
    }
    Err(Failure::new(FailureKind::NotFound, format!("assignment {} is no run", id.short()))
        .hint(format!("`agents assignment {}` shows it", id.short())))
}

impl RunShow {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let store = Arc::new(app.store(&here).await?);
        let id = find(&store, &self.run).await?;
        let line = store.run(id).await?.ok_or_else(|| Failure::failed("reading the run", "it is gone"))?;
        let jobs = store.job_details(id).await?;
        let output = Output::of(&*store, &line, &here.config.data_folder()?).await?;
        let steps = workflow::short(app, here, Arc::clone(&store), id).await?;
        app.printer.answer(
            || RunDetailView::new(&line, (&jobs, &output), app.now()).with_steps(steps.as_ref()),
            || {
                let steps = steps.as_ref().map(|(shown, _)| shown.as_str()).unwrap_or_default();
                run::detail(&line, (&jobs, &output), app.now()) + steps
            },
        )
    }
}
