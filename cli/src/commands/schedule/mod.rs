//! `agents schedule`: what is started when. One file for each thing that can be done with schedules.

mod edit;
mod look;
mod preview;
mod run_now;
mod standing;
mod transfer;
mod write;

use std::sync::Arc;

use agents_domain::run::Trigger;
use agents_domain::schedule::Schedule;
use agents_domain::schedule::schedules::{ScheduleFilter, Schedules, Written};
use agents_domain::start::{Cause, Start, Starter};
use agents_orchestrator::store::SqlStore;
use clap::{Args, Subcommand};

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::engine;
use crate::failure::{Failure, FailureKind};
use crate::suggestion;

pub use write::refuse_bad_name;

/// Start definitions and north stars at times: cron patterns, intervals, or once
///
/// Any runner of the namespace starts what is due; there is no other daemon. Each due time is started once, however many
/// runners there are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents schedule create nightly --cron \"0 2 * * *\" --zone Europe/Berlin --run backup
  agents schedule create triage --cron \"0 9 * * MON-FRI\" --create \"Triage the new issues\"
  agents schedule list
  agents schedule preview nightly -n 20")]
pub struct ScheduleArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Create(write::Create),
    List(look::List),
    Show(look::Show),
    Edit(edit::Edit),
    Enable(standing::Enable),
    Disable(standing::Disable),
    Delete(standing::Delete),
    RunNow(run_now::RunNow),
    Preview(preview::Preview),
    Export(transfer::Export),
    Import(transfer::Import),
}

impl ScheduleArgs {
    /// Does it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            What::Create(command) => command.run(app).await,
            What::List(command) => command.run(app).await,
            What::Show(command) => command.run(app).await,
            What::Edit(command) => command.run(app).await,
            What::Enable(command) => command.run(app).await,
            What::Disable(command) => command.run(app).await,
            What::Delete(command) => command.run(app).await,
            What::RunNow(command) => command.run(app).await,
            What::Preview(command) => command.run(app).await,
            What::Export(command) => command.run(app).await,
            What::Import(command) => command.run(app).await,
        }
    }
}

/// A command that changes schedules has a store, and is a person's.
struct Desk<'a> {
    app: &'a App,
    here: Here,
    store: Arc<SqlStore>,
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

    /// The schedule of that name.
    async fn find(&self, name: &str) -> Result<Schedule, Failure> {
        let namespace = self.here.namespace()?.namespace;
        let all =
            |name| ScheduleFilter { namespace: Some(namespace.clone()), name, ..ScheduleFilter::default() };
        if let Some(found) = self.store.schedules(&all(Some(name.to_owned()))).await?.pop() {
            return Ok(found);
        }
        let known: Vec<String> =
            self.store.schedules(&all(None)).await?.into_iter().map(|schedule| schedule.name).collect();
        let failure =
            Failure::new(FailureKind::NotFound, format!("there is no schedule `{name}` in {namespace}"));
        Err(match known.is_empty() {
            true => failure.hint("`agents schedule create` makes one"),
            false => failure.hint(suggestion::did_you_mean(name, &known, "there are")),
        })
    }

    fn starter(&self) -> Result<Arc<dyn Starter>, Failure> {
        Ok(engine::surroundings(self.app, &self.here, Arc::clone(&self.store))?.starter)
    }

    /// Whether it could be started now; what is wrong with it otherwise.
    async fn try_start(&self, start: &Start, zone: &str) -> Result<(), Failure> {
        let namespace = self.here.namespace()?.namespace;
        let cause = Cause {
            trigger: Trigger::Manual,
            input: None,
            depth: 0,
            replays: None,
            at: self.app.now(),
            zone: Some(zone.to_owned()),
        };
        self.starter()?.new_run(&namespace, start, cause).await?;
        Ok(())
    }
}

/// What a write has come to, for who asked for it.
pub fn refused(written: Written) -> Result<(), Failure> {
    match written {
        Written::Done => Ok(()),
        Written::NameTaken { name } => {
            Err(Failure::rejected(format!("there is a schedule `{name}` already"))
                .hint(format!("`agents schedule edit {name} …` changes it")))
        }
        Written::Changed { name } => {
            Err(Failure::rejected(format!("schedule `{name}` was changed by somebody else meanwhile"))
                .hint("look at it, and run the same command again"))
        }
    }
}
