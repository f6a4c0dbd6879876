//! `agents schedule edit`.

use agents_domain::schedule::entry::{Progress, Schedule, Terms};
use agents_domain::schedule::schedules::{ScheduleWrite, Schedules};
use agents_domain::timestamp::Timestamp;
use agents_orchestrator::doorbell;
use clap::Args;
use serde_json::json;

use super::write::refuse_bad_name;
use super::{Desk, refused};
use crate::app::App;
use crate::failure::Failure;
use crate::output::schedule::{ScheduleView, changed};
use crate::schedule_options::{RuleOptions, WhenOptions, checked, moved, refuse_past};

/// Change a schedule: only what is said changes
///
/// If its times change, nothing that was due by the new ones before now is started.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents schedule edit nightly --cron \"30 2 * * *\"
  agents schedule edit nightly --missed catchup --catchup-cap 3 --catchup-window 12h
  agents schedule edit nightly --until none --auto-pause-after never")]
pub struct Edit {
    /// The schedule
    name: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    #[command(flatten)]
    when: WhenOptions,
    #[command(flatten)]
    rules: RuleOptions,
}

impl Edit {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "edit schedules").await?;
        let before = desk.find(&self.name).await?;
        let mut terms = before.terms.clone();
        self.rules.apply(&self.when, &mut terms)?;
        if let Some(name) = &self.rename {
            refuse_bad_name(name)?;
        }
        let name = self.rename.unwrap_or_else(|| before.name.clone());
        if terms == before.terms && name == before.name {
            return Err(Failure::usage("nothing is said that would change it")
                .hint("`agents schedule edit --help` lists what can be"));
        }
        if terms.start != before.terms.start {
            desk.try_start(&terms.start, &terms.zone).await?;
        }
        if !terms.is_due_like(&before.terms) {
            refuse_past(&checked(&terms, before.created_at)?, &terms, app.now())?;
        }
        let write = rewritten(&before, (name, terms), app.now())?;
        let after = write.schedule.clone();
        refused(desk.store.write_schedules(vec![write]).await?)?;
        doorbell::ring(&desk.here.bells()?);
        let view = ScheduleView::new(&after);
        let warnings = moved(&self.when, &after.terms.zone);
        app.printer
            .answer(|| json!({ "schedule": view, "warnings": warnings }), || changed(&after, app.now()))?;
        warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }
}

/// The schedule with other terms.
pub fn rewritten(
    before: &Schedule,
    (name, terms): (String, Terms),
    now: Timestamp,
) -> Result<ScheduleWrite, Failure> {
    let times = checked(&terms, before.created_at)?;
    let begins_anew = !terms.is_due_like(&before.terms);
    let mut progress = before.progress.clone();
    if begins_anew {
        let begun = Progress::begin(now, times.next_after(now));
        let look_at = begun.look_at.filter(|_| before.standing.is_on());
        progress = Progress { decided_until: now, next_due: begun.next_due, look_at, ..progress };
    }
    let revision = before.revision.saturating_add(1);
    let schedule = Schedule { name, terms, progress, updated_at: now, revision, ..before.clone() };
    Ok(ScheduleWrite { schedule, replaces: Some(before.revision), begins_anew })
}
