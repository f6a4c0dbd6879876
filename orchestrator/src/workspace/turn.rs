//! One at a time: who moves branches or makes and removes worktrees of a repository holds a lock in the folder that all its
//! worktrees share. Only while it does that: what takes long, such as a checkout or staging, is done outside.
//!
//! Who needs the lock of a worktree as well takes that one first.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::{WorkspaceError, folder};

/// The file that is locked.
const LOCK: &str = "agents.lock";
/// How often it is tried.
const CHECK: Duration = Duration::from_millis(50);
/// How long a person waits: a merge takes less than a second.
pub(super) const PERSON: Duration = Duration::from_secs(30);

/// Branches are moved by nobody else of ours while this lives.
#[derive(Debug)]
pub(super) struct Turn(#[allow(dead_code, reason = "it is held and not looked at")] File);

/// Opens the lock, which also shows whether the repository can be written.
pub(super) fn open(common: &Path) -> Result<File, WorkspaceError> {
    let path = common.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    file.map_err(WorkspaceError::files(&path))
}

/// Waits for its turn in the repository around that folder.
pub(super) async fn take(inside: &Path, patience: Duration) -> Result<Turn, WorkspaceError> {
    let no_repository = || std::io::Error::other("it is in no git repository any more");
    let common = folder::common(inside).ok_or_else(no_repository).map_err(WorkspaceError::files(inside))?;
    let file = open(&common)?;
    let until = tokio::time::Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Turn(file)),
            Err(TryLockError::WouldBlock) if tokio::time::Instant::now() >= until => {
                return Err(WorkspaceError::Busy { folder: common, seconds: patience.as_secs() });
            }
            // Waiting for it in a thread could not be given up.
            Err(TryLockError::WouldBlock) => tokio::time::sleep(CHECK).await,
            Err(TryLockError::Error(error)) => return Err(WorkspaceError::files(&common.join(LOCK))(error)),
        }
    }
}
