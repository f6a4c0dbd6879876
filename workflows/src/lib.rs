//! Workflows: YAML graphs of steps that route on outcomes. From text to a checked graph, and from what has happened to
//! what comes next.
//!
//! Pure: no files, no clock, no environment. Every mistake of a definition is named with its line before it runs.

mod check;
mod engine;
mod expression;
mod module;
mod output;
mod read;
mod schema;
mod shipped;
mod snapshot;
pub mod trial;
mod workflow;

pub use engine::{Graph, Reader};
pub use module::{Modules, read_module};
pub use read::{STEPS_MAX, read};
pub use schema::{module_schema, schema};
pub use shipped::shipped;
pub use snapshot::{SnapshotSkill, read_snapshot_parts, snapshot, used_modules};
pub use workflow::*;
