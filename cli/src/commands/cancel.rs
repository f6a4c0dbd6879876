//! `agents cancel`: jobs and whole assignments that nobody wants any longer.

use agents_domain::actor::Actor;
use agents_domain::aggregate::StatusChange;
use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::history::EventKind;
use agents_domain::id::{AssignmentId, JobId};
use agents_domain::job::{Job, JobStatus};
use agents_domain::store::{Change, Receipt, Store, StoreError};
use agents_orchestrator::store::SqlStore;
use clap::Args;
use serde::Serialize;

use super::ending::Ending;
use crate::app::{self, App, Here};
use crate::caller::Caller;
use crate::failure::{Failure, FailureKind};
use crate::output::text::{self, YELLOW};
use crate::target::{self, Target};

/// Cancel jobs or whole assignments
///
/// A job that waits is cancelled at once. One that runs is ended by its runner, with everything that its agent has
/// started, and is cancelled then; if it succeeds in that very moment, it has succeeded. The PM is asked what comes next
/// when a job was cancelled that had been started, or when nothing else waits. An assignment is cancelled with all its
/// open jobs. What has ended already stays as it is, and that is no error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents cancel 7c1e4b02 --reason \"wrong approach: use the existing parser\"
  agents cancel 099a8057
  agents cancel 7c1e4b02 5d0f9a31 099a8057 --json")]
pub struct Cancel {
    /// Ids of jobs and assignments, or the beginnings or ends of them
    #[arg(required = true, value_name = "JOB|ASSIGNMENT")]
    ids: Vec<String>,
    /// Why; the PM is told
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct Cancelled {
    cancelled: Vec<One>,
    warnings: Vec<String>,
}

/// What became of one id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct One {
    kind: &'static str,
    id: String,
    assignment: String,
    /// What it is now: a job that is being ended is still running.
    status: &'static str,
    changed: bool,
    /// Jobs that are cancelled now.
    jobs: Vec<String>,
    /// Attempts that runners have been asked to end.
    ending: Vec<Ending>,
    #[serde(skip)]
    said: String,
}

impl Cancel {
    /// That assignment.
    pub fn of(id: AssignmentId, reason: Option<String>) -> Self {
        Self { ids: vec![id.to_string()], reason }
    }

    /// Cancels them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("cancel anything")?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let mut targets = Vec::new();
        for text in &self.ids {
            targets.push(target::job_or_assignment(&store, text).await?);
        }
        let mut done = Cancelled { cancelled: Vec::new(), warnings: Vec::new() };
        for target in targets {
            let (one, assignment) = match target {
                Target::Job(id) => self.cancel_job(app, &here, &store, id).await?,
                Target::Assignment(id) => self.cancel_assignment(app, &here, &store, id).await?,
            };
            if !one.ending.is_empty() {
                let warning = app::no_runner_warning(&store, &assignment.namespace, app.now()).await?;
                done.warnings.extend(warning.filter(|warning| !done.warnings.contains(warning)));
            }
            done.cancelled.push(one);
        }
        app.printer.answer(|| &done, || done.cancelled.iter().map(|one| one.said.as_str()).collect())?;
        done.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }

    async fn cancel_job(
        &self,
        app: &App,
        here: &Here,
        store: &SqlStore,
        id: JobId,
    ) -> Result<(One, Assignment), Failure> {
        let (assignment, _) = stored(store, id).await?;
        let change = Change::Cancel { assignment: assignment.id, job: id, reason: self.reason.clone() };
        let receipt = app.execute(here, store, (Actor::Person, change)).await?;
        let (assignment, job) = stored(store, id).await?;
        let ending = Ending::of(&receipt, EventKind::CancelRequested);
        let one = One {
            kind: "job",
            id: id.to_string(),
            assignment: assignment.id.to_string(),
            status: job.status().as_str(),
            changed: !receipt.events.is_empty(),
            jobs: cancelled_jobs(&receipt),
            said: said_of_job(&job, &ending, &receipt) + &said_of_rest(&assignment, &receipt),
            ending,
        };
        Ok((one, assignment))
    }

    async fn cancel_assignment(
        &self,
        app: &App,
        here: &Here,
        store: &SqlStore,
        id: AssignmentId,
    ) -> Result<(One, Assignment), Failure> {
        let before = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let receipt = if before.is_closed() {
            Receipt {
                assignment: id,
                status: before.status(),
                events: Vec::new(),
                has_ready: false,
                reserved: None,
            }
        } else {
            let change = Change::Update {
                assignment: id,
                to: StatusChange::Cancelled { reason: self.reason.clone() },
            };
            app.execute(here, store, (Actor::Person, change)).await?
        };
        let ending = Ending::of(&receipt, EventKind::CancelRequested);
        let one = One {
            kind: "assignment",
            id: id.to_string(),
            assignment: id.to_string(),
            status: receipt.status.as_str(),
            changed: !receipt.events.is_empty(),
            jobs: cancelled_jobs(&receipt),
            said: said_of_assignment(&before, &ending, &receipt),
            ending,
        };
        Ok((one, before))
    }
}

async fn stored(store: &SqlStore, id: JobId) -> Result<(Assignment, Job), Failure> {
    let found = store.job(id).await?;
    let gone = || Failure::new(FailureKind::NotFound, format!("there is no job {id}"));
    found.map(|(assignment, detail)| (assignment, detail.job)).ok_or_else(gone)
}

fn cancelled_jobs(receipt: &Receipt) -> Vec<String> {
    let cancelled = receipt.events.iter().filter(|event| event.kind == EventKind::JobCancelled);
    cancelled.filter_map(|event| event.job).map(|id| id.to_string()).collect()
}

fn said_of_job(job: &Job, ending: &[Ending], receipt: &Receipt) -> String {
    let name = format!("{} {}", job.job_type, job.id.short());
    if let Some(ending) = ending.first() {
        return format!(
            "asked the runner to end {}; the job is {} when its agent has ended\n",
            ending.words(),
            text::colored(YELLOW, "cancelled")
        );
    }
    if !receipt.events.is_empty() {
        return format!("{name} is {}\n", text::colored(YELLOW, "cancelled"));
    }
    match job.status() {
        JobStatus::Pending | JobStatus::Running => {
            format!("{name} is being ended already; nothing has changed\n")
        }
        status @ (JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled) => {
            format!("{name} is already {}; nothing has changed\n", status.as_str())
        }
    }
}

/// What follows for the assignment.
fn said_of_rest(assignment: &Assignment, receipt: &Receipt) -> String {
    let has = |kind| receipt.events.iter().any(|event| event.kind == kind);
    let id = assignment.id.short();
    match assignment.status() {
        AssignmentStatus::Blocked if has(EventKind::AssignmentBlocked) => {
            let why = assignment.reason().unwrap_or_default();
            format!(
                "assignment {id} is blocked: {why}\n  to go on: agents update-assignment {id} --status active \
                 --note \"…\"\n"
            )
        }
        AssignmentStatus::Active if has(EventKind::JobInserted) => {
            "the PM is asked what comes next\n".to_owned()
        }
        AssignmentStatus::Active
        | AssignmentStatus::Blocked
        | AssignmentStatus::Complete
        | AssignmentStatus::Failed
        | AssignmentStatus::Cancelled => String::new(),
    }
}

fn said_of_assignment(before: &Assignment, ending: &[Ending], receipt: &Receipt) -> String {
    let id = before.id.short();
    if receipt.events.is_empty() {
        return format!("assignment {id} is already {}; nothing has changed\n", before.status().as_str());
    }
    let jobs = cancelled_jobs(receipt).len();
    let with = if jobs > 0 { format!(", with {}", text::counted(jobs, "job")) } else { String::new() };
    let mut said = format!("assignment {id} is {}{with}\n", text::colored(YELLOW, "cancelled"));
    for one in ending {
        said.push_str(&format!("asked the runner to end {}\n", one.words()));
    }
    said
}
