//! From what happens to what is started: expressions over an event, the plan of a runner that reacts, signatures of webhooks.

pub mod expression;
mod plan;
pub mod signature;

pub use plan::{LOOK_AT, React, react};
