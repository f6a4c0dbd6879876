//! Git with a configuration that nobody changes under it. Between our look at a repository's configuration and the run of
//! git another assignment's agent could write to it; so git gets the very bytes that were looked at.
//!
//! Git has one place from which it takes the configuration, and which can be named: the common folder of a repository
//! (`GIT_COMMON_DIR`, git(1)). Ours holds copies of what may have git run something, and links to all else. What was
//! refused: settings on the command line, as the names of filters are not known beforehand; looking again afterwards, as
//! the filter has run then; holding `config.lock`, as only git minds it.

use std::future::Future;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{WorkspaceError, folder};
use crate::evidence::key::hex;

/// What is shared as it is (gitrepository-layout(5)). A link to what is not there yet says the same as nothing.
const SHARED: [&str; 9] =
    ["HEAD", "objects", "refs", "packed-refs", "reftable", "worktrees", "shallow", "logs", "lfs"];
/// Of those, what is made where it is missing: what is written there must not be ours alone.
const MADE: [&str; 2] = ["logs", "lfs"];

tokio::task_local! {
    /// What holds for the runs of git below. Not a parameter: forgetting it anywhere would be a hole.
    static SEALS: Vec<Seal>;
}

/// What was looked at and found right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Content {
    pub config: Vec<u8>,
    pub attributes: Option<Vec<u8>>,
    pub exclude: Option<Vec<u8>>,
}

/// A git folder whose configuration holds still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    git: PathBuf,
    top: Option<PathBuf>,
    common: PathBuf,
}

impl Seal {
    /// Makes the common folder below `within`, once for each content. `git`: the git folder of the working tree `top`.
    pub(super) fn new(
        (git, top): (&Path, Option<&Path>),
        common: &Path,
        content: &Content,
        within: &Path,
    ) -> Result<Self, WorkspaceError> {
        let files = [
            ("config", Some(&content.config)),
            ("info/attributes", content.attributes.as_ref()),
            ("info/exclude", content.exclude.as_ref()),
        ];
        let mut hash = Sha256::new();
        for (name, bytes) in files {
            hash.update(name);
            hash.update([u8::from(bytes.is_some())]);
            hash.update(bytes.map_or(0, Vec::len).to_be_bytes());
            hash.update(bytes.map(Vec::as_slice).unwrap_or_default());
        }
        let own = within.join(&hex(&hash.finalize())[..32]);
        if !own.is_dir() {
            let half = tempfile::Builder::new().prefix("new-").tempdir_in(made(within)?);
            let half = half.map_err(WorkspaceError::files(within))?;
            made(&half.path().join("info"))?;
            for (name, bytes) in files {
                let path = half.path().join(name);
                if let Some(bytes) = bytes {
                    std::fs::write(&path, bytes).map_err(WorkspaceError::files(&path))?;
                }
            }
            for name in SHARED {
                let path = half.path().join(name);
                symlink(common.join(name), &path).map_err(WorkspaceError::files(&path))?;
            }
            prune(within);
            match std::fs::rename(half.path(), &own) {
                // Somebody else may have been first with the same.
                Err(_) if own.is_dir() => {}
                moved => moved.map_err(WorkspaceError::files(&own))?,
            }
        }
        for name in MADE {
            made(&common.join(name))?;
        }
        let git = git.canonicalize().map_err(WorkspaceError::files(git))?;
        Ok(Self { git, top: top.map(Path::to_owned), common: own })
    }

    /// While that is done, git of ours in this git folder has the configuration that was looked at.
    pub async fn around<T>(self, work: impl Future<Output = T>) -> T {
        let mut seals = SEALS.try_with(Clone::clone).unwrap_or_default();
        seals.push(self);
        SEALS.scope(seals, work).await
    }

    fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut environment =
            vec![("GIT_DIR".to_owned(), text(&self.git)), ("GIT_COMMON_DIR".to_owned(), text(&self.common))];
        environment.extend(self.top.as_deref().map(|top| ("GIT_WORK_TREE".to_owned(), text(top))));
        environment
    }
}

/// Does it with what was found right, or as it is where nobody has worked yet.
pub(super) async fn around<T>(seal: Option<Seal>, work: impl Future<Output = T>) -> T {
    match seal {
        Some(seal) => seal.around(work).await,
        None => work.await,
    }
}

/// What git in that folder must be told now.
pub(super) fn environment(of: &Path) -> Vec<(String, String)> {
    let found = SEALS.try_with(|seals| {
        let git = folder::own(of).filter(|_| !seals.is_empty())?;
        seals.iter().rev().find(|seal| seal.git == git).map(Seal::environment)
    });
    found.ok().flatten().unwrap_or_default()
}

/// Those of contents that are long gone are taken away.
fn prune(within: &Path) {
    /// So many of the last ones stay.
    const KEPT: usize = 32;
    let of = |entry: std::fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
    let mut all: Vec<_> = std::fs::read_dir(within).into_iter().flatten().flatten().filter_map(of).collect();
    all.sort();
    let old = all.len().saturating_sub(KEPT);
    for (_, path) in &all[..old] {
        if let Err(error) = std::fs::remove_dir_all(path) {
            tracing::debug!(%error, path = %path.display(), "an old configuration can't be removed");
        }
    }
}

fn made(folder: &Path) -> Result<&Path, WorkspaceError> {
    std::fs::create_dir_all(folder).map_err(WorkspaceError::files(folder))?;
    Ok(folder)
}
