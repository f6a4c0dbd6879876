//! `agents pr`: pushes an assignment's branch and opens a pull request through the `gh` CLI.

use std::path::Path;
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::BranchMove;
use agents_domain::assignment::Assignment;
use agents_domain::store::{Change, JobDetail, Store, StoreError};
use agents_domain::worktree::Worktree;
use agents_orchestrator::process::tool::{Tool, ToolError};
use agents_orchestrator::workspace::{self, Git};
use clap::Args;
use serde::Serialize;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, FailureKind};
use crate::output::text::{self, GREEN};
use crate::{target, tree};

/// How long `gh` may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Push an assignment's branch and open a pull request with `gh`
///
/// Its body is made from the assignment: what was wanted, what each job did, how the checks ended.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents pr 099a8057
  agents pr 099a8057 --draft --into main --remote upstream")]
pub struct Pr {
    /// The assignment's id, or the beginning or the end of it
    assignment: String,
    /// As a draft
    #[arg(long)]
    draft: bool,
    /// The branch that it is to become part of [default: the one that it began on]
    #[arg(long, value_name = "BRANCH")]
    into: Option<String>,
    /// Where to push [default: origin, or the only remote]
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
}

#[derive(Debug, Serialize)]
struct Proposed {
    assignment: String,
    branch: String,
    into: String,
    remote: String,
    /// What `gh` says: the address of the pull request.
    url: String,
}

impl Pr {
    /// Pushes and proposes it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("open a pull request")?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let id = target::assignment(&store, &self.assignment).await?;
        let assignment = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let worktree = tree::of(&assignment)?;
        let jobs = store.job_details(id).await?;
        tree::refuse_running(&assignment, &jobs, "proposed")?;
        let into = self.into.clone().or_else(|| worktree.base.branch.clone()).ok_or_else(|| {
            Failure::rejected("no branch was checked out when the assignment was created")
                .hint("name the one that it is to become part of: --into <branch>")
        })?;
        let git = Git::new(Path::new(&assignment.workspace));
        let remote = self.remote(&git).await?;
        refuse_nothing(&git, worktree).await?;
        gh(&assignment, vec!["--version".to_owned()], Vec::new()).await?;
        let refs = format!("{0}:{0}", format_args!("refs/heads/{}", worktree.branch));
        let args = ["push", "-q", &remote, &refs];
        let data_folder = here.config.data_folder()?;
        let pushed = workspace::safely(git.folder(), &data_folder, git.must(&args)).await?;
        pushed.map_err(|error| {
            Failure::bad_input(error.to_string()).hint(format!("can you push yourself? git push {remote}"))
        })?;
        follow(&git, worktree, &remote).await?;
        let url = self.propose(&assignment, (worktree, &into), &jobs).await?;
        let how = BranchMove::Proposed { url: url.clone() };
        app.execute(&here, &store, (Actor::Person, Change::MoveBranch { assignment: id, how })).await?;
        let told =
            Proposed { assignment: id.to_string(), branch: worktree.branch.clone(), into, remote, url };
        app.printer.answer(
            || &told,
            || {
                format!(
                    "{} {} to {}\n  {}\n",
                    text::colored(GREEN, "proposed"),
                    told.branch,
                    told.into,
                    told.url
                )
            },
        )
    }

    async fn remote(&self, git: &Git) -> Result<String, Failure> {
        let text = git.text(&["remote"]).await?;
        let remotes: Vec<&str> = text.lines().collect();
        let wanted = self.remote.as_deref().or_else(|| remotes.contains(&"origin").then_some("origin"));
        match (wanted, remotes.as_slice()) {
            (Some(name), _) if remotes.contains(&name) => Ok(name.to_owned()),
            (Some(name), []) => {
                Err(Failure::bad_input(format!("the repository has no remote `{name}`, nor another"))
                    .hint(format!("add it: git remote add {name} <url>")))
            }
            (Some(name), _) => Err(Failure::bad_input(format!("the repository has no remote `{name}`"))
                .hint(format!("it has: {}", remotes.join(", ")))),
            (None, [only]) => Ok((*only).to_owned()),
            (None, []) => Err(Failure::rejected("the repository has no remote to push to")
                .hint("add one: git remote add origin <url>")
                .hint("or merge here: agents merge <assignment>")),
            (None, _) => Err(Failure::usage("the repository has several remotes")
                .hint(format!("name one of them with --remote: {}", remotes.join(", ")))),
        }
    }

    async fn propose(
        &self,
        assignment: &Assignment,
        (worktree, into): (&Worktree, &str),
        jobs: &[JobDetail],
    ) -> Result<String, Failure> {
        let title: String =
            assignment.north_star.trim().lines().next().unwrap_or_default().chars().take(72).collect();
        let mut args: Vec<String> = [
            "pr",
            "create",
            "--base",
            into,
            "--head",
            &worktree.branch,
            "--title",
            &title,
            "--body-file",
            "-",
        ]
        .map(str::to_owned)
        .to_vec();
        args.extend(self.draft.then(|| "--draft".to_owned()));
        gh(assignment, args, body(assignment, jobs).into_bytes()).await
    }
}

/// The branch follows what was pushed, as with `git push --set-upstream`.
async fn follow(git: &Git, worktree: &Worktree, remote: &str) -> Result<(), Failure> {
    let branch = &worktree.branch;
    let merge = format!("refs/heads/{branch}");
    for (key, value) in [("remote", remote), ("merge", merge.as_str())] {
        git.must(&["config", &format!("branch.{branch}.{key}"), value]).await?;
    }
    Ok(())
}

/// What there is to push.
async fn refuse_nothing(git: &Git, worktree: &Worktree) -> Result<(), Failure> {
    let name = format!("refs/heads/{}", worktree.branch);
    let tip = git.optional(&["rev-parse", "-q", "--verify", &name]).await?;
    if tip.is_none_or(|tip| tip == worktree.base.commit) {
        return Err(Failure::rejected(format!("{} has no commit of its own yet", worktree.branch))
            .hint("a job that edits makes one when it has ended well"));
    }
    Ok(())
}

/// Runs `gh` in the repository. Gives what it prints.
async fn gh(assignment: &Assignment, args: Vec<String>, stdin: Vec<u8>) -> Result<String, Failure> {
    let tool = Tool { args, stdin, ..Tool::new("gh", &[], &assignment.workspace, LIMIT) };
    match tool.run().await {
        Ok(ended) if ended.is_success() => Ok(ended.text().trim().to_owned()),
        Ok(ended) => {
            Err(Failure::bad_input(format!("`gh` failed ({}): {}", ended.status, ended.complaint()))
                .hint("is it logged in? gh auth status"))
        }
        Err(error @ ToolError::Missing { .. }) => Err(Failure::new(FailureKind::Missing, error.to_string())
            .hint("install the GitHub CLI (https://cli.github.com), then `gh auth login`")
            .hint("or merge here: agents merge <assignment>")),
        Err(error) => Err(Failure::failed("running gh", error)),
    }
}

fn body(assignment: &Assignment, jobs: &[JobDetail]) -> String {
    let mut body = format!("{}\n\n## What was done\n\n", assignment.north_star.trim());
    for detail in jobs.iter().filter(|detail| !detail.job.shadow && detail.job.progress().attempts > 0) {
        let job = &detail.job;
        let result = text::one_line(job.progress().result.as_deref().unwrap_or_default());
        let result: String = result.chars().take(300).collect();
        body.push_str(&format!(
            "- **{}** ({}, {}): {result}\n",
            job.job_type,
            job.id.short(),
            job.status().as_str()
        ));
    }
    let receipts = &assignment.standing().receipts;
    if !receipts.is_empty() {
        body.push_str("\n## Checks\n\n");
        for mark in receipts {
            let end = if mark.passed { "passed" } else { "failed" };
            body.push_str(&format!("- `{}`: {end} (receipt {})\n", mark.check, mark.id.short()));
        }
    }
    if !assignment.criteria().is_empty() {
        body.push_str("\n## Accepted by\n\n");
        for criterion in assignment.criteria() {
            let mark = if criterion.tie.is_some() { "x" } else { " " };
            body.push_str(&format!("- [{mark}] {}\n", criterion.text));
        }
    }
    body.push_str(&format!("\nMade by `agents`, assignment {}.\n", assignment.id.short()));
    body
}
