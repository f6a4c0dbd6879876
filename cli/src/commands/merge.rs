//! `agents merge`: an assignment's branch becomes part of the one that it began on.

use std::path::Path;

use agents_domain::actor::Actor;
use agents_domain::aggregate::BranchMove;
use agents_domain::assignment::Assignment;
use agents_domain::decision::NewJob;
use agents_domain::job_type::JobType;
use agents_domain::store::{Change, Store, StoreError};
use agents_domain::worktree::Worktree;
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::workspace::{self, MergeError, Merged};
use clap::Args;
use serde::Serialize;

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::output::text::{self, GREEN};
use crate::{target, tree};

/// Merge an assignment's branch into the one that it began on
///
/// By a fast-forward, or as one commit with --squash. A working tree is touched only if it has that branch and is clean. If
/// both sides have changed the same, both stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents merge 099a8057
  agents merge 099a8057 --squash --into release
  agents merge 099a8057 --squash --job     (a job resolves what conflicts)")]
pub struct Merge {
    /// The assignment's id, or the beginning or the end of it
    assignment: String,
    /// As one commit
    #[arg(long)]
    squash: bool,
    /// Into this branch [default: the one that was checked out when the assignment was created]
    #[arg(long, value_name = "BRANCH")]
    into: Option<String>,
    /// If there are conflicts, insert a job that resolves them
    #[arg(long)]
    job: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    assignment: String,
    branch: String,
    into: String,
    /// `merged`, `nothing`, or `conflict`.
    result: &'static str,
    commit: Option<String>,
    /// The working tree that has followed.
    updated: Option<String>,
    /// Files on which both sides disagree.
    conflicts: Vec<String>,
    /// The job that is to resolve them.
    job: Option<String>,
}

impl Merge {
    /// Merges it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("merge an assignment")?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::assignment(&store, &self.assignment).await?;
        let assignment = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let worktree = tree::of(&assignment)?;
        tree::refuse_running(&assignment, &store.job_details(id).await?, "merged")?;
        // From here on no job begins in the worktree.
        let _hold = workspace::hold(worktree).await?;
        let jobs = store.job_details(id).await?;
        tree::refuse_running(&assignment, &jobs, "merged")?;
        let into = self.base(&assignment, worktree)?;
        let message = message(&assignment);
        let settings = here.config.workspace(here.config.data_folder()?)?;
        let merge = workspace::Merge {
            worktree,
            workspace: Path::new(&assignment.workspace),
            into: &into,
            squash: self.squash.then_some(&message),
            author: &settings.author,
        };
        let told = Told {
            assignment: id.to_string(),
            branch: worktree.branch.clone(),
            into: into.clone(),
            result: "nothing",
            commit: None,
            updated: None,
            conflicts: Vec::new(),
            job: None,
        };
        let told = match workspace::merge(merge).await {
            Ok(Merged::Nothing) => told,
            Ok(Merged::Done { commit, updated }) => {
                let how = BranchMove::Merged { into, commit: commit.clone(), is_squash: self.squash };
                let change = Change::MoveBranch { assignment: id, how };
                app.execute(&here, &store, (Actor::Person, change)).await?;
                let updated = updated.map(|folder| folder.display().to_string());
                Told { result: "merged", commit: Some(commit), updated, ..told }
            }
            Err(MergeError::Conflict { files }) if self.job => {
                let job = resolve(app, (&here, &store), &assignment, (&into, &files)).await?;
                Told { result: "conflict", conflicts: files, job: Some(job), ..told }
            }
            Err(error) => return Err(refused(&error, &assignment)),
        };
        app.printer.answer(|| &told, || said(&told))?;
        if worktree_is_dirty(worktree).await {
            app.printer
                .warning("what is not committed in the worktree is not part of it: agents diff shows it");
        }
        Ok(())
    }

    fn base(&self, assignment: &Assignment, worktree: &Worktree) -> Result<String, Failure> {
        self.into.clone().or_else(|| worktree.base.branch.clone()).ok_or_else(|| {
            Failure::rejected(format!("no branch was checked out when {} was created", assignment.id.short()))
                .hint("name the one that it is to become part of: --into <branch>")
        })
    }
}

async fn worktree_is_dirty(worktree: &Worktree) -> bool {
    workspace::is_there(worktree)
        && workspace::tree_state(workspace::top(worktree)).await.is_some_and(|state| state.dirty.is_some())
}

/// The job that resolves the conflicts. The assignment goes on for it.
async fn resolve(
    app: &App,
    (here, store): (&Here, &SqlStore),
    assignment: &Assignment,
    (into, files): (&str, &[String]),
) -> Result<String, Failure> {
    let id = app.new_job_id();
    let context = format!(
        "The branch `{into}` has gone on and conflicts with this one. Merge it (`git merge {into}`), resolve the \
         conflicts so that what both sides meant still holds, and see that everything works. Conflicting files:\n\n{}",
        files.iter().map(|file| format!("- {file}\n")).collect::<String>()
    );
    let job_type = JobType::new("implement").map_err(|bad| Failure::failed("inserting the job", bad))?;
    let job = NewJob { id, job_type, harness: None, model: None, context, timeout_ms: None };
    let change = Change::MoveBranch { assignment: assignment.id, how: BranchMove::Conflict { job } };
    app.execute(here, store, (Actor::Person, change)).await?;
    Ok(id.to_string())
}

fn refused(error: &MergeError, assignment: &Assignment) -> Failure {
    let id = assignment.id.short();
    let failure = Failure::rejected(error.to_string());
    match error {
        MergeError::Conflict { .. } => failure
            .hint("nothing has changed on either side")
            .hint(format!("have it resolved: agents merge {id} --squash --job"))
            .hint(format!("or do it yourself: cd \"$(agents open {id})\" && git merge <branch>")),
        MergeError::Diverged { .. } => failure.hint(format!("as one commit: agents merge {id} --squash")),
        MergeError::Dirty { .. } => failure.hint("commit or stash them there, then merge again"),
        MergeError::NoBranch(_) => failure.hint("its branch is made when the first job starts"),
        MergeError::Git(_) => failure,
    }
}

/// The message of the one commit.
fn message(assignment: &Assignment) -> String {
    let star = assignment.north_star.trim();
    let title: String = star.lines().next().unwrap_or_default().chars().take(72).collect();
    let body = if title == star { String::new() } else { format!("\n{star}\n") };
    format!("{title}\n{body}\nAgents-Assignment: {}\n", assignment.id)
}

fn said(told: &Told) -> String {
    let Told { branch, into, .. } = told;
    match (&told.commit, &told.job) {
        (Some(commit), _) => {
            let commit: String = commit.chars().take(12).collect();
            let updated =
                told.updated.as_ref().map(|folder| format!("\n  updated {folder}")).unwrap_or_default();
            format!("{} {branch} into {into} ({commit}){updated}\n", text::colored(GREEN, "merged"))
        }
        (None, Some(job)) => format!(
            "{branch} conflicts with {into} in {}; job {job} is to resolve it, then merge again\n",
            told.conflicts.join(", ")
        ),
        (None, None) => format!("{into} has everything of {branch} already\n"),
    }
}
