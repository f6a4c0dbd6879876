//! `agents schedule run-now`: what a schedule starts, started by a person. Its due times are as they were.

use agents_domain::actor::Actor;
use agents_domain::run::Trigger;
use agents_domain::start::Cause;
use agents_domain::store::Change;
use clap::Args;
use serde_json::json;

use super::Desk;
use crate::app::{self, App};
use crate::failure::Failure;
use crate::output::text::{self, GREEN};

/// Start what a schedule starts, now; its due times stay as they are
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents schedule run-now nightly")]
pub struct RunNow {
    /// The schedule
    name: String,
}

impl RunNow {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "start runs").await?;
        let schedule = desk.find(&self.name).await?;
        let cause = Cause {
            trigger: Trigger::Manual,
            input: None,
            depth: 0,
            replays: None,
            at: app.now(),
            zone: Some(schedule.terms.zone.clone()),
        };
        let made = desk.starter()?.new_run(&schedule.namespace, &schedule.terms.start, cause).await;
        let new = made.map_err(|error| Failure::bad_input(error.to_string()))?;
        let id = new.id;
        let warning = app::no_runner_warning(&*desk.store, &schedule.namespace, app.now()).await?;
        app.execute(&desk.here, &desk.store, (Actor::Person, Change::Create(new))).await?;
        let warnings: Vec<String> = warning.into_iter().collect();
        let view = || json!({ "id": id.to_string(), "schedule": schedule.name, "warnings": warnings });
        app.printer.answer(view, || {
            format!("{} run {} of {}\n", text::colored(GREEN, "started"), id.short(), schedule.name)
        })?;
        warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }
}
