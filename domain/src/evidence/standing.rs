//! Where an assignment stands by its evidence: the short form of it that every decision is held against.

use super::{CheckReceipt, TreeState};
use crate::id::{FindingId, ReceiptId};

/// The latest receipt of a check, as far as a gate needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptMark {
    pub id: ReceiptId,
    pub check: String,
    pub tree: Option<TreeState>,
    pub passed: bool,
}

impl ReceiptMark {
    /// Whether it is the short form of that receipt.
    pub fn is_of(&self, receipt: &CheckReceipt) -> bool {
        *self == Self::of(receipt)
    }

    /// The short form of a receipt.
    pub fn of(receipt: &CheckReceipt) -> Self {
        Self {
            id: receipt.id,
            check: receipt.check.clone(),
            tree: receipt.tree.clone(),
            passed: receipt.passed(),
        }
    }
}

/// Where an assignment stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The tree at the last end of a job that was measured.
    pub tree: Option<TreeState>,
    /// The latest receipt of each check.
    pub receipts: Vec<ReceiptMark>,
    /// Findings of reviewers that a criterion is met, by criterion.
    pub met: Vec<(u32, FindingId)>,
    /// Findings of guards that stand in the way of `complete`, in words, until the tree has changed again.
    pub gates: Vec<String>,
    /// Why `complete` was refused the last time, for the PM's next look.
    pub refusal: Option<String>,
    /// How often in a row it was refused.
    pub refusals: u32,
    /// What the last work came to, to tell work that repeats itself.
    pub print: Option<String>,
    /// The contents of the tree that the last few jobs with changes have left, the oldest first: to tell work that goes to and fro.
    pub seen: Vec<String>,
    /// How many jobs in a row have come to the same.
    pub repeats: u32,
}
