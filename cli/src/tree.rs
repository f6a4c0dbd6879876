//! What the commands about an assignment's branch share: its worktree, and that nothing of it runs.

use std::path::{Path, PathBuf};

use agents_domain::assignment::Assignment;
use agents_domain::job::JobStatus;
use agents_domain::store::JobDetail;
use agents_domain::worktree::Worktree;
use agents_orchestrator::workspace::{self, GitError, WorkspaceError};

use crate::failure::Failure;

/// The worktree of an assignment; one that has none works in the repository itself.
pub fn of(assignment: &Assignment) -> Result<&Worktree, Failure> {
    assignment.worktree.as_ref().ok_or_else(|| {
        Failure::rejected(format!(
            "assignment {} works in {} itself, so it has no branch of its own",
            assignment.id.short(),
            assignment.workspace
        ))
        .hint("what its agents did is there, among everything else that has changed: git diff")
    })
}

/// Where git can be asked about the branch: the worktree, or the repository if that is gone.
pub fn folder(assignment: &Assignment, worktree: &Worktree) -> PathBuf {
    match workspace::is_there(worktree) {
        true => workspace::top(worktree).to_owned(),
        false => Path::new(&assignment.workspace).to_owned(),
    }
}

/// Its branch must not move while somebody works on it.
pub fn refuse_running(assignment: &Assignment, jobs: &[JobDetail], what: &str) -> Result<(), Failure> {
    let is_at_work =
        |detail: &&JobDetail| detail.job.status() == JobStatus::Running && !detail.job.job_type.is_chat();
    let Some(running) = jobs.iter().find(is_at_work) else { return Ok(()) };
    let (id, job) = (assignment.id.short(), running.job.id.short());
    Err(Failure::rejected(format!("job {job} of assignment {id} is running, so it can't be {what} now"))
        .hint(format!("wait for it, or stop it for now: agents pause {id}")))
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        Failure::bad_input(error.to_string())
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        Failure::bad_input(error.to_string())
    }
}
