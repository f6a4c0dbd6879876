//! What the orchestrator itself has measured and seen, as opposed to what agents say.

pub mod check;
pub mod checkpoint;
pub mod counts;
pub mod criterion;
pub mod finding;
pub mod gate;
pub mod guard;
pub mod guard_mode;
pub mod patch;
pub mod receipt;
pub mod standing;
pub mod tree_state;
pub mod verification_key;

pub use check::Check;
pub use checkpoint::Checkpoint;
pub use criterion::{Author, Criterion, Tie, Ties};
pub use finding::{Citation, Finding, FindingSource, Guard, Severity};
pub use guard_mode::{GuardMode, GuardModes};
pub use receipt::{CheckEnd, CheckReceipt, TestCounts};
pub use standing::{ReceiptMark, Standing};
pub use tree_state::TreeState;
pub use verification_key::{Signature, VerificationKey};

/// What was measured when an attempt had ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// The tree that the agent has left. `None`: it can't be told (no repository).
    pub tree: Option<TreeState>,
    /// What the files of that tree are, whatever the commit: two trees with the same content have the same. `None`: not told.
    pub content: Option<String>,
    /// The commit that keeps what the job has done.
    pub checkpoint: Option<Checkpoint>,
    /// Checks that were run then.
    pub receipts: Vec<CheckReceipt>,
    /// What guards have seen, and what a reviewer has found.
    pub findings: Vec<Finding>,
    /// Earlier passes that count, since the runner itself has signed their receipts. `None`: nobody has looked, and nothing is
    /// to be complete.
    pub founded: Option<Vec<ReceiptMark>>,
}
