//! A checkpoint: the commit that keeps what one job has done.

use crate::id::{AssignmentId, AttemptId, JobId};

/// What a job has changed, as a range of commits of its assignment's branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub assignment: AssignmentId,
    pub job: JobId,
    pub attempt: AttemptId,
    /// The branch's commit before the job.
    pub before: String,
    /// Its commit afterwards: the same if nothing has changed.
    pub after: String,
    pub files: u32,
    pub insertions: u32,
    pub deletions: u32,
}

impl Checkpoint {
    /// Whether the job has changed nothing.
    pub fn is_empty(&self) -> bool {
        self.files == 0
    }
}
