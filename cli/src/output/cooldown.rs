//! Harnesses that cool down: until when, why, and how many jobs there are for each.

use agents_domain::cooldown::Cooldown;
use agents_domain::fallback::{Fallbacks, Route};
use agents_domain::store::CooldownLine;
use agents_domain::timestamp::Timestamp;
use serde::Serialize;

use super::table::{Cell, Table};
use super::text::{DIM, YELLOW};
use super::time;

/// A cool-down in the queue and in the list of its own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CooldownView<'a> {
    harness: &'a str,
    until: String,
    since: String,
    outcome: &'static str,
    reason: &'a str,
    attempt: String,
    /// Jobs that are next in their lists and were to be done by it.
    jobs: u32,
}

impl<'a> From<&'a CooldownLine> for CooldownView<'a> {
    fn from(line: &'a CooldownLine) -> Self {
        let Cooldown { harness, until, since, class, reason, attempt } = &line.cooldown;
        Self {
            harness,
            until: until.to_string(),
            since: since.to_string(),
            outcome: class.as_str(),
            reason,
            attempt: attempt.to_string(),
            jobs: line.jobs,
        }
    }
}

/// One row for each, with what the CLI said below it.
pub fn table(lines: &[CooldownLine], fallbacks: &Fallbacks, now: Timestamp) -> Table {
    let cooling: Vec<Cooldown> = lines.iter().map(|line| line.cooldown.clone()).collect();
    let mut table = Table::new(&["HARNESS", "UNTIL", "JOBS", "WHY"]);
    for CooldownLine { cooldown, jobs } in lines {
        let jobs = match fallbacks.route(&cooldown.harness, &cooling) {
            Route::To(other) => format!("{jobs} go to {other}"),
            Route::Waits { .. } => format!("{jobs} wait"),
        };
        table.row(vec![
            Cell::colored(YELLOW, cooldown.harness.clone()),
            format!("{} ({})", time::local(cooldown.until, now), time::relative(cooldown.until, now)).into(),
            jobs.into(),
            cooldown.class.as_str().into(),
        ]);
        table.below(Cell::colored(DIM, cooldown.reason.clone()));
    }
    table
}
