//! What a person does with an assignment's branch: takes it back to where it was.

use std::path::Path;

use agents_domain::worktree::Worktree;

use super::checkpoint::{add_all, on_own_branch};
use super::git::{Author, Git, GitError};
use super::worktree::heads_ref;
use super::{WorkspaceError, checkouts, is_there, leftovers, top, turn};

/// Below it what was rolled back is kept, by commit.
const ROLLED_BACK: &str = "refs/agents/rolled-back/";

/// Whether the branch, as it is now, has that commit. One that was rolled back it has no more.
pub async fn has_commit(worktree: &Worktree, workspace: &Path, commit: &str) -> Result<bool, GitError> {
    let (folder, tip) = match is_there(worktree) {
        true => (top(worktree), "HEAD".to_owned()),
        false => (workspace, format!("refs/heads/{}", worktree.branch)),
    };
    // What git does not even know any more is no part of it either.
    Ok(Git::new(folder).run(&["merge-base", "--is-ancestor", commit, &tip]).await?.is_success())
}

/// What was rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// Under which name the branch, with what was not committed, is kept as it was.
    pub kept: String,
    pub commit: String,
}

/// Puts the branch, and its worktree if there is one, back to that commit.
pub async fn roll_back(
    worktree: &Worktree,
    workspace: &Path,
    (to, author): (&str, &Author),
) -> Result<RolledBack, WorkspaceError> {
    let git = Git::new(workspace);
    let turn = turn::take(workspace, turn::PERSON).await?;
    checkouts::refuse_elsewhere(&git, worktree).await?;
    let branch = format!("refs/heads/{}", worktree.branch);
    if !is_there(worktree) {
        let old = git.optional(&["rev-parse", "-q", "--verify", &branch]).await?;
        let old = old.ok_or_else(|| WorkspaceError::NoBranch(worktree.branch.clone()))?;
        let kept = keep(&git, &old).await?;
        git.must(&["update-ref", &branch, to, &old]).await?;
        git.must(&["update-ref", &heads_ref(worktree), to]).await?;
        super::mark::close(worktree)?;
        return Ok(RolledBack { kept, commit: to.to_owned() });
    }
    let git = Git::new(top(worktree)).by(author);
    let head = on_own_branch(&git, worktree).await?;
    add_all(&git).await?;
    let tree = git.text(&["write-tree"]).await?;
    let old = match tree == git.text(&["rev-parse", "HEAD^{tree}"]).await? {
        true => head,
        false => {
            git.text(&["commit-tree", &tree, "-p", &head, "-m", "What was not committed at a rollback"])
                .await?
        }
    };
    let kept = keep(&git, &old).await?;
    leftovers::back_to(&git, to).await?;
    git.must(&["update-ref", &heads_ref(worktree), to]).await?;
    drop(turn);
    leftovers::submodules(&git).await?;
    super::mark::close(worktree)?;
    Ok(RolledBack { kept, commit: to.to_owned() })
}

async fn keep(git: &Git, commit: &str) -> Result<String, GitError> {
    let name = format!("{ROLLED_BACK}{}", &commit[..commit.len().min(12)]);
    git.must(&["update-ref", &name, commit]).await?;
    Ok(name)
}
