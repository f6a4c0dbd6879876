//! How often something is due: a cron pattern, an interval, or once.

use agents_domain::timestamp::Timestamp;

use crate::cron::Cron;
use crate::cron_error::CronError;
use crate::interval::{Interval, IntervalError};
use crate::moment::{self, MomentError};
use crate::words;
use crate::zone::Zone;

/// How often something is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// By the wall clock of a zone.
    Cron(Box<Cron>),
    /// By the time that has passed.
    Interval(Interval),
    /// At one moment.
    Once(Timestamp),
}

/// A text that is no pattern of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A cron pattern.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// An interval.
    #[error(transparent)]
    Interval(#[from] IntervalError),
    /// A single moment.
    #[error(transparent)]
    Once(#[from] MomentError),
}

impl Pattern {
    /// A cron pattern.
    pub fn cron(text: &str) -> Result<Pattern, PatternError> {
        Ok(Pattern::Cron(Box::new(Cron::parse(text)?)))
    }

    /// An interval.
    pub fn interval(text: &str) -> Result<Pattern, PatternError> {
        Ok(Pattern::Interval(Interval::parse(text)?))
    }

    /// One moment: RFC 3339, or a civil time of the zone.
    pub fn once(text: &str, zone: &Zone) -> Result<Pattern, PatternError> {
        Ok(Pattern::Once(moment::at(text, zone)?))
    }

    /// A sentence for people, without the zone: `every weekday at 09:00`. Where it stands for moments, it is in `zone`.
    pub fn in_words(&self, zone: &Zone) -> String {
        match self {
            Pattern::Cron(cron) => words::sentence(cron),
            Pattern::Interval(interval) => interval.to_string(),
            Pattern::Once(moment) => words::once(*moment, zone),
        }
    }

    /// The same with the zone by whose clock it goes. An interval goes by none.
    pub fn in_words_with_zone(&self, zone: &Zone) -> String {
        let words = self.in_words(zone);
        match self {
            Pattern::Cron(_) | Pattern::Once(_) if zone.name() == "UTC" => format!("{words}, UTC"),
            Pattern::Cron(_) | Pattern::Once(_) => format!("{words}, {} time", zone.name()),
            Pattern::Interval(_) => words,
        }
    }
}
