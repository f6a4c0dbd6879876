//! `agents replay`: a run once more, with the same params and input.

use std::sync::Arc;

use agents_domain::run::Runs;
use agents_domain::store::Store;
use agents_domain::workflow::Workflows;
use agents_orchestrator::start;
use clap::Args;

use crate::app::App;
use crate::caller::Caller;
use crate::commands::run::{Begun, begin, latest};
use crate::commands::run_show::find;
use crate::commands::workflow::{Which, again};
use crate::engine;
use crate::failure::Failure;

/// Do a run once more, with the same params and input
///
/// The very same job is done again, whatever has become of its definition. --latest takes the definition as it is now.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents replay 099a8057 --wait\n  agents replay 099a8057 --latest")]
pub struct Replay {
    /// The run: its id or that of its job, or the beginning or the end of it
    run: String,
    /// The definition as it is now, instead of the job as it was then
    #[arg(long)]
    latest: bool,
    /// Wait for its end and print its output; the exit code is 0 if it is completed
    #[arg(long)]
    wait: bool,
}

impl Replay {
    /// Starts it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("start runs")?;
        let here = app.here()?;
        let store = Arc::new(app.store(&here).await?);
        let line = find(&store, &self.run).await?;
        let line = store.run(line).await?.ok_or_else(|| Failure::failed("reading the run", "it is gone"))?;
        let flow = store.workflow_run(line.assignment.id).await?;
        let new = if let Some(flow) = flow {
            let which = if self.latest { Which::Now } else { Which::Then };
            let starter = engine::definitions(app, &here, Arc::clone(&store))?;
            again(app, &starter, (&line, &flow), (&*store, which)).await?
        } else if self.latest || start::is_north_star(&line) {
            let starter = engine::definitions(app, &here, Arc::clone(&store))?;
            latest(app, &starter, &line).await?
        } else {
            let jobs = store.job_details(line.assignment.id).await?;
            let first = jobs.first().ok_or_else(|| {
                Failure::failed("replaying the run", "it has no job")
                    .hint("--latest takes its definition as it is now")
            })?;
            start::again(&line, first, &*app.ids)
        };
        begin(Begun { app, here: &here, store: &store, wait: self.wait }, new, Vec::new()).await
    }
}
