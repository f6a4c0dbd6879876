//! The folder that agents work in: an assignment's own worktree, or the repository's own working tree.
//!
//! In a worktree each job ends with a commit; in a shared working tree nothing of the user's own is touched.

mod branch;
mod checkouts;
mod checkpoint;
mod commit;
mod configuration;
mod copy;
mod diff;
mod folder;
mod git;
mod ground;
mod index;
mod leftovers;
mod locks;
mod mark;
mod merged;
mod prepare;
mod program;
mod rollback;
mod seal;
mod setup;
mod tree_state;
mod trust;
mod turn;
mod watch;
mod worktree;

#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};

use agents_domain::worktree::Worktree;

pub use branch::{Hold, Merge, MergeError, Merged, hold, is_merged, merge};
pub use checkpoint::{checkpoint, checkpoint_of};
pub use diff::{Counts, Range, counts, diff, fork_point, patch, stat};
pub use folder::{agent_instructions, git_folders};
pub use git::{Author, Git, GitError};
pub use ground::{Ground, Obstacle, WORKTREES, ground, uncommitted};
pub use leftovers::{LEFTOVERS, leftovers_of};
pub use prepare::{Ready, may_edit, prepare};
pub use rollback::{RolledBack, has_commit, roll_back};
pub use tree_state::{content_of, not_committed, tree_state};
pub use watch::{over, safely, safely_in, state_of, watched};
pub use worktree::{discard, is_there};

/// Why something could not be done in a workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("{}: {why}", path.display())]
    Files { path: PathBuf, why: std::io::Error },
    #[error(
        "`{key}` was set in {} while an agent worked there, and git would run or read what it names; so no git was run. Look \
         at it, and take it out (`git config --file {} --unset-all {key}`); or, if it is yours, remove {}, and what is there \
         counts as known",
        file.display(), file.display(), record.display()
    )]
    Armed { key: String, file: PathBuf, record: PathBuf },
    #[error("{0}")]
    Lost(String),
    #[error(
        "`{branch}` is checked out in {0}, and would move under it; switch to another branch there \
         (git -C {0} switch --detach), then do this again",
        folder.display()
    )]
    CheckedOut { branch: String, folder: PathBuf },
    #[error("there is no branch `{0}` in the repository")]
    NoBranch(String),
    #[error(
        "another `agents` has moved branches of {} or worked in the worktree for {seconds} s, and was waited for; try again",
        folder.display()
    )]
    Busy { folder: PathBuf, seconds: u64 },
}

impl WorkspaceError {
    /// What is wrong with that file.
    pub(crate) fn files(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |why| WorkspaceError::Files { path, why }
    }
}

/// The top folder of a worktree. Agents work in a folder below it if the assignment belongs to one below the repository's
/// own top; the top is called like the branch.
pub fn top(worktree: &Worktree) -> &Path {
    let path = Path::new(&worktree.path);
    let name = worktree.branch.rsplit('/').next().unwrap_or_default();
    path.ancestors().find(|folder| folder.file_name().is_some_and(|own| own == name)).unwrap_or(path)
}
