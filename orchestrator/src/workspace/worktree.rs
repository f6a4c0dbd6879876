//! Makes an assignment's worktree, lazily, and mends one that is gone or half made.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agents_domain::worktree::Worktree;

use super::git::Git;
use super::trust::Trust;
use super::{WorkspaceError, checkouts, folder, mark, seal, top, turn};
use crate::settings::WorkspaceSettings;

/// In the worktree's own git folder: the checkout is whole.
const MADE: &str = "agents-made";

/// Below it the last checkpoints of branches are kept, by the branches' last names.
const HEADS: &str = "refs/agents/heads/";

/// Beside the worktree: which git folder is its own.
const GIT: &str = "git";

/// How often the lock of a worktree is tried that somebody else makes.
const LOCK_CHECK: Duration = Duration::from_millis(50);

/// Whether it has just been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Made,
    There,
}

/// Whether the folder is a worktree of its own. One whose `.git` is gone would be taken for a part of whatever is around it.
pub fn is_there(worktree: &Worktree) -> bool {
    let top = top(worktree);
    top.join(".git").is_file() && !folder::git_folders(top).is_empty()
}

/// Holds the worktree for making it: a question may begin while a job does.
pub(super) async fn lock(worktree: &Worktree) -> Result<File, WorkspaceError> {
    lock_file(&mark::beside(worktree, "lock")).await
}

/// Holds that file.
pub(super) async fn lock_file(path: &Path) -> Result<File, WorkspaceError> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent).map_err(WorkspaceError::files(parent))?;
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = open.map_err(WorkspaceError::files(path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Waiting for it in a thread could not be given up.
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_CHECK).await,
            Err(TryLockError::Error(error)) => return Err(WorkspaceError::files(path)(error)),
        }
    }
}

/// The worktree's own git folder below the repository's, whatever an agent has made of its `.git`.
pub(super) fn git_folder(worktree: &Worktree, workspace: &Path) -> Option<PathBuf> {
    let all = folder::common(workspace)?.join("worktrees");
    let recorded = std::fs::read_to_string(mark::beside(worktree, GIT)).ok().map(PathBuf::from);
    let named = || top(worktree).file_name().map(|name| all.join(name));
    let is_one =
        |path: &PathBuf| path.parent() == Some(&all) && path.symlink_metadata().is_ok_and(|one| one.is_dir());
    recorded.or_else(named).filter(is_one)
}

/// The worktree's `.git` names its own git folder again, and that one the repository's: whoever changes them has our git
/// work elsewhere. Looks at files only.
pub(super) fn mend(worktree: &Worktree, workspace: &Path) -> Result<(), WorkspaceError> {
    let top = top(worktree);
    let Some(own) = git_folder(worktree, workspace).filter(|_| top.is_dir()) else { return Ok(()) };
    let entry = top.join(".git");
    let found = entry.symlink_metadata().ok();
    let is_file = found.as_ref().is_some_and(|found| found.is_file());
    let expected = format!("gitdir: {}\n", own.display());
    let points_there = is_file && folder::linked_folder(&entry).is_some_and(|linked| linked == own);
    if !points_there {
        tracing::warn!(folder = %top.display(), "its `.git` was not as it was made; it is mended");
        if found.is_some_and(|found| found.is_dir()) {
            // A repository that an agent has made in its place.
            let aside = (1_u32..).map(|number| mark::beside(worktree, &format!("replaced-git-{number}")));
            let aside = aside.into_iter().find(|path| !path.exists()).unwrap_or_default();
            std::fs::rename(&entry, &aside).map_err(WorkspaceError::files(&entry))?;
        } else if entry.symlink_metadata().is_ok() {
            std::fs::remove_file(&entry).map_err(WorkspaceError::files(&entry))?;
        }
        std::fs::write(&entry, expected).map_err(WorkspaceError::files(&entry))?;
    }
    let common = own.join("commondir");
    let leads_back = |text: String| own.join(text.trim()).canonicalize().ok() == folder::common(workspace);
    if !std::fs::read_to_string(&common).is_ok_and(leads_back) {
        std::fs::write(&common, "../..\n").map_err(WorkspaceError::files(&common))?;
    }
    Ok(())
}

/// Makes it from its branch, or from its base if there is no branch yet.
pub(super) async fn ensure(
    worktree: &Worktree,
    workspace: &Path,
    settings: &WorkspaceSettings,
) -> Result<Found, WorkspaceError> {
    let patience = settings.patience;
    let top = top(worktree);
    checkouts::refuse_elsewhere(&Git::new(workspace), worktree).await?;
    if !is_there(worktree) && top.exists() && std::fs::read_dir(top).is_ok_and(|mut dir| dir.next().is_some())
    {
        // Its `.git` is gone or points nowhere: the repository knows where it belongs.
        let _turn = turn::take(workspace, patience).await?;
        Git::new(workspace).run(&["worktree", "repair", &top.to_string_lossy()]).await?;
        if !is_there(worktree) {
            let why = "it is in the way of the assignment's worktree; move it to another place";
            return Err(WorkspaceError::files(top)(std::io::Error::other(why)));
        }
    }
    let is_half_made = is_there(worktree);
    if is_half_made {
        let has = |name: &str| folder::git_folders(top).first().is_some_and(|own| own.join(name).is_file());
        let was_used = mark::Mark::read(&mark::beside(worktree, "json")).is_some();
        // The index is there when all files are.
        if has(MADE) || (was_used && has("index")) {
            return Ok(Found::There);
        }
    }
    let turn = turn::take(workspace, patience).await?;
    if is_half_made {
        // Somebody was ended while it was made, and nobody has worked in it.
        remove(worktree, workspace).await?;
    }
    add(worktree, workspace).await?;
    drop(turn);
    let own = folder::git_folders(top).into_iter().next();
    if let Some(own) = &own {
        let git = mark::beside(worktree, GIT);
        std::fs::write(&git, own.to_string_lossy().as_bytes()).map_err(WorkspaceError::files(&git))?;
    }
    // As `git worktree add` does it; the files of a large repository keep nobody else waiting.
    let seal = match Trust::of_worktree(worktree, workspace, &settings.data_folder) {
        Some(trust) => {
            trust.accept().await?;
            trust.verify(true).await?
        }
        None => None,
    };
    let files = async { Git::new(top).must(&["reset", "-q", "--hard"]).await };
    seal::around(seal, files).await?;
    submodules(top).await?;
    if let Some(own) = own {
        let made = own.join(MADE);
        std::fs::write(&made, "").map_err(WorkspaceError::files(&made))?;
    }
    Ok(Found::Made)
}

async fn add(worktree: &Worktree, workspace: &Path) -> Result<(), WorkspaceError> {
    let git = Git::new(workspace);
    let path = top(worktree).to_string_lossy().into_owned();
    let branch = format!("refs/heads/{}", worktree.branch);
    let exists = git.optional(&["rev-parse", "-q", "--verify", &branch]).await?.is_some();
    // Twice forced: a worktree that is registered there and gone is forgotten, also if it was locked.
    let mut args = vec!["worktree", "add", "-q", "-f", "-f", "--no-checkout"];
    let begin;
    if exists {
        args.extend([path.as_str(), &worktree.branch]);
    } else {
        begin = beginning(&git, worktree).await?;
        args.extend(["--no-track", "-b", &worktree.branch, &path, &begin]);
    }
    git.must(&args).await?;
    Ok(())
}

/// Where a branch begins that is not there: at the base, or, if somebody has deleted it, where it was.
async fn beginning(git: &Git, worktree: &Worktree) -> Result<String, WorkspaceError> {
    let kept = heads_ref(worktree);
    if let Some(commit) = git.optional(&["rev-parse", "-q", "--verify", &kept]).await? {
        tracing::warn!(branch = worktree.branch, commit, "it was deleted, and is made again from {kept}");
        return Ok(commit);
    }
    let mark = mark::Mark::read(&mark::beside(worktree, "json"));
    match mark.map(|mark| mark.after.unwrap_or(mark.before)).filter(|was| *was != worktree.base.commit) {
        None => Ok(worktree.base.commit.clone()),
        Some(was) => {
            let branch = &worktree.branch;
            Err(WorkspaceError::Lost(format!(
                "the branch `{branch}` is gone, and it does not begin again without a word. It was at {was}: `git branch \
                 {branch} {was}` brings it back"
            )))
        }
    }
}

/// Where the branch was, as far as it is known.
pub(super) async fn last(git: &Git, worktree: &Worktree) -> Result<String, WorkspaceError> {
    let kept = git.optional(&["rev-parse", "-q", "--verify", &heads_ref(worktree)]).await?;
    let mark = || mark::Mark::read(&mark::beside(worktree, "json")).map(|mark| mark.before);
    Ok(kept.or_else(mark).unwrap_or_else(|| worktree.base.commit.clone()))
}

/// Under which name the branch's last checkpoint is kept, so that it is there also without the branch.
pub(super) fn heads_ref(worktree: &Worktree) -> String {
    format!("{HEADS}{}", worktree.branch.rsplit('/').next().unwrap_or(&worktree.branch))
}

async fn submodules(top: &Path) -> Result<(), WorkspaceError> {
    if top.join(".gitmodules").is_file() {
        Git::new(top).must(&["submodule", "update", "-q", "--init", "--recursive"]).await?;
    }
    Ok(())
}

/// Takes the folder away, whatever is in it; its branch stays. Who calls this has looked into it.
async fn remove(worktree: &Worktree, workspace: &Path) -> Result<(), WorkspaceError> {
    let path = top(worktree).to_string_lossy().into_owned();
    Git::new(workspace).must(&["worktree", "remove", "-f", "-f", &path]).await?;
    Ok(())
}

/// Takes the folder away with what is kept beside it; its branch stays. Who calls this holds it and has looked into it.
pub async fn discard(worktree: &Worktree, workspace: &Path) -> Result<(), WorkspaceError> {
    let _turn = turn::take(workspace, turn::PERSON).await?;
    remove(worktree, workspace).await?;
    for what in ["json", "setup.log", GIT] {
        let path = mark::beside(worktree, what);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(WorkspaceError::files(&path)(error)),
        }
    }
    Ok(())
}
