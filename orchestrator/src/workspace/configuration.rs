//! The files of a repository that may have git run something, each read once: what is judged, what is remembered and what
//! git gets are the same bytes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::WorkspaceError;
use super::git::Git;
use crate::evidence::key::hex;

/// The bytes of those that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen(Vec<(PathBuf, Vec<u8>)>);

impl Seen {
    /// Reads them. One that is not there says nothing, so that the worktrees of a repository are alike.
    pub fn of(files: Vec<PathBuf>) -> Self {
        let read = |path: PathBuf| std::fs::read(&path).ok().map(|bytes| (path, bytes));
        Self(files.into_iter().filter_map(read).collect())
    }

    /// Their hash.
    pub fn sum(&self) -> String {
        let mut hash = Sha256::new();
        for (file, bytes) in &self.0 {
            hash.update(file.as_os_str().as_encoded_bytes());
            hash.update(bytes.len().to_be_bytes());
            hash.update(bytes);
        }
        hex(&hash.finalize())
    }

    /// Each with its bytes.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.0.iter().map(|(file, bytes)| (file.as_path(), bytes.as_slice()))
    }

    /// The bytes of that file.
    pub fn bytes(&self, file: &Path) -> Option<&[u8]> {
        self.files().find(|(name, _)| *name == file).map(|(_, bytes)| bytes)
    }
}

/// The settings of a configuration file, as `git config -z --list` prints them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub text: Vec<u8>,
    /// Other files say more; what they say is in it.
    pub has_include: bool,
}

impl Listed {
    /// Each setting, whole, with its name.
    pub fn settings(&self) -> impl Iterator<Item = (String, &[u8])> {
        self.text.split(|byte| *byte == 0).filter(|one| !one.is_empty()).map(|one| {
            let name = one.split(|byte| *byte == b'\n').next().unwrap_or_default();
            (String::from_utf8_lossy(name).into_owned(), one)
        })
    }

    /// The same as a file that includes nothing any more (git-config(1), "Syntax").
    pub fn flat(&self) -> Vec<u8> {
        let mut flat = Vec::new();
        for (name, setting) in self.settings().filter(|(name, _)| !is_include(name)) {
            let Some((section, rest)) = name.split_once('.') else { continue };
            let (subsection, key) = match rest.rsplit_once('.') {
                Some((subsection, key)) => (Some(subsection), key),
                None => (None, rest),
            };
            match subsection {
                Some(sub) => {
                    let sub = sub.replace('\\', "\\\\").replace('"', "\\\"");
                    flat.extend(format!("[{section} \"{sub}\"]\n\t{key}").bytes());
                }
                None => flat.extend(format!("[{section}]\n\t{key}").bytes()),
            }
            if let Some(at) = setting.iter().position(|byte| *byte == b'\n') {
                flat.extend(b" = \"");
                for byte in &setting[at + 1..] {
                    match byte {
                        b'\\' => flat.extend(b"\\\\"),
                        b'"' => flat.extend(b"\\\""),
                        b'\n' => flat.extend(b"\\n"),
                        _ => flat.push(*byte),
                    }
                }
                flat.push(b'"');
            }
            flat.push(b'\n');
        }
        flat
    }
}

fn is_include(name: &str) -> bool {
    name.starts_with("include.") || name.starts_with("includeif.")
}

/// What these bytes of that file say. `copy`: where they are written for git to read, since the file may be another one by
/// now. One with includes is read where it is: they are found from there.
pub(super) async fn list(
    git: &Git,
    (file, bytes): (&Path, &[u8]),
    copy: &Path,
) -> Result<Listed, WorkspaceError> {
    std::fs::write(copy, bytes).map_err(WorkspaceError::files(copy))?;
    let (live, copied) = (file.to_string_lossy(), copy.to_string_lossy());
    let ended = git.run(&["config", "--file", &copied, "--no-includes", "-z", "--list"]).await?;
    if ended.is_success() {
        let listed = Listed { text: ended.stdout, has_include: false };
        if !listed.settings().any(|(name, _)| is_include(&name)) {
            return Ok(listed);
        }
    }
    // Also one that can't be read: the error is to name the file itself.
    let ended = git.must(&["config", "--file", &live, "--includes", "-z", "--list"]).await?;
    Ok(Listed { text: ended.stdout, has_include: true })
}

/// The settings of the user and of the system, which hold in every repository.
pub(super) async fn everywhere(git: &Git) -> Result<BTreeSet<Vec<u8>>, WorkspaceError> {
    let mut all = BTreeSet::new();
    for scope in ["--system", "--global"] {
        // One that has no such file says nothing.
        let ended = git.run(&["config", scope, "--includes", "-z", "--list"]).await?;
        all.extend(Listed { text: ended.stdout, has_include: false }.settings().map(|(_, one)| one.to_vec()));
    }
    Ok(all)
}

/// Whether a worktree has settings of its own by that configuration.
pub(super) async fn has_own_settings(git: &Git, config: &[u8], copy: &Path) -> Result<bool, WorkspaceError> {
    if !config.to_ascii_lowercase().windows(14).any(|part| part == b"worktreeconfig") {
        return Ok(false);
    }
    std::fs::write(copy, config).map_err(WorkspaceError::files(copy))?;
    let args = ["config", "--file", &copy.to_string_lossy(), "--type=bool", "extensions.worktreeConfig"];
    Ok(git.optional(&args).await?.as_deref() == Some("true"))
}

/// As one file: what holds for the repository, and after it what holds for the worktree.
pub(super) fn joined(config: Vec<u8>, own: &[u8]) -> Vec<u8> {
    let mut joined = config;
    joined.extend(b"\n[extensions]\n\tworktreeConfig = false\n");
    joined.extend(own);
    joined
}

#[cfg(test)]
mod tests {
    use super::super::tests::Repo;
    use super::*;

    #[tokio::test]
    async fn a_flat_configuration_says_the_same_without_includes() {
        let repo = Repo::new().await;
        let (file, copy) = (repo.path().join("one"), repo.path().join("copy"));
        repo.write("inner", "[filter \"a.b \\\"c\\\\\"]\n\tclean = \"tr \\\"a\\\" b; echo \\\\n # no\"\n");
        repo.write(
            "one",
            "[core]\n\tbare\n\tx = 1\n[include]\n\tpath = inner\n[core]\n\tx = \"two\\nlines\"\n",
        );
        let git = Git::new(repo.path());
        let listed = list(&git, (&file, &std::fs::read(&file).unwrap()), &copy).await.unwrap();
        assert!(listed.has_include);
        let flat = listed.flat();
        let again = list(&git, (&file, &flat), &copy).await.unwrap();
        let settings = |listed: &Listed| {
            let own = listed.settings().filter(|(name, _)| !is_include(name));
            own.map(|(_, setting)| String::from_utf8_lossy(setting).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!((settings(&again), again.has_include), (settings(&listed), false));
        let expected = [
            "core.bare",
            "core.x\n1",
            "filter.a.b \"c\\.clean\ntr \"a\" b; echo \\n # no",
            "core.x\ntwo\nlines",
        ];
        assert_eq!(settings(&listed), expected);
    }
}
