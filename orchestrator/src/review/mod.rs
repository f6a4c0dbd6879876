//! What PMs and reviewers answer: from text to a decision, or to findings, that are checked.

mod answer;
pub mod citation;
pub mod findings;
mod json_block;

pub use answer::{Allowed, SCHEMA, read};
