//! What a person tells a run: go on, end the loop, yes, no.

use agents_domain::actor::Actor;
use agents_domain::run::RunStatus;
use agents_domain::store::{Change, Receipt};
use agents_domain::workflow::{Signal, Wait};
use clap::Args;
use serde_json::json;

use super::{Desk, Found};
use crate::app::{self, App};
use crate::commands::resume;
use crate::failure::Failure;
use crate::output::text::{self, GREEN};

/// Let a run that is paused, has failed or was cancelled go on
///
/// It goes on at the step that it has stopped by; what has finished is not done again. It keeps the definition that it has
/// started with: `agents workflow replay --definition now` takes another one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow resume 099a8057
  agents workflow resume 099a8057 --from test")]
pub struct Resume {
    /// The run: its id, or the beginning or the end of it
    run: String,
    /// Go on at this step
    #[arg(long, value_name = "STEP")]
    from: Option<String>,
}

/// Do a step again, and go on from there: the one that has failed, or another one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow retry-step 099a8057
  agents workflow retry-step 099a8057 test")]
pub struct RetryStep {
    /// The run: its id, or the beginning or the end of it
    run: String,
    /// The step [default: the one that the run has stopped by]
    step: Option<String>,
}

/// End the innermost loop that a run is in; it goes on behind it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow break 099a8057 --reason \"good enough\"")]
pub struct Break {
    /// The run: its id, or the beginning or the end of it
    run: String,
    /// Why
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: Option<String>,
}

/// Say yes to what a run asks
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow approve 099a8057
  agents workflow approve 099a8057 --comment \"looks good\"")]
pub struct Approve {
    /// The run: its id, or the beginning or the end of it
    run: String,
    /// What the steps after it know as its output `comment`
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    comment: Option<String>,
}

/// Say no to what a run asks: its step fails as rejected
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow reject 099a8057 --comment \"not before the holidays\"")]
pub struct Reject {
    /// The run: its id, or the beginning or the end of it
    run: String,
    /// Why
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    comment: Option<String>,
}

impl Resume {
    /// Lets it go on.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "resume runs").await?;
        let found = desk.find(&self.run).await?;
        if self.from.is_none() && found.line.assignment.is_paused() {
            return resume::Resume::of(found.run.assignment).run(app).await;
        }
        tell(&desk, found, (Signal::GoOn { from: self.from }, "goes on")).await
    }
}

impl RetryStep {
    /// Does it again.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "retry steps").await?;
        let found = desk.find(&self.run).await?;
        tell(&desk, found, (Signal::GoOn { from: self.step }, "goes on")).await
    }
}

impl Break {
    /// Ends it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "end loops").await?;
        let found = desk.find(&self.run).await?;
        tell(&desk, found, (Signal::Break { reason: self.reason }, "leaves its loop")).await
    }
}

impl Approve {
    /// Says yes.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "approve anything").await?;
        answer(&desk, &self.run, (true, self.comment)).await
    }
}

impl Reject {
    /// Says no.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "reject anything").await?;
        answer(&desk, &self.run, (false, self.comment)).await
    }
}

async fn answer(
    desk: &Desk<'_>,
    run: &str,
    (approved, comment): (bool, Option<String>),
) -> Result<(), Failure> {
    let found = desk.find(run).await?;
    let id = found.run.assignment.short();
    if !matches!(found.run.wait, Some(Wait::Person { .. })) {
        return Err(Failure::rejected(format!("run {id} asks nothing"))
            .hint(format!("`agents workflow status {id}` says where it stands")));
    }
    let by = std::env::var("USER").ok().filter(|name| !name.is_empty());
    let by = by.unwrap_or_else(|| "a person".to_owned());
    let done = if approved { "is approved" } else { "is rejected" };
    tell(desk, found, (Signal::Answered { approved, by, comment }, done)).await
}

/// Tells it to the run, and says what it has come to.
async fn tell(desk: &Desk<'_>, found: Found, (signal, done): (Signal, &str)) -> Result<(), Failure> {
    let id = found.run.assignment;
    let change = Change::Signal { assignment: id, signal };
    let receipt: Receipt = desk.app.execute(&desk.here, &desk.store, (Actor::Person, change)).await?;
    let Some(Found { line, run }) = desk.read(id).await? else {
        return Err(Failure::failed("reading the run", "it is gone"));
    };
    let mut warnings = Vec::new();
    match line.status {
        RunStatus::Pending | RunStatus::Running => {
            let namespace = &line.assignment.namespace;
            warnings.extend(app::paused_warning(&line.assignment));
            warnings.extend(app::no_runner_warning(&*desk.store, namespace, desk.app.now()).await?);
        }
        RunStatus::Completed | RunStatus::Failed | RunStatus::Cancelled => {}
    }
    let json = || {
        json!({
            "id": id.to_string(), "status": line.status.as_str(), "at": run.at,
            "paused": line.assignment.is_paused(), "changed": !receipt.events.is_empty(), "warnings": warnings,
        })
    };
    desk.app.printer.answer(json, || {
        let at = run.at.as_deref().map(|at| format!(", at step {at}")).unwrap_or_default();
        let now = match line.status {
            RunStatus::Pending | RunStatus::Running => String::new(),
            RunStatus::Completed | RunStatus::Failed | RunStatus::Cancelled => {
                format!("; it is {} now", line.status.as_str())
            }
        };
        format!("run {} {}{at}{now}\n", id.short(), text::colored(GREEN, done))
    })?;
    warnings.iter().for_each(|warning| desk.app.printer.warning(warning));
    Ok(())
}
