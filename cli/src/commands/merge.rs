//! `agents merge`: an assignment's branch becomes part of the one that it began on.

use std::path::Path;

use agents_domain::actor::Actor;
use agents_domain::aggregate::BranchMove;
use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::decision::NewJob;
use agents_domain::evidence::gate;
use agents_domain::job::JobStatus;
use agents_domain::job_type::JobType;
use agents_domain::store::{AssignmentFilter, Change, JobDetail, Store, StoreError};
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
    warnings: Vec<String>,
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
        refuse_branch_in_use(&store, worktree, &into).await?;
        let data_folder = here.config.data_folder()?;
        let places = (Path::new(&assignment.workspace), data_folder.as_path());
        let merge = self.merge(app, (&here, &store), (&assignment, worktree, &jobs), into);
        let told = workspace::safely_in(worktree, places, merge).await??;
        app.printer.answer(|| &told, || said(&told))?;
        told.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }

    async fn merge(
        &self,
        app: &App,
        (here, store): (&Here, &SqlStore),
        (assignment, worktree, jobs): (&Assignment, &Worktree, &[JobDetail]),
        into: String,
    ) -> Result<Told, Failure> {
        let message = message(assignment);
        let settings = here.config.workspace(here.config.data_folder()?)?;
        let merge = workspace::Merge {
            worktree,
            workspace: Path::new(&assignment.workspace),
            into: &into,
            squash: self.squash.then_some(&message),
            author: &settings.author,
            data_folder: &settings.data_folder,
        };
        let told = Told {
            assignment: assignment.id.to_string(),
            branch: worktree.branch.clone(),
            into: into.clone(),
            result: "nothing",
            commit: None,
            updated: None,
            conflicts: Vec::new(),
            job: None,
            warnings: Vec::new(),
        };
        match workspace::merge(merge).await {
            Ok(Merged::Nothing) => Ok(Told { warnings: uncommitted(worktree).await, ..told }),
            Ok(Merged::Done { commit, updated }) => {
                let how = BranchMove::Merged { into, commit: commit.clone(), is_squash: self.squash };
                let change = Change::MoveBranch { assignment: assignment.id, how };
                app.execute(here, store, (Actor::Person, change)).await?;
                let updated = updated.map(|folder| folder.display().to_string());
                let warnings = warnings(assignment, worktree).await;
                Ok(Told { result: "merged", commit: Some(commit), updated, warnings, ..told })
            }
            Err(MergeError::Conflict { files }) if self.job => {
                let told = Told { result: "conflict", conflicts: files, ..told };
                match waiting(jobs, &into) {
                    Some(job) => {
                        let warnings = vec!["that job waits already; no other one was inserted".to_owned()];
                        Ok(Told { job: Some(job), warnings, ..told })
                    }
                    None => {
                        let job = resolve(app, (here, store), assignment, (&into, &told.conflicts)).await?;
                        Ok(Told { job: Some(job), ..told })
                    }
                }
            }
            Err(error) => Err(refused(&error, (assignment, worktree))),
        }
    }

    fn base(&self, assignment: &Assignment, worktree: &Worktree) -> Result<String, Failure> {
        self.into.clone().or_else(|| worktree.base.branch.clone()).ok_or_else(|| {
            Failure::rejected(format!("no branch was checked out when {} was created", assignment.id.short()))
                .hint("name the one that it is to become part of: --into <branch>")
        })
    }
}

/// What a person should know who has just merged it.
async fn warnings(assignment: &Assignment, worktree: &Worktree) -> Vec<String> {
    let mut warnings = Vec::new();
    if assignment.status() != AssignmentStatus::Complete {
        let (id, status) = (assignment.id.short(), assignment.status().as_str());
        warnings.push(format!("assignment {id} is {status}, not complete"));
    }
    let against = gate::against(assignment.proof());
    warnings.extend(against.iter().map(|line| format!("the evidence stands against it: {line}")));
    warnings.extend(uncommitted(worktree).await);
    warnings
}

/// What no merge takes along.
async fn uncommitted(worktree: &Worktree) -> Vec<String> {
    let is_there = workspace::is_there(worktree);
    let state = if is_there { workspace::tree_state(workspace::top(worktree)).await } else { None };
    let is_dirty = state.is_some_and(|state| state.dirty.is_some());
    let word = "what is not committed in the worktree is not part of it: agents diff shows it";
    is_dirty.then(|| word.to_owned()).into_iter().collect()
}

/// The worktree of another assignment would follow, under its agents.
async fn refuse_branch_in_use(store: &SqlStore, own: &Worktree, into: &str) -> Result<(), Failure> {
    if own.branch == into {
        return Err(Failure::rejected(format!("`{into}` is the assignment's own branch"))
            .hint("name another one: --into <branch>"));
    }
    let filter = AssignmentFilter {
        namespace: None,
        status: vec![AssignmentStatus::Active, AssignmentStatus::Blocked],
        limit: None,
    };
    let is_its = |other: &&Assignment| other.worktree.as_ref().is_some_and(|tree| tree.branch == into);
    let open = store.assignments(&filter).await?;
    let Some(other) = open.iter().map(|line| &line.assignment).find(is_its) else { return Ok(()) };
    let (id, status) = (other.id.short(), other.status().as_str());
    Err(Failure::rejected(format!(
        "`{into}` is the branch of assignment {id}, which is {status}: its files would change under its agents"
    ))
    .hint(format!("end it first: agents update-assignment {id} --status complete"))
    .hint(format!("or let a job of it take the work in: agents insert-job {id} --type implement --context \"git merge {}\"", own.branch)))
}

/// How the context of a job begins that resolves conflicts with that branch.
fn conflict_words(into: &str) -> String {
    format!("The branch `{into}` has gone on and conflicts with this one.")
}

/// The job that is to resolve them, if it has not begun yet.
fn waiting(jobs: &[JobDetail], into: &str) -> Option<String> {
    let words = conflict_words(into);
    let is_it = |one: &&JobDetail| one.job.status() == JobStatus::Pending && one.context.starts_with(&words);
    jobs.iter().find(is_it).map(|one| one.job.id.to_string())
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
        "{} Merge it (`git merge {into}`), resolve the conflicts so that what both sides meant still holds, and see \
         that everything works. Conflicting files:\n\n{}",
        conflict_words(into),
        files.iter().map(|file| format!("- {file}\n")).collect::<String>()
    );
    let job_type = JobType::new("implement").map_err(|bad| Failure::failed("inserting the job", bad))?;
    let job = NewJob { id, job_type, harness: None, model: None, context, timeout_ms: None };
    let change = Change::MoveBranch { assignment: assignment.id, how: BranchMove::Conflict { job } };
    app.execute(here, store, (Actor::Person, change)).await?;
    Ok(id.to_string())
}

fn refused(error: &MergeError, (assignment, own): (&Assignment, &Worktree)) -> Failure {
    let id = assignment.id.short();
    let failure = Failure::rejected(error.to_string());
    match error {
        MergeError::Conflict { .. } => failure
            .hint("nothing has changed on either side")
            .hint(format!("have it resolved: agents merge {id} --squash --job"))
            .hint(format!("or do it yourself: cd \"$(agents open {id})\" && git merge <branch>")),
        MergeError::Diverged { .. } => failure.hint(format!("as one commit: agents merge {id} --squash")),
        MergeError::Dirty { .. } => failure.hint("commit or stash them there, then merge again"),
        MergeError::NoBranch(name) if *name == own.branch => failure
            .hint("an assignment's branch is made when its first job starts")
            .hint(format!("if it was deleted, its commits are in: agents evidence {id}")),
        MergeError::NoBranch(_) => failure.hint("name one that is there: git branch --list"),
        MergeError::Twice { into, .. } => {
            failure.hint(format!("switch to another branch in one of them, so that `{into}` is there once"))
        }
        MergeError::Git(_) | MergeError::Workspace(_) => failure,
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
