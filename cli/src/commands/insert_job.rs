//! `agents insert-job`: a person inserts a job at once; the PM decides on one, which takes effect when its job
//! ends.

use agents_domain::actor::Actor;
use agents_domain::decision::{Decision, NewJob, Place};
use agents_domain::history::EventKind;
use agents_domain::id::{AssignmentId, JobId};
use agents_domain::store::{Change, Receipt, Store, StoreError};
use agents_orchestrator::store::SqlStore;
use clap::Args;
use serde::Serialize;

use super::staged;
use crate::app::{self, App, Here};
use crate::caller::{Caller, PmCaller};
use crate::failure::Failure;
use crate::job_input::{self, JobOptions};
use crate::output::text::{self, GREEN};
use crate::target;

/// Insert a job into an assignment's list: at the end, unless --first or --after says otherwise
///
/// It replaces a PM kick-off that has not started. Called by the PM from inside its job it is a decision, which takes
/// effect when that job ends; the assignment is then the PM's own and need not be named.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents insert-job 099a8057 --type implement --harness claude --context \"Write the parser of docs/format.md\"
  agents insert-job 099a8057 --type review --harness codex --after 7c1e4b02 --timeout 30m
  git diff | agents insert-job 099a8057 --type review --context -
  agents insert-job self --type review --context \"…\" --reason \"…\"     (the PM, from inside its job)")]
pub struct InsertJob {
    /// The assignment's id, or the beginning or the end of it; `self` in a PM job
    assignment: Option<String>,
    /// What kind of job: plan, implement, review, uat, document, pm, or one of your own with a template
    #[arg(long = "type", value_name = "TYPE")]
    job_type: String,
    #[command(flatten)]
    job: JobOptions,
    /// Directly after this job
    #[arg(long, value_name = "JOB", conflicts_with = "first")]
    after: Option<String>,
    /// Before all that have not started
    #[arg(long)]
    first: bool,
    /// What else must hold before the assignment is complete (repeatable; only in a PM job, before the first job is done)
    #[arg(long, value_name = "CRITERION", allow_hyphen_values = true)]
    accept: Vec<String>,
    /// Why (only in a PM job)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct Inserted {
    id: String,
    assignment: String,
    #[serde(rename = "type")]
    job_type: String,
    harness: Option<String>,
    /// Of the assignment.
    status: &'static str,
    /// It is a decision that takes effect when the PM job ends.
    staged: bool,
    warnings: Vec<String>,
}

impl InsertJob {
    /// Inserts it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let pm = Caller::of_process()?.pm("insert jobs")?;
        let here = app.here()?;
        let job = self.job.job(app, &here, &self.job_type)?;
        let store = app.store(&here).await?;
        let place = self.place(&store).await?;
        let inserted = match pm {
            Some(pm) => self.stage(app, &here, (&store, pm), (job, place)).await?,
            None => self.insert(app, &here, &store, (job, place)).await?,
        };
        app.printer.answer(|| &inserted, || said(&inserted))?;
        inserted.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }

    async fn place(&self, store: &SqlStore) -> Result<Place, Failure> {
        match &self.after {
            Some(job) => Ok(Place::After(target::job(store, job).await?)),
            None if self.first => Ok(Place::First),
            None => Ok(Place::End),
        }
    }

    async fn insert(
        &self,
        app: &App,
        here: &Here,
        store: &SqlStore,
        (job, place): (NewJob, Place),
    ) -> Result<Inserted, Failure> {
        let Some(text) = self.assignment.as_deref().filter(|text| *text != staged::OWN) else {
            return Err(Failure::usage("no assignment is named")
                .hint("agents insert-job <assignment> --type …; `agents assignments` lists them"));
        };
        if self.reason.is_some() {
            return Err(Failure::usage("--reason is for the PM's decisions")
                .hint("what the agent should know belongs into --context"));
        }
        if !self.accept.is_empty() {
            return Err(Failure::usage("--accept is for the PM's decisions")
                .hint(format!("agents update-assignment {text} --status active --accept \"…\"")));
        }
        let assignment = target::assignment(store, text).await?;
        let id = job.id;
        let job_type = job.job_type.to_string();
        let change = Change::Insert { assignment, job, place };
        let receipt = app.execute(here, store, (Actor::Person, change)).await?;
        let harness = harness_of(&receipt, id);
        let mut warnings = Vec::new();
        let stored = store.assignment(assignment).await?.ok_or(StoreError::NoAssignment(assignment))?;
        warnings.extend(app::no_runner_warning(store, &stored.namespace, app.now()).await?);
        warnings.extend(harness.as_deref().and_then(|harness| job_input::missing_program(here, harness)));
        warnings.extend(app::paused_warning(&stored));
        if !stored.is_active() {
            warnings.push(format!(
                "the assignment is {}: its jobs wait until `agents update-assignment {} --status active`",
                stored.status().as_str(),
                assignment.short()
            ));
        }
        Ok(Inserted { harness, warnings, ..inserted((id, assignment), job_type, &receipt) })
    }

    async fn stage(
        &self,
        app: &App,
        here: &Here,
        (store, pm): (&SqlStore, PmCaller),
        (job, place): (NewJob, Place),
    ) -> Result<Inserted, Failure> {
        if job.job_type.is_pm() {
            return Err(Failure::usage("the PM need not insert itself: a PM job follows every other job"));
        }
        let assignment = staged::own_assignment(pm, store, self.assignment.as_deref()).await?;
        let (id, job_type, harness) = (job.id, job.job_type.to_string(), job.harness.clone());
        let reason = self.reason.clone().unwrap_or_default();
        let decision = Decision::InsertJobs { reason, jobs: vec![(job, place)], accept: self.accept.clone() };
        let receipt = staged::stage(app, here, (store, pm), decision).await?;
        Ok(Inserted { harness, staged: true, ..inserted((id, assignment), job_type, &receipt) })
    }
}

fn inserted((id, assignment): (JobId, AssignmentId), job_type: String, receipt: &Receipt) -> Inserted {
    Inserted {
        id: id.to_string(),
        assignment: assignment.to_string(),
        job_type,
        harness: None,
        status: receipt.status.as_str(),
        staged: false,
        warnings: Vec::new(),
    }
}

/// The harness that the job got, also if the config chose it.
fn harness_of(receipt: &Receipt, job: JobId) -> Option<String> {
    let is_it = |event: &&agents_domain::history::HistoryEvent| {
        event.kind == EventKind::JobInserted && event.job == Some(job)
    };
    receipt.events.iter().find(is_it).and_then(|event| event.detail("harness")).map(str::to_owned)
}

fn said(inserted: &Inserted) -> String {
    let Inserted { job_type, harness, .. } = inserted;
    let end =
        |id: &str| id.chars().skip(id.len().saturating_sub(agents_domain::id::SHORT_LEN)).collect::<String>();
    let (job, assignment) = (end(&inserted.id), end(&inserted.assignment));
    let by = harness.as_deref().map(|harness| format!(" ({harness})")).unwrap_or_default();
    if inserted.staged {
        return format!(
            "{} {job_type} job {job}{by} as the next step of assignment {assignment}; {}\n",
            text::colored(GREEN, "decided on"),
            staged::WHEN
        );
    }
    format!("{} {job_type} job {job}{by} into assignment {assignment}\n", text::colored(GREEN, "inserted"))
}
