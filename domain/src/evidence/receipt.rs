//! A receipt: what came of one run of a check, in a form that nobody can make up afterwards.

use super::{Signature, TreeState};
use crate::id::{AssignmentId, AttemptId, JobId, ReceiptId};
use crate::timestamp::Timestamp;

/// How a check's command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckEnd {
    Exit(i32),
    Signal(i32),
    /// Its time was up.
    Timeout,
    /// It printed more than it may.
    Overflow,
    /// It could not be started.
    NotStarted,
    /// The runner was stopped while it ran.
    Stopped,
}

/// Tests as the closing lines of a common test runner count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TestCounts {
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
}

/// What came of one run of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReceipt {
    pub id: ReceiptId,
    pub assignment: AssignmentId,
    /// The job after which it ran.
    pub job: JobId,
    pub attempt: AttemptId,
    /// The check's name.
    pub check: String,
    pub argv: Vec<String>,
    /// The tree that it ran in. `None`: it can't be told (no repository).
    pub tree: Option<TreeState>,
    pub end: CheckEnd,
    pub started_at: Timestamp,
    pub duration_ms: u64,
    /// SHA-256 over all that it printed, in lower-case hexadecimal.
    pub output_hash: String,
    pub output_bytes: u64,
    /// The end of what it printed.
    pub tail: String,
    pub counts: Option<TestCounts>,
    /// Over [`CheckReceipt::signed_text`]. `None`: it is from before receipts were signed with a key of the runner.
    pub signature: Option<Signature>,
}

impl CheckReceipt {
    /// Whether the check has passed.
    pub fn passed(&self) -> bool {
        self.end == CheckEnd::Exit(0)
    }

    /// What its signature covers: all of it, each part with its length, so that no two receipts are alike.
    pub fn signed_text(&self) -> String {
        let counts = self.counts.map(|counts| (counts.passed, counts.failed, counts.skipped));
        let mut parts = vec![
            "agents receipt 2".to_owned(),
            self.id.to_string(),
            self.assignment.to_string(),
            self.job.to_string(),
            self.attempt.to_string(),
            self.check.clone(),
            self.tree.as_ref().map(|tree| tree.commit.clone()).unwrap_or_default(),
            self.tree.as_ref().and_then(|tree| tree.dirty.clone()).unwrap_or_default(),
            format!("{:?}", self.end),
            self.started_at.as_millis().to_string(),
            self.duration_ms.to_string(),
            self.output_hash.clone(),
            self.output_bytes.to_string(),
            self.tail.clone(),
            format!("{counts:?}"),
        ];
        parts.extend(self.argv.iter().cloned());
        parts.iter().map(|part| format!("{}:{part}\n", part.len())).collect()
    }
}
