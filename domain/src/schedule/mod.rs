//! What a schedule does with its due times: which are fired late and which are passed over, and what happens while the
//! run before is still open. When something is due is the business of the crate `calendar`.

pub mod calendar;
pub mod decide;
pub mod due;
pub mod entry;
pub mod firing;
pub mod missed;
pub mod overlap;
pub mod schedules;

pub use calendar::Calendar;
pub use due::DueTimes;
pub use entry::Schedule;
pub use firing::Firing;
pub use missed::{GRACE, MissedPolicy, Ruling};
pub use overlap::{Overlap, OverlapRuling};
pub use schedules::Schedules;
