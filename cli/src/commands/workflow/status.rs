//! `agents workflow status`: one run with its steps.

use std::sync::Arc;

use agents_domain::id::AssignmentId;
use agents_domain::job::Job;
use agents_domain::store::Store;
use agents_domain::workflow::{StepRun, WorkflowRun, Workflows};
use agents_orchestrator::store::SqlStore;
use agents_workflows::Workflow;
use clap::Args;
use serde_json::Value;

use super::{Desk, Found};
use crate::app::{App, Here};
use crate::failure::Failure;
use crate::output;
use crate::output::text::{self, BOLD, DIM};
use crate::output::workflow::run::{Detail, Standing, human, json, table, waits};

/// How many steps are read at once.
pub const PAGE: u32 = 1_000;

/// Show a run of a workflow: each step, what it waits for, why it has failed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow status 099a8057
  agents workflow status 099a8057 --verbose
  agents workflow status 099a8057 --json | jq '.steps[] | {path, status, outputs}'")]
pub struct Status {
    /// The run: its id, or the beginning or the end of it
    run: String,
    /// What each step was given and has put out, too
    #[arg(long, short)]
    verbose: bool,
    /// The most steps that are shown, the latest
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Status {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        let found = desk.find(&self.run).await?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let told = Told::of(&desk, found, limit).await?;
        let detail = if self.verbose { Detail::Full } else { Detail::Brief };
        app.printer.answer(|| json(&told.standing(app)), || human(&told.standing(app), detail))
    }
}

/// What is read of a run.
pub(super) struct Told {
    found: Found,
    workflow: Option<Workflow>,
    steps: Vec<StepRun>,
    earlier: usize,
    job: Option<Job>,
}

impl Told {
    pub(super) async fn of(desk: &Desk<'_>, found: Found, limit: usize) -> Result<Self, Failure> {
        let workflow = workflow_of(desk, &found.run).await?;
        let (steps, earlier) = latest(desk, &found.run, limit).await?;
        let open = steps.iter().rev().find(|step| !step.status.is_final()).and_then(|step| step.job);
        let job = match open {
            Some(id) => desk.store.job(id).await?.map(|(_, detail)| detail.job),
            None => None,
        };
        Ok(Self { found, workflow, steps, earlier, job })
    }

    pub(super) fn standing(&self, app: &App) -> Standing<'_> {
        Standing {
            line: &self.found.line,
            run: &self.found.run,
            workflow: self.workflow.as_ref(),
            steps: &self.steps,
            earlier: self.earlier,
            job: self.job.as_ref(),
            now: app.now(),
        }
    }
}

/// How many steps of a run its own page shows.
const SHORT: usize = 12;

/// The latest steps of a run, if a workflow leads it, for its own page; the second: as JSON.
pub async fn short(
    app: &App,
    here: Here,
    store: Arc<SqlStore>,
    id: AssignmentId,
) -> Result<Option<(String, Value)>, Failure> {
    let desk = Desk { app, here, store };
    let Some(found) = desk.read(id).await? else { return Ok(None) };
    let told = Told::of(&desk, found, SHORT).await?;
    let standing = told.standing(app);
    let heading = text::colored(BOLD, "steps");
    let more = text::colored(DIM, &format!("agents workflow status {} shows all of each", id.short()));
    let waits = waits(&standing).map(|waits| format!("  {waits}\n")).unwrap_or_default();
    let steps = table(&standing, Detail::Brief).render(output::width(), "  ");
    Ok(Some((format!("\n{heading}\n{steps}{waits}  {more}\n"), json(&standing))))
}

/// The latest steps of a run, and how many there are before them.
async fn latest(desk: &Desk<'_>, run: &WorkflowRun, limit: usize) -> Result<(Vec<StepRun>, usize), Failure> {
    let (mut kept, mut earlier, mut after) = (Vec::new(), 0, 0);
    loop {
        let page = desk.store.workflow_steps(run.assignment, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((kept, earlier)) };
        after = last.number;
        kept.extend(page);
        let too_many = kept.len().saturating_sub(limit);
        kept.drain(..too_many);
        earlier += too_many;
    }
}

/// What a run has started with, if that can be read.
pub(super) async fn workflow_of(desk: &Desk<'_>, run: &WorkflowRun) -> Result<Option<Workflow>, Failure> {
    let text = desk.store.workflow_snapshot(&run.snapshot).await?;
    Ok(text.and_then(|text| agents_workflows::read_snapshot_parts(&text).ok()).map(|(workflow, _)| workflow))
}
