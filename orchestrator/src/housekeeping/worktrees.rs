//! Worktrees of closed assignments: gone when they are merged, when they are old, or, the largest first, when together
//! they take more than they may. Never one with something in it that is nowhere else, and never one that is in use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agents_domain::assignment::Assignment;
use agents_domain::id::AssignmentId;
use agents_domain::job::JobStatus;
use agents_domain::store::StoreError;

use super::sweep::{Left, Mode, Sweep, SweepReport, aside};
use crate::workspace::{self, Git, GitError, WORKTREES, WorkspaceError};

/// How long one that somebody makes ready is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a worktree goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyWorktree {
    Merged,
    Old,
    /// All together take more than they may, and this is one of the largest.
    TooLarge,
}

impl WhyWorktree {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            WhyWorktree::Merged => "merged",
            WhyWorktree::Old => "old",
            WhyWorktree::TooLarge => "too_large",
        }
    }
}

/// A worktree that goes, or would. Its branch stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneWorktree {
    pub assignment: AssignmentId,
    pub path: PathBuf,
    pub bytes: u64,
    pub why: WhyWorktree,
}

/// A worktree of a closed assignment, with all that its fate depends on.
#[derive(Debug, Clone)]
struct Stale {
    assignment: Assignment,
    top: PathBuf,
    bytes: u64,
    is_over: bool,
    is_merged: bool,
    /// Those of one repository share what they may take.
    max_bytes: u64,
}

/// Removes what is to go.
pub(super) async fn sweep(sweep: &Sweep, report: &mut SweepReport) -> Result<(), StoreError> {
    let mut stale = Vec::new();
    for top in worktree_folders(&sweep.data_folder) {
        if sweep.bounds.is_reached(0) {
            return Ok(());
        }
        let Some(assignment) = owner(sweep, &top).await? else { continue };
        match look(sweep, assignment, &top).await {
            Ok(found) => stale.extend(found),
            Err(error) => report.left.push(left(&top, &error.to_string())),
        }
    }
    for (one, why) in choose(stale) {
        if sweep.bounds.is_reached(report.worktrees.len()) {
            return Ok(());
        }
        let gone =
            GoneWorktree { assignment: one.assignment.id, path: one.top.clone(), bytes: one.bytes, why };
        match (sweep.mode, why_kept(&one, &sweep.data_folder).await) {
            (_, Err(error)) => report.left.push(left(&one.top, &error.to_string())),
            (_, Ok(Some(kept))) => report.worktrees_kept.push(left(&one.top, kept)),
            (Mode::DryRun, Ok(None)) => report.worktrees.push(gone),
            (Mode::Remove, Ok(None)) => match remove(sweep, &one).await? {
                Ok(true) => report.worktrees.push(gone),
                Ok(false) => {}
                Err(error) => report.left.push(left(&one.top, &error.to_string())),
            },
        }
    }
    Ok(())
}

fn left(path: &Path, why: &str) -> Left {
    Left { what: path.display().to_string(), why: why.to_owned() }
}

/// The folders in which worktrees are, by their places alone: `<namespace>/<short id>-<slug>`. What was set aside beside one
/// has a dot in its name.
pub fn worktree_folders(data_folder: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        found.sort();
        found
    };
    let is_worktree = |path: &PathBuf| path.extension().is_none();
    below(&data_folder.join(WORKTREES))
        .iter()
        .flat_map(|namespace| below(namespace))
        .filter(is_worktree)
        .collect()
}

/// The closed assignment whose worktree this is.
async fn owner(sweep: &Sweep, top: &Path) -> Result<Option<Assignment>, StoreError> {
    let name = top.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let short = name.split('-').next().unwrap_or_default();
    if short.len() != agents_domain::id::SHORT_LEN {
        return Ok(None);
    }
    for id in sweep.store.assignments_like(short).await? {
        let Some(assignment) = sweep.store.assignment(id).await? else { continue };
        let is_its = assignment.worktree.as_ref().is_some_and(|own| workspace::top(own) == top);
        let is_asked_for = sweep.only.as_ref().is_none_or(|only| *only == assignment.namespace);
        if is_its && is_asked_for && assignment.is_closed() && !is_in_use(sweep, id).await? {
            return Ok(Some(assignment));
        }
    }
    Ok(None)
}

async fn is_in_use(sweep: &Sweep, id: AssignmentId) -> Result<bool, StoreError> {
    let jobs = sweep.store.job_details(id).await?;
    Ok(jobs.iter().any(|detail| detail.job.status() == JobStatus::Running))
}

async fn look(sweep: &Sweep, assignment: Assignment, top: &Path) -> Result<Option<Stale>, WorkspaceError> {
    let repository = Path::new(&assignment.workspace);
    // While its config can't be read it stays, and the clean-up of logs says so.
    let Ok(settings) = sweep.settings.for_workspace(repository) else { return Ok(None) };
    let Some(worktree) = assignment.worktree.as_ref().filter(|own| workspace::is_there(own)) else {
        return Ok(None);
    };
    let is_merged = workspace::is_merged(worktree, repository).await?;
    let folder = top.to_owned();
    Ok(Some(Stale {
        top: top.to_owned(),
        bytes: aside(move || size(&folder)).await,
        is_over: settings.workspace.keep.is_over(assignment.updated_at(), sweep.now),
        is_merged,
        max_bytes: settings.workspace.max_bytes,
        assignment,
    }))
}

/// Which of them go.
fn choose(mut stale: Vec<Stale>) -> Vec<(Stale, WhyWorktree)> {
    stale.sort_by_key(|one| std::cmp::Reverse(one.bytes));
    let mut taken: BTreeMap<String, u64> = BTreeMap::new();
    for one in stale.iter().filter(|one| !one.is_merged && !one.is_over) {
        *taken.entry(one.assignment.workspace.clone()).or_default() += one.bytes;
    }
    let why = |one: Stale| {
        if one.is_merged {
            return Some((one, WhyWorktree::Merged));
        }
        if one.is_over {
            return Some((one, WhyWorktree::Old));
        }
        let together = taken.get_mut(&one.assignment.workspace)?;
        if *together <= one.max_bytes {
            return None;
        }
        *together -= one.bytes;
        Some((one, WhyWorktree::TooLarge))
    };
    stale.into_iter().filter_map(why).collect()
}

/// What is in it and nowhere else.
async fn why_kept(one: &Stale, data_folder: &Path) -> Result<Option<&'static str>, WorkspaceError> {
    let Some(worktree) = &one.assignment.worktree else { return Ok(None) };
    let repository = Path::new(&one.assignment.workspace);
    match workspace::safely_in(worktree, (repository, data_folder), only_there(one)).await {
        Ok(why) => Ok(why?),
        Err(WorkspaceError::Armed { .. }) => {
            Ok(Some("git would run there what an agent has set up; the assignment's next job names it"))
        }
        Err(error) => Err(error),
    }
}

async fn only_there(one: &Stale) -> Result<Option<&'static str>, GitError> {
    let git = Git::new(&one.top);
    if workspace::uncommitted(&git).await? > 0 {
        return Ok(Some("it has changes that are not committed"));
    }
    if git.text(&["for-each-ref", "--count=1", "--contains=HEAD"]).await?.is_empty() {
        return Ok(Some("it has commits that no branch has"));
    }
    if one.top.join(".gitmodules").is_file() {
        let only_here = "git log -1 --format=%H HEAD --not --remotes";
        if !git.text(&["submodule", "foreach", "--quiet", "--recursive", only_here]).await?.is_empty() {
            return Ok(Some("a submodule in it has commits that were not pushed"));
        }
    }
    Ok(None)
}

/// Removes it while nobody can begin in it. `false`: somebody is in it after all.
async fn remove(sweep: &Sweep, one: &Stale) -> Result<Result<bool, WorkspaceError>, StoreError> {
    let Some(worktree) = &one.assignment.worktree else { return Ok(Ok(false)) };
    let hold = match tokio::time::timeout(PATIENCE, workspace::hold(worktree)).await {
        Ok(Ok(hold)) => hold,
        Ok(Err(error)) => return Ok(Err(error)),
        Err(_) => return Ok(Ok(false)),
    };
    let now = sweep.store.assignment(one.assignment.id).await?;
    if !now.is_some_and(|now| now.is_closed()) || is_in_use(sweep, one.assignment.id).await? {
        return Ok(Ok(false));
    }
    let removed = workspace::discard(worktree, Path::new(&one.assignment.workspace)).await;
    drop(hold);
    Ok(removed.map(|()| true))
}

/// All the files below it, links not followed.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::Work;

    async fn stale(name: &str, bytes: u64, is_over: bool, is_merged: bool) -> Stale {
        let work = Work::new().await;
        let mut assignment = work.assignment.clone();
        assignment.workspace = "/repository".to_owned();
        Stale { assignment, top: name.into(), bytes, is_over, is_merged, max_bytes: 100 }
    }

    #[tokio::test]
    async fn merged_and_old_ones_go_and_of_the_others_the_largest_until_they_take_no_more_than_they_may() {
        let all = vec![
            stale("merged", 1000, false, true).await,
            stale("old", 10, true, false).await,
            stale("small", 30, false, false).await,
            stale("largest", 90, false, false).await,
            stale("large", 60, false, false).await,
        ];
        let chosen: Vec<(String, WhyWorktree)> =
            choose(all).into_iter().map(|(one, why)| (one.top.display().to_string(), why)).collect();
        let expected =
            [("merged", WhyWorktree::Merged), ("largest", WhyWorktree::TooLarge), ("old", WhyWorktree::Old)];
        assert_eq!(chosen, expected.map(|(name, why)| (name.to_owned(), why)));
    }

    #[tokio::test]
    async fn what_is_nowhere_else_keeps_a_worktree() {
        let mut work = Work::new().await;
        let job = work.job("implement");
        work.prepare(&job).await;
        let of = |work: &Work| Stale {
            assignment: work.assignment.clone(),
            top: work.folder(),
            bytes: 0,
            is_over: true,
            is_merged: false,
            max_bytes: 0,
        };
        assert_eq!(why_kept(&of(&work), &work.settings.workspace.data_folder).await.unwrap(), None);
        work.write("new.txt", "new\n");
        assert_eq!(
            why_kept(&of(&work), &work.settings.workspace.data_folder).await.unwrap(),
            Some("it has changes that are not committed")
        );
        work.git(&["checkout", "-q", "--detach"]).await;
        work.git(&["add", "-A"]).await;
        work.git(&["commit", "-qm", "nowhere"]).await;
        assert_eq!(
            why_kept(&of(&work), &work.settings.workspace.data_folder).await.unwrap(),
            Some("it has commits that no branch has")
        );
        work.checkpoint(&job).await;
        assert_eq!(why_kept(&of(&work), &work.settings.workspace.data_folder).await.unwrap(), None);
    }
}
