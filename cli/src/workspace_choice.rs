//! Where a new assignment works: in a worktree of its own, or in the repository itself with the others.

use std::path::Path;

use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::worktree::{Isolation, Worktree};
use agents_orchestrator::workspace::{Obstacle, ground, safely};

use crate::app::Here;
use crate::config::workspace::WorkspaceName;
use crate::failure::Failure;
use crate::place;

/// What is known of the new assignment.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub id: AssignmentId,
    pub namespace: &'a Namespace,
    pub north_star: &'a str,
    /// What the command line says.
    pub asked: Option<WorkspaceName>,
}

/// Where it works.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    pub worktree: Option<Worktree>,
    /// No other open assignment may work there.
    pub alone: bool,
    pub warnings: Vec<String>,
}

/// Decides it. What was asked for and can't be is refused with the reason.
pub async fn choose(here: &Here, wanted: Wanted<'_>) -> Result<Choice, Failure> {
    let data_folder = here.config.data_folder()?;
    let settings = here.config.workspace(data_folder.clone())?;
    let isolation = wanted.asked.map(WorkspaceName::isolation).or(settings.isolation);
    let folder = here.workspace();
    if isolation == Some(Isolation::Shared) {
        refuse_bare(&folder)?;
        return Ok(Choice { alone: true, ..Choice::default() });
    }
    match safely(&folder, &data_folder, ground(&folder)).await? {
        Ok(ground) => {
            let warnings = (ground.uncommitted > 0).then(|| {
                format!(
                    "{} in {} not committed, so not part of the assignment's worktree",
                    files(ground.uncommitted),
                    folder.display()
                )
            });
            let worktree = ground.worktree((&data_folder, wanted.namespace), wanted.id, wanted.north_star);
            Ok(Choice { worktree: Some(worktree), alone: false, warnings: warnings.into_iter().collect() })
        }
        Err(obstacle) if isolation.is_none() && !is_mendable(&obstacle) => {
            refuse_bare(&folder)?;
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
            Ok(Choice { worktree: None, alone: false, warnings: note.into_iter().collect() })
        }
        Err(obstacle) => Err(Failure::bad_input(format!("there can be no worktree: {obstacle}"))
            .hint_if(remedy(&obstacle))
            .hint("or let its agents work in the repository itself: --workspace shared")),
    }
}

/// Whether a person can take it out of the way at once, and so would not want their own files edited because of it.
fn is_mendable(obstacle: &Obstacle) -> bool {
    matches!(obstacle, Obstacle::BranchInTheWay | Obstacle::NotWritable(_))
}

fn refuse_bare(folder: &Path) -> Result<(), Failure> {
    if !place::is_bare(folder) {
        return Ok(());
    }
    Err(Failure::bad_input(format!(
        "{} is a bare repository, so agents can only work in worktrees",
        folder.display()
    ))
    .hint("--workspace worktree; it needs a first commit"))
}

fn files(count: usize) -> String {
    if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") }
}

fn remedy(obstacle: &Obstacle) -> Option<&'static str> {
    match obstacle {
        Obstacle::NoRepository { .. } => Some("make it one: git init, then a first commit"),
        Obstacle::NoCommit => Some("make a first commit"),
        Obstacle::LfsMissing => Some("install git-lfs (https://git-lfs.com), then `git lfs install`"),
        Obstacle::BranchInTheWay => Some("rename it: git branch -m agents <another name>"),
        Obstacle::NotWritable(_) => Some("agents commit there: give yourself the right to write to it"),
        Obstacle::Git(_) => None,
    }
}
