//! All that was measured of an assignment, and the diff of its last work.

use std::path::Path;

use agents_domain::assignment::Assignment;
use agents_domain::evidence::Checkpoint;
use agents_domain::id::JobId;
use agents_domain::store::{EvidenceRecord, JobDetail, Store, StoreError};

use crate::workspace;

/// The longest diff in a prompt, in bytes. Who judges can look at the rest in the tree.
const DIFF_MOST: usize = 30 * 1024;

/// All that was measured of an assignment, and the diff of its last work.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    pub record: EvidenceRecord,
    /// Of [`Measured::checkpoint`], if it could be made.
    pub diff: Option<String>,
}

impl Measured {
    /// What is stored and what git tells. `list`: all the jobs of the assignment, in order.
    pub async fn load(
        store: &dyn Store,
        assignment: &Assignment,
        list: &[JobDetail],
    ) -> Result<Self, StoreError> {
        if list.is_empty() {
            // Nothing has run yet.
            return Ok(Self::default());
        }
        let record = store.evidence(assignment.id).await?;
        let mut measured = Self { record, diff: None };
        if let Some(checkpoint) = measured.checkpoint(last(list)).filter(|one| !one.is_empty()) {
            let (before, after) = (&checkpoint.before, &checkpoint.after);
            let diff = workspace::diff(Path::new(assignment.folder()), before, after, DIFF_MOST).await;
            // A tree that is gone, or a commit that was thrown away, is no reason not to decide.
            measured.diff = diff.ok().filter(|diff| !diff.trim().is_empty());
        }
        Ok(measured)
    }

    /// The checkpoint of that job, or the last one with changes if it has none: what a PM looks at.
    pub fn checkpoint(&self, last: Option<JobId>) -> Option<&Checkpoint> {
        let of_last = self.record.checkpoints.iter().rfind(|checkpoint| Some(checkpoint.job) == last);
        of_last.or_else(|| self.record.checkpoints.iter().rfind(|checkpoint| !checkpoint.is_empty()))
    }
}

/// The job that ended last, the PM's own and questions apart.
pub(super) fn last(list: &[JobDetail]) -> Option<JobId> {
    let has_ended = |detail: &&JobDetail| {
        !detail.job.shadow && detail.job.status().is_final() && detail.job.progress().attempts > 0
    };
    list.iter().rfind(has_ended).map(|detail| detail.job.id)
}
