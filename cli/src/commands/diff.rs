//! `agents diff`: what an assignment, or one job of it, has changed.

use std::path::{Path, PathBuf};

use agents_domain::assignment::Assignment;
use agents_domain::id::JobId;
use agents_domain::store::{Store, StoreError};
use agents_orchestrator::workspace::{self, Counts, Range};
use clap::Args;
use serde::Serialize;

use crate::app::App;
use crate::failure::{Failure, FailureKind};
use crate::target::{self, Target};
use crate::tree;

/// The longest diff that is printed, in bytes.
const MOST: usize = 64 * 1024 * 1024;

/// Show what an assignment, or one of its jobs, has changed
///
/// Of an assignment: all that its branch has beyond where it began, with what is not committed yet. Of a job: what its
/// checkpoint has committed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents diff 099a8057
  agents diff 7c1e4b02 --stat
  agents diff 099a8057 --json | jq '{files, insertions, deletions}'")]
pub struct Diff {
    /// The id of an assignment or a job, or the beginning or the end of it
    id: String,
    /// Only the names of the files, with how much has changed
    #[arg(long)]
    stat: bool,
}

/// What is compared.
struct Compared {
    folder: PathBuf,
    from: String,
    /// `None`: the working tree.
    to: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    assignment: String,
    job: Option<String>,
    from: String,
    /// `null`: the working tree as it is now.
    to: Option<String>,
    files: u32,
    insertions: u32,
    deletions: u32,
    diff: String,
}

impl Diff {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let store = app.store(&here).await?;
        let (assignment, job) = match target::job_or_assignment(&store, &self.id).await? {
            Target::Assignment(id) => {
                (store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?, None)
            }
            Target::Job(id) => {
                let gone = || Failure::new(FailureKind::NotFound, format!("job {id} is gone"));
                (store.job(id).await?.ok_or_else(gone)?.0, Some(id))
            }
        };
        let data_folder = here.config.data_folder()?;
        let places = (Path::new(&assignment.workspace), data_folder.as_path());
        let shown = self.look(&store, &assignment, job);
        let shown = workspace::safely_in(tree::of(&assignment)?, places, shown).await??;
        app.printer.answer(|| &shown, || shown.diff.clone())
    }

    async fn look(
        &self,
        store: &dyn Store,
        assignment: &Assignment,
        job: Option<JobId>,
    ) -> Result<Shown, Failure> {
        let compared = match job {
            None => of_assignment(assignment).await?,
            Some(job) => of_job(store, assignment, job).await?,
        };
        let range = match &compared.to {
            Some(to) => Range::Commits { before: &compared.from, after: to },
            None => Range::WorkingTree { since: &compared.from },
        };
        let Counts { files, insertions, deletions } = workspace::counts(&compared.folder, range).await?;
        let diff = match self.stat {
            true => workspace::stat(&compared.folder, range).await?,
            false => workspace::patch(&compared.folder, range, MOST).await?,
        };
        Ok(Shown {
            assignment: assignment.id.to_string(),
            job: job.map(|job| job.to_string()),
            from: compared.from.clone(),
            to: compared.to.clone(),
            files,
            insertions,
            deletions,
            diff,
        })
    }
}

async fn of_assignment(assignment: &Assignment) -> Result<Compared, Failure> {
    let worktree = tree::of(assignment)?;
    let folder = tree::folder(assignment, worktree);
    let is_there = workspace::is_there(worktree);
    let tip = if is_there { "HEAD".to_owned() } else { format!("refs/heads/{}", worktree.branch) };
    let git = workspace::Git::new(&folder);
    let Some(tip) = git.optional(&["rev-parse", "-q", "--verify", &tip]).await? else {
        // No job has started yet.
        let base = worktree.base.commit.clone();
        return Ok(Compared { folder, from: base.clone(), to: Some(base) });
    };
    let from = workspace::fork_point(&folder, worktree, &tip).await?;
    Ok(Compared { folder, from, to: (!is_there).then_some(tip) })
}

async fn of_job(store: &dyn Store, assignment: &Assignment, job: JobId) -> Result<Compared, Failure> {
    let worktree = tree::of(assignment)?;
    let evidence = store.evidence(assignment.id).await?;
    let mut own = evidence.checkpoints.iter().filter(|checkpoint| checkpoint.job == job);
    let Some(first) = own.next() else {
        return Err(Failure::new(FailureKind::NotFound, format!("job {} has no checkpoint", job.short()))
            .hint("one is made when a job that may edit has ended well")
            .hint(format!("what the assignment has changed in all: agents diff {}", assignment.id.short())));
    };
    let last = own.next_back().unwrap_or(first);
    Ok(Compared {
        folder: tree::folder(assignment, worktree),
        from: first.before.clone(),
        to: Some(last.after.clone()),
    })
}
