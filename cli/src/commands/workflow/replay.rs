//! `agents workflow replay`: a run once more, with the same params and input.

use agents_domain::aggregate::NewAssignment;
use agents_domain::run::RunLine;
use agents_domain::start::{Start, Starter};
use agents_domain::workflow::{WorkflowRun, Workflows};
use agents_orchestrator::start::FromDefinitions;
use clap::{Args, ValueEnum};

use super::{Desk, Found, follow};
use crate::app::App;
use crate::commands::run::{Begun, begin, by_hand};
use crate::failure::{Failure, FailureKind};

/// Do a run once more, with the same params and input
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow replay 099a8057 --follow
  agents workflow replay 099a8057 --definition now --wait")]
pub struct Replay {
    /// The run: its id, or the beginning or the end of it
    run: String,
    /// The workflow as it was then, with its modules; or as it is now
    #[arg(long, value_enum, default_value_t = Which::Then)]
    definition: Which,
    /// Wait for its end and print what it answers; the exit code is 0 if it is completed
    #[arg(long, conflicts_with = "follow")]
    wait: bool,
    /// Say each step as it begins and ends
    #[arg(long)]
    follow: bool,
}

/// Which definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    Then,
    Now,
}

impl Replay {
    /// Starts it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "start runs").await?;
        let Found { line, run } = desk.find(&self.run).await?;
        let new = again(app, &desk.definitions()?, (&line, &run), (&*desk.store, self.definition)).await?;
        if self.follow {
            return follow::begin(&desk, new, &[]).await;
        }
        begin(Begun { app, here: &desk.here, store: &desk.store, wait: self.wait }, new, Vec::new()).await
    }
}

/// A new run of the same.
pub async fn again(
    app: &App,
    starter: &FromDefinitions,
    (line, run): (&RunLine, &WorkflowRun),
    (store, which): (&dyn Workflows, Which),
) -> Result<NewAssignment, Failure> {
    let cause = by_hand(app, line.origin.input.clone(), Some(line.assignment.id));
    match which {
        Which::Now => {
            let start = Start::Workflow { name: run.workflow.clone(), params: line.origin.params.clone() };
            Ok(starter.new_run(&run.namespace, &start, cause).await?)
        }
        Which::Then => {
            let snapshot = store.workflow_snapshot(&run.snapshot).await?.ok_or_else(|| {
                let said =
                    format!("what run {} has started with is not kept any more", run.assignment.short());
                Failure::new(FailureKind::NotFound, said).hint("--definition now takes it as it is now")
            })?;
            Ok(starter.replay_workflow(line, (&snapshot, &run.snapshot), cause).await?)
        }
    }
}
