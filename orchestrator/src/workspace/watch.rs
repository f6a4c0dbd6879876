//! Before git of ours works where an agent has worked: it works in the right repository, runs nothing that the agent has
//! set up, and sees every change.

use std::future::Future;
use std::path::Path;

use agents_domain::evidence::TreeState;
use agents_domain::store::Claimed;
use agents_domain::worktree::Worktree;

use super::checkpoint::clear_locks;
use super::git::Git;
use super::index::{self, Index, Read};
use super::seal::{self, Seal};
use super::trust::Trust;
use super::{WorkspaceError, folder, top, tree_state, worktree};
use crate::settings::Settings;

/// Makes sure of it; an error says why no git may work there. What git then does is done around what this gives.
pub(super) async fn ready(claimed: &Claimed, settings: &Settings) -> Result<Option<Seal>, WorkspaceError> {
    let assignment = &claimed.assignment;
    let data_folder = &settings.workspace.data_folder;
    match &assignment.worktree {
        Some(own) => ready_worktree(own, Path::new(&assignment.workspace), data_folder).await,
        None => match Trust::of(claimed, data_folder) {
            Some(trust) => trust.verify(false).await,
            None => Ok(None),
        },
    }
}

async fn ready_worktree(
    own: &Worktree,
    workspace: &Path,
    data_folder: &Path,
) -> Result<Option<Seal>, WorkspaceError> {
    worktree::mend(own, workspace)?;
    let (seal, index) = match Trust::of_worktree(own, workspace, data_folder) {
        Some(trust) => (trust.verify(true).await?, trust.index()),
        None => (None, None),
    };
    if worktree::is_there(own) {
        seal::around(seal.clone(), unhide(own, index)).await?;
    }
    Ok(seal)
}

/// Does that with git where the attempt works, which runs only what is a person's, whoever sets up more meanwhile.
pub async fn watched<T>(
    (claimed, settings): (&Claimed, &Settings),
    work: impl Future<Output = T>,
) -> Result<T, WorkspaceError> {
    let work = Box::pin(work);
    let seal = ready(claimed, settings).await?;
    Ok(seal::around(seal, work).await)
}

/// The same for a person in that folder of theirs.
pub async fn safely<T>(
    folder: &Path,
    data_folder: &Path,
    work: impl Future<Output = T>,
) -> Result<T, WorkspaceError> {
    let work = Box::pin(work);
    let seal = match Trust::of_folder(folder, data_folder) {
        Some(trust) => trust.verify(false).await?,
        None => None,
    };
    Ok(seal::around(seal, work).await)
}

/// The same for a person in an assignment's worktree, or in its repository if that is gone.
pub async fn safely_in<T>(
    worktree: &Worktree,
    (workspace, data_folder): (&Path, &Path),
    work: impl Future<Output = T>,
) -> Result<T, WorkspaceError> {
    let work = Box::pin(work);
    let of_workspace = match Trust::of_folder(workspace, data_folder) {
        Some(trust) => trust.verify(false).await?,
        None => None,
    };
    worktree::mend(worktree, workspace)?;
    let own = match Trust::of_worktree(worktree, workspace, data_folder) {
        Some(trust) if worktree::is_there(worktree) => trust.verify(true).await?,
        Some(_) | None => None,
    };
    Ok(seal::around(of_workspace, seal::around(own, work)).await)
}

/// The state of the tree that the attempt works in. `None`: there is no repository, or no git may work there.
pub async fn state_of(claimed: &Claimed, settings: &Settings) -> Option<TreeState> {
    let assignment = &claimed.assignment;
    let folder = assignment.worktree.as_ref().map_or(Path::new(assignment.folder()), top);
    match watched((claimed, settings), tree_state(folder)).await {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(%error, attempt = %claimed.attempt.id, "the state of the tree can't be told");
            None
        }
    }
}

/// The attempt works there no more; an error says what it has left that git must not meet.
pub async fn over(claimed: &Claimed, settings: &Settings) -> Result<(), WorkspaceError> {
    match Trust::of(claimed, &settings.workspace.data_folder) {
        Some(trust) => trust.end(&claimed.attempt.id.to_string()).await,
        None => Ok(()),
    }
}

/// In a worktree of its own no change is hidden from git, and what is no index any more is made again: everything in the
/// tree becomes part of the next commit anyway. `index`: as it has just been read.
async fn unhide(worktree: &Worktree, index: Option<Read>) -> Result<(), WorkspaceError> {
    let top = top(worktree);
    let Some(own) = folder::git_folders(top).into_iter().next() else { return Ok(()) };
    let (git, path) = (Git::new(top), own.join("index"));
    let mut read = index.unwrap_or_else(|| index::read(&path));
    if read == Read::Other {
        git.must(&["update-index", "--no-split-index"]).await?;
        read = index::read(&path);
    }
    match read {
        Read::Whole(index) => show(&git, &index).await,
        // A sparse checkout, which is a person's: an agent's own is not trusted.
        Read::Other => Ok(()),
        Read::Broken => {
            tracing::warn!(index = %path.display(), "it is no index any more; it is made again");
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(WorkspaceError::files(&path))?;
            let branch = format!("refs/heads/{}", worktree.branch);
            clear_locks(top, &branch).await;
            if !git.run(&["read-tree", "HEAD"]).await?.is_success() {
                git.must(&["read-tree", &branch]).await?;
            }
            if is_sparse(&git).await? {
                git.must(&["sparse-checkout", "reapply"]).await?;
            }
            Ok(())
        }
    }
}

async fn show(git: &Git, index: &Index) -> Result<(), WorkspaceError> {
    for (paths, flag) in [(&index.assumed, "--no-assume-unchanged"), (&index.skipped, "--no-skip-worktree")] {
        if paths.is_empty() || (flag == "--no-skip-worktree" && is_sparse(git).await?) {
            continue;
        }
        let args = ["update-index", flag, "-z", "--stdin"];
        let ended = git.run_with(&args, paths.join("\0").into_bytes()).await?;
        if !ended.is_success() {
            return Err(git.failed(&args, &ended).into());
        }
    }
    Ok(())
}

async fn is_sparse(git: &Git) -> Result<bool, WorkspaceError> {
    let told = git.optional(&["config", "--bool", "core.sparseCheckout"]).await?;
    Ok(told.as_deref() == Some("true"))
}
