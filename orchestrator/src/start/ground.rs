//! Where a new assignment works: in a worktree of its own, or in the repository itself with the others.

use std::path::{Path, PathBuf};

use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::director::Director;
use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::store::{AssignmentFilter, Store, StoreError};
use agents_domain::worktree::{Isolation, Worktree};

use crate::workspace::{Obstacle, ground};

/// What is known of the new assignment.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub id: AssignmentId,
    pub namespace: &'a Namespace,
    pub north_star: &'a str,
    /// What was asked for, else what the configuration says. `None`: a worktree where there can be one.
    pub isolation: Option<Isolation>,
    /// The repository's folder.
    pub folder: &'a Path,
    pub data_folder: &'a Path,
}

/// Where it works.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    pub worktree: Option<Worktree>,
    pub warnings: Vec<String>,
}

/// Why it can't work where it should.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{} is a bare repository, so agents can only work in worktrees", .0.display())]
    Bare(PathBuf),
    #[error("assignment {} works in {folder} itself, and two would trample on each other", other.short())]
    Second { other: AssignmentId, folder: String },
    #[error("there can be no worktree: {0}")]
    NoWorktree(Obstacle),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Decides it. What was asked for and can't be is refused with the reason.
pub async fn choose(store: &dyn Store, wanted: Wanted<'_>) -> Result<Choice, Refusal> {
    let Wanted { folder, isolation, .. } = wanted;
    if isolation == Some(Isolation::Shared) {
        refuse_bare(folder)?;
        refuse_second(&folder.display().to_string(), store, wanted.namespace).await?;
        return Ok(Choice::default());
    }
    match ground(folder).await {
        Ok(ground) => {
            let warnings = (ground.uncommitted > 0).then(|| {
                format!(
                    "{} in {} not committed, so not part of the assignment's worktree",
                    files(ground.uncommitted),
                    folder.display()
                )
            });
            let place = (wanted.data_folder, wanted.namespace);
            let worktree = ground.worktree(place, wanted.id, wanted.north_star);
            Ok(Choice { worktree: Some(worktree), warnings: warnings.into_iter().collect() })
        }
        Err(obstacle) if isolation.is_none() && !is_mendable(&obstacle) => {
            refuse_bare(folder)?;
            let note = match &obstacle {
                // There never was anything to make a worktree of.
                Obstacle::NoRepository { .. } => None,
                Obstacle::NoCommit
                | Obstacle::LfsMissing
                | Obstacle::BranchInTheWay
                | Obstacle::NotWritable(_)
                | Obstacle::Git(_) => Some(format!(
                    "agents work in {} itself: there can be no worktree: {obstacle}",
                    folder.display()
                )),
            };
            Ok(Choice { worktree: None, warnings: note.into_iter().collect() })
        }
        Err(obstacle) => Err(Refusal::NoWorktree(obstacle)),
    }
}

/// Whether a person can take it out of the way at once, and so would not want their own files edited because of it.
fn is_mendable(obstacle: &Obstacle) -> bool {
    matches!(obstacle, Obstacle::BranchInTheWay | Obstacle::NotWritable(_))
}

fn refuse_bare(folder: &Path) -> Result<(), Refusal> {
    if is_bare(folder) { Err(Refusal::Bare(folder.to_owned())) } else { Ok(()) }
}

/// Whether the folder is a bare repository: what git keeps is there itself, and no file to work in. The folders inside of a
/// `.git` look like one.
pub fn is_bare(folder: &Path) -> bool {
    let is_inside = folder.components().any(|part| part.as_os_str() == ".git");
    !is_inside
        && folder.join("HEAD").is_file()
        && folder.join("objects").is_dir()
        && folder.join("refs").is_dir()
}

fn files(count: usize) -> String {
    if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") }
}

/// Two that edit the same files would spoil each other's work. A run without a director only works in the folder as it is, and
/// is nobody's rival.
async fn refuse_second(folder: &str, store: &dyn Store, namespace: &Namespace) -> Result<(), Refusal> {
    let filter = AssignmentFilter {
        namespace: Some(namespace.clone()),
        status: vec![AssignmentStatus::Active, AssignmentStatus::Blocked],
        limit: None,
    };
    let open = store.assignments(&filter).await?;
    let is_rival = |other: &&Assignment| {
        let is_plain_run = other.is_run && other.director == Director::None;
        other.worktree.is_none() && other.workspace == folder && !is_plain_run
    };
    match open.iter().map(|line| &line.assignment).find(is_rival) {
        Some(other) => Err(Refusal::Second { other: other.id, folder: folder.to_owned() }),
        None => Ok(()),
    }
}
