//! Before an attempt: its worktree is there and ready, what a failed one has left is set aside, and where its work begins is
//! written down.

use std::path::{Path, PathBuf};

use agents_domain::access::Access;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::Claimed;
use agents_domain::worktree::Worktree;

use super::git::{Git, GitError};
use super::mark::{self, Mark};
use super::trust::Trust;
use super::{WorkspaceError, leftovers, setup, top, tree_state, watch, worktree};
use crate::settings::Settings;

/// The harness of commands.
const EXEC: &str = "exec";

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ready {
    /// Under which name the work of an earlier, failed attempt is kept.
    pub leftovers: Option<String>,
    /// In which folder there is what of it git can't keep: repositories that it has made.
    pub moved: Option<PathBuf>,
}

impl Ready {
    /// Where the work of an earlier attempt is kept, in words.
    pub fn kept(&self) -> Option<String> {
        let commit = self.leftovers.as_ref().map(|name| format!("the commit {name}"));
        let folder =
            self.moved.as_ref().map(|folder| format!("repositories of its own below {}", folder.display()));
        let kept: Vec<String> = commit.into_iter().chain(folder).collect();
        (!kept.is_empty()).then(|| kept.join(", with "))
    }
}

/// Whether what the attempt does to the files is kept: that of an agent that may edit, and in a worktree that of a command too.
pub fn may_edit(claimed: &Claimed, settings: &Settings) -> bool {
    if claimed.job.job_type.is_run() && claimed.attempt.harness == EXEC {
        return claimed.assignment.worktree.is_some();
    }
    match settings.access_for(&claimed.job.job_type) {
        Access::Edit | Access::Full => true,
        Access::ReadOnly | Access::ReadOnlyAndAgents => false,
    }
}

/// Makes the workspace ready for the attempt; what stands in the way is its outcome. `is_resumed`: it goes on in the session
/// of the attempt before it, so that its work stays as it is.
pub async fn prepare(claimed: &Claimed, settings: &Settings, is_resumed: bool) -> Result<Ready, Outcome> {
    let edits = may_edit(claimed, settings);
    match &claimed.assignment.worktree {
        Some(own) => {
            let lock = worktree::lock(own).await.map_err(|error| outcome(&error))?;
            worktree::mend(own, Path::new(&claimed.assignment.workspace)).map_err(|error| outcome(&error))?;
            begin_trust(claimed, settings).await?;
            make(claimed, own, settings).await?;
            // From here on nothing that comes meanwhile counts.
            let begin = async {
                if edits { begin(claimed, own, settings, is_resumed).await } else { Ok(Ready::default()) }
            };
            let ready = watch::watched((claimed, settings), begin).await.and_then(|ready| ready);
            let ready = ready.map_err(|error| outcome(&error));
            drop(lock);
            ready
        }
        None => {
            begin_trust(claimed, settings).await?;
            if edits {
                let noted = watch::watched((claimed, settings), note_shared(claimed, settings)).await;
                noted.and_then(|noted| noted).map_err(|error| outcome(&error))?;
            }
            Ok(Ready::default())
        }
    }
}

/// From here on what an agent adds to the repository's configuration is known.
async fn begin_trust(claimed: &Claimed, settings: &Settings) -> Result<(), Outcome> {
    match Trust::of(claimed, &settings.workspace.data_folder) {
        Some(trust) => trust.begin(&claimed.attempt.id.to_string()).await.map_err(|error| outcome(&error)),
        None => Ok(()),
    }
}

async fn make(claimed: &Claimed, own: &Worktree, settings: &Settings) -> Result<(), Outcome> {
    let workspace = Path::new(&claimed.assignment.workspace);
    let found = worktree::ensure(own, workspace, &settings.workspace).await.map_err(|error| {
        if matches!(error, WorkspaceError::Git(GitError::Locked { .. })) {
            // It says itself what to do.
            return outcome(&error);
        }
        outcome(&error).with_fix(format!(
            "mend the repository {}, or work in it itself: \"workspace\": \"shared\" in its config, for new assignments",
            workspace.display()
        ))
    })?;
    tracing::debug!(folder = own.path, ?found, "worktree");
    match Trust::of(claimed, &settings.workspace.data_folder) {
        Some(trust) if found == worktree::Found::Made => {
            trust.accept().await.map_err(|error| outcome(&error))?;
        }
        Some(_) | None => {}
    }
    setup::run(claimed, own, &settings.workspace).await.map_err(|error| {
        Outcome::failure(OutcomeClass::RunnerError, error.to_string())
            .with_fix("mend `setup` in the config, or what it needs; then activate the assignment again")
    })
}

async fn begin(
    claimed: &Claimed,
    own: &Worktree,
    settings: &Settings,
    is_resumed: bool,
) -> Result<Ready, WorkspaceError> {
    let git = Git::new(top(own)).by(&settings.workspace.author);
    let path = mark::beside(own, "json");
    let attempt = claimed.attempt.id.to_string();
    let earlier = Mark::read(&path).filter(|mark| mark.is_open && mark.attempt != attempt);
    if let Some(mark) = earlier.clone().filter(|_| is_resumed) {
        Mark { attempt, ..mark }.write(&path)?;
        return Ok(Ready::default());
    }
    let ready = match &earlier {
        Some(mark) => leftovers::set_aside(&git, own, (mark, settings.workspace.patience)).await?,
        None => Ready::default(),
    };
    if let Some(kept) = ready.kept() {
        tracing::info!(kept, "what a failed attempt had left is kept there");
    }
    let before = git.text(&["rev-parse", "HEAD"]).await?;
    Mark { attempt, before, dirty: None, after: None, is_open: true }.write(&path)?;
    Ok(ready)
}

/// In a shared tree nothing is set aside; it is only known afterwards whether anything has changed.
async fn note_shared(claimed: &Claimed, settings: &Settings) -> Result<(), WorkspaceError> {
    let Some(state) = tree_state(Path::new(claimed.assignment.folder())).await else { return Ok(()) };
    let attempt = claimed.attempt.id.to_string();
    let mark = Mark { attempt, before: state.commit, dirty: state.dirty, after: None, is_open: true };
    mark.write(&mark::path(claimed, &settings.workspace.data_folder))
}

/// What can't be done by waiting blocks; a disk without room is looked at again later.
fn outcome(error: &WorkspaceError) -> Outcome {
    let text = error.to_string();
    let class = match error {
        // Somebody's git is at work there; later it is not.
        WorkspaceError::Git(GitError::Locked { lock, .. }) if lock.is_held => OutcomeClass::HostTrouble,
        WorkspaceError::Git(_) if text.contains("No space left on device") => OutcomeClass::HostTrouble,
        WorkspaceError::Files { why, .. } if why.kind() == std::io::ErrorKind::StorageFull => {
            OutcomeClass::HostTrouble
        }
        WorkspaceError::Git(_)
        | WorkspaceError::Files { .. }
        | WorkspaceError::Armed { .. }
        | WorkspaceError::Lost(_)
        | WorkspaceError::CheckedOut { .. }
        | WorkspaceError::NoBranch(_)
        | WorkspaceError::Busy { .. } => OutcomeClass::RunnerError,
    };
    Outcome::failure(class, format!("the workspace is not ready: {text}"))
}
