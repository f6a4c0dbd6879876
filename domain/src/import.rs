//! What comes from another scheduler: definitions and schedules, and the records of runs that ended there. These are no
//! assignments: nobody here has queued, watched or paid them.

use async_trait::async_trait;

use crate::definition::NewDefinition;
use crate::namespace::Namespace;
use crate::run::{RunStatus, TriggerKind};
use crate::schedule::schedules::ScheduleWrite;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// The record of a run that ended elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRun {
    pub namespace: Namespace,
    /// What it is called where it comes from; unique in its namespace.
    pub key: String,
    /// The definition that it would be a run of; there may be none of that name.
    pub definition: String,
    /// It has ended.
    pub status: RunStatus,
    pub trigger: TriggerKind,
    /// The name of the schedule that had started it, where it is told.
    pub schedule: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// JSON.
    pub input: Option<String>,
    pub output: Option<String>,
    pub error: Option<String>,
    pub imported_at: Timestamp,
}

impl ImportedRun {
    /// Whether both tell the same.
    pub fn is_like(&self, other: &ImportedRun) -> bool {
        ImportedRun { imported_at: other.imported_at, ..self.clone() } == *other
    }
}

/// All that is to be stored, or nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportWrite {
    pub definitions: Vec<NewDefinition>,
    pub schedules: Vec<ScheduleWrite>,
    /// Those whose key is there already take its place.
    pub runs: Vec<ImportedRun>,
}

impl ImportWrite {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty() && self.schedules.is_empty() && self.runs.is_empty()
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    Done,
    /// This was made, changed or deleted by somebody meanwhile; nothing was stored.
    Changed {
        name: String,
    },
}

/// Which imported runs a list shows.
#[derive(Debug, Clone, Default)]
pub struct ImportedRunFilter {
    pub namespace: Option<Namespace>,
    pub definition: Option<String>,
    /// Empty: all of them.
    pub status: Vec<RunStatus>,
    /// Only those that began then or later.
    pub since: Option<Timestamp>,
    pub limit: Option<u32>,
}

/// The port to imports.
#[async_trait]
pub trait Imports: Send + Sync {
    /// Stores all of it in one transaction.
    async fn import(&self, write: ImportWrite) -> Result<ImportOutcome, StoreError>;

    /// Imported runs, the latest first.
    async fn imported_runs(&self, filter: &ImportedRunFilter) -> Result<Vec<ImportedRun>, StoreError>;
}
