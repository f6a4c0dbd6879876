//! What a schedule does with its due times: which are fired late and which are passed over, and what happens while the
//! run before is still open. When something is due is the business of the crate `calendar`.

pub mod due;
pub mod missed;
pub mod overlap;

pub use due::DueTimes;
pub use missed::{GRACE, MissedPolicy, Ruling};
pub use overlap::{Overlap, OverlapRuling};
