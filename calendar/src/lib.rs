//! When something is due: cron patterns, intervals and single moments, each in a time zone, and the sentence that
//! tells it to people. Pure: no clock and no I/O but the time zone database, which jiff reads.

mod count;
pub mod cron;
pub mod cron_error;
mod dst;
pub mod field;
pub mod interval;
pub mod jitter;
mod moment;
pub mod pattern;
mod term;
pub mod timetable;
mod words;
pub mod zone;

pub use cron::Cron;
pub use cron_error::CronError;
pub use interval::{Interval, IntervalError};
pub use jitter::jitter;
pub use moment::MomentError;
pub use pattern::{Pattern, PatternError};
pub use timetable::{Timetable, TimetableError};
pub use zone::{Zone, ZoneError};
