//! Where a new assignment works, as the command line and the configuration want it.

use agents_domain::id::AssignmentId;
use agents_domain::namespace::Namespace;
use agents_domain::store::Store;
use agents_orchestrator::start::{self, Choice, Refusal};
use agents_orchestrator::workspace::Obstacle;

use crate::app::Here;
use crate::config::workspace::WorkspaceName;
use crate::failure::Failure;

/// What is known of the new assignment.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub id: AssignmentId,
    pub namespace: &'a Namespace,
    pub north_star: &'a str,
    /// What the command line says.
    pub asked: Option<WorkspaceName>,
}

/// Decides it. What was asked for and can't be is refused with the reason.
pub async fn choose(here: &Here, store: &dyn Store, wanted: Wanted<'_>) -> Result<Choice, Failure> {
    let data_folder = here.config.data_folder()?;
    let settings = here.config.workspace(data_folder.clone())?;
    let wanted = start::Wanted {
        id: wanted.id,
        namespace: wanted.namespace,
        north_star: wanted.north_star,
        isolation: wanted.asked.map(WorkspaceName::isolation).or(settings.isolation),
        folder: &here.workspace(),
        data_folder: &data_folder,
    };
    start::choose(store, wanted).await.map_err(refused)
}

fn refused(refusal: Refusal) -> Failure {
    let said = refusal.to_string();
    match refusal {
        Refusal::Bare(_) => Failure::bad_input(said).hint("--workspace worktree; it needs a first commit"),
        Refusal::Second { other, folder: _ } => Failure::rejected(said)
            .hint("give this one a worktree of its own: --workspace worktree")
            .hint(format!(
                "or end the other one first: agents update-assignment {} --status complete",
                other.short()
            )),
        Refusal::NoWorktree(obstacle) => Failure::bad_input(said)
            .hint_if(remedy(&obstacle))
            .hint("or let its agents work in the repository itself: --workspace shared"),
        Refusal::Store(error) => error.into(),
    }
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
