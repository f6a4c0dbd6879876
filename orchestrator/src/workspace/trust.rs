//! What the repository's own configuration may have git run. An agent that may edit can write there, and our git, which
//! nobody holds, would then run what the agent wrote: so what was there before agents worked is remembered, and while
//! there is more than that no git of ours works there.
//!
//! As long as the bytes of the files are the same, no git is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use agents_domain::store::Claimed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::git::Git;
use super::index::{self, Read};
use super::{WorkspaceError, folder, top, worktree};
use crate::evidence::key::hex;

/// The folder of what is remembered, in the data folder.
const REPOSITORIES: &str = "repositories";
/// The configuration files of a git folder.
const CONFIGS: [&str; 2] = ["config", "config.worktree"];
/// Deeper than this no repository in a repository is looked at, and none is worked in.
const DEPTH: usize = 8;

/// What is known of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Record {
    /// The hash of its files as they were last found right.
    sum: String,
    /// Files outside of those may say more.
    has_include: bool,
    /// Each key that git may run something by, with its file, and the hash of its values.
    keys: BTreeMap<String, String>,
    exclude: Option<Vec<u8>>,
    /// The attempts that work there.
    open: BTreeSet<String>,
    /// An attempt has ended and left more than there was.
    is_armed: bool,
}

/// The configuration of one repository.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    workspace: PathBuf,
    common: PathBuf,
    /// The worktree's own git folder and its top, where there is one.
    own: Option<(PathBuf, PathBuf)>,
    record: PathBuf,
}

impl Trust {
    /// Of the repository that the attempt works in; `None`: there is none.
    pub fn of(claimed: &Claimed, data_folder: &Path) -> Option<Self> {
        let assignment = &claimed.assignment;
        let workspace = Path::new(&assignment.workspace);
        let mut trust = Self::of_repository(workspace, data_folder)?;
        trust.own = match &assignment.worktree {
            Some(own) => worktree::git_folder(own, workspace).map(|git| (git, top(own).to_owned())),
            None => {
                let top = workspace.ancestors().find(|folder| folder.join(".git").exists());
                folder::git_folders(workspace).into_iter().next().zip(top.map(Path::to_owned))
            }
        };
        Some(trust)
    }

    /// Of that repository without any of its working trees.
    pub fn of_repository(workspace: &Path, data_folder: &Path) -> Option<Self> {
        let common = folder::common(workspace)?;
        let name = hex(&Sha256::digest(common.as_os_str().as_encoded_bytes())[..16]);
        let record = data_folder.join(REPOSITORIES).join(format!("{name}.json"));
        Some(Self { workspace: workspace.to_owned(), common, own: None, record })
    }

    /// Before an attempt. What has come while nobody worked there is a person's.
    pub async fn begin(&self, attempt: &str) -> Result<(), WorkspaceError> {
        let _lock = self.lock().await?;
        let mut record = match self.read() {
            Some(record) if record.is_armed || !record.open.is_empty() => self.look(record).await?,
            known => self.fresh(known).await?,
        };
        record.open.insert(attempt.to_owned());
        self.write(&Record { is_armed: false, ..record })
    }

    /// Whether there is nothing new. What an agent has had git ignore is not ignored any more in a worktree of its own.
    pub async fn verify(&self, is_own: bool) -> Result<(), WorkspaceError> {
        let _lock = self.lock().await?;
        let Some(record) = self.read() else { return Ok(()) };
        if is_own {
            self.put_back(&record)?;
        }
        let now = self.look(record.clone()).await?;
        if now == record { Ok(()) } else { self.write(&now) }
    }

    /// What is in the worktree's own files is ours: we have just made it.
    pub async fn accept(&self) -> Result<(), WorkspaceError> {
        let files: Vec<PathBuf> = self.files().into_iter().filter(|file| !self.is_common(file)).collect();
        if !files.iter().any(|file| file.exists()) {
            return Ok(());
        }
        let _lock = self.lock().await?;
        let Some(mut record) = self.read() else { return Ok(()) };
        let (keys, has_include) = self.keys(&files).await?;
        record.keys.extend(keys);
        // The common files are looked at again the next time.
        self.write(&Record { sum: String::new(), has_include: record.has_include || has_include, ..record })
    }

    /// After an attempt.
    pub async fn end(&self, attempt: &str) -> Result<(), WorkspaceError> {
        let _lock = self.lock().await?;
        let Some(mut record) = self.read().filter(|record| record.open.contains(attempt)) else {
            return Ok(());
        };
        record.open.remove(attempt);
        match self.look(record.clone()).await {
            Ok(now) => self.write(&now),
            Err(error) => {
                self.write(&Record { is_armed: true, ..record })?;
                Err(error)
            }
        }
    }

    async fn lock(&self) -> Result<File, WorkspaceError> {
        worktree::lock_file(&self.record.with_extension("lock")).await
    }

    fn read(&self) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(&self.record).ok()?).ok()
    }

    fn write(&self, record: &Record) -> Result<(), WorkspaceError> {
        let text = serde_json::to_vec(record).expect("texts can always be written as JSON");
        let next = self.record.with_extension("new");
        std::fs::write(&next, text).map_err(WorkspaceError::files(&next))?;
        std::fs::rename(&next, &self.record).map_err(WorkspaceError::files(&self.record))
    }

    async fn fresh(&self, known: Option<Record>) -> Result<Record, WorkspaceError> {
        let files = self.files();
        let (sum, exclude) = (sum(&files), std::fs::read(self.exclude()).ok());
        if let Some(record) = known.filter(|record| record.sum == sum && !record.has_include) {
            return Ok(Record { exclude, ..record });
        }
        let (keys, has_include) = self.keys(&files).await?;
        Ok(Record { sum, has_include, keys, exclude, open: BTreeSet::new(), is_armed: false })
    }

    /// The record with the files as they are now, if they have nothing run that it does not know.
    async fn look(&self, record: Record) -> Result<Record, WorkspaceError> {
        let files = self.files();
        let sum = sum(&files);
        if sum == record.sum && !record.has_include {
            return Ok(record);
        }
        let (keys, has_include) = self.keys(&files).await?;
        // Files of other worktrees and of submodules are not looked at each time: what is known of them stays.
        if let Some((name, _)) = keys.iter().find(|(name, value)| record.keys.get(*name) != Some(value)) {
            let (key, file) = name.split_once(' ').unwrap_or((name, ""));
            return Err(WorkspaceError::Armed {
                key: key.to_owned(),
                file: file.into(),
                record: self.record.clone(),
            });
        }
        Ok(Record { sum, has_include, ..record })
    }

    /// All files that may have git run something, whether they are there or not.
    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = CONFIGS.map(|name| self.common.join(name)).to_vec();
        files.push(self.common.join("info/attributes"));
        if let Some((git, top)) = &self.own {
            files.push(git.join("config.worktree"));
            inner(git, top, DEPTH, &mut files);
        }
        files
    }

    fn is_common(&self, file: &Path) -> bool {
        file.starts_with(&self.common)
            && !file
                .strip_prefix(&self.common)
                .is_ok_and(|rest| rest.starts_with("worktrees") || rest.starts_with("modules"))
    }

    fn exclude(&self) -> PathBuf {
        self.common.join("info/exclude")
    }

    fn put_back(&self, record: &Record) -> Result<(), WorkspaceError> {
        let path = self.exclude();
        let now = std::fs::read(&path).ok();
        if now == record.exclude || record.open.is_empty() {
            return Ok(());
        }
        let kept = self.record.with_extension("exclude");
        std::fs::write(&kept, now.unwrap_or_default()).map_err(WorkspaceError::files(&kept))?;
        tracing::warn!(
            file = %path.display(), kept = %kept.display(),
            "what git ignores there was changed while an agent worked; it is as it was before"
        );
        let put = std::fs::write(&path, record.exclude.as_deref().unwrap_or_default());
        put.map_err(WorkspaceError::files(&path))
    }

    async fn keys(&self, files: &[PathBuf]) -> Result<(BTreeMap<String, String>, bool), WorkspaceError> {
        let (mut keys, mut has_include) = (BTreeMap::new(), false);
        for file in files {
            let Ok(bytes) = std::fs::read(file) else { continue };
            if file.ends_with("info/attributes") {
                keys.insert(format!("attributes {}", file.display()), hex(&Sha256::digest(&bytes)));
                continue;
            }
            // Only of the repository's own files the place of the working tree leads elsewhere.
            let is_inner =
                !self.is_common(file) && self.own.as_ref().is_none_or(|(git, _)| file.parent() != Some(git));
            let path = file.to_string_lossy().into_owned();
            let text = Git::new(&self.workspace)
                .must(&["config", "--file", &path, "--includes", "-z", "--list"])
                .await?;
            let mut values: BTreeMap<String, Sha256> = BTreeMap::new();
            for entry in text.stdout.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
                let name = entry.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let name = String::from_utf8_lossy(name).into_owned();
                has_include |= name.starts_with("include");
                if runs(&name) || (!is_inner && leads_elsewhere(&name)) {
                    let hash = values.entry(format!("{name} {path}")).or_default();
                    hash.update(entry);
                    hash.update([0]);
                }
            }
            keys.extend(values.into_iter().map(|(name, hash)| (name, hex(&hash.finalize()))));
        }
        Ok((keys, has_include))
    }
}

/// The configuration of the repositories inside of a working tree: `git status` runs in each of them, by its rules.
fn inner(git: &Path, top: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Read::Whole(index) = index::read(&git.join("index")) else { return };
    for link in index.links.iter().filter(|_| depth > 0) {
        let inside = top.join(link);
        if !inside.join(".git").exists() {
            continue;
        }
        for git in folder::git_folders(&inside) {
            files.extend(CONFIGS.map(|name| git.join(name)));
            files.push(git.join("info/attributes"));
            inner(&git, &inside, depth - 1, files);
        }
    }
}

fn sum(files: &[PathBuf]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        // One that is not there says nothing, so that the worktrees of a repository are alike.
        let Ok(bytes) = std::fs::read(file) else { continue };
        hash.update(file.as_os_str().as_encoded_bytes());
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    }
    hex(&hash.finalize())
}

/// Whether git may run a program, or read another file, because of that key (git-config(1)).
fn runs(key: &str) -> bool {
    let (section, rest) = key.split_once('.').unwrap_or((key, ""));
    let last = rest.rsplit('.').next().unwrap_or_default();
    match section {
        "alias" | "browser" | "credential" | "difftool" | "extensions" | "filter" | "gpg" | "guitool"
        | "hook" | "include" | "includeif" | "man" | "mergetool" | "pager" | "protocol" | "sendemail"
        | "sequence" | "tar" | "trailer" | "uploadpack" | "url" | "web" => true,
        "core" => matches!(
            last,
            "alternaterefscommand"
                | "askpass"
                | "editor"
                | "fsmonitor"
                | "gitproxy"
                | "hookspath"
                | "pager"
                | "sshcommand"
        ),
        "diff" => matches!(last, "command" | "external" | "textconv"),
        "interactive" => last == "difffilter",
        "lfs" => {
            ["customtransfer", "extension", "standalonetransferagent"].iter().any(|one| rest.contains(one))
        }
        "merge" => last == "driver",
        "remote" => matches!(last, "promisor" | "receivepack" | "uploadpack" | "vcs"),
        "submodule" => last == "update",
        _ => false,
    }
}

/// Whether git would then look at other files, or not at all of them.
fn leads_elsewhere(key: &str) -> bool {
    matches!(
        key,
        "core.attributesfile"
            | "core.checkstat"
            | "core.excludesfile"
            | "core.ignorestat"
            | "core.sparsecheckout"
            | "core.sparsecheckoutcone"
            | "core.trustctime"
            | "core.worktree"
    )
}
