//! What a failed attempt has left in a worktree is kept under a name of its own, and the tree is as it was before it.

use agents_domain::worktree::Worktree;

use super::checkpoint::{add_all, on_own_branch};
use super::git::Git;
use super::{WorkspaceError, folder, mark};

/// The names below which they are kept.
pub const LEFTOVERS: &str = "refs/agents/leftovers/";

/// The state of an interrupted rebase or merge, in a worktree's own git folder.
const UNDER_WAY: [&str; 2] = ["rebase-merge", "rebase-apply"];

/// Sets aside what differs from where the attempt began, its own commits included. Gives the name that it has then.
pub(super) async fn set_aside(
    git: &Git,
    worktree: &Worktree,
    of: &mark::Mark,
) -> Result<Option<String>, WorkspaceError> {
    let head = on_own_branch(git, worktree).await?;
    add_all(git).await?;
    let tree = git.text(&["write-tree"]).await?;
    if head == of.before && tree == git.text(&["rev-parse", "HEAD^{tree}"]).await? {
        return Ok(None);
    }
    let name = format!("{LEFTOVERS}{}", of.attempt);
    let message = format!("What attempt {} left when it failed", of.attempt);
    let commit = git.text(&["commit-tree", &tree, "-p", &head, "-m", &message]).await?;
    git.must(&["update-ref", &name, &commit]).await?;
    back_to(git, &of.before).await?;
    Ok(Some(name))
}

/// The branch, the index and the files are as that commit; ignored files stay.
pub(super) async fn back_to(git: &Git, commit: &str) -> Result<(), WorkspaceError> {
    git.must(&["reset", "-q", "--hard", commit]).await?;
    if let Some(own) = folder::git_folders(git.folder()).into_iter().next() {
        for path in UNDER_WAY.map(|name| own.join(name)).into_iter().filter(|path| path.exists()) {
            std::fs::remove_dir_all(&path).map_err(WorkspaceError::files(&path))?;
        }
    }
    if git.folder().join(".gitmodules").is_file() {
        git.must(&["submodule", "update", "-q", "--init", "--recursive", "--force"]).await?;
    }
    Ok(())
}
