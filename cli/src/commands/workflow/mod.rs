//! `agents workflow`: graphs of steps that route on outcomes, and their runs.

mod check;
mod dry_run;
mod export;
mod follow;
mod list;
mod replay;
mod run;
mod show;
mod signal;
mod standing;
mod status;
mod stored;
mod test;
mod triggers;

use std::sync::Arc;

use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::run::{RunLine, Runs};
use agents_domain::start::StartError;
use agents_domain::workflow::{WorkflowRun, Workflows};
use agents_orchestrator::start::FromDefinitions;
use agents_orchestrator::store::SqlStore;
use clap::{Args, Subcommand};

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::commands::run_show;
use crate::engine;
use crate::failure::{Failure, FailureKind};

pub use replay::{Which, again};
pub use status::short;

/// Run and watch workflows: graphs of steps that route on outcomes
///
/// A workflow is YAML: a file .agents/workflows/<name>.yaml of the repository. A run of one is an assignment that the
/// workflow leads; a runner does its steps.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow check
  agents workflow show implement-feature --graph
  agents workflow run implement-feature --param feature=\"dark mode\" --follow
  agents workflow status 099a8057
  agents workflow approve 099a8057 --comment \"looks good\"")]
pub struct WorkflowArgs {
    #[command(subcommand)]
    what: What,
}

/// What to do with workflows.
#[derive(Debug, Subcommand)]
enum What {
    Run(run::Run),
    List(list::List),
    Show(show::Show),
    Status(status::Status),
    Resume(signal::Resume),
    RetryStep(signal::RetryStep),
    Replay(replay::Replay),
    Cancel(standing::Cancel),
    Pause(standing::Pause),
    Break(signal::Break),
    Approve(signal::Approve),
    Reject(signal::Reject),
    Test(test::Test),
    Check(check::Check),
    Define(stored::Define),
    Create(stored::Create),
    Update(stored::Update),
    Edit(stored::EditDraft),
    Duplicate(stored::Duplicate),
    Archive(stored::Archive),
    Delete(stored::Delete),
    Publish(stored::Publish),
    Versions(stored::Versions),
    Diff(stored::Diff),
    Activate(stored::Activate),
    Export(export::Export),
    /// Print the JSON Schema of workflow files, for editors
    #[command(after_help = "\
Examples:
  agents workflow schema > .agents/workflow.schema.json
  agents workflow schema --module > .agents/module.schema.json")]
    Schema {
        /// That of files in .agents/modules
        #[arg(long)]
        module: bool,
    },
}

impl WorkflowArgs {
    /// Does it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            What::Run(command) => command.run(app).await,
            What::List(command) => command.run(app).await,
            What::Show(command) => command.run(app).await,
            What::Status(command) => command.run(app).await,
            What::Resume(command) => command.run(app).await,
            What::RetryStep(command) => command.run(app).await,
            What::Replay(command) => command.run(app).await,
            What::Cancel(command) => command.run(app).await,
            What::Pause(command) => command.run(app).await,
            What::Break(command) => command.run(app).await,
            What::Approve(command) => command.run(app).await,
            What::Reject(command) => command.run(app).await,
            What::Test(command) => command.run(app).await,
            What::Check(command) => command.run(app).await,
            What::Define(command) => command.run(app).await,
            What::Create(command) => command.run(app).await,
            What::Update(command) => command.run(app).await,
            What::Edit(command) => command.run(app).await,
            What::Duplicate(command) => command.run(app).await,
            What::Archive(command) => command.run(app).await,
            What::Delete(command) => command.run(app).await,
            What::Publish(command) => command.run(app).await,
            What::Versions(command) => command.run(app).await,
            What::Diff(command) => command.run(app).await,
            What::Activate(command) => command.run(app).await,
            What::Export(command) => command.run(app).await,
            What::Schema { module } => {
                let schema =
                    if module { agents_workflows::module_schema() } else { agents_workflows::schema() };
                app.printer.json(&schema)
            }
        }
    }
}

/// Where workflows are worked with.
struct Desk<'a> {
    app: &'a App,
    here: Here,
    store: Arc<SqlStore>,
}

/// A run of a workflow.
struct Found {
    line: RunLine,
    run: WorkflowRun,
}

impl<'a> Desk<'a> {
    async fn open(app: &'a App) -> Result<Self, Failure> {
        let here = app.here()?;
        let store = Arc::new(app.store(&here).await?);
        Ok(Self { app, here, store })
    }

    async fn of_person(app: &'a App, doing: &'static str) -> Result<Self, Failure> {
        Caller::of_process()?.person_only(doing)?;
        Self::open(app).await
    }

    fn namespace(&self) -> Result<Namespace, Failure> {
        Ok(self.here.namespace()?.namespace)
    }

    fn definitions(&self) -> Result<FromDefinitions, Failure> {
        engine::definitions(self.app, &self.here, Arc::clone(&self.store))
    }

    /// The run that is meant.
    async fn find(&self, text: &str) -> Result<Found, Failure> {
        let id = run_show::find(&self.store, text).await?;
        self.read(id).await?.ok_or_else(|| {
            let id = id.short();
            Failure::new(FailureKind::NotFound, format!("run {id} is no workflow's"))
                .hint(format!("`agents run-show {id}` shows it"))
        })
    }

    async fn read(&self, id: AssignmentId) -> Result<Option<Found>, Failure> {
        let (line, run) = (self.store.run(id).await?, self.store.workflow_run(id).await?);
        Ok(line.zip(run).map(|(line, run)| Found { line, run }))
    }
}

/// An unknown name is "not found"; a workflow that is wrong is bad input.
fn not_found(error: StartError) -> Failure {
    let is_unknown = error.is_unknown;
    let failure = Failure::from(StartError { is_unknown: false, ..error });
    match is_unknown {
        true => Failure { kind: FailureKind::NotFound, ..failure }.hint("`agents workflow list` lists them"),
        false => failure,
    }
}
