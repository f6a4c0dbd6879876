//! Which state a working tree is in. Nothing in the repository changes by looking: not the index, not the objects.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use agents_domain::evidence::TreeState;

use super::git::Git;
use super::{GitError, WorkspaceError, folder};

/// What stands for the commit of a repository that has none yet.
pub(super) const UNBORN: &str = "unborn";

/// The state of the working tree around this folder. `None`: there is no repository, or git can't read it.
pub async fn tree_state(folder: &Path) -> Option<TreeState> {
    if folder::git_folders(folder).is_empty() {
        return None;
    }
    match look(folder).await {
        Ok(state) => state,
        // Something that looks like one and is none.
        Err(error) if is_none(&error) => None,
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "the state of the tree can't be told");
            None
        }
    }
}

/// What the files of that state are, whatever its commit: the id of their tree. `None`: it can't be told.
pub async fn content_of(folder: &Path, state: &TreeState) -> Option<String> {
    match &state.dirty {
        Some(hash) => Some(hash.clone()),
        None if state.commit == UNBORN => None,
        None => {
            let tree = format!("{}^{{tree}}", state.commit);
            Git::new(folder).optional(&["rev-parse", "--verify", "--quiet", &tree]).await.ok()?
        }
    }
}

fn is_none(error: &WorkspaceError) -> bool {
    matches!(error, WorkspaceError::Git(GitError::Failed { said, .. }) if said.contains("not a git repository"))
}

async fn look(folder: &Path) -> Result<Option<TreeState>, WorkspaceError> {
    let seen = status(folder).await?;
    let dirty = match seen.is_clean {
        true => None,
        false => Some(content(folder, &seen.submodules).await?),
    };
    Ok(Some(TreeState { commit: seen.commit, dirty }))
}

/// What `git status` says.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    commit: String,
    is_clean: bool,
    paths: Vec<String>,
    /// Paths of submodules with changes of their own.
    submodules: Vec<String>,
}

async fn status(folder: &Path) -> Result<Seen, GitError> {
    let args = [
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
        "--no-renames",
        "--ignore-submodules=none",
        "--untracked-files=normal",
    ];
    let ended = Git::new(folder).must(&args).await?;
    Ok(read_status(&String::from_utf8_lossy(&ended.stdout)))
}

/// Reads porcelain version 2 (git-status(1)).
fn read_status(text: &str) -> Seen {
    let mut seen =
        Seen { commit: UNBORN.to_owned(), is_clean: true, paths: Vec::new(), submodules: Vec::new() };
    for entry in text.split('\0').filter(|entry| !entry.is_empty()) {
        if let Some(header) = entry.strip_prefix("# ") {
            let commit = header.strip_prefix("branch.oid ").filter(|oid| !oid.starts_with('('));
            seen.commit = commit.map_or(seen.commit, str::to_owned);
            continue;
        }
        seen.is_clean = false;
        seen.paths.extend(path(entry).map(str::to_owned));
        let mut fields = entry.splitn(9, ' ');
        let is_changed = fields.next() == Some("1");
        // `S`, then whether its commit, its files, its untracked files have changed.
        let submodule = fields.nth(1).unwrap_or_default();
        if is_changed && submodule.starts_with('S') && submodule.contains(['M', 'U']) {
            seen.submodules.extend(fields.nth(5).map(str::to_owned));
        }
    }
    seen
}

/// The path of an entry: after so many fields.
fn path(entry: &str) -> Option<&str> {
    let before = match entry.as_bytes().first()? {
        b'1' => 8,
        b'u' => 10,
        _ => 1,
    };
    entry.splitn(before + 1, ' ').nth(before)
}

/// What is in a worktree of its own and in no commit, although everything was to be committed: each in words.
pub async fn not_committed(top: &Path) -> Vec<String> {
    let Ok(seen) = status(top).await else { return Vec::new() };
    let in_words = |path: String| match seen.submodules.contains(&path) {
        true => format!(
            "files inside of the submodule `{path}`: a commit there, and then one of `{path}` itself, keeps them"
        ),
        false => format!("`{path}`"),
    };
    seen.paths.clone().into_iter().map(in_words).collect()
}

/// The tree that a commit of everything would have, and the same of changed submodules.
async fn content(folder: &Path, submodules: &[String]) -> Result<String, WorkspaceError> {
    let mut hash = Scratch::new(folder)?.tree().await?;
    if submodules.is_empty() {
        return Ok(hash);
    }
    let top = PathBuf::from(Git::new(folder).text(&["rev-parse", "--show-toplevel"]).await?);
    for submodule in submodules {
        let inner = Box::pin(tree_state(&top.join(submodule))).await;
        hash.push('-');
        hash.push_str(&inner.and_then(|state| state.dirty).unwrap_or_default());
    }
    Ok(hash)
}

/// An index and a place for objects beside those of the repository.
pub(super) struct Scratch {
    folder: tempfile::TempDir,
    git: Git,
}

impl Scratch {
    pub fn new(of: &Path) -> Result<Self, WorkspaceError> {
        let temp = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix("agents-tree-")
            .tempdir_in(&temp)
            .map_err(WorkspaceError::files(&temp))?;
        let (index, objects) = (folder.path().join("index"), folder.path().join("objects"));
        std::fs::create_dir(&objects).map_err(WorkspaceError::files(&objects))?;
        let gits = folder::git_folders(of);
        if let Some(own) = gits.first() {
            copy_index(&own.join("index"), &index)?;
        }
        let common = gits.last().map(|common| common.join("objects")).unwrap_or_default();
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let git = Git::new(of)
            .with("GIT_INDEX_FILE", text(&index))
            .with("GIT_OBJECT_DIRECTORY", text(&objects))
            .with("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&common));
        Ok(Self { folder, git })
    }

    /// Git with this index.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The tree of all that is there, ignored files apart.
    pub async fn tree(&self) -> Result<String, WorkspaceError> {
        // A file that can't be read is left out; the others count.
        self.git.run(&["add", "-A", "--ignore-errors"]).await?;
        let tree = self.git.text(&["write-tree"]).await?;
        tracing::trace!(folder = %self.folder.path().display(), tree, "looked at a tree");
        Ok(tree)
    }
}

/// With its time of change: git compares it with those of the files to tell which of them it must read again.
fn copy_index(from: &Path, to: &Path) -> Result<(), WorkspaceError> {
    // A repository without an index has nothing in it.
    let Ok(old) = std::fs::metadata(from) else { return Ok(()) };
    std::fs::copy(from, to).map_err(WorkspaceError::files(from))?;
    let changed = old.modified().and_then(|time| File::options().append(true).open(to)?.set_modified(time));
    changed.map_err(WorkspaceError::files(to))
}

/// A path in a list that is separated by colons (git(1)).
fn quoted(path: &Path) -> String {
    let text = OsString::from(path).to_string_lossy().into_owned();
    if !text.contains([':', '"', '\\']) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Repo;
    use super::*;

    #[test]
    fn a_status_tells_the_commit_whether_it_is_clean_and_changed_submodules() {
        let clean = read_status("# branch.oid abc\0# branch.head main\0");
        let none = Vec::new;
        let expected = Seen { commit: "abc".to_owned(), is_clean: true, paths: none(), submodules: none() };
        assert_eq!(clean, expected);
        let submodule = "1 .M S.M. 160000 160000 160000 111 111 a b";
        let text = format!("# branch.oid (initial)\0{submodule}\0? new\0");
        let expected = Seen {
            commit: UNBORN.to_owned(),
            is_clean: false,
            paths: vec!["a b".to_owned(), "new".to_owned()],
            submodules: vec!["a b".to_owned()],
        };
        assert_eq!(read_status(&text), expected);
    }

    #[tokio::test]
    async fn the_state_is_of_the_content_whether_it_is_staged_or_not_and_looking_changes_nothing() {
        let repo = Repo::new().await;
        let head = repo.head().await;
        let clean = TreeState { commit: head.clone(), dirty: None };
        assert_eq!(tree_state(repo.path()).await, Some(clean.clone()));
        repo.write("new.txt", "new");
        let objects = || walk(&repo.path().join(".git/objects"));
        let (index, before) = (std::fs::read(repo.path().join(".git/index")).unwrap(), objects());
        let untracked = tree_state(repo.path()).await.unwrap();
        assert_eq!((untracked.commit.clone(), untracked.dirty.is_some()), (head, true));
        assert_eq!(std::fs::read(repo.path().join(".git/index")).unwrap(), index);
        assert_eq!(objects(), before);
        repo.git(&["add", "-A"]).await;
        assert_eq!(tree_state(repo.path()).await, Some(untracked.clone()));
        repo.write("new.txt", "old");
        let other = tree_state(repo.path()).await.unwrap();
        assert_ne!(other, untracked);
        repo.git(&["reset", "-q", "--hard"]).await;
        assert_eq!(tree_state(repo.path()).await, Some(clean));
    }

    #[tokio::test]
    async fn the_same_files_are_the_same_content_committed_or_not_and_whatever_the_commit() {
        let repo = Repo::new().await;
        let mut seen = Vec::new();
        for text in ["one", "two", "one"] {
            repo.write("a.txt", text);
            let loose = content_of(repo.path(), &tree_state(repo.path()).await.unwrap()).await.unwrap();
            repo.commit_all(text).await;
            let state = tree_state(repo.path()).await.unwrap();
            assert_eq!(content_of(repo.path(), &state).await, Some(loose.clone()));
            seen.push((loose, state.commit));
        }
        assert_eq!(seen[0].0, seen[2].0);
        assert!(seen[0].0 != seen[1].0 && seen[0].1 != seen[2].1, "{seen:?}");
    }

    #[tokio::test]
    async fn ignored_files_do_not_count_and_a_folder_without_repository_has_no_state() {
        let repo = Repo::new().await;
        repo.write(".gitignore", "out/\n");
        let before = tree_state(repo.path()).await;
        repo.write("out/x", "1");
        assert_eq!(tree_state(repo.path()).await, before);
        assert_eq!(tree_state(tempfile::tempdir().unwrap().path()).await, None);
    }

    #[tokio::test]
    async fn a_repository_without_a_commit_has_a_state_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        Git::new(folder.path()).must(&["init", "-q"]).await.unwrap();
        let empty = TreeState { commit: UNBORN.to_owned(), dirty: None };
        assert_eq!(tree_state(folder.path()).await, Some(empty));
        std::fs::write(folder.path().join("a"), "a").unwrap();
        assert!(tree_state(folder.path()).await.unwrap().dirty.is_some());
    }

    #[tokio::test]
    async fn a_change_inside_of_a_submodule_is_another_state() {
        let (inner, repo) = (Repo::new().await, Repo::new().await);
        let url = inner.path().to_string_lossy().into_owned();
        repo.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", &url, "sub"]).await;
        repo.git(&["commit", "-qm", "with a submodule"]).await;
        let clean = tree_state(repo.path()).await.unwrap();
        assert_eq!(clean.dirty, None);
        assert_eq!(not_committed(repo.path()).await, Vec::<String>::new());
        let mut seen = vec![clean];
        for text in ["one", "two"] {
            repo.write("sub/file.txt", text);
            let state = tree_state(repo.path()).await.unwrap();
            assert!(!seen.contains(&state), "{text}: {state:?}");
            seen.push(state);
        }
        repo.write("new.txt", "new");
        let expected = [
            "files inside of the submodule `sub`: a commit there, and then one of `sub` itself, keeps them",
            "`new.txt`",
        ];
        assert_eq!(not_committed(repo.path()).await, expected);
    }

    fn walk(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(walk(&path));
            } else {
                found.push(path);
            }
        }
        found.sort();
        found
    }
}
