//! Lock files that git has made. One that an ended git left is in the way of every later one: it is told apart from one that
//! is held. What is a worktree's alone is removed; what all share a person removes, told with which command.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder;
use crate::process::holder::{Holder, holder};

/// How long a lock that somebody holds is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
const CHECK: Duration = Duration::from_millis(100);
/// So old is one that nobody holds any more where nobody can be asked: longer than any git of ours may take.
const OLD: Duration = Duration::from_secs(3600);

/// Why git was not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    pub path: PathBuf,
    pub is_held: bool,
    /// Its age, who holds it and what to do, in words.
    pub words: String,
}

/// Removes those of a worktree, and of its branch, that nobody holds. One that is held is waited for, and then left: git
/// says so itself.
pub(super) async fn clear(top: &Path, own_branch: &str) {
    let folders = folder::git_folders(top);
    let Some((own, common)) = folders.first().zip(folders.last()) else { return };
    let branch = common.join(format!("{own_branch}.lock"));
    for lock in [own.join("index.lock"), own.join("HEAD.lock"), branch] {
        let until = tokio::time::Instant::now() + PATIENCE;
        while lock.symlink_metadata().is_ok() {
            if is_stale(&lock, &[top, own]) {
                remove(&lock);
                break;
            }
            if tokio::time::Instant::now() >= until {
                break;
            }
            tokio::time::sleep(CHECK).await;
        }
    }
}

fn is_stale(lock: &Path, works_in: &[&Path]) -> bool {
    match holder(lock, works_in) {
        Holder::Nobody => true,
        Holder::Process { .. } => false,
        Holder::Unknown => age(lock).is_some_and(|age| age >= OLD),
    }
}

fn remove(lock: &Path) {
    let old = age(lock).map(in_words);
    match std::fs::remove_file(lock) {
        Ok(()) => {
            tracing::warn!(lock = %lock.display(), old, "an ended git had left its lock; it is removed")
        }
        Err(error) => tracing::warn!(%error, lock = %lock.display(), "a lock can't be removed"),
    }
}

/// The lock that is meant by what a git says that failed in that folder.
pub(super) fn named(said: &str, inside: &Path) -> Option<Locked> {
    let quoted =
        || said.split("Unable to create '").nth(1)?.split("': File exists").next().map(PathBuf::from);
    let config = || {
        let file = said.split("could not lock config file ").nth(1)?.split(": File exists").next()?;
        Some(PathBuf::from(format!("{file}.lock")))
    };
    let path = inside.join(quoted().or_else(config)?);
    // Through links to where it really is.
    let parent = path.parent()?.canonicalize().ok()?;
    let path = parent.join(path.file_name()?);
    let old = age(&path).map_or_else(String::new, |age| format!(", {} old,", in_words(age)));
    let remove = format!("rm '{}'", path.display());
    let (is_held, words) = match holder(&path, &[inside]) {
        Holder::Process { pid, name } => (
            true,
            format!(
                "it{old} is held by process {pid} ({name}): wait until that has ended, then do this again"
            ),
        ),
        Holder::Nobody => (
            false,
            format!(
                "nobody holds it{old} so a git that was ended has left it; remove it, then do this again: {remove}"
            ),
        ),
        Holder::Unknown => {
            (false, format!("if no git works there any more, one that was ended has left it{old}: {remove}"))
        }
    };
    Some(Locked { path, is_held, words })
}

fn age(lock: &Path) -> Option<Duration> {
    lock.symlink_metadata().ok()?.modified().ok()?.elapsed().ok()
}

fn in_words(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}
