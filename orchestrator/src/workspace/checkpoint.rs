//! The end of a job that may edit: what it has done is committed to its assignment's branch.
//!
//! Seven runs of git where there is something to commit that the job did not commit itself, of which two read the index.

use std::path::{Path, PathBuf};
use std::time::Duration;

use agents_domain::evidence::Checkpoint;
use agents_domain::store::Claimed;
use agents_domain::worktree::Worktree;

use super::commit::{self, Done};
use super::diff::{Counts, Range, counts};
use super::git::Git;
use super::mark::{self, Mark};
use super::tree_state::UNBORN;
use super::{WorkspaceError, folder, is_there, locks, seal, top, tree_state, turn, watch};
use crate::settings::Settings;

/// The longest first line of a message, in characters.
const SUBJECT: usize = 100;

/// Commits what the attempt has done. Only after one that has ended well: what a failed one leaves is set aside before the
/// next one. In a shared tree nothing is committed, and the counts are of what is not. `None`: there is no repository, or no
/// commit in it.
pub async fn checkpoint(
    claimed: &Claimed,
    settings: &Settings,
) -> Result<Option<Checkpoint>, WorkspaceError> {
    checkpoint_of(claimed, settings, &claimed.context).await
}

/// The same; the message tells the first line of what the agent said.
pub async fn checkpoint_of(
    claimed: &Claimed,
    settings: &Settings,
    said: &str,
) -> Result<Option<Checkpoint>, WorkspaceError> {
    let path = mark::path(claimed, &settings.workspace.data_folder);
    let own = Mark::read(&path).filter(|mark| mark.attempt == claimed.attempt.id.to_string());
    match &claimed.assignment.worktree {
        Some(worktree) => {
            let before = own.as_ref().map(|mark| mark.before.as_str());
            let done = keep(claimed, settings, (worktree, before), said).await;
            // Work that ended well and can't be committed now is no failed attempt's leftover.
            if let Some(mark) = own.filter(|mark| mark.is_open) {
                let after = done.as_ref().ok().map(|done| done.after.clone());
                Mark { is_open: false, after, ..mark }.write(&path)?;
            }
            Ok(Some(done?.of(claimed)))
        }
        None => watch::watched((claimed, settings), look(claimed, own)).await?,
    }
}

async fn keep(
    claimed: &Claimed,
    settings: &Settings,
    (worktree, before): (&Worktree, Option<&str>),
    said: &str,
) -> Result<Done, WorkspaceError> {
    let seal = watch::ready(claimed, settings).await?;
    if !is_there(worktree) {
        let why = "it is no worktree any more";
        return Err(WorkspaceError::files(top(worktree))(std::io::Error::other(why)));
    }
    let patience = settings.workspace.patience;
    // A rollback of the same worktree waits until this is done, and this for that.
    let busy = || WorkspaceError::Busy { folder: top(worktree).to_owned(), seconds: patience.as_secs() };
    let _lock =
        tokio::time::timeout(patience, super::worktree::lock(worktree)).await.map_err(|_| busy())??;
    let git = Git::new(top(worktree)).by(&settings.workspace.author);
    seal::around(seal, commit_all(&git, worktree, (before, patience), &message(claimed, said))).await
}

impl Done {
    fn of(self, claimed: &Claimed) -> Checkpoint {
        Checkpoint {
            assignment: claimed.assignment.id,
            job: claimed.job.id,
            attempt: claimed.attempt.id,
            before: self.before,
            after: self.after,
            files: self.counts.files,
            insertions: self.counts.insertions,
            deletions: self.counts.deletions,
        }
    }
}

async fn commit_all(
    git: &Git,
    worktree: &Worktree,
    (before, patience): (Option<&str>, Duration),
    message: &str,
) -> Result<Done, WorkspaceError> {
    let turn = turn::take(git.folder(), patience).await?;
    let head = on_own_branch(git, worktree).await?;
    drop(turn);
    // Takes long in a large tree, and touches nothing that others have.
    add_all(git).await?;
    let tree = commit::staged(git).await?;
    let _turn = turn::take(git.folder(), patience).await?;
    commit::commit(git, worktree, (before.unwrap_or(&head), &tree), message).await
}

/// Stages everything. What can't be staged, such as a repository without a commit inside of this one, stays as it is.
pub(super) async fn add_all(git: &Git) -> Result<(), WorkspaceError> {
    let args = ["add", "-A", "--ignore-errors"];
    let ended = git.run(&args).await?;
    match ended.code {
        Some(0) => Ok(()),
        Some(1) => {
            tracing::warn!(said = ended.complaint(), "not all that is there could be committed");
            Ok(())
        }
        Some(_) | None => Err(git.failed(&args, &ended).into()),
    }
}

/// The commit that is checked out. An agent that has switched to another branch, or to none, is brought back to its own one,
/// which then goes on from there; what it leaves behind keeps a name. One that has left no commit checked out is brought back
/// to where its branch was.
pub(super) async fn on_own_branch(git: &Git, worktree: &Worktree) -> Result<String, WorkspaceError> {
    let own = format!("refs/heads/{}", worktree.branch);
    clear_locks(git.folder(), &own).await;
    let mut found = commit::resolve(git, &[&own, "HEAD^{commit}"]).await?.into_iter();
    let (old, head) = (found.next().flatten(), found.next().flatten());
    let Some(head) = head else {
        return back_on_own_branch(git, worktree, (&own, old)).await;
    };
    let is_on_own =
        head_file(git.folder()).is_some_and(|(_, text)| text.trim().strip_prefix("ref: ") == Some(&own));
    if !is_on_own {
        if let Some(old) = old
            && old != head
            && !git.is(&["merge-base", "--is-ancestor", &old, &head]).await?
        {
            let kept = format!("refs/agents/kept/{}", &old[..old.len().min(12)]);
            git.must(&["update-ref", &kept, &old]).await?;
        }
        git.must(&["update-ref", &own, &head]).await?;
        git.must(&["symbolic-ref", "HEAD", &own]).await?;
    }
    Ok(head)
}

/// No commit is checked out: on a branch without one, on one that was deleted, or what is checked out says nothing.
async fn back_on_own_branch(
    git: &Git,
    worktree: &Worktree,
    (own, old): (&str, Option<String>),
) -> Result<String, WorkspaceError> {
    let head = match old {
        Some(old) => old,
        None => {
            let was = super::worktree::last(git, worktree).await?;
            git.must(&["update-ref", own, &was]).await?;
            was
        }
    };
    git.must(&["symbolic-ref", "HEAD", own]).await?;
    tracing::warn!(branch = worktree.branch, head, "nothing was checked out; the branch is again");
    Ok(head)
}

fn head_file(top: &Path) -> Option<(PathBuf, String)> {
    let path = folder::git_folders(top).into_iter().next()?.join("HEAD");
    let text = std::fs::read(&path).ok()?;
    Some((path, String::from_utf8_lossy(&text).into_owned()))
}

/// Locks that an ended git has left on what is the worktree's alone are removed. What is checked out says something to git:
/// else it would take the folder for no repository.
pub(super) async fn clear_locks(top: &Path, own_branch: &str) {
    locks::clear(top, own_branch).await;
    let Some(own) = folder::git_folders(top).into_iter().next() else { return };
    let path = own.join("HEAD");
    let says_something = head_file(top).is_some_and(|(_, text)| {
        let text = text.trim();
        text.starts_with("ref: refs/")
            || (text.len() >= 40 && text.chars().all(|one| one.is_ascii_hexdigit()))
    });
    if !says_something && let Err(error) = std::fs::write(&path, format!("ref: {own_branch}\n")) {
        tracing::warn!(%error, path = %path.display(), "what is checked out can't be mended");
    }
}

/// What is different in a shared tree, where nothing is committed.
async fn look(claimed: &Claimed, own: Option<Mark>) -> Result<Option<Checkpoint>, WorkspaceError> {
    let path = Path::new(claimed.assignment.folder());
    let Some(now) = tree_state(path).await else { return Ok(None) };
    let before = own.as_ref().map_or_else(|| now.commit.clone(), |mark| mark.before.clone());
    if before == UNBORN || now.commit == UNBORN {
        return Ok(None);
    }
    let is_same = own.is_some_and(|mark| mark.state() == now);
    let counts = match is_same {
        true => Counts::default(),
        false => counts(path, Range::WorkingTree { since: &before }).await?,
    };
    Ok(Some(Done { after: now.commit.clone(), before: before.clone(), counts }.of(claimed)))
}

fn message(claimed: &Claimed, said: &str) -> String {
    let (job, assignment) = (&claimed.job, &claimed.assignment);
    let first = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let subject: String =
        format!("{} {}: {first}", job.job_type, job.id.short()).chars().take(SUBJECT).collect();
    let subject = subject.trim_end_matches([':', ' ']);
    format!(
        "{subject}\n\nAgents-Assignment: {}\nAgents-Job: {}\nAgents-Attempt: {}\n",
        assignment.id, job.id, claimed.attempt.id
    )
}
