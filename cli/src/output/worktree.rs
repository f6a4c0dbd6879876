//! An assignment's worktree in JSON.

use agents_domain::worktree::Worktree;
use serde::Serialize;

/// Where an assignment's agents work, if not in the repository itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorktreeView {
    path: String,
    branch: String,
    base_commit: String,
    base_branch: Option<String>,
}

impl WorktreeView {
    /// The worktree and what it began from.
    pub fn new(worktree: &Worktree) -> Self {
        Self {
            path: worktree.path.clone(),
            branch: worktree.branch.clone(),
            base_commit: worktree.base.commit.clone(),
            base_branch: worktree.base.branch.clone(),
        }
    }
}
