//! What `agents doctor` looks for in schedules: patterns that can't be read any more, runs that could not be made, and
//! times that are decided already although they are still to come.

use std::sync::Arc;
use std::time::Duration;

use agents_domain::run::Trigger;
use agents_domain::schedule::Schedule;
use agents_domain::schedule::entry::Standing;
use agents_domain::schedule::schedules::{ScheduleFilter, Schedules};
use agents_domain::start::{Cause, Starter};
use agents_orchestrator::schedule::timetable;
use agents_orchestrator::store::SqlStore;

use super::doctor::Check;
use crate::app::{App, Here};
use crate::engine;
use crate::failure::Failure;
use crate::output::text;

/// Clocks of two machines may differ by so much.
const SKEW: Duration = Duration::from_secs(300);

/// A check of all schedules of the namespace, or one for each that is wrong. Nothing where there are none.
pub async fn schedules(app: &App, here: &Here, store: &Arc<SqlStore>) -> Vec<Check> {
    match look(app, here, store).await {
        Ok(checks) => checks,
        Err(failure) => vec![Check::failure("schedules", failure)],
    }
}

async fn look(app: &App, here: &Here, store: &Arc<SqlStore>) -> Result<Vec<Check>, Failure> {
    // Where there is no namespace, another check says so.
    let Ok(chosen) = here.namespace() else { return Ok(Vec::new()) };
    let filter = ScheduleFilter { namespace: Some(chosen.namespace), ..ScheduleFilter::default() };
    let all = store.schedules(&filter).await?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let starter = engine::surroundings(app, here, Arc::clone(store))?.starter;
    let mut checks = Vec::new();
    for schedule in &all {
        checks.extend(wrong(app, &*starter, schedule).await);
    }
    if checks.is_empty() {
        checks.push(Check::ok("schedules", text::counted(all.len(), "schedule")));
    }
    Ok(checks)
}

async fn wrong(app: &App, starter: &dyn Starter, schedule: &Schedule) -> Option<Check> {
    let name = format!("schedule {}", schedule.name);
    let edit = format!("`agents schedule edit {}` changes it", schedule.name);
    if let Err(error) = timetable(&schedule.terms, schedule.created_at) {
        return Some(Check::note(&name, error.to_string(), edit));
    }
    if let Standing::Paused { at: _, reason } = &schedule.standing {
        let fix = format!("`agents schedule enable {}` switches it on again", schedule.name);
        return Some(Check::note(&name, format!("it has paused itself: {reason}"), fix));
    }
    let cause = Cause {
        trigger: Trigger::Manual,
        input: None,
        depth: 0,
        replays: None,
        at: app.now(),
        zone: Some(schedule.terms.zone.clone()),
    };
    if let Err(error) = starter.new_run(&schedule.namespace, &schedule.terms.start, cause).await {
        return Some(Check::note(&name, format!("it could not start anything: {error}"), edit));
    }
    let decided = schedule.progress.decided_until;
    (decided.since(app.now()) > SKEW).then(|| {
        let said = format!("all that is due before {decided} is decided: a clock was ahead");
        let fix = format!("`agents schedule disable {0}`, then `enable {0}`", schedule.name);
        Check::note(&name, said, fix)
    })
}
