//! Which folders have a branch checked out. A branch that moves under a folder makes that look changed, so none does.

use std::path::{Path, PathBuf};

use agents_domain::worktree::Worktree;

use super::git::{Git, GitError};
use super::{WorkspaceError, top};

/// The working trees that have this branch; those that are gone apart.
pub(super) async fn of(git: &Git, branch: &str) -> Result<Vec<PathBuf>, GitError> {
    let text = git.clone().unsealed().text(&["worktree", "list", "--porcelain"]).await?;
    let wanted = format!("branch refs/heads/{branch}");
    let mut folders = Vec::new();
    for entry in text.split("\n\n").filter(|entry| entry.lines().any(|line| line == wanted)) {
        let named = entry.lines().find_map(|line| line.strip_prefix("worktree ")).map(PathBuf::from);
        let Some(named) = named.filter(|folder| folder.is_dir()) else { continue };
        // A submodule's own folder of git is named in place of its files.
        let real = Git::new(&named).unsealed().optional(&["rev-parse", "--show-toplevel"]).await?;
        folders.push(real.map_or(named, PathBuf::from));
    }
    Ok(folders)
}

/// An assignment's branch is moved only in its own worktree.
pub(super) async fn refuse_elsewhere(git: &Git, worktree: &Worktree) -> Result<(), WorkspaceError> {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let own = real(top(worktree));
    let found = of(git, &worktree.branch).await?;
    match found.into_iter().find(|folder| real(folder) != own) {
        Some(folder) => Err(WorkspaceError::CheckedOut { branch: worktree.branch.clone(), folder }),
        None => Ok(()),
    }
}
