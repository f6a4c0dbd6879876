//! What a person does with an assignment's branch: takes it over, or back.
//!
//! A branch that is checked out somewhere is moved only there, by a fast-forward in a clean tree.

use std::path::{Path, PathBuf};

use agents_domain::worktree::Worktree;

use super::checkpoint::{add_all, on_own_branch};
use super::git::{Author, Git, GitError};
use super::worktree::heads_ref;
use super::{WorkspaceError, is_there, leftovers, top};

/// Below it the tips of branches that were merged are kept, by the branches' last names.
const MERGED: &str = "refs/agents/merged/";
/// Below it what was rolled back is kept, by commit.
const ROLLED_BACK: &str = "refs/agents/rolled-back/";

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
    #[error(transparent)]
    Git(#[from] GitError),
}

fn counted(files: usize) -> String {
    if files == 1 { "1 file that".to_owned() } else { format!("{files} files that") }
}

/// Merges the branch.
pub async fn merge(merge: Merge<'_>) -> Result<Merged, MergeError> {
    let git = Git::new(merge.workspace);
    let branch = &merge.worktree.branch;
    let tip = tip(&git, branch).await?;
    let base = tip_of(&git, merge.into).await?;
    if git.is(&["merge-base", "--is-ancestor", &tip, &base]).await? {
        return Ok(Merged::Nothing);
    }
    let is_ahead = git.is(&["merge-base", "--is-ancestor", &base, &tip]).await?;
    if git.optional(&["rev-parse", "-q", "--verify", &merged_ref(merge.worktree)]).await? == Some(tip.clone())
        && merge.squash.is_some()
    {
        return Ok(Merged::Nothing);
    }
    let tree = match is_ahead {
        true => format!("{tip}^{{tree}}"),
        false => merged_tree(&git, &base, &tip).await?,
    };
    let commit = match merge.squash {
        Some(message) => {
            let git = with_author(git.clone(), merge.author).await?;
            git.text(&["commit-tree", &resolved(&git, &tree).await?, "-p", &base, "-m", message]).await?
        }
        None if is_ahead => tip.clone(),
        None => {
            return Err(MergeError::Diverged { into: merge.into.to_owned(), branch: branch.clone() });
        }
    };
    let updated = advance(&git, merge.into, (&base, &commit)).await?;
    git.must(&["update-ref", &merged_ref(merge.worktree), &tip]).await?;
    Ok(Merged::Done { commit, updated })
}

async fn resolved(git: &Git, tree: &str) -> Result<String, GitError> {
    git.text(&["rev-parse", "--verify", tree]).await
}

async fn tip(git: &Git, branch: &str) -> Result<String, MergeError> {
    tip_of(git, branch).await
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
async fn advance(git: &Git, branch: &str, (from, to): (&str, &str)) -> Result<Option<PathBuf>, MergeError> {
    let Some(folder) = checked_out(git, branch).await? else {
        git.must(&["update-ref", &format!("refs/heads/{branch}"), to, from]).await?;
        return Ok(None);
    };
    let there = Git::new(&folder);
    if !there.text(&["status", "--porcelain", "--untracked-files=no"]).await?.is_empty() {
        return Err(MergeError::Dirty { into: branch.to_owned(), folder });
    }
    there.must(&["merge", "-q", "--ff-only", "--no-verify-signatures", to]).await?;
    Ok(Some(folder))
}

/// The working tree that has this branch.
async fn checked_out(git: &Git, branch: &str) -> Result<Option<PathBuf>, GitError> {
    let text = git.text(&["worktree", "list", "--porcelain"]).await?;
    let wanted = format!("branch refs/heads/{branch}");
    let has_it = |entry: &&str| entry.lines().any(|line| line == wanted);
    let folder =
        |entry: &str| entry.lines().find_map(|line| line.strip_prefix("worktree ")).map(PathBuf::from);
    Ok(text.split("\n\n").find(has_it).and_then(folder))
}

fn merged_ref(worktree: &Worktree) -> String {
    format!("{MERGED}{}", worktree.branch.rsplit('/').next().unwrap_or(&worktree.branch))
}

/// Whether all that the branch has is part of its base branch, or was squashed into another one.
pub async fn is_merged(worktree: &Worktree, workspace: &Path) -> Result<bool, GitError> {
    let git = Git::new(workspace);
    let name = format!("refs/heads/{}", worktree.branch);
    let Some(tip) = git.optional(&["rev-parse", "-q", "--verify", &name]).await? else { return Ok(false) };
    if tip == worktree.base.commit {
        return Ok(false);
    }
    if git.optional(&["rev-parse", "-q", "--verify", &merged_ref(worktree)]).await? == Some(tip.clone()) {
        return Ok(true);
    }
    let Some(base) = &worktree.base.branch else { return Ok(false) };
    let base = format!("refs/heads/{base}");
    match git.optional(&["rev-parse", "-q", "--verify", &base]).await? {
        Some(_) => git.is(&["merge-base", "--is-ancestor", &tip, &base]).await,
        None => Ok(false),
    }
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
    let branch = format!("refs/heads/{}", worktree.branch);
    if !is_there(worktree) {
        let git = Git::new(workspace);
        let old = git.text(&["rev-parse", "--verify", &branch]).await?;
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
    super::mark::close(worktree)?;
    Ok(RolledBack { kept, commit: to.to_owned() })
}

async fn keep(git: &Git, commit: &str) -> Result<String, GitError> {
    let name = format!("{ROLLED_BACK}{}", &commit[..commit.len().min(12)]);
    git.must(&["update-ref", &name, commit]).await?;
    Ok(name)
}

/// Holds the worktree: while this lives no attempt begins in it.
pub async fn hold(worktree: &Worktree) -> Result<Hold, WorkspaceError> {
    super::worktree::lock(worktree).await.map(Hold)
}

/// Nobody begins in the worktree.
#[derive(Debug)]
pub struct Hold(#[allow(dead_code, reason = "it is held and not looked at")] std::fs::File);
