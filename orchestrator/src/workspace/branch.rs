//! What a person does with an assignment's branch: takes it over.
//!
//! A branch that is checked out somewhere is moved only there, by a fast-forward in a clean tree.

use std::path::{Path, PathBuf};

use agents_domain::worktree::Worktree;

use super::git::{Author, Git, GitError};
use super::{WorkspaceError, checkouts, merged, turn, watch};

/// What is to be merged, and how.
#[derive(Debug, Clone, Copy)]
pub struct Merge<'a> {
    pub worktree: &'a Worktree,
    /// The repository.
    pub workspace: &'a Path,
    /// The branch that it becomes part of.
    pub into: &'a str,
    /// The message of the one commit that it becomes. `None`: by a fast-forward.
    pub squash: Option<&'a str>,
    /// Who commits where git knows of nobody.
    pub author: &'a Author,
    /// Where is remembered what git may run in the repository.
    pub data_folder: &'a Path,
}

/// What a merge has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// There is nothing that the other branch does not have.
    Nothing,
    /// The other branch is now at this commit. `updated`: the working tree that has followed.
    Done { commit: String, updated: Option<PathBuf> },
}

/// Why nothing was merged; everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    #[error("there is no branch `{0}` in the repository")]
    NoBranch(String),
    #[error("`{into}` has gone on since `{branch}` began, so there can be no fast-forward")]
    Diverged { into: String, branch: String },
    #[error("{} both sides have changed differently: {}", counted(files.len()), files.join(", "))]
    Conflict { files: Vec<String> },
    #[error("`{into}` is checked out in {} with changes that are not committed", folder.display())]
    Dirty { into: String, folder: PathBuf },
    #[error(
        "`{into}` is checked out in {} and in {}, and can't be moved in both", folders[0].display(), folders[1].display()
    )]
    Twice { into: String, folders: [PathBuf; 2] },
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

fn counted(files: usize) -> String {
    if files == 1 { "1 file that".to_owned() } else { format!("{files} files that") }
}

/// Merges the branch.
pub async fn merge(merge: Merge<'_>) -> Result<Merged, MergeError> {
    let git = Git::new(merge.workspace);
    let _turn = turn::take(merge.workspace, turn::PERSON).await?;
    let branch = &merge.worktree.branch;
    let (tip, base) = (tip_of(&git, branch).await?, tip_of(&git, merge.into).await?);
    let known = merged::tips_in(&git, merge.worktree, &base).await?;
    for there in known.iter().chain([&base]) {
        if is_ancestor(&git, &tip, there).await? {
            return Ok(Merged::Nothing);
        }
    }
    let is_ahead = is_ancestor(&git, &base, &tip).await?;
    let own = with_author(git.clone(), merge.author).await?;
    let tree = match is_ahead {
        true => tree_of(&git, &tip).await?,
        false => merged_tree(&git, &as_merged(&own, &base, &known).await?, &tip).await?,
    };
    let commit = match merge.squash {
        // It has come there by another way, such as a cherry-pick.
        Some(_) if tree == tree_of(&git, &base).await? => {
            merged::keep(&own, merge.worktree, (&base, &tip)).await?;
            return Ok(Merged::Nothing);
        }
        Some(message) => own.text(&["commit-tree", &tree, "-p", &base, "-m", message]).await?,
        None if is_ahead => tip.clone(),
        None => {
            return Err(MergeError::Diverged { into: merge.into.to_owned(), branch: branch.clone() });
        }
    };
    // Before the branch moves: a squash that is not known to be one would be in the way of the next.
    let record = merged::keep(&own, merge.worktree, (&commit, &tip)).await?;
    match advance(&git, &merge, (&base, &commit)).await {
        Ok(updated) => Ok(Merged::Done { commit, updated }),
        Err(error) => {
            git.must(&["update-ref", "-d", &record]).await?;
            Err(error)
        }
    }
}

async fn is_ancestor(git: &Git, older: &str, newer: &str) -> Result<bool, GitError> {
    git.is(&["merge-base", "--is-ancestor", older, newer]).await
}

async fn tree_of(git: &Git, commit: &str) -> Result<String, GitError> {
    git.text(&["rev-parse", "--verify", &format!("{commit}^{{tree}}")]).await
}

/// The commit as it would be if what was squashed into it had been merged: so that only what came later is new.
async fn as_merged(git: &Git, commit: &str, tips: &[String]) -> Result<String, GitError> {
    if tips.is_empty() {
        return Ok(commit.to_owned());
    }
    let tree = tree_of(git, commit).await?;
    let mut args = vec!["commit-tree", &tree, "-p", commit];
    args.extend(tips.iter().flat_map(|tip| ["-p", tip]));
    args.extend(["-m", "as if it had been merged"]);
    git.text(&args).await
}

async fn tip_of(git: &Git, branch: &str) -> Result<String, MergeError> {
    let name = format!("refs/heads/{branch}");
    let found = git.optional(&["rev-parse", "-q", "--verify", &name]).await?;
    found.ok_or_else(|| MergeError::NoBranch(branch.to_owned()))
}

/// The tree of a merge that touches nothing; the files on which both sides disagree.
async fn merged_tree(git: &Git, base: &str, tip: &str) -> Result<String, MergeError> {
    let args = ["merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", base, tip];
    let ended = git.run(&args).await?;
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    let mut parts = text.split('\0').filter(|part| !part.is_empty());
    let tree = parts.next().unwrap_or_default().to_owned();
    match ended.code {
        Some(0) => Ok(tree),
        Some(1) => {
            let mut files: Vec<String> = parts.map(str::to_owned).collect();
            files.dedup();
            Err(MergeError::Conflict { files })
        }
        Some(_) | None => Err(git.failed(&args, &ended).into()),
    }
}

/// The person's own name where git knows it.
async fn with_author(git: Git, author: &Author) -> Result<Git, GitError> {
    let is_known = git.run(&["var", "GIT_COMMITTER_IDENT"]).await?.is_success();
    Ok(if is_known { git } else { git.by(author) })
}

/// Moves a branch on; where it is checked out, its files follow.
async fn advance(
    git: &Git,
    merge: &Merge<'_>,
    (from, to): (&str, &str),
) -> Result<Option<PathBuf>, MergeError> {
    let branch = merge.into;
    let mut folders = checkouts::of(git, branch).await?;
    let Some(folder) = folders.pop() else {
        git.must(&["update-ref", &format!("refs/heads/{branch}"), to, from]).await?;
        return Ok(None);
    };
    if let Some(other) = folders.pop() {
        return Err(MergeError::Twice { into: branch.to_owned(), folders: [other, folder] });
    }
    let follow = async {
        let there = Git::new(&folder);
        let is_clean = there.text(&["status", "--porcelain", "--untracked-files=no"]).await?.is_empty();
        if is_clean {
            there.must(&["merge", "-q", "--ff-only", "--no-verify-signatures", to]).await?;
        }
        Ok::<bool, GitError>(is_clean)
    };
    match watch::safely(&folder, merge.data_folder, follow).await?? {
        true => Ok(Some(folder)),
        false => Err(MergeError::Dirty { into: branch.to_owned(), folder }),
    }
}

/// Whether all that the branch has is part of its base branch, or was squashed into another one.
pub async fn is_merged(worktree: &Worktree, workspace: &Path) -> Result<bool, GitError> {
    let git = Git::new(workspace);
    let name = format!("refs/heads/{}", worktree.branch);
    let Some(tip) = git.optional(&["rev-parse", "-q", "--verify", &name]).await? else { return Ok(false) };
    if tip == worktree.base.commit {
        return Ok(false);
    }
    if merged::is_anywhere(&git, worktree, &tip).await? {
        return Ok(true);
    }
    let Some(base) = &worktree.base.branch else { return Ok(false) };
    let base = format!("refs/heads/{base}");
    match git.optional(&["rev-parse", "-q", "--verify", &base]).await? {
        Some(_) => git.is(&["merge-base", "--is-ancestor", &tip, &base]).await,
        None => Ok(false),
    }
}

/// Holds the worktree: while this lives no attempt begins in it.
pub async fn hold(worktree: &Worktree) -> Result<Hold, WorkspaceError> {
    super::worktree::lock(worktree).await.map(Hold)
}

/// Nobody begins in the worktree.
#[derive(Debug)]
pub struct Hold(#[allow(dead_code, reason = "it is held and not looked at")] std::fs::File);
