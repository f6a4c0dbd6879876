//! `agents pause`: an assignment starts no job until it is resumed.

use agents_domain::actor::Actor;
use agents_domain::aggregate::PauseMode;
use agents_domain::assignment::Assignment;
use agents_domain::history::EventKind;
use agents_domain::id::AssignmentId;
use agents_domain::job::{Job, JobStatus};
use agents_domain::store::{Change, Receipt, Store, StoreError};
use clap::Args;
use serde::Serialize;

use super::ending::Ending;
use crate::app::{self, App};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::output::text::{self, YELLOW};
use crate::target;

/// Pause an assignment: it starts no job until it is resumed
///
/// Its running job is ended, which counts as no try, and goes on in the agent's own session after `agents resume`. With
/// --after-job it is left to its end. The pause stays when the runner is started again. A PM that completes the
/// assignment meanwhile is asked again. Questions (`agents chat`) are still answered.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents pause 099a8057
  agents pause 099a8057 --after-job
  agents resume 099a8057")]
pub struct Pause {
    /// The assignment's id, or the beginning or the end of it
    assignment: String,
    /// Let the running job finish; nothing starts after it
    #[arg(long)]
    after_job: bool,
}

#[derive(Debug, Serialize)]
struct Paused {
    id: String,
    status: &'static str,
    paused: bool,
    changed: bool,
    /// Attempts that runners have been asked to end.
    ending: Vec<Ending>,
    /// Jobs that run on to their end.
    running: Vec<String>,
    warnings: Vec<String>,
}

impl Pause {
    /// That assignment.
    pub fn of(id: AssignmentId, after_job: bool) -> Self {
        Self { assignment: id.to_string(), after_job }
    }

    /// Pauses it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("pause an assignment")?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::assignment(&store, &self.assignment).await?;
        let mode = if self.after_job { PauseMode::AfterJob } else { PauseMode::Now };
        let change = Change::Pause { assignment: id, mode };
        let receipt = app.execute(&here, &store, (Actor::Person, change)).await?;
        let stored = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let jobs = store.job_details(id).await?;
        let ending = Ending::of(&receipt, EventKind::PauseRequested);
        let wanted = |detail: &&agents_domain::store::JobDetail| {
            let is_asked =
                |one: &agents_domain::store::AttemptRecord| one.pause_requested || one.cancel_requested;
            detail.job.status() == JobStatus::Running
                && !detail.job.job_type.is_chat()
                && !detail.attempts.last().is_some_and(is_asked)
        };
        let running: Vec<&Job> = jobs.iter().filter(wanted).map(|detail| &detail.job).collect();
        let mut warnings = Vec::new();
        if !ending.is_empty() {
            warnings.extend(app::no_runner_warning(&store, &stored.namespace, app.now()).await?);
        }
        let said = said(&stored, &ending, &running, &receipt);
        let paused = Paused {
            id: id.to_string(),
            status: stored.status().as_str(),
            paused: stored.is_paused(),
            changed: !receipt.events.is_empty(),
            ending,
            running: running.iter().map(|job| job.id.to_string()).collect(),
            warnings,
        };
        app.printer.answer(|| &paused, || said)?;
        paused.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }
}

fn said(assignment: &Assignment, ending: &[Ending], running: &[&Job], receipt: &Receipt) -> String {
    let id = assignment.id.short();
    if receipt.events.is_empty() {
        return format!("assignment {id} is already paused; nothing has changed\n");
    }
    let mut said = format!(
        "assignment {id} is {}; it starts no job until `agents resume {id}`\n",
        text::colored(YELLOW, "paused")
    );
    for one in ending {
        said.push_str(&format!("asked the runner to end {}; it goes on in the same session\n", one.words()));
    }
    for job in running {
        said.push_str(&format!("{} {} goes on to its end\n", job.job_type, job.id.short()));
    }
    said
}
