//! Workflows: YAML graphs of steps that route on outcomes. From text to a checked graph, and from what has happened to
//! what comes next.
//!
//! Pure: no files, no clock, no environment. Every mistake of a definition is named with its line before it runs.

mod engine;
mod expression;
mod output;
pub mod trial;
mod workflow;

pub use engine::{Graph, SkillFile};
pub use workflow::*;
