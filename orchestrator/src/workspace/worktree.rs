//! Makes an assignment's worktree, lazily, and mends one that is gone or half made.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use agents_domain::worktree::Worktree;

use super::git::Git;
use super::{GitError, WorkspaceError, checkouts, folder, mark, top};

/// In the worktree's own git folder: the checkout is whole.
const MADE: &str = "agents-made";

/// How often the lock of a worktree is tried that somebody else makes.
const LOCK_CHECK: Duration = Duration::from_millis(50);

/// Whether it has just been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Made,
    There,
}

/// Whether the folder is a worktree of its own. One whose `.git` is gone would be taken for a part of whatever is around it.
pub fn is_there(worktree: &Worktree) -> bool {
    let top = top(worktree);
    top.join(".git").is_file() && !folder::git_folders(top).is_empty()
}

/// Holds the worktree for making it: a question may begin while a job does.
pub(super) async fn lock(worktree: &Worktree) -> Result<File, WorkspaceError> {
    let path = mark::beside(worktree, "lock");
    let parent = path.parent().unwrap_or(&path);
    std::fs::create_dir_all(parent).map_err(WorkspaceError::files(parent))?;
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(WorkspaceError::files(&path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Waiting for it in a thread could not be given up.
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_CHECK).await,
            Err(TryLockError::Error(error)) => return Err(WorkspaceError::files(&path)(error)),
        }
    }
}

/// Makes it from its branch, or from its base if there is no branch yet.
pub(super) async fn ensure(worktree: &Worktree, workspace: &Path) -> Result<Found, WorkspaceError> {
    let top = top(worktree);
    checkouts::refuse_elsewhere(&Git::new(workspace), worktree).await?;
    if !is_there(worktree) && top.exists() && std::fs::read_dir(top).is_ok_and(|mut dir| dir.next().is_some())
    {
        // Its `.git` is gone or points nowhere: the repository knows where it belongs.
        Git::new(workspace).run(&["worktree", "repair", &top.to_string_lossy()]).await?;
        if !is_there(worktree) {
            let why = "it is in the way of the assignment's worktree; move it to another place";
            return Err(WorkspaceError::files(top)(std::io::Error::other(why)));
        }
    }
    if is_there(worktree) {
        let made = folder::git_folders(top).first().is_some_and(|own| own.join(MADE).is_file());
        let was_used = mark::Mark::read(&mark::beside(worktree, "json")).is_some();
        if made || was_used {
            return Ok(Found::There);
        }
        // Somebody was ended while it was made, and nobody has worked in it.
        remove(worktree, workspace).await?;
    }
    add(worktree, workspace).await?;
    submodules(top).await?;
    if let Some(own) = folder::git_folders(top).first() {
        let made = own.join(MADE);
        std::fs::write(&made, "").map_err(WorkspaceError::files(&made))?;
    }
    Ok(Found::Made)
}

async fn add(worktree: &Worktree, workspace: &Path) -> Result<(), GitError> {
    let git = Git::new(workspace);
    let path = top(worktree).to_string_lossy().into_owned();
    let branch = format!("refs/heads/{}", worktree.branch);
    let exists = git.optional(&["rev-parse", "-q", "--verify", &branch]).await?.is_some();
    // Twice forced: a worktree that is registered there and gone is forgotten, also if it was locked.
    let mut args = vec!["worktree", "add", "-q", "-f", "-f"];
    match exists {
        true => args.extend([path.as_str(), &worktree.branch]),
        false => args.extend(["--no-track", "-b", &worktree.branch, &path, &worktree.base.commit]),
    }
    git.must(&args).await?;
    Ok(())
}

async fn submodules(top: &Path) -> Result<(), GitError> {
    if top.join(".gitmodules").is_file() {
        Git::new(top).must(&["submodule", "update", "-q", "--init", "--recursive"]).await?;
    }
    Ok(())
}

/// Takes the folder away, whatever is in it; its branch stays. Who calls this has looked into it.
async fn remove(worktree: &Worktree, workspace: &Path) -> Result<(), WorkspaceError> {
    let path = top(worktree).to_string_lossy().into_owned();
    Git::new(workspace).must(&["worktree", "remove", "-f", "-f", &path]).await?;
    Ok(())
}

/// Takes the folder away with what is kept beside it; its branch stays. Who calls this holds it and has looked into it.
pub async fn discard(worktree: &Worktree, workspace: &Path) -> Result<(), WorkspaceError> {
    remove(worktree, workspace).await?;
    for what in ["json", "setup.log"] {
        let path = mark::beside(worktree, what);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(WorkspaceError::files(&path)(error)),
        }
    }
    Ok(())
}
