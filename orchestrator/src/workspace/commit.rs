//! What is staged in an assignment's worktree becomes a commit of its branch.
//!
//! By git's own parts: `git commit` looks at each file again, although `git add` has just done so, and reads the index
//! more than once. Where an agent has left a merge or the like open, `git commit` is what ends it.

use agents_domain::worktree::Worktree;

use super::diff::{Counts, Range, counts};
use super::git::Git;
use super::worktree::heads_ref;
use super::{GitError, WorkspaceError, folder};

/// In a worktree's own git folder: what `git commit` ends or takes into account. With `reftable` it would not be files.
const LEFT_OPEN: [&str; 9] = [
    "AUTO_MERGE",
    "CHERRY_PICK_HEAD",
    "MERGE_AUTOSTASH",
    "MERGE_HEAD",
    "MERGE_MSG",
    "MERGE_RR",
    "REVERT_HEAD",
    "SQUASH_MSG",
    "reftable",
];

/// A range of commits with what it changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub before: String,
    pub after: String,
    pub counts: Counts,
}

/// The tree of what is staged. Takes long in a large repository, and touches nothing that others have.
pub(super) async fn staged(git: &Git) -> Result<String, GitError> {
    git.text(&["write-tree"]).await
}

/// Commits that tree, if what is checked out has another one. The branch and the name that keeps its last checkpoint move
/// together. `before`: where the job's work began.
pub(super) async fn commit(
    git: &Git,
    worktree: &Worktree,
    (before, tree): (&str, &str),
    message: &str,
) -> Result<Done, WorkspaceError> {
    let found = resolve(git, &["HEAD^{commit}", "HEAD^{tree}"]).await?;
    let [Some(head), head_tree] = &found[..] else {
        return Err(WorkspaceError::Lost("no commit is checked out in the worktree any more".to_owned()));
    };
    let before = before.to_owned();
    let is_committed = head_tree.as_deref() == Some(tree);
    let counts = match is_committed && *head == before {
        true => Counts::default(),
        false => counts(git.folder(), Range::Commits { before: &before, after: tree }).await?,
    };
    if is_committed {
        if *head != before {
            git.must(&["update-ref", &heads_ref(worktree), head]).await?;
        }
        return Ok(Done { before, after: head.clone(), counts });
    }
    let after = match is_left_open(git) {
        true => by_git_itself(git, worktree, message).await?,
        false => by_parts(git, worktree, (head, tree), message).await?,
    };
    Ok(Done { before, after, counts })
}

async fn by_parts(
    git: &Git,
    worktree: &Worktree,
    (head, tree): (&str, &str),
    message: &str,
) -> Result<String, GitError> {
    let after = git.text(&["commit-tree", tree, "-p", head, "-m", message]).await?;
    // As `git commit` writes it.
    let told = format!("commit: {}", message.lines().next().unwrap_or_default());
    let args = ["update-ref", "-m", &told, "--stdin", "-z"];
    let moves =
        format!("update HEAD\0{after}\0{head}\0update {kept}\0{after}\0\0", kept = heads_ref(worktree));
    let ended = git.run_with(&args, moves.into_bytes()).await?;
    if ended.is_success() { Ok(after) } else { Err(git.failed(&args, &ended)) }
}

async fn by_git_itself(git: &Git, worktree: &Worktree, message: &str) -> Result<String, GitError> {
    git.must(&["commit", "-q", "--no-verify", "--cleanup=verbatim", "-m", message]).await?;
    let after = git.text(&["rev-parse", "HEAD"]).await?;
    git.must(&["update-ref", &heads_ref(worktree), &after]).await?;
    Ok(after)
}

fn is_left_open(git: &Git) -> bool {
    let own = folder::git_folders(git.folder()).into_iter().next();
    own.is_none_or(|own| LEFT_OPEN.iter().any(|name| own.join(name).symlink_metadata().is_ok()))
}

/// The objects that these names are of, by one run of git; `None` for one that says nothing.
pub(super) async fn resolve(git: &Git, names: &[&str]) -> Result<Vec<Option<String>>, GitError> {
    let args = ["cat-file", "--batch-check=%(objectname)"];
    let ended = git.run_with(&args, (names.join("\n") + "\n").into_bytes()).await?;
    if !ended.is_success() {
        return Err(git.failed(&args, &ended));
    }
    // `<name> missing` is told of the others.
    let id = |line: &str| (!line.contains(' ')).then(|| line.to_owned());
    let mut found: Vec<Option<String>> = ended.text().lines().map(id).collect();
    found.resize(names.len(), None);
    Ok(found)
}
