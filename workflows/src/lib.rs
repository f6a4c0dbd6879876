//! Workflows: YAML graphs of steps that route on outcomes. From text to a checked graph, and from what has happened to
//! what comes next.
//!
//! Pure: no files, no clock, no environment. Every mistake of a definition is named with its line before it runs.

mod check;
mod module;
mod read;
mod schema;
mod snapshot;
mod workflow;

pub use module::{Modules, read_module};
pub use read::{STEPS_MAX, read};
pub use schema::{module_schema, schema};
pub use snapshot::{SnapshotSkill, read_snapshot_parts, snapshot, used_modules};
pub use workflow::*;
