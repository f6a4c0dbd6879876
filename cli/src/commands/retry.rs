//! `agents retry`: a job that has failed, was cancelled or waits for its time is done again.

use agents_domain::actor::Actor;
use agents_domain::aggregate::Repetition;
use agents_domain::assignment::Assignment;
use agents_domain::cooldown::Cooldown;
use agents_domain::fallback::Route;
use agents_domain::history::EventKind;
use agents_domain::job::Job;
use agents_domain::store::{Change, Receipt, Store};
use agents_orchestrator::store::SqlStore;
use clap::Args;
use serde::Serialize;

use crate::app::{self, App, Here};
use crate::caller::Caller;
use crate::failure::{Failure, FailureKind};
use crate::output::text::{self, GREEN};
use crate::output::time;
use crate::target;

/// Do a job again that has failed or was cancelled, or at once one that waits for its time
///
/// A job that waits for its next try is ready now; for a harness that cools down there is `agents cooldown lift`. A finished job never changes: a new one repeats
/// it, directly after it, with the same type, harness, model, context and timeout. It goes on in the agent's session of the
/// last attempt, if that one is sound; with --fresh it starts over. An assignment that is blocked or closed is active
/// again afterwards. What a completed job did stands: `agents insert-job` adds what is still missing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents retry 7c1e4b02
  agents retry 7c1e4b02 --fresh
  agents retry 7c1e4b02 --json | jq -r .id")]
pub struct Retry {
    /// The job's id, or the beginning or the end of it
    job: String,
    /// Start over, in a new session
    #[arg(long)]
    fresh: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Retried {
    /// The job that is done now: a new one if it repeats another one.
    id: String,
    repeats: Option<String>,
    assignment: String,
    #[serde(rename = "type")]
    job_type: String,
    /// The session that it goes on in.
    session: Option<String>,
    changed: bool,
    /// The assignment was not active, and is now.
    reopened: bool,
    warnings: Vec<String>,
}

impl Retry {
    /// Has it done again.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("have a job done again")?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let old = target::job(&store, &self.job).await?;
        let missing = || Failure::new(FailureKind::NotFound, format!("there is no job {old}"));
        let (assignment, detail) = store.job(old).await?.ok_or_else(missing)?;
        let again = Repetition::of(&detail, app.new_job_id(), self.fresh);
        let new = again.id;
        let change = Change::Retry { assignment: assignment.id, job: old, again };
        let receipt = app.execute(&here, &store, (Actor::Person, change)).await?;
        let has_new = receipt.events.iter().any(|event| event.job == Some(new));
        let done = if has_new { new } else { old };
        let (assignment, detail) = store.job(done).await?.ok_or_else(missing)?;
        let retried = Retried {
            id: done.to_string(),
            repeats: has_new.then(|| old.to_string()),
            assignment: assignment.id.to_string(),
            job_type: detail.job.job_type.to_string(),
            session: detail.job.progress().resume.as_ref().map(|session| session.id.clone()),
            changed: !receipt.events.is_empty(),
            reopened: receipt.events.iter().any(|event| event.kind == EventKind::AssignmentActivated),
            warnings: warnings(app, &here, &store, (&assignment, &detail.job)).await?,
        };
        let repeats = has_new.then(|| old.short());
        app.printer.answer(|| &retried, || said(&detail.job, repeats, &assignment, &receipt))?;
        retried.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }
}

async fn warnings(
    app: &App,
    here: &Here,
    store: &SqlStore,
    (assignment, job): (&Assignment, &Job),
) -> Result<Vec<String>, Failure> {
    let paused = app::paused_warning(assignment);
    let runner = app::no_runner_warning(store, &assignment.namespace, app.now()).await?;
    let cools = cooldown_warning(app, here, store, &job.harness).await?;
    Ok(paused.into_iter().chain(runner).chain(cools).collect())
}

/// The job waits for more than its turn.
async fn cooldown_warning(
    app: &App,
    here: &Here,
    store: &SqlStore,
    harness: &str,
) -> Result<Option<String>, Failure> {
    let lines = store.cooldowns(None).await?;
    let cooling: Vec<Cooldown> = lines.into_iter().map(|line| line.cooldown).collect();
    Ok(match here.config.fallbacks().route(harness, &cooling) {
        Route::To(_) => None,
        Route::Waits { first, until } => Some(format!(
            "{first} cools down until {}: `agents cooldown lift {first}` lets its jobs start at once",
            time::local(until, app.now())
        )),
    })
}

fn said(job: &Job, repeats: Option<String>, assignment: &Assignment, receipt: &Receipt) -> String {
    let name = format!("{} {}", job.job_type, job.id.short());
    let how = match job.progress().resume {
        Some(_) => "in the session of its last attempt",
        None => "in a new session",
    };
    let mut said = match repeats {
        Some(old) => format!("{name} {} {} {old}, {how}\n", text::colored(GREEN, "repeats"), job.job_type),
        None if !receipt.events.is_empty() => format!("{name} is {}, {how}\n", text::colored(GREEN, "ready")),
        None => format!("{name} waits for its turn and for no time; nothing has changed\n"),
    };
    if receipt.events.iter().any(|event| event.kind == EventKind::AssignmentActivated) {
        said.push_str(&format!("assignment {} is active again\n", assignment.id.short()));
    }
    said
}
