//! A pattern in a zone with a beginning and an end: the due times of one schedule. A due time is the identity of what
//! it starts; when that is really fired is somebody else's business.

use std::collections::VecDeque;
use std::time::Duration;

use agents_domain::schedule::DueTimes;
use agents_domain::timestamp::Timestamp;

use crate::count;
use crate::dst;
use crate::pattern::Pattern;
use crate::zone::Zone;

/// How far back the latest due times are looked for at first.
const FIRST_STRETCH: Duration = Duration::from_secs(3600);

/// The due times of one schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable {
    pattern: Pattern,
    zone: Zone,
    created: Timestamp,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

/// Dates that leave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimetableError {
    /// The end is not after the start.
    #[error("the end {end} is not after the start {start}: give a later end, or none")]
    EndsBeforeItStarts {
        /// As the zone's clocks show it.
        start: String,
        /// As the zone's clocks show it.
        end: String,
    },
    /// The only moment is not between start and end.
    #[error("{moment}, the only time, is not between start and end: leave start and end out")]
    OnceOutside {
        /// As the zone's clocks show it.
        moment: String,
    },
}

impl Timetable {
    /// Due times without beginning and end. An interval is counted from `created`.
    pub fn new(pattern: Pattern, zone: Zone, created: Timestamp) -> Timetable {
        Timetable { pattern, zone, created, start: None, end: None }
    }

    /// Only what is due at `start` or later, and before `end`. An interval is counted from `start`, which is then its
    /// first due time.
    pub fn between(
        self,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Result<Timetable, TimetableError> {
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            let (start, end) = (self.zone.show(start), self.zone.show(end));
            return Err(TimetableError::EndsBeforeItStarts { start, end });
        }
        if let Pattern::Once(moment) = self.pattern
            && (start.is_some_and(|start| moment < start) || end.is_some_and(|end| moment >= end))
        {
            return Err(TimetableError::OnceOutside { moment: self.zone.show(moment) });
        }
        Ok(Timetable { start, end, ..self })
    }

    /// What is due how often.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// By whose clocks.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first due time after that moment. `None`: there is none any more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = self.start.map_or(after, |start| after.max(just_before(start)));
        let due = match &self.pattern {
            Pattern::Cron(cron) => dst::next(cron, self.zone.rules(), whole(after)?).map(from_whole),
            Pattern::Interval(interval) => interval.next(self.anchor(), after),
            Pattern::Once(moment) => Some(*moment).filter(|moment| *moment > after),
        };
        due.filter(|due| self.end.is_none_or(|end| *due < end))
    }

    /// The next `n` due times after that moment.
    pub fn preview(&self, after: Timestamp, n: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |due| self.next_after(*due)).take(n).collect()
    }

    /// What was due after `after` up to and with `until`: how many, and the latest `cap` of them. What it costs does
    /// not grow with their number.
    pub fn due_between(&self, after: Timestamp, until: Timestamp, cap: usize) -> DueTimes {
        let after = self.start.map_or(after, |start| after.max(just_before(start)));
        let until = self.end.map_or(until, |end| until.min(just_before(end)));
        let total = self.count(after, until);
        let wanted = total.min(u64::try_from(cap).unwrap_or(u64::MAX));
        if wanted == 0 {
            return DueTimes { total, latest: Vec::new() };
        }
        let mut stretch = FIRST_STRETCH;
        let mut from = before(until, stretch).max(after);
        while from > after && self.count(from, until) < wanted {
            stretch = stretch.saturating_mul(2);
            from = before(until, stretch).max(after);
        }
        DueTimes { total, latest: self.latest(from, until, cap) }
    }

    /// The latest `cap` due times after `after` up to and with `until`, by walking through all.
    fn latest(&self, after: Timestamp, until: Timestamp, cap: usize) -> Vec<Timestamp> {
        let mut latest = VecDeque::with_capacity(cap.min(1024));
        let mut due = self.next_after(after);
        while let Some(at) = due.filter(|at| *at <= until) {
            if latest.len() == cap {
                latest.pop_front();
            }
            latest.push_back(at);
            due = self.next_after(at);
        }
        latest.into()
    }

    /// How many due times there are after `after` up to and with `until`.
    fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        if until <= after {
            return 0;
        }
        match &self.pattern {
            Pattern::Cron(cron) => match (whole(after), whole(until)) {
                (Some(after), Some(until)) => count::count(cron, self.zone.rules(), after, until),
                (None, _) | (_, None) => 0,
            },
            Pattern::Interval(interval) => interval.count(self.anchor(), after, until),
            Pattern::Once(moment) => u64::from(after < *moment && *moment <= until),
        }
    }

    fn anchor(&self) -> Timestamp {
        self.start.unwrap_or(self.created)
    }
}

/// The second that the moment is in. Cron's due times are whole seconds, so none lies between the two.
fn whole(moment: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(moment.as_millis().div_euclid(1000)).ok()
}

fn from_whole(moment: jiff::Timestamp) -> Timestamp {
    Timestamp::from_seconds(moment.as_second())
}

fn just_before(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millis().saturating_sub(1))
}

fn before(moment: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(moment.as_millis().saturating_sub(span))
}
