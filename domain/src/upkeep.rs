//! The port through which old things are deleted and the store is checked. None of it is on a job's way.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::audit::Dossier;
use crate::blob::BlobId;
use crate::id::{AssignmentId, AttemptId};
use crate::namespace::Namespace;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// What the store knows of an attempt, as far as its files are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptStanding {
    pub attempt: AttemptId,
    pub namespace: Namespace,
    /// The folder that the assignment's agents work in: its config says how long files are kept.
    pub workspace: String,
    /// `None`: it runs.
    pub ended_at: Option<Timestamp>,
    /// When its assignment was completed or cancelled. `None`: it is active or blocked.
    pub closed_at: Option<Timestamp>,
}

/// A closed assignment that still has its history, or the steps of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldHistory {
    pub assignment: AssignmentId,
    pub namespace: Namespace,
    pub workspace: String,
    pub closed_at: Timestamp,
    /// How many of them there are.
    pub events: u64,
}

/// Which assignments are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Openness {
    /// Active and blocked ones.
    Open,
    /// Complete and cancelled ones.
    Closed,
}

/// What a check and a clean-up ask of the store.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// What is known of these attempts; nothing of those that have no row.
    async fn standings(&self, attempts: &[AttemptId]) -> Result<Vec<AttemptStanding>, StoreError>;

    /// The attempts of the runs whose output is in one of these blobs; nothing of a blob that no run names.
    async fn standings_of_blobs(
        &self,
        blobs: &[BlobId],
    ) -> Result<Vec<(BlobId, AttemptStanding)>, StoreError>;

    /// When the store was first used.
    async fn first_used_at(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Assignments closed before that moment that have events, by id, those after `after`.
    async fn old_histories(
        &self,
        closed_before: Timestamp,
        after: Option<AssignmentId>,
        limit: u32,
    ) -> Result<Vec<OldHistory>, StoreError>;

    /// Deletes up to `limit` events, the oldest first, of these assignments, each if it is closed since that very
    /// moment and nothing of it runs. Gives how many it has deleted of which.
    async fn forget_events(
        &self,
        of: Vec<(AssignmentId, Timestamp)>,
        limit: u32,
    ) -> Result<BTreeMap<AssignmentId, u64>, StoreError>;

    /// Runs of workflows that are closed since that moment or earlier and still have steps or a snapshot, by id, those after
    /// `after`.
    async fn old_flows(
        &self,
        closed_before: Timestamp,
        after: Option<AssignmentId>,
        limit: u32,
    ) -> Result<Vec<OldHistory>, StoreError>;

    /// Deletes up to `limit` steps of these runs, each if it is closed since that very moment and nothing of it runs; with
    /// the last step its snapshot, if no other run has it. Gives how many it has deleted of which.
    async fn forget_steps(
        &self,
        of: Vec<(AssignmentId, Timestamp)>,
        limit: u32,
    ) -> Result<BTreeMap<AssignmentId, u64>, StoreError>;

    /// Ids of assignments, the latest first, those before `before`.
    async fn assignments_to_check(
        &self,
        which: Openness,
        before: Option<AssignmentId>,
        limit: u32,
    ) -> Result<Vec<AssignmentId>, StoreError>;

    /// All that is stored of these assignments, as of one moment.
    async fn dossiers(&self, of: &[AssignmentId]) -> Result<Vec<Dossier>, StoreError>;
}
