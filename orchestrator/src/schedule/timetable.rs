//! From what is stored of a schedule to its due times.

use std::sync::Arc;
use std::time::Duration;

use agents_calendar::{Pattern, PatternError, Timetable, TimetableError, Zone, ZoneError, jitter};
use agents_domain::schedule::entry::{PatternKind, Schedule, Terms};
use agents_domain::schedule::{Calendar, DueTimes};
use agents_domain::timestamp::Timestamp;

/// Why a schedule has no due times that can be worked out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Zone(#[from] ZoneError),
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error(transparent)]
    Dates(#[from] TimetableError),
}

/// The due times of a schedule that was made at that moment.
pub fn timetable(terms: &Terms, created: Timestamp) -> Result<Timetable, Unreadable> {
    let zone = Zone::parse(&terms.zone)?;
    let pattern = match terms.kind {
        PatternKind::Cron => Pattern::cron(&terms.pattern)?,
        PatternKind::Every => Pattern::interval(&terms.pattern)?,
        PatternKind::At => Pattern::once(&terms.pattern, &zone)?,
    };
    Ok(Timetable::new(pattern, zone, created).between(terms.from, terms.until)?)
}

/// The same as the domain asks for it.
pub fn calendar(schedule: &Schedule) -> Result<Arc<dyn Calendar>, Unreadable> {
    Ok(Arc::new(Times(timetable(&schedule.terms, schedule.created_at)?)))
}

/// How long after a due time its run begins.
pub fn delay(schedule: &Schedule, due: Timestamp) -> Duration {
    jitter(&schedule.id.to_string(), due, schedule.terms.jitter)
}

struct Times(Timetable);

impl Calendar for Times {
    fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.0.next_after(after)
    }

    fn due_between(&self, after: Timestamp, until: Timestamp, most: usize) -> DueTimes {
        self.0.due_between(after, until, most)
    }
}
