//! What of an assignment's branch has become part of which commit.
//!
//! Git knows that only of merges. For a squash it is kept as a commit with two parents: what came of it, and the tip that
//! it was made of. So it is known for each branch that has the former, and for none that has lost it again.

use agents_domain::worktree::Worktree;

use super::git::{Git, GitError};

/// Below it these commits are kept, by the branch's last name and what came of the merge.
const MERGED: &str = "refs/agents/merged/";

/// A merge of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    /// What came of it.
    result: String,
    /// The tip that it was made of.
    tip: String,
}

/// Keeps that the commit `result` has all of `tip`. Gives the name.
pub(super) async fn keep(
    git: &Git,
    worktree: &Worktree,
    (result, tip): (&str, &str),
) -> Result<String, GitError> {
    let tree = git.text(&["rev-parse", "--verify", &format!("{result}^{{tree}}")]).await?;
    let mut args = vec!["commit-tree", &tree, "-p", result];
    if tip != result {
        args.extend(["-p", tip]);
    }
    let message = format!("{} is part of this", worktree.branch);
    args.extend(["-m", &message]);
    let commit = git.text(&args).await?;
    let name = format!("{}{}", folder(worktree), &result[..result.len().min(16)]);
    git.must(&["update-ref", &name, &commit]).await?;
    Ok(name)
}

/// Tips of the branch whose work that commit has by a squash, or as a part of what has it.
pub(super) async fn tips_in(git: &Git, worktree: &Worktree, commit: &str) -> Result<Vec<String>, GitError> {
    let mut tips = Vec::new();
    for Record { result, tip } in records(git, worktree).await? {
        if git.is(&["merge-base", "--is-ancestor", &result, commit]).await? {
            tips.push(tip);
        }
    }
    Ok(tips)
}

/// Whether any branch but its own has that tip by a merge.
pub(super) async fn is_anywhere(git: &Git, worktree: &Worktree, tip: &str) -> Result<bool, GitError> {
    let own = format!("refs/heads/{}", worktree.branch);
    for Record { result, .. } in records(git, worktree).await?.into_iter().filter(|one| one.tip == tip) {
        let args = ["for-each-ref", "--format=%(refname)", "--contains", &result, "refs/heads"];
        if git.text(&args).await?.lines().any(|name| name != own) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn records(git: &Git, worktree: &Worktree) -> Result<Vec<Record>, GitError> {
    let text = git.text(&["for-each-ref", "--format=%(parent)", &folder(worktree)]).await?;
    let record = |line: &str| {
        let mut parents = line.split_whitespace().map(str::to_owned);
        let result = parents.next()?;
        Some(Record { tip: parents.next().unwrap_or_else(|| result.clone()), result })
    };
    Ok(text.lines().filter_map(record).collect())
}

fn folder(worktree: &Worktree) -> String {
    format!("{MERGED}{}/", worktree.branch.rsplit('/').next().unwrap_or(&worktree.branch))
}
