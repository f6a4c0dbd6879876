//! Which folders have a branch checked out. A branch that moves under a folder makes that look changed, so none does.

use std::path::{Path, PathBuf};

use agents_domain::worktree::Worktree;

use super::git::{Git, GitError};
use super::{WorkspaceError, top};

/// The working trees that have this branch; those that are gone apart.
pub(super) async fn of(git: &Git, branch: &str) -> Result<Vec<PathBuf>, GitError> {
    let mut folders = Vec::new();
    for named in named(git, branch).await? {
        folders.push(top_of(named).await?);
    }
    Ok(folders)
}

/// As git names them.
async fn named(git: &Git, branch: &str) -> Result<Vec<PathBuf>, GitError> {
    let text = git.clone().unsealed().text(&["worktree", "list", "--porcelain"]).await?;
    let wanted = format!("branch refs/heads/{branch}");
    let entries = text.split("\n\n").filter(|entry| entry.lines().any(|line| line == wanted));
    let folder =
        |entry: &str| entry.lines().find_map(|line| line.strip_prefix("worktree ")).map(PathBuf::from);
    Ok(entries.filter_map(folder).filter(|folder| folder.is_dir()).collect())
}

/// A submodule's own folder of git is named in place of its files.
async fn top_of(named: PathBuf) -> Result<PathBuf, GitError> {
    let real = Git::new(&named).unsealed().optional(&["rev-parse", "--show-toplevel"]).await?;
    Ok(real.map_or(named, PathBuf::from))
}

/// An assignment's branch is moved only in its own worktree.
pub(super) async fn refuse_elsewhere(git: &Git, worktree: &Worktree) -> Result<(), WorkspaceError> {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let own = real(top(worktree));
    for named in named(git, &worktree.branch).await? {
        if real(&named) == own {
            continue;
        }
        let folder = top_of(named).await?;
        if real(&folder) != own {
            return Err(WorkspaceError::CheckedOut { branch: worktree.branch.clone(), folder });
        }
    }
    Ok(())
}
