//! What a failed attempt has left in a worktree is kept under a name of its own, and the tree is as it was before it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agents_domain::id::AttemptId;
use agents_domain::worktree::Worktree;

use super::checkpoint::{add_all, on_own_branch};
use super::git::{Git, GitError};
use super::{Ready, WorkspaceError, folder, mark, turn};

/// The names below which they are kept.
pub const LEFTOVERS: &str = "refs/agents/leftovers/";

/// The state of an interrupted rebase or merge, in a worktree's own git folder.
const UNDER_WAY: [&str; 2] = ["rebase-merge", "rebase-apply"];

/// Sets aside what differs from where the attempt began, its own commits included. Tells where it is then.
pub(super) async fn set_aside(
    git: &Git,
    worktree: &Worktree,
    (of, patience): (&mark::Mark, Duration),
) -> Result<Ready, WorkspaceError> {
    let turn = turn::take(git.folder(), patience).await?;
    let head = on_own_branch(git, worktree).await?;
    drop(turn);
    add_all(git).await?;
    let tree = git.text(&["write-tree"]).await?;
    let mut leftovers = None;
    if head != of.before || tree != git.text(&["rev-parse", "HEAD^{tree}"]).await? {
        let name = format!("{LEFTOVERS}{}", of.attempt);
        let message = format!("What attempt {} left when it failed", of.attempt);
        let commit = git.text(&["commit-tree", &tree, "-p", &head, "-m", &message]).await?;
        let turn = turn::take(git.folder(), patience).await?;
        git.must(&["update-ref", &name, &commit]).await?;
        back_to(git, &of.before).await?;
        drop(turn);
        submodules(git).await?;
        leftovers = Some(name);
    }
    let moved = move_repositories(git, aside(worktree, &of.attempt)).await?;
    Ok(Ready { leftovers, moved })
}

/// Where what these attempts have left is kept: names of commits, and folders.
pub async fn leftovers_of(
    worktree: &Worktree,
    workspace: &Path,
    attempts: &[AttemptId],
) -> Result<Vec<String>, GitError> {
    let kept = Git::new(workspace).text(&["for-each-ref", "--format=%(refname)", LEFTOVERS]).await?;
    let mut found = Vec::new();
    for attempt in attempts {
        let name = format!("{LEFTOVERS}{attempt}");
        let folder = aside(worktree, &attempt.to_string());
        found.extend(kept.lines().find(|line| **line == name).map(str::to_owned));
        found.extend(folder.is_dir().then(|| folder.display().to_string()));
    }
    Ok(found)
}

fn aside(worktree: &Worktree, attempt: &str) -> PathBuf {
    mark::beside(worktree, &format!("leftovers-{attempt}"))
}

/// All files are in a commit now; what git still does not know are repositories, which it keeps by name at most.
async fn move_repositories(git: &Git, aside: PathBuf) -> Result<Option<PathBuf>, WorkspaceError> {
    let args = ["ls-files", "-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory"];
    let ended = git.must(&args).await?;
    let mut is_moved = false;
    for name in ended.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = Path::new(OsStr::from_bytes(name));
        let (from, to) = (git.folder().join(name), aside.join(name));
        let parent = to.parent().unwrap_or(&aside);
        std::fs::create_dir_all(parent).map_err(WorkspaceError::files(parent))?;
        std::fs::rename(&from, &to).map_err(WorkspaceError::files(&from))?;
        is_moved = true;
    }
    Ok(is_moved.then_some(aside))
}

/// The branch, the index and the files are as that commit; ignored files stay.
pub(super) async fn back_to(git: &Git, commit: &str) -> Result<(), WorkspaceError> {
    git.must(&["reset", "-q", "--hard", commit]).await?;
    if let Some(own) = folder::git_folders(git.folder()).into_iter().next() {
        for path in UNDER_WAY.map(|name| own.join(name)).into_iter().filter(|path| path.exists()) {
            std::fs::remove_dir_all(&path).map_err(WorkspaceError::files(&path))?;
        }
    }
    Ok(())
}

/// What is in submodules is as that commit has it. Takes as long as the network does.
pub(super) async fn submodules(git: &Git) -> Result<(), WorkspaceError> {
    if git.folder().join(".gitmodules").is_file() {
        git.must(&["submodule", "update", "-q", "--init", "--recursive", "--force"]).await?;
    }
    Ok(())
}
