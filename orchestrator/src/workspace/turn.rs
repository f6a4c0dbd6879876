//! One at a time: who moves branches of a repository holds a lock in the folder that all its worktrees share.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::WorkspaceError;
use super::git::{Git, GitError};

/// The file that is locked.
const LOCK: &str = "agents.lock";
/// How often it is tried.
const CHECK: Duration = Duration::from_millis(50);
/// How often it is tried before it is given up: half a minute. A merge takes less than a second.
const TRIES: u32 = 600;

/// Branches are moved by nobody else of ours while this lives.
#[derive(Debug)]
pub(super) struct Turn(#[allow(dead_code, reason = "it is held and not looked at")] File);

/// The folder that all worktrees of a repository share.
pub(super) async fn common(git: &Git) -> Result<PathBuf, GitError> {
    Ok(git.text(&["rev-parse", "--path-format=absolute", "--git-common-dir"]).await?.into())
}

/// Opens the lock, which also shows whether the repository can be written.
pub(super) fn open(common: &Path) -> Result<File, WorkspaceError> {
    let path = common.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    file.map_err(WorkspaceError::files(&path))
}

/// Waits for its turn.
pub(super) async fn take(git: &Git) -> Result<Turn, WorkspaceError> {
    let common = common(git).await?;
    let file = open(&common)?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Turn(file)),
            // Waiting for it in a thread could not be given up.
            Err(TryLockError::WouldBlock) => tokio::time::sleep(CHECK).await,
            Err(TryLockError::Error(error)) => return Err(WorkspaceError::files(&common.join(LOCK))(error)),
        }
    }
    Err(WorkspaceError::Busy { folder: common })
}
