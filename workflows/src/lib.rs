//! Workflows: YAML graphs of steps that route on outcomes. From text to a checked graph, and from what has happened to
//! what comes next.
//!
//! Pure: no files, no clock, no environment. Every mistake of a definition is named with its line before it runs.

mod shipped;
mod workflow;

pub use shipped::shipped;
pub use workflow::*;
