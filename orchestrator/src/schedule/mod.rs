//! Schedules at work: their due times by the calendar, and the look that every runner takes. What is decided is decided by
//! the domain, in the transaction of the store.

mod look;
mod timetable;

pub use look::{Firer, Looked, More};
pub use timetable::{Unreadable, calendar, delay, timetable};

#[cfg(test)]
pub(crate) mod fakes;
#[cfg(test)]
mod look_tests;
#[cfg(test)]
mod month_tests;
