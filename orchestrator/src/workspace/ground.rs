//! Whether a new assignment can have a worktree of its own, and from where it begins.

use std::path::Path;

use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::worktree::{Base, Worktree};

use super::git::{Git, GitError};
use super::{WorkspaceError, folder, turn};

/// The longest part of a north star in a branch's name, in bytes.
const SLUG: usize = 40;

/// The folder of worktrees in the data folder.
pub const WORKTREES: &str = "worktrees";

/// A branch of that name is a file where the folder of ours would be.
const IN_THE_WAY: &str = "refs/heads/agents";

/// What an assignment begins from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    pub base: Base,
    /// Where the folder is below the top of its repository: empty, or with a slash at its end.
    pub prefix: String,
    /// Changes that are not committed, and so not part of it.
    pub uncommitted: usize,
}

/// Why there can be no worktree.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    #[error("{folder} is not in a git repository")]
    NoRepository { folder: String },
    #[error("the repository has no commit yet")]
    NoCommit,
    #[error(
        "the repository keeps files in Git LFS, and `git lfs` is not installed: they would be pointers only"
    )]
    LfsMissing,
    #[error("the repository has a branch called `agents`, and so none below agents/ can be made")]
    BranchInTheWay,
    #[error("its git folder can't be written: {0}")]
    NotWritable(WorkspaceError),
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Looks at the repository around that folder. Detached, shallow, bare ones and ones with submodules can have worktrees.
pub async fn ground(workspace: &Path) -> Result<Ground, Obstacle> {
    let git = Git::new(workspace);
    let args = ["rev-parse", "--is-bare-repository", "--show-prefix"];
    let ended = git.run(&args).await?;
    if !ended.is_success() {
        return Err(match ended.complaint().contains("not a git repository") {
            true => Obstacle::NoRepository { folder: workspace.display().to_string() },
            false => git.failed(&args, &ended).into(),
        });
    }
    let text = ended.text();
    let (is_bare, prefix) = text.split_once('\n').unwrap_or((&text, ""));
    let Some(commit) = git.optional(&["rev-parse", "-q", "--verify", "HEAD^{commit}"]).await? else {
        return Err(Obstacle::NoCommit);
    };
    // In full: the short name of a branch that is called like a tag is another one.
    let branch = git.optional(&["symbolic-ref", "-q", "HEAD"]).await?;
    let branch = branch.and_then(|name| Some(name.strip_prefix("refs/heads/")?.to_owned()));
    if lacks_lfs(&git).await? {
        return Err(Obstacle::LfsMissing);
    }
    if git.optional(&["rev-parse", "-q", "--verify", IN_THE_WAY]).await?.is_some() {
        return Err(Obstacle::BranchInTheWay);
    }
    if let Some(common) = folder::common(workspace) {
        turn::open(&common).map_err(Obstacle::NotWritable)?;
    }
    let uncommitted = if is_bare == "true" { 0 } else { uncommitted(&git).await? };
    Ok(Ground { base: Base { commit, branch }, prefix: prefix.to_owned(), uncommitted })
}

/// How many files of a working tree are not as they are committed, new ones included.
pub async fn uncommitted(git: &Git) -> Result<usize, GitError> {
    let args = [
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--ignore-submodules=none",
        "--untracked-files=normal",
    ];
    Ok(git.must(&args).await?.stdout.iter().filter(|byte| **byte == 0).count())
}

async fn lacks_lfs(git: &Git) -> Result<bool, GitError> {
    let attributes = ":(top,glob)**/.gitattributes";
    let uses = git.run(&["grep", "-q", "-F", "filter=lfs", "HEAD", "--", attributes]).await?.is_success();
    Ok(uses && !git.run(&["lfs", "version"]).await?.is_success())
}

impl Ground {
    /// The worktree and branch of that assignment.
    pub fn worktree(
        self,
        (data_folder, namespace): (&Path, &Namespace),
        id: AssignmentId,
        north_star: &str,
    ) -> Worktree {
        let slug = slug(north_star);
        let name = if slug.is_empty() { id.short() } else { format!("{}-{slug}", id.short()) };
        let top = data_folder.join(WORKTREES).join(namespace.as_str().replace('/', "-")).join(&name);
        let path = if self.prefix.is_empty() { top } else { top.join(self.prefix.trim_end_matches('/')) };
        Worktree { path: path.display().to_string(), branch: format!("agents/{name}"), base: self.base }
    }
}

/// A text as part of a branch's name: lower-case letters, digits and single hyphens (git-check-ref-format(1)).
fn slug(text: &str) -> String {
    let mut slug = String::new();
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    for word in first.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let longer = slug.len() + word.len() + usize::from(!slug.is_empty());
        if longer > SLUG {
            if slug.is_empty() {
                slug = word[..SLUG].to_ascii_lowercase();
            }
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Repo, git};
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_slug_is_what_any_branch_may_be_called() {
        let cases = [
            ("Add a --dry-run flag to the importer, with tests", "add-a-dry-run-flag-to-the-importer-with"),
            ("\n  Fix: ../../etc/passwd.lock ~^:?*[\\ @{u}", "fix-etc-passwd-lock-u"),
            ("Grüße, größer", "gr-e-gr-er"),
            ("日本語", ""),
            (&"x".repeat(100), &"x".repeat(40)),
        ];
        for (text, expected) in cases {
            assert_eq!(slug(text), expected, "{text}");
        }
    }

    #[test]
    fn a_worktree_is_called_like_its_branch_and_lies_below_the_data_folder() {
        let base = Base { commit: "abc".to_owned(), branch: None };
        let ground = |prefix: &str| Ground { base: base.clone(), prefix: prefix.to_owned(), uncommitted: 0 };
        let id = AssignmentId::new(Uuid::from_u128(0xabc));
        let namespace = Namespace::new("app").unwrap();
        let made = ground("").worktree((Path::new("/data"), &namespace), id, "Do it");
        let expected = Worktree {
            path: "/data/worktrees/app/00000abc-do-it".to_owned(),
            branch: "agents/00000abc-do-it".to_owned(),
            base: base.clone(),
        };
        assert_eq!(made, expected);
        let inner = ground("packages/a/").worktree((Path::new("/data"), &namespace), id, "Do it");
        assert_eq!(inner.path, "/data/worktrees/app/00000abc-do-it/packages/a");
        assert_eq!(super::super::top(&inner), Path::new("/data/worktrees/app/00000abc-do-it"));
        let nameless = ground("").worktree((Path::new("/data"), &namespace), id, "日本語");
        assert_eq!(nameless.branch, "agents/00000abc");
    }

    #[tokio::test]
    async fn a_repository_tells_its_commit_its_branch_and_what_is_not_committed() {
        let repo = Repo::new().await;
        let commit = repo.head().await;
        let base = |branch: Option<&str>| Base { commit: commit.clone(), branch: branch.map(str::to_owned) };
        let clean = Ground { base: base(Some("main")), prefix: String::new(), uncommitted: 0 };
        assert_eq!(ground(repo.path()).await.unwrap(), clean);
        repo.write("file.txt", "changed");
        repo.write("inner/new.txt", "new");
        let inner = ground(&repo.path().join("inner")).await.unwrap();
        assert_eq!(inner, Ground { base: base(Some("main")), prefix: "inner/".to_owned(), uncommitted: 2 });
        repo.git(&["checkout", "-q", "--detach"]).await;
        assert_eq!(ground(repo.path()).await.unwrap().base, base(None));
    }

    #[tokio::test]
    async fn a_branch_that_is_called_like_a_tag_is_still_that_branch() {
        let repo = Repo::new().await;
        repo.git(&["tag", "main"]).await;
        assert_eq!(ground(repo.path()).await.unwrap().base.branch, Some("main".to_owned()));
    }

    #[tokio::test]
    async fn bare_and_shallow_repositories_can_have_worktrees() {
        let repo = Repo::new().await;
        repo.write("file.txt", "second\n");
        repo.commit_all("second").await;
        let url = format!("file://{}", repo.path().display());
        let folder = tempfile::tempdir().unwrap();
        for (name, how) in [("bare", "--bare"), ("shallow", "--depth=1")] {
            git(folder.path(), &["clone", "-q", how, &url, name]).await;
            let found = ground(&folder.path().join(name)).await.unwrap();
            let base = Base { commit: repo.head().await, branch: Some("main".to_owned()) };
            assert_eq!(found, Ground { base, prefix: String::new(), uncommitted: 0 }, "{name}");
        }
    }

    #[tokio::test]
    async fn what_can_have_no_worktree_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let why = |obstacle: Obstacle| obstacle.to_string();
        let none = why(ground(folder.path()).await.unwrap_err());
        assert_eq!(none, format!("{} is not in a git repository", folder.path().display()));
        git(folder.path(), &["init", "-q"]).await;
        assert_eq!(why(ground(folder.path()).await.unwrap_err()), "the repository has no commit yet");
        let repo = Repo::new().await;
        repo.git(&["branch", "agents"]).await;
        let in_the_way = why(ground(repo.path()).await.unwrap_err());
        assert_eq!(
            in_the_way,
            "the repository has a branch called `agents`, and so none below agents/ can be made"
        );
        repo.git(&["branch", "-D", "agents"]).await;
        // A folder of that name can't be opened for writing, whoever asks.
        let lock = repo.path().join(".git/agents.lock");
        std::fs::create_dir(&lock).unwrap();
        let refused = why(ground(repo.path()).await.unwrap_err());
        let expected = format!("its git folder can't be written: {}: ", lock.display());
        assert!(refused.starts_with(&expected), "{refused}");
        std::fs::remove_dir(&lock).unwrap();
        repo.write("big/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
        repo.commit_all("with large files").await;
        let is_installed = Git::new(repo.path()).run(&["lfs", "version"]).await.unwrap().is_success();
        let found = ground(repo.path())
            .await
            .map_err(|obstacle| why(obstacle).contains("`git lfs` is not installed"));
        assert_eq!(
            found.as_ref().map(|_| ()).map_err(|told| *told),
            if is_installed { Ok(()) } else { Err(true) }
        );
    }
}
