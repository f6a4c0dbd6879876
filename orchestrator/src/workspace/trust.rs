//! What the repository's own configuration may have git run. An agent that may edit can write there, and our git, which
//! nobody holds, would then run what the agent wrote: so what was there before agents worked is remembered, and while
//! there is more than that no git of ours works there.
//!
//! As long as the bytes of the files are the same, no git is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use agents_domain::store::Claimed;
use agents_domain::worktree::Worktree;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::configuration::Seen;
use super::git::Git;
use super::index::{self, Read};
use super::program::{leads_elsewhere, runs};
use super::seal::{Content, Seal};
use super::{WorkspaceError, configuration, folder, top, worktree};
use crate::evidence::key::hex;

/// The folder of what is remembered, in the data folder.
const REPOSITORIES: &str = "repositories";
/// The configuration files of a git folder.
const CONFIGS: [&str; 2] = ["config", "config.worktree"];
/// The attributes of a repository that are in no commit.
const ATTRIBUTES: &str = "info/attributes";
/// Deeper than this no repository in a repository is looked at, and none is worked in.
const DEPTH: usize = 8;

/// What is known of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Record {
    /// The hash of its files as they were last found right.
    sum: String,
    /// The same of the files of other worktrees.
    #[serde(default)]
    others: String,
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
    /// The git folder in which git is to work, and the top of its working tree.
    place: Option<(PathBuf, Option<PathBuf>)>,
    /// Agents work in that tree, so that what is inside of it counts.
    has_agents: bool,
    record: PathBuf,
    /// Of the working tree, as it was first read: that of a large one takes long.
    index: OnceLock<Read>,
}

impl Trust {
    /// Of the repository that the attempt works in; `None`: there is none.
    pub fn of(claimed: &Claimed, data_folder: &Path) -> Option<Self> {
        let assignment = &claimed.assignment;
        let workspace = Path::new(&assignment.workspace);
        match &assignment.worktree {
            Some(own) => Self::of_worktree(own, workspace, data_folder),
            None => {
                let mut trust = Self::of_folder(workspace, data_folder)?;
                trust.has_agents = true;
                Some(trust)
            }
        }
    }

    /// Of a worktree of our own, and its repository.
    pub fn of_worktree(own: &Worktree, workspace: &Path, data_folder: &Path) -> Option<Self> {
        let mut trust = Self::of_folder(workspace, data_folder)?;
        trust.place = worktree::git_folder(own, workspace).map(|git| (git, Some(top(own).to_owned())));
        trust.has_agents = true;
        Some(trust)
    }

    /// Of that folder of a person, and its repository.
    pub fn of_folder(folder: &Path, data_folder: &Path) -> Option<Self> {
        let common = folder::common(folder)?;
        let name = hex(&Sha256::digest(common.as_os_str().as_encoded_bytes())[..16]);
        let record = data_folder.join(REPOSITORIES).join(format!("{name}.json"));
        let place = folder::own(folder).map(|git| (git, folder::tree_top(folder)));
        let (workspace, index) = (folder.to_owned(), OnceLock::new());
        Some(Self { workspace, common, place, has_agents: false, record, index })
    }

    /// Before an attempt. What has come while nobody worked there is a person's.
    pub async fn begin(&self, attempt: &str) -> Result<(), WorkspaceError> {
        let _lock = self.lock().await?;
        let mut record = match self.read() {
            Some(record) if record.is_armed || !record.open.is_empty() => self.look(record).await?.record,
            known => self.fresh(known).await?,
        };
        record.open.insert(attempt.to_owned());
        self.write(&Record { is_armed: false, ..record })
    }

    /// Whether there is nothing new; gives what was looked at, for git to have. What an agent has had git ignore is not
    /// ignored any more in a worktree of its own. `None`: nobody has worked there.
    pub async fn verify(&self, is_own: bool) -> Result<Option<Seal>, WorkspaceError> {
        let _lock = self.lock().await?;
        let Some(record) = self.read() else { return Ok(None) };
        if is_own {
            self.put_back(&record)?;
        }
        if !record.is_armed && record.open.is_empty() {
            // What has come while nobody worked there is a person's.
            let seen = Seen::of(self.files());
            let flat = self.judge(&seen).await?.flat;
            return self.seal(&Looked { record, seen, flat }).await;
        }
        let looked = self.look(record.clone()).await?;
        if looked.record != record && self.has_agents {
            self.write(&looked.record)?;
        }
        self.seal(&looked).await
    }

    /// What is in the worktree's own files is ours: we have just made it.
    pub async fn accept(&self) -> Result<(), WorkspaceError> {
        let files: Vec<PathBuf> = self.files().into_iter().filter(|file| !self.is_common(file)).collect();
        if !files.iter().any(|file| file.exists()) {
            return Ok(());
        }
        let _lock = self.lock().await?;
        let Some(mut record) = self.read() else { return Ok(()) };
        let Judged { keys, has_include, .. } = self.judge(&Seen::of(files)).await?;
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
            Ok(looked) => self.write(&looked.record),
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
        let (seen, others) = (Seen::of(self.files()), Seen::of(self.others()));
        let (sum, others_sum) = (seen.sum(), others.sum());
        let exclude = std::fs::read(self.exclude()).ok();
        let is_same =
            |record: &Record| record.sum == sum && record.others == others_sum && !record.has_include;
        if let Some(record) = known.filter(is_same) {
            return Ok(Record { exclude, ..record });
        }
        let Judged { mut keys, has_include, .. } = self.judge(&seen).await?;
        keys.extend(self.judge(&others).await?.keys);
        let (open, is_armed) = (BTreeSet::new(), false);
        Ok(Record { sum, others: others_sum, has_include, keys, exclude, open, is_armed })
    }

    /// The record with the files as they are now, if they have nothing run that it does not know.
    async fn look(&self, record: Record) -> Result<Looked, WorkspaceError> {
        let seen = Seen::of(self.files());
        let sum = seen.sum();
        if sum == record.sum && !record.has_include {
            return Ok(Looked { record, seen, flat: BTreeMap::new() });
        }
        let Judged { keys, has_include, flat, filters } = self.judge(&seen).await?;
        // Files of other worktrees and of submodules are not looked at each time: what is known of them stays.
        let mut everywhere = None;
        for (name, _) in keys.iter().filter(|(name, value)| record.keys.get(*name) != Some(value)) {
            let (key, file) = name.split_once(' ').unwrap_or((name, ""));
            if let Some(settings) = filters.get(name) {
                if everywhere.is_none() {
                    everywhere = Some(configuration::everywhere(&Git::new(&self.workspace)).await?);
                }
                // Such as those of `git lfs install --local`: git would run the same without them.
                if everywhere.as_ref().is_some_and(|known| settings.iter().all(|one| known.contains(one))) {
                    continue;
                }
            }
            return Err(WorkspaceError::Armed {
                key: key.to_owned(),
                file: file.into(),
                record: self.record.clone(),
            });
        }
        Ok(Looked { record: Record { sum, has_include, ..record }, seen, flat })
    }

    /// What was looked at, so that git gets just that.
    async fn seal(&self, looked: &Looked) -> Result<Option<Seal>, WorkspaceError> {
        let Some((git, top)) = &self.place else { return Ok(None) };
        let of = |path: &Path| {
            let flat = looked.flat.get(path).cloned();
            flat.or_else(|| looked.seen.bytes(path).map(<[u8]>::to_vec))
        };
        let mut config = of(&self.common.join("config")).unwrap_or_default();
        let asked = Git::new(&self.workspace);
        if configuration::has_own_settings(&asked, &config, &self.copy()).await? {
            config = configuration::joined(config, &of(&git.join("config.worktree")).unwrap_or_default());
        }
        let is_held = self.has_agents && !looked.record.open.is_empty();
        let exclude =
            if is_held { looked.record.exclude.clone() } else { std::fs::read(self.exclude()).ok() };
        let attributes = of(&self.common.join(ATTRIBUTES));
        let content = Content { config, attributes, exclude };
        let within = self.record.with_extension("git");
        Seal::new((git, top.as_deref()), &self.common, &content, &within).map(Some)
    }

    /// All files that may have git run something in that place, whether they are there or not.
    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = CONFIGS.map(|name| self.common.join(name)).to_vec();
        files.push(self.common.join(ATTRIBUTES));
        if let Some((git, top)) = &self.place {
            let own = git.join("config.worktree");
            files.extend((!files.contains(&own)).then_some(own));
            if let Some(top) = top.as_ref().filter(|_| self.has_agents) {
                let index = self.index.get_or_init(|| index::read(&git.join("index")));
                inner(index, top, DEPTH, &mut files);
            }
        }
        files
    }

    /// The index of the working tree, if it was looked at.
    pub fn index(self) -> Option<Read> {
        self.index.into_inner()
    }

    /// What is said of other worktrees alone: nobody of ours works there, but a person may have us merge into one.
    fn others(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.common.join("worktrees")).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path().join("config.worktree"));
        let mut files: Vec<PathBuf> = files.filter(|file| file.is_file()).collect();
        files.sort();
        files
    }

    fn is_common(&self, file: &Path) -> bool {
        file.starts_with(&self.common)
            && !file
                .strip_prefix(&self.common)
                .is_ok_and(|rest| rest.starts_with("worktrees") || rest.starts_with("modules"))
    }

    /// Whether it is of a repository inside of the working tree.
    fn is_inner(&self, file: &Path) -> bool {
        let is_of_worktree =
            file.parent().and_then(Path::parent).is_some_and(|all| *all == self.common.join("worktrees"));
        !self.is_common(file) && !is_of_worktree
    }

    fn exclude(&self) -> PathBuf {
        self.common.join("info/exclude")
    }

    /// Where bytes are written for git to read them; who does so holds the lock.
    fn copy(&self) -> PathBuf {
        self.record.with_extension("look")
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

    async fn judge(&self, seen: &Seen) -> Result<Judged, WorkspaceError> {
        let (git, mut judged) = (Git::new(&self.workspace), Judged::default());
        for (file, bytes) in seen.files() {
            if file.ends_with(ATTRIBUTES) {
                let name = format!("attributes {}", file.display());
                judged.keys.insert(name, hex(&Sha256::digest(bytes)));
                continue;
            }
            let listed = configuration::list(&git, (file, bytes), &self.copy()).await?;
            // Only of the repository's own files the place of the working tree leads elsewhere.
            let is_inner = self.is_inner(file);
            let mut values: BTreeMap<String, Sha256> = BTreeMap::new();
            for (name, setting) in listed.settings() {
                if runs(&name) || (!is_inner && leads_elsewhere(&name)) {
                    let hash = values.entry(format!("{name} {}", file.display())).or_default();
                    hash.update(setting);
                    hash.update([0]);
                    if name.starts_with("filter.") {
                        let own = judged.filters.entry(format!("{name} {}", file.display())).or_default();
                        own.push(setting.to_vec());
                    }
                }
            }
            judged.keys.extend(values.into_iter().map(|(name, hash)| (name, hex(&hash.finalize()))));
            if listed.has_include {
                judged.has_include = true;
                judged.flat.insert(file.to_owned(), listed.flat());
            }
        }
        Ok(judged)
    }
}

/// What files say that git may run something by.
#[derive(Debug, Default)]
struct Judged {
    keys: BTreeMap<String, String>,
    /// Of those, the settings of filters.
    filters: BTreeMap<String, Vec<Vec<u8>>>,
    has_include: bool,
    /// Those that include others, with what these say.
    flat: BTreeMap<PathBuf, Vec<u8>>,
}

/// What was looked at and found right.
struct Looked {
    record: Record,
    seen: Seen,
    flat: BTreeMap<PathBuf, Vec<u8>>,
}

/// The configuration of the repositories inside of a working tree: `git status` runs in each of them, by its rules.
fn inner(index: &Read, top: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Read::Whole(index) = index else { return };
    for link in index.links.iter().filter(|_| depth > 0) {
        let inside = top.join(link);
        if !inside.join(".git").exists() {
            continue;
        }
        for git in folder::git_folders(&inside) {
            files.extend(CONFIGS.map(|name| git.join(name)));
            files.push(git.join(ATTRIBUTES));
            inner(&index::read(&git.join("index")), &inside, depth - 1, files);
        }
    }
}
