//! What the doctor says of git and of worktrees.

use std::path::PathBuf;

use agents_domain::assignment::AssignmentStatus;
use agents_domain::id::SHORT_LEN;
use agents_domain::store::{AssignmentFilter, Store};
use agents_orchestrator::housekeeping::worktree_folders;
use agents_orchestrator::process::probe::probe_version;
use agents_orchestrator::workspace::{self, Git};

use super::doctor::Check;
use crate::app::Here;
use crate::failure::Failure;

/// The first git that can merge without touching a tree (`merge-tree --write-tree`).
const OLDEST_GIT: (u32, u32) = (2, 38);

/// Whether git is there, and young enough.
pub async fn git() -> Check {
    match probe_version("git", &["--version".to_owned()]).await {
        Ok(version) if is_old(&version) => Check::note(
            "git",
            format!("{version}: `agents merge` needs {}.{}", OLDEST_GIT.0, OLDEST_GIT.1),
            "update git",
        ),
        Ok(version) => Check::ok("git", version),
        Err(error) => {
            Check::problem("git", error.to_string(), "install git with your system's package manager")
        }
    }
}

/// `git version 2.47.3`. What can't be read is taken for young.
fn is_old(version: &str) -> bool {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let mut parts = number.unwrap_or_default().split('.').map_while(|part| part.parse().ok());
    matches!((parts.next(), parts.next()), (Some(major), Some(minor)) if (major, minor) < OLDEST_GIT)
}

/// Worktrees that are gone, and folders that no assignment has.
pub async fn worktrees(here: &Here, store: &dyn Store) -> Check {
    match look(here, store).await {
        Ok(check) => check,
        Err(failure) => Check::failure("worktrees", failure),
    }
}

async fn look(here: &Here, store: &dyn Store) -> Result<Check, Failure> {
    let folders = worktree_folders(&here.config.data_folder()?);
    let mut unknown = Vec::new();
    for folder in &folders {
        if !is_known(store, folder).await? {
            unknown.push(folder.display().to_string());
        }
    }
    let gone = gone(store).await?;
    if !unknown.is_empty() {
        return Ok(Check::note(
            "worktrees",
            format!("no assignment of this database has {}", unknown.join(", ")),
            "if nothing in it is needed: git worktree remove <folder>",
        ));
    }
    if !gone.is_empty() {
        return Ok(Check::note(
            "worktrees",
            format!("gone: {}", gone.join(", ")),
            "nothing: each is made again from its branch when its next job starts",
        ));
    }
    Ok(Check::ok("worktrees", format!("{} there", folders.len())))
}

async fn is_known(store: &dyn Store, folder: &PathBuf) -> Result<bool, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let short = name.split('-').next().unwrap_or_default();
    let is_id = short.len() == SHORT_LEN && short.chars().all(|c| c.is_ascii_hexdigit());
    if !is_id {
        return Ok(false);
    }
    for id in store.assignments_like(short).await? {
        let found = store.assignment(id).await?;
        if found.and_then(|found| found.worktree).is_some_and(|own| workspace::top(&own) == folder) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Worktrees of open assignments that have been made, since there is a branch, and are not there.
async fn gone(store: &dyn Store) -> Result<Vec<String>, Failure> {
    let status = vec![AssignmentStatus::Active, AssignmentStatus::Blocked];
    let open = store.assignments(&AssignmentFilter { status, ..AssignmentFilter::default() }).await?;
    let mut gone = Vec::new();
    for assignment in open.iter().map(|line| &line.assignment) {
        let Some(worktree) = assignment.worktree.as_ref().filter(|own| !workspace::is_there(own)) else {
            continue;
        };
        let branch = format!("refs/heads/{}", worktree.branch);
        let git = Git::new(assignment.workspace.as_ref());
        if git.run(&["rev-parse", "-q", "--verify", &branch]).await.is_ok_and(|ended| ended.is_success()) {
            gone.push(format!("{} of assignment {}", worktree.path, assignment.id.short()));
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_that_can_not_merge_without_a_tree_is_old() {
        let versions = [
            ("git version 2.37.9", true),
            ("git version 1.99", true),
            ("git version 2.38.0", false),
            ("git version 2.39.5 (Apple Git-154)", false),
            ("git version 3.0.0-rc1", false),
            ("something else", false),
        ];
        for (version, expected) in versions {
            assert_eq!(is_old(version), expected, "{version}");
        }
    }
}
