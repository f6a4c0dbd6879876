//! Real repositories in temporary folders, and attempts that work in them.

use std::path::{Path, PathBuf};

use super::{Author, Git};

/// A repository with one commit, in which `file.txt` holds `first`.
pub(crate) struct Repo {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Repo {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = std::fs::canonicalize(folder.path()).unwrap();
        let repo = Self { path, folder };
        repo.git(&["init", "-q", "-b", "main"]).await;
        repo.write("file.txt", "first\n");
        repo.commit_all("first").await;
        repo
    }

    pub fn path(&self) -> &Path {
        assert!(self.folder.path().exists());
        &self.path
    }

    pub fn write(&self, name: &str, text: &str) {
        write(&self.path.join(name), text);
    }

    pub async fn git(&self, args: &[&str]) -> String {
        git(&self.path, args).await
    }

    pub async fn commit_all(&self, message: &str) {
        self.git(&["add", "-A"]).await;
        self.git(&["commit", "-qm", message]).await;
    }

    pub async fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).await
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A run of git as a person would do it.
pub(crate) async fn git(folder: &Path, args: &[&str]) -> String {
    let person = Author { name: "A Person".to_owned(), mail: "person@localhost".to_owned() };
    Git::new(folder).by(&person).text(args).await.unwrap()
}
