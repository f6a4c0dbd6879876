//! `agents schedule enable`, `disable` and `delete`.

use agents_domain::schedule::entry::{Progress, Schedule, Standing};
use agents_domain::schedule::schedules::{ScheduleWrite, Schedules};
use agents_orchestrator::doorbell;
use clap::Args;
use serde_json::json;

use super::{Desk, refused};
use crate::app::App;
use crate::failure::Failure;
use crate::output::schedule::{ScheduleView, changed};
use crate::schedule_options::{checked, refuse_past};

/// Switch schedules on, also those that have paused themselves
///
/// What was due while it was off is not started.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents schedule enable nightly")]
pub struct Enable {
    /// The schedules
    #[arg(required = true)]
    names: Vec<String>,
}

/// Switch schedules off; runs that wait for the one before are not started, running ones go on
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents schedule disable nightly poll")]
pub struct Disable {
    /// The schedules
    #[arg(required = true)]
    names: Vec<String>,
}

/// Delete schedules; their runs stay
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents schedule delete nightly")]
pub struct Delete {
    /// The schedules
    #[arg(required = true)]
    names: Vec<String>,
}

impl Enable {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "enable schedules").await?;
        let now = app.now();
        let mut writes = Vec::new();
        for before in found(&desk, &self.names).await? {
            let times = checked(&before.terms, before.created_at)?;
            refuse_past(&times, &before.terms, now)?;
            let begun = Progress::begin(now, times.next_after(now));
            let progress = Progress {
                last_run_at: before.progress.last_run_at,
                last_outcome: before.progress.last_outcome,
                ..begun
            };
            let is_new = !before.standing.is_on();
            writes.push((Schedule { standing: Standing::On, progress, updated_at: now, ..before }, is_new));
        }
        write(&desk, writes, true).await
    }
}

impl Disable {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "disable schedules").await?;
        let mut writes = Vec::new();
        for before in found(&desk, &self.names).await? {
            let is_new = before.standing != Standing::Off;
            let progress = Progress { look_at: None, ..before.progress.clone() };
            let after = Schedule { standing: Standing::Off, progress, updated_at: app.now(), ..before };
            writes.push((after, is_new));
        }
        write(&desk, writes, false).await
    }
}

impl Delete {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "delete schedules").await?;
        let all = found(&desk, &self.names).await?;
        for schedule in &all {
            desk.store.delete_schedule(schedule.id).await?;
        }
        let names: Vec<&str> = all.iter().map(|schedule| schedule.name.as_str()).collect();
        app.printer.answer(|| json!({ "deleted": names }), || format!("deleted {}\n", names.join(", ")))
    }
}

/// All of them, before anything is changed.
async fn found(desk: &Desk<'_>, names: &[String]) -> Result<Vec<Schedule>, Failure> {
    let mut all: Vec<Schedule> = Vec::new();
    for name in names {
        let one = desk.find(name).await?;
        if !all.iter().any(|known| known.id == one.id) {
            all.push(one);
        }
    }
    Ok(all)
}

async fn write(desk: &Desk<'_>, all: Vec<(Schedule, bool)>, begins_anew: bool) -> Result<(), Failure> {
    let writes = all.iter().filter(|(_, is_new)| *is_new).map(|(schedule, _)| ScheduleWrite {
        schedule: schedule.clone(),
        replaces: Some(schedule.revision),
        begins_anew,
    });
    refused(desk.store.write_schedules(writes.collect()).await?)?;
    doorbell::ring(&desk.here.bells()?);
    let now = desk.app.now();
    let views = || {
        let views: Vec<ScheduleView> = all.iter().map(|(schedule, _)| ScheduleView::new(schedule)).collect();
        json!({ "schedules": views })
    };
    desk.app.printer.answer(views, || {
        let line = |(schedule, is_new): &(Schedule, bool)| match is_new {
            true => changed(schedule, now),
            false => format!("{} is {} already\n", schedule.name, schedule.standing.as_str()),
        };
        all.iter().map(line).collect()
    })
}
