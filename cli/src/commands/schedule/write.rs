//! `agents schedule create`.

use agents_domain::id::ScheduleId;
use agents_domain::schedule::entry::{Progress, Schedule, Standing, Terms, refuse_name};
use agents_domain::schedule::schedules::{ScheduleWrite, Schedules};
use agents_orchestrator::doorbell;
use clap::Args;
use serde_json::json;

use super::{Desk, refused};
use crate::app::{self, App};
use crate::failure::Failure;
use crate::output::schedule::{ScheduleView, created};
use crate::schedule_options::{RuleOptions, WhenOptions, checked, moved, refuse_past};

/// Make a schedule
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents schedule create nightly --cron \"0 2 * * *\" --zone Europe/Berlin --run backup --param target=s3
  agents schedule create triage --cron \"0 9 * * MON-FRI\" --create \"Triage the new issues\"
  agents schedule create poll --every 15m --run poll --overlap skip --jitter 30s
  agents schedule create party --at 2026-12-24T18:00 --run lights")]
pub struct Create {
    /// Its name, unique in the namespace
    name: String,
    #[command(flatten)]
    when: WhenOptions,
    #[command(flatten)]
    rules: RuleOptions,
    /// Make it switched off
    #[arg(long)]
    disabled: bool,
}

impl Create {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        refuse_bad_name(&self.name)?;
        let terms = self.rules.terms(&self.when)?;
        let desk = Desk::of_person(app, "create schedules").await?;
        let standing = if self.disabled { Standing::Off } else { Standing::On };
        refuse_past(&checked(&terms, app.now())?, &terms, app.now())?;
        let schedule = new_schedule(&desk, (self.name, terms), standing)?;
        desk.try_start(&schedule.terms.start, &schedule.terms.zone).await?;
        let namespace = schedule.namespace.clone();
        let write = ScheduleWrite { schedule: schedule.clone(), replaces: None, begins_anew: true };
        // Before the runners are woken: afterwards it would take a second connection.
        let warning = app::no_runner_warning(&*desk.store, &namespace, app.now()).await?;
        refused(desk.store.write_schedules(vec![write]).await?)?;
        doorbell::ring(&desk.here.bells()?);
        let view = ScheduleView::new(&schedule);
        let mut warnings = moved(&self.when, &schedule.terms.zone);
        warnings.extend(warning);
        app.printer
            .answer(|| json!({"schedule": view, "warnings": warnings}), || created(&schedule, app.now()))?;
        warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }
}

/// Refuses what can't be the name of a schedule.
pub fn refuse_bad_name(name: &str) -> Result<(), Failure> {
    match refuse_name(name) {
        Some(why) => Err(Failure::usage(format!("`{name}` cannot be the name of a schedule: {why}"))),
        None => Ok(()),
    }
}

/// A new schedule. One of which nothing will be due any more is done.
pub fn new_schedule(
    desk: &Desk<'_>,
    (name, terms): (String, Terms),
    standing: Standing,
) -> Result<Schedule, Failure> {
    let now = desk.app.now();
    let times = checked(&terms, now)?;
    let mut progress = Progress::begin(now, times.next_after(now));
    if !standing.is_on() {
        progress.look_at = None;
    }
    Ok(Schedule {
        id: ScheduleId::new(desk.app.ids.next()),
        namespace: desk.here.namespace()?.namespace,
        name,
        terms,
        standing,
        progress,
        created_at: now,
        updated_at: now,
        revision: 1,
    })
}
