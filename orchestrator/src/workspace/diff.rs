//! What has changed between two commits, or since one in a working tree.

use std::path::Path;

use super::WorkspaceError;
use agents_domain::worktree::Worktree;

use super::git::Git;
use super::tree_state::Scratch;

/// Nothing of the repository's own setup changes what a diff is.
const PLAIN: [&str; 5] =
    ["--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "--find-renames"];

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range<'a> {
    Commits {
        before: &'a str,
        after: &'a str,
    },
    /// Files that git does not know yet included.
    WorkingTree {
        since: &'a str,
    },
}

impl<'a> Range<'a> {
    /// From one commit to another; the same one twice means what is not committed.
    pub fn new(before: &'a str, after: &'a str) -> Self {
        match before == after {
            true => Range::WorkingTree { since: before },
            false => Range::Commits { before, after },
        }
    }
}

/// How much has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub files: u32,
    pub insertions: u32,
    pub deletions: u32,
}

/// The unified diff from one commit to another, at most so many bytes of it and then a line that says so. The same commit
/// twice: what is not committed in that folder.
pub async fn diff(
    folder: &Path,
    before: &str,
    after: &str,
    max_bytes: usize,
) -> Result<String, WorkspaceError> {
    patch(folder, Range::new(before, after), max_bytes).await
}

/// The same of a range that says which.
pub async fn patch(folder: &Path, range: Range<'_>, max_bytes: usize) -> Result<String, WorkspaceError> {
    let ended = run(folder, range, &["--patch"], max_bytes).await?;
    let mut text = String::from_utf8_lossy(&ended.stdout).into_owned();
    if ended.is_cut {
        text.push_str(&format!("\n[… the diff is longer than {max_bytes} bytes; the rest is left out …]\n"));
    }
    Ok(text)
}

/// How much has changed.
pub async fn counts(folder: &Path, range: Range<'_>) -> Result<Counts, WorkspaceError> {
    let ended = run(folder, range, &["--shortstat"], crate::process::tool::OUTPUT_MAX).await?;
    Ok(read_counts(&ended.text()))
}

/// The files that have changed, each with how much, for people.
pub async fn stat(folder: &Path, range: Range<'_>) -> Result<String, WorkspaceError> {
    let ended = run(folder, range, &["--stat=200"], crate::process::tool::OUTPUT_MAX).await?;
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

/// The commit from which a branch differs from the one that it began on, also after it has taken that one in.
pub async fn fork_point(folder: &Path, worktree: &Worktree, tip: &str) -> Result<String, WorkspaceError> {
    let base = &worktree.base;
    let Some(branch) = &base.branch else { return Ok(base.commit.clone()) };
    let common = Git::new(folder).optional(&["merge-base", &format!("refs/heads/{branch}"), tip]).await?;
    Ok(common.filter(|common| common != tip).unwrap_or_else(|| base.commit.clone()))
}

async fn run(
    folder: &Path,
    range: Range<'_>,
    form: &[&str],
    max_bytes: usize,
) -> Result<crate::process::tool::Ended, WorkspaceError> {
    let mut args = vec!["diff"];
    args.extend(PLAIN);
    args.extend(form);
    match range {
        Range::Commits { before, after } => {
            args.extend([before, after, "--"]);
            Ok(Git::new(folder).at_most(max_bytes).must(&args).await?)
        }
        Range::WorkingTree { since } => {
            let scratch = Scratch::new(folder)?;
            // Now they are in a diff without being written anywhere.
            scratch.git().run(&["add", "-A", "--intent-to-add", "--ignore-errors"]).await?;
            args.extend([since, "--"]);
            Ok(scratch.git().clone().at_most(max_bytes).must(&args).await?)
        }
    }
}

/// ` 3 files changed, 10 insertions(+), 2 deletions(-)`, of which each part may be missing.
fn read_counts(text: &str) -> Counts {
    let mut counts = Counts::default();
    for part in text.trim().split(", ") {
        let Some((number, what)) = part.split_once(' ') else { continue };
        let Ok(number) = number.parse() else { continue };
        if what.starts_with("file") {
            counts.files = number;
        } else if what.starts_with("insertion") {
            counts.insertions = number;
        } else if what.starts_with("deletion") {
            counts.deletions = number;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::tests::Repo;
    use super::*;

    #[test]
    fn counts_are_read_whatever_part_is_missing() {
        let counts = |files, insertions, deletions| Counts { files, insertions, deletions };
        let all = " 3 files changed, 10 insertions(+), 2 deletions(-)";
        assert_eq!(read_counts(all), counts(3, 10, 2));
        assert_eq!(read_counts(" 1 file changed, 1 deletion(-)"), counts(1, 0, 1));
        assert_eq!(read_counts(" 1 file changed, 0 insertions(+), 0 deletions(-)"), counts(1, 0, 0));
        assert_eq!(read_counts(""), counts(0, 0, 0));
    }

    #[tokio::test]
    async fn a_diff_is_of_two_commits_or_of_what_is_not_committed_new_files_included() {
        let repo = Repo::new().await;
        let first = repo.head().await;
        repo.write("file.txt", "changed\n");
        repo.write("new.txt", "new\n");
        let working = diff(repo.path(), &first, &first, 10_000).await.unwrap();
        let both =
            |text: &str| text.contains("+changed") && text.contains("+new") && !text.contains('\u{1b}');
        assert!(both(&working), "{working}");
        let counted = counts(repo.path(), Range::WorkingTree { since: &first }).await.unwrap();
        assert_eq!(counted, Counts { files: 2, insertions: 2, deletions: 1 });
        repo.commit_all("more").await;
        let second = repo.head().await;
        let committed = diff(repo.path(), &first, &second, 10_000).await.unwrap();
        assert!(both(&committed), "{committed}");
        assert_eq!(diff(repo.path(), &second, &second, 10_000).await.unwrap(), "");
        let cut = diff(repo.path(), &first, &second, 20).await.unwrap();
        assert!(cut.ends_with("\n[… the diff is longer than 20 bytes; the rest is left out …]\n"), "{cut}");
    }

    #[tokio::test]
    async fn what_the_repository_says_of_diffs_changes_nothing() {
        let repo = Repo::new().await;
        let first = repo.head().await;
        repo.write(".gitattributes", "*.txt diff=evil\n");
        repo.write("file.txt", "changed\n");
        repo.commit_all("more").await;
        for (key, value) in
            [("diff.external", "false"), ("diff.evil.textconv", "false"), ("color.diff", "always")]
        {
            repo.git(&["config", key, value]).await;
        }
        let text = diff(repo.path(), &first, "HEAD", 10_000).await.unwrap();
        assert!(text.contains("\n+changed\n"), "{text}");
    }
}
