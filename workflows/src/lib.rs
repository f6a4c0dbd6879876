//! Workflows: YAML graphs of steps that route on outcomes. From text to a checked graph, and from what has happened to
//! what comes next.
//!
//! Pure: no files, no clock, no environment. Every mistake of a definition is named with its line before it runs.

mod check;
mod module;
mod read;
mod shipped;
mod snapshot;
mod workflow;

pub use module::{Modules, read_module};
pub use read::read;
pub use shipped::shipped;
pub use snapshot::{SnapshotSkill, read_snapshot_parts, snapshot, used_modules};
pub use workflow::*;

/// Reads snapshots.
#[derive(Debug)]
pub struct Reader;

impl agents_domain::workflow::FlowReader for Reader {
    fn read(&self, _: &str) -> Result<std::sync::Arc<dyn agents_domain::workflow::Flow>, String> {
        Err("this program can't read workflows yet".to_owned())
    }
}
