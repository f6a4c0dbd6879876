//! What is written down of the attempt that works in a folder: where its work begins, and whether it is done.
//!
//! It is kept outside of the folder, beside the worktree or with the attempt's own files.

use std::path::{Path, PathBuf};

use agents_domain::evidence::TreeState;
use agents_domain::id::AttemptId;
use agents_domain::store::Claimed;
use agents_domain::worktree::Worktree;
use serde::{Deserialize, Serialize};

use super::{WorkspaceError, top};
use crate::attempt;

/// The attempt that works in a folder, or has worked there last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub attempt: String,
    /// The commit that was there when the job began.
    pub before: String,
    /// What was not committed then: in a shared tree only.
    pub dirty: Option<String>,
    /// The commit that the job has come to.
    #[serde(default)]
    pub after: Option<String>,
    /// Whether what it does is still to be committed.
    pub is_open: bool,
}

impl Mark {
    /// The state that it was made in.
    pub fn state(&self) -> TreeState {
        TreeState { commit: self.before.clone(), dirty: self.dirty.clone() }
    }

    /// What is written there; `None` also if nobody can read it.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Writes it down, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), WorkspaceError> {
        let text = serde_json::to_vec(self).expect("texts can always be written as JSON");
        let next = path.with_extension("new");
        let folder = path.parent().unwrap_or(path);
        std::fs::create_dir_all(folder).map_err(WorkspaceError::files(folder))?;
        std::fs::write(&next, text).map_err(WorkspaceError::files(&next))?;
        std::fs::rename(&next, path).map_err(WorkspaceError::files(path))
    }
}

/// Beside the worktree.
pub(super) fn beside(worktree: &Worktree, what: &str) -> PathBuf {
    let mut path = top(worktree).as_os_str().to_owned();
    path.push(format!(".{what}"));
    path.into()
}

/// Where the mark of this attempt is.
pub(super) fn path(claimed: &Claimed, data_folder: &Path) -> PathBuf {
    match &claimed.assignment.worktree {
        Some(worktree) => beside(worktree, "json"),
        None => of_shared(data_folder, claimed.attempt.id),
    }
}

fn of_shared(data_folder: &Path, attempt: AttemptId) -> PathBuf {
    attempt::files(data_folder, attempt).folder.join("before.json")
}

/// What a failed attempt has left in the worktree is dealt with.
pub(super) fn close(worktree: &Worktree) -> Result<(), WorkspaceError> {
    let path = beside(worktree, "json");
    match Mark::read(&path).filter(|mark| mark.is_open) {
        Some(mark) => Mark { is_open: false, ..mark }.write(&path),
        None => Ok(()),
    }
}
