//! `agents import`: what other schedulers have, as definitions, schedules and records of runs. One file for each of them.

mod conductor;
mod crontab;
mod folder;
mod runs;

use std::sync::Arc;

use agents_definitions::Problems;
use agents_domain::import::{ImportOutcome, ImportedRunFilter, Imports as _};
use agents_domain::schedule::schedules::{ScheduleFilter, Schedules as _};
use agents_orchestrator::doorbell;
use agents_orchestrator::import::{Import, Known, State, Steps, Target, compare};
use clap::{Args, Subcommand};

use crate::app::{self, App, Here};
use crate::caller::Caller;
use crate::commands::create::refuse_foreign_namespace;
use crate::engine;
use crate::failure::Failure;
use crate::output::import::Shown;
use crate::output::text;
use crate::place;
use crate::schedule_options::system_zone;

/// Take over what another scheduler does: its jobs, their times, and what has run
///
/// All is read and checked first. If anything is wrong, all that is wrong is said, and nothing is stored. What is there
/// already stays as it is, so an import may be repeated.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents import crontab --dry-run
  agents import crontab /etc/crontab --system
  agents import conductor ~/hs-conductor --dry-run
  agents import runs --status failed")]
pub struct ImportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Conductor(conductor::Conductor),
    Crontab(crontab::Crontab),
    Runs(runs::ImportedRuns),
}

impl ImportArgs {
    /// Does it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            What::Conductor(command) => command.run(app).await,
            What::Crontab(command) => command.run(app).await,
            What::Runs(command) => command.run(app).await,
        }
    }
}

/// What both kinds of import can be told.
#[derive(Debug, Args)]
struct Manner {
    /// Say what would be stored, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace what is there and says something else; otherwise it is left as it is
    #[arg(long)]
    replace: bool,
    /// The time zone of times that name none, such as Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

impl Manner {
    fn zone(&self) -> Result<String, Failure> {
        let zone = match &self.zone {
            Some(name) => agents_calendar::Zone::parse(name)
                .map_err(|error| Failure::usage(format!("--zone: {error}")))?,
            None => system_zone(),
        };
        Ok(zone.name().to_owned())
    }
}

/// Whose import it is, and where.
fn person_here(app: &App) -> Result<Here, Failure> {
    Caller::of_process()?.person_only("import jobs")?;
    app.here()
}

/// All that is wrong, as one failure: every problem with its place and what to do.
fn refused(bad: &[Problems], unreadable: Vec<String>) -> Failure {
    let mut said = unreadable;
    for file in bad {
        for problem in &file.problems {
            let (line, column) = (problem.at.line, problem.at.column);
            let what = format!("{}:{line}:{column}: {}", file.source, problem.message);
            let hint = problem.hint.iter().map(|hint| format!("; {hint}"));
            said.push(hint.fold(what, |what, hint| what + &hint));
        }
    }
    let message = format!("{}; nothing was stored", text::counted(said.len(), "problem"));
    said.into_iter().fold(Failure::bad_input(message), Failure::hint)
}

/// Holds the import against what is there, stores what is new, and reports.
async fn carry_out(app: &App, here: &Here, (import, manner): (&Import, &Manner)) -> Result<(), Failure> {
    let store = Arc::new(app.store(here).await?);
    let chosen = here.namespace()?;
    refuse_foreign_namespace(&store, here, &chosen).await?;
    let namespace = chosen.namespace;
    let definitions = engine::definitions(app, here, Arc::clone(&store))?.library().list(&namespace).await?;
    let filter = ScheduleFilter { namespace: Some(namespace.clone()), ..ScheduleFilter::default() };
    let schedules = store.schedules(&filter).await?;
    let filter = ImportedRunFilter { namespace: Some(namespace.clone()), ..ImportedRunFilter::default() };
    let runs = store.imported_runs(&filter).await?;
    let known = Known { definitions: &definitions, schedules: &schedules, runs: &runs };
    let workspace = place::lasting(&here.workspace()).display().to_string();
    let target = Target {
        namespace: &namespace,
        workspace: &workspace,
        now: app.now(),
        ids: &*app.ids,
        replaces: manner.replace,
    };
    let steps = compare(import, known, target).map_err(|error| Failure::bad_input(error.to_string()))?;
    let mut warnings = Vec::new();
    if !manner.dry_run {
        // Before the runners are woken: afterwards it would take a second connection.
        let warning = app::no_runner_warning(&*store, &namespace, app.now()).await?;
        warnings.extend(warning.filter(|_| starts_something(&steps)));
        if let ImportOutcome::Changed { name } = store.import(steps.write.clone()).await? {
            let message = format!("`{name}` was changed by somebody else meanwhile; nothing was stored");
            return Err(Failure::rejected(message).hint("run the same command again"));
        }
        doorbell::ring(&here.bells()?);
    }
    let shown = Shown { import, steps: &steps, is_dry_run: manner.dry_run, warnings: &warnings };
    app.printer.answer(|| shown.view(), || shown.human())?;
    warnings.iter().for_each(|warning| app.printer.warning(warning));
    Ok(())
}

fn starts_something(steps: &Steps) -> bool {
    steps.schedules.iter().any(|step| matches!(step.state, State::New | State::Replaced))
}
