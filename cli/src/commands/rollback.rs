//! `agents rollback`: an assignment's branch as it was before a job.

use std::path::Path;

use agents_domain::actor::Actor;
use agents_domain::aggregate::BranchMove;
use agents_domain::assignment::Assignment;
use agents_domain::evidence::{Checkpoint, TreeState};
use agents_domain::id::JobId;
use agents_domain::store::{Change, Store};
use agents_domain::worktree::Worktree;
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::workspace;
use clap::Args;
use serde::Serialize;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, FailureKind};
use crate::output::text::{self, GREEN};
use crate::{target, tree};

/// Put an assignment's branch and worktree back to the state before a job
///
/// What there was is kept under a name that git knows. Not while a job of the assignment runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents rollback 7c1e4b02
  agents rollback 7c1e4b02 --json | jq -r .kept")]
pub struct Rollback {
    /// The id of a job, or the beginning or the end of it
    job: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RolledBack {
    assignment: String,
    job: String,
    branch: String,
    /// The commit that the branch is at now.
    commit: String,
    /// The name of what there was.
    kept: String,
    /// Later jobs whose work is undone with it.
    also_undone: Vec<String>,
    /// What the assignment is now: one that was complete is blocked.
    status: &'static str,
}

impl Rollback {
    /// Puts it back.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("roll back a job")?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let job = target::job(&store, &self.job).await?;
        let gone = || Failure::new(FailureKind::NotFound, format!("job {job} is gone"));
        let (assignment, _) = store.job(job).await?.ok_or_else(gone)?;
        let worktree = tree::of(&assignment)?;
        tree::refuse_running(&assignment, &store.job_details(assignment.id).await?, "rolled back")?;
        // From here on no job begins in the worktree.
        let _hold = workspace::hold(worktree).await?;
        tree::refuse_running(&assignment, &store.job_details(assignment.id).await?, "rolled back")?;
        let Undone { to, also } = undone(&store, (&assignment, worktree), job).await?;
        let also_undone: Vec<String> = also.iter().map(JobId::to_string).collect();
        let settings = here.config.workspace(here.config.data_folder()?)?;
        let folder = Path::new(&assignment.workspace);
        let back = workspace::roll_back(worktree, folder, (&to, &settings.author));
        let back = workspace::safely_in(worktree, (folder, &settings.data_folder), back).await??;
        let to = TreeState { commit: to, dirty: None };
        let how = BranchMove::RolledBack { job, also, to, kept: back.kept.clone() };
        let change = Change::MoveBranch { assignment: assignment.id, how };
        let receipt = app.execute(&here, &store, (Actor::Person, change)).await?;
        let told = RolledBack {
            assignment: assignment.id.to_string(),
            job: job.to_string(),
            branch: worktree.branch.clone(),
            commit: back.commit,
            kept: back.kept,
            also_undone,
            status: receipt.status.as_str(),
        };
        app.printer.answer(|| &told, || said(&told))
    }
}

/// What a rollback takes away.
struct Undone {
    /// The commit that the branch was at before the job.
    to: String,
    /// Later jobs whose work is undone with it.
    also: Vec<JobId>,
}

/// Finds it. What was rolled back before is not there to be undone.
async fn undone(
    store: &SqlStore,
    (assignment, worktree): (&Assignment, &Worktree),
    job: JobId,
) -> Result<Undone, Failure> {
    let checkpoints = store.evidence(assignment.id).await?.checkpoints;
    let (id, folder) = (assignment.id.short(), Path::new(&assignment.workspace));
    let Some(place) = checkpoints.iter().position(|checkpoint| checkpoint.job == job) else {
        return Err(Failure::rejected(format!("job {} has no checkpoint to go back to", job.short()))
            .hint("one is made when a job that may edit has ended well")
            .hint(format!("`agents history {id}` shows them")));
    };
    let Checkpoint { before, after, .. } = &checkpoints[place];
    for commit in [before, after] {
        if !workspace::has_commit(worktree, folder, commit).await? {
            return Err(Failure::rejected(format!(
                "what job {} did is not part of {} any more: it is undone already",
                job.short(),
                worktree.branch
            ))
            .hint(format!(
                "`agents history {id}` tells what was rolled back, and under which names it is kept"
            ))
            .hint(format!("to have it back: cd \"$(agents open {id})\" && git merge <name>")));
        }
    }
    let mut also = Vec::new();
    for later in checkpoints[place..].iter().filter(|later| later.job != job && !later.is_empty()) {
        if !also.contains(&later.job) && workspace::has_commit(worktree, folder, &later.after).await? {
            also.push(later.job);
        }
    }
    Ok(Undone { to: before.clone(), also })
}

fn said(told: &RolledBack) -> String {
    let RolledBack { branch, kept, .. } = told;
    let commit: String = told.commit.chars().take(12).collect();
    let also = match told.also_undone.len() {
        0 => String::new(),
        1 => ", with the job after it".to_owned(),
        more => format!(", with {more} jobs after it"),
    };
    format!(
        "{} {branch} to {commit}{also}\n  what there was: git show {kept}\n  the assignment is {}\n",
        text::colored(GREEN, "rolled back"),
        told.status
    )
}
