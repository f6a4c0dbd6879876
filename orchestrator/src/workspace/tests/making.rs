//! Worktrees are made, mended, and made ready.

use std::time::Duration;

use agents_domain::outcome::{Outcome, OutcomeClass};

use super::{Repo, Work, git, write};
use crate::process::tool::Tool;

/// Why the workspace is not ready.
async fn why(work: &mut Work) -> Outcome {
    let job = work.job("implement");
    super::super::prepare(&job, &work.settings, false).await.unwrap_err()
}

async fn begin(work: &mut Work) {
    let job = work.job("implement");
    work.prepare(&job).await;
}

#[tokio::test]
async fn a_worktree_is_made_at_the_base_with_a_branch_of_its_own_and_found_again() {
    let mut work = Work::new().await;
    let base = work.repo.head().await;
    work.repo.write("file.txt", "later\n");
    work.repo.commit_all("later").await;
    assert!(!work.folder().exists(), "it is made when it is needed");
    begin(&mut work).await;
    assert_eq!(work.git(&["rev-parse", "HEAD"]).await, base);
    assert_eq!(work.git(&["symbolic-ref", "--short", "HEAD"]).await, "agents/0000000a-do-it");
    let made = std::fs::metadata(work.folder().join("file.txt")).unwrap().modified().unwrap();
    begin(&mut work).await;
    assert_eq!(std::fs::metadata(work.folder().join("file.txt")).unwrap().modified().unwrap(), made);
}

#[tokio::test]
async fn a_worktree_whose_folder_is_gone_is_made_again_from_its_branch() {
    let mut work = Work::new().await;
    let job = work.job("implement");
    work.prepare(&job).await;
    work.write("new.txt", "new\n");
    work.checkpoint(&job).await;
    std::fs::remove_dir_all(work.folder()).unwrap();
    begin(&mut work).await;
    assert_eq!(work.read("new.txt"), Some("new\n".to_owned()));
}

#[tokio::test]
async fn one_that_was_half_made_is_made_again() {
    let mut work = Work::new().await;
    let path = work.folder().display().to_string();
    work.repo.git(&["worktree", "add", "-q", "--no-checkout", "-b", "agents/0000000a-do-it", &path]).await;
    begin(&mut work).await;
    assert_eq!(work.read("file.txt"), Some("first\n".to_owned()));
    assert_eq!(work.git(&["status", "--porcelain"]).await, "");
}

#[tokio::test]
async fn what_is_in_its_place_stays_and_is_named() {
    let mut work = Work::new().await;
    work.write("precious.txt", "mine");
    let outcome = why(&mut work).await;
    let expected = format!(
        "the workspace is not ready: {}: it is in the way of the assignment's worktree; move it to another place",
        work.folder().display()
    );
    assert_eq!((outcome.class, outcome.text), (OutcomeClass::RunnerError, expected));
    assert_eq!(work.read("precious.txt"), Some("mine".to_owned()));
}

#[tokio::test]
async fn an_assignment_of_a_folder_below_the_top_works_in_that_folder_of_the_worktree() {
    let repo = Repo::new().await;
    repo.write("packages/a/inner.txt", "inner\n");
    repo.commit_all("more").await;
    let mut work = Work::of(repo, "packages/a").await;
    let job = work.job("implement");
    work.prepare(&job).await;
    assert_eq!(work.read("inner.txt"), Some("inner\n".to_owned()));
    write(&work.folder().join("../../outside.txt"), "also\n");
    assert_eq!(work.checkpoint(&job).await.files, 1);
}

#[tokio::test]
async fn bare_shallow_and_detached_repositories_work() {
    let origin = Repo::new().await;
    origin.write("file.txt", "second\n");
    origin.commit_all("second").await;
    let url = format!("file://{}", origin.path().display());
    for how in ["--bare", "--depth=1", "--no-tags"] {
        let repo = Repo::new().await;
        for entry in [".git", "file.txt"].map(|name| repo.path().join(name)) {
            if entry.is_dir() {
                std::fs::remove_dir_all(&entry).unwrap()
            } else {
                std::fs::remove_file(&entry).unwrap()
            }
        }
        git(repo.path(), &["clone", "-q", how, &url, "."]).await;
        if how == "--no-tags" {
            repo.git(&["checkout", "-q", "--detach", "HEAD~1"]).await;
        }
        let base = repo.head().await;
        let mut work = Work::of(repo, "").await;
        let job = work.job("implement");
        work.prepare(&job).await;
        work.write("new.txt", "new\n");
        let done = work.checkpoint(&job).await;
        assert_eq!((done.files, done.before), (1, base), "{how}");
    }
}

#[tokio::test]
async fn a_submodule_that_can_not_be_checked_out_blocks_with_what_git_says() {
    let (inner, repo) = (Repo::new().await, Repo::new().await);
    let url = inner.path().to_string_lossy().into_owned();
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", &url, "sub"]).await;
    repo.commit_all("with a submodule").await;
    let mut work = Work::of(repo, "").await;
    let refused = why(&mut work).await;
    assert_eq!(refused.class, OutcomeClass::RunnerError);
    assert!(
        refused.text.contains("submodule") && refused.text.contains("transport 'file' not allowed"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn setup_runs_once_after_the_copies_and_its_output_is_kept() {
    let repo = Repo::new().await;
    repo.write(".gitignore", ".env\nvendor\nran\n");
    repo.commit_all("ignoring").await;
    let mut work = Work::of(repo, "").await;
    work.repo.write(".env", "SECRET=1");
    work.repo.write("vendor/lib/a.txt", "a");
    work.repo.write("file.txt", "a person's own");
    work.settings.workspace.copy = [".env", "vendor", "file.txt", "none"].map(str::to_owned).to_vec();
    let command = "cat .env vendor/lib/a.txt; echo $AGENTS_WORKSPACE; echo x >> ran";
    work.settings.workspace.setup = vec![command.to_owned(), "echo second >&2".to_owned()];
    begin(&mut work).await;
    begin(&mut work).await;
    assert_eq!(work.read("ran"), Some("x\n".to_owned()));
    assert_eq!(work.read("file.txt"), Some("first\n".to_owned()), "what git has is not overwritten");
    let log = format!("{}.setup.log", work.folder().display());
    let expected = format!("SECRET=1a{}\nsecond\n", work.folder().display());
    assert_eq!(std::fs::read_to_string(log).unwrap(), expected);
}

#[tokio::test]
async fn a_setup_that_fails_or_takes_too_long_blocks_with_the_command_and_its_log_and_is_tried_again() {
    let mut work = Work::new().await;
    let log = format!("{}.setup.log", work.folder().display());
    work.settings.workspace.setup = vec!["echo broken; exit 3".to_owned()];
    let failed = why(&mut work).await;
    let expected = format!("setup: `echo broken; exit 3` failed (exit status: 3); its output is in {log}");
    assert_eq!((failed.class, failed.text), (OutcomeClass::RunnerError, expected));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "broken\n");
    work.settings.workspace.setup = vec!["sleep 1000".to_owned()];
    work.settings.workspace.setup_timeout = Duration::from_millis(100);
    let late = why(&mut work).await;
    let expected =
        format!("setup: `sleep 1000` was not done when the time for setup was over; its output is in {log}");
    assert_eq!(late.text, expected);
    work.settings.workspace.setup = vec!["touch done".to_owned()];
    begin(&mut work).await;
    assert_eq!(work.read("done"), Some(String::new()));
}

#[tokio::test]
async fn only_what_is_below_the_repository_is_copied() {
    let mut work = Work::new().await;
    work.settings.workspace.copy = vec!["../secret".to_owned()];
    let outcome = why(&mut work).await;
    assert!(
        outcome.text.contains("`../secret` can't be copied") && outcome.text.contains("not a path below"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn links_are_copied_as_links_and_what_is_no_file_is_left_out() {
    let mut work = Work::new().await;
    work.repo.write("cache/real.txt", "real");
    let cache = work.repo.path().join("cache");
    for (name, target) in [("loop", "../cache"), ("dangling", "nowhere"), ("self", "self")] {
        std::os::unix::fs::symlink(target, cache.join(name)).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", work.repo.path().join("link")).unwrap();
    let pipe = Tool::new("mkfifo", &["pipe"], &cache, Duration::from_secs(60));
    assert!(pipe.run().await.unwrap().is_success());
    work.settings.workspace.copy = ["cache", "link"].map(str::to_owned).to_vec();
    begin(&mut work).await;
    let link = |name: &str| std::fs::read_link(work.folder().join(name)).unwrap().display().to_string();
    let links = ["cache/loop", "cache/dangling", "cache/self", "link"].map(link);
    assert_eq!(links, ["../cache", "nowhere", "self", "nowhere"]);
    assert_eq!(work.read("cache/real.txt"), Some("real".to_owned()));
    assert!(work.folder().join("cache/pipe").symlink_metadata().is_err());
}

#[tokio::test]
async fn copying_takes_no_longer_than_setup_may() {
    let mut work = Work::new().await;
    work.repo.write("cache/real.txt", "real");
    work.settings.workspace.copy = vec!["cache".to_owned()];
    work.settings.workspace.setup_timeout = Duration::ZERO;
    let late = why(&mut work).await;
    assert_eq!(late.text, "setup: copying `cache` was not done when the time for setup was over");
}

#[tokio::test]
async fn a_branch_that_was_deleted_with_its_worktree_is_made_again_from_its_last_checkpoint() {
    let mut work = Work::new().await;
    let job = work.job("implement");
    work.prepare(&job).await;
    work.write("new.txt", "new\n");
    let done = work.checkpoint(&job).await;
    let branch = job.assignment.worktree.clone().unwrap().branch;
    let delete = async |work: &Work| {
        work.repo.git(&["worktree", "remove", "-f", &work.folder().display().to_string()]).await;
        work.repo.git(&["branch", "-q", "-D", &branch]).await;
    };
    delete(&work).await;
    begin(&mut work).await;
    assert_eq!(work.read("new.txt"), Some("new\n".to_owned()));
    assert_eq!(work.repo.git(&["rev-parse", &branch]).await, done.after);
    delete(&work).await;
    work.repo.git(&["update-ref", "-d", "refs/agents/heads/0000000a-do-it"]).await;
    let lost = why(&mut work).await;
    let expected = format!(
        "the workspace is not ready: the branch `{branch}` is gone, and it does not begin again without a word. It was at \
         {0}: `git branch {branch} {0}` brings it back",
        done.after
    );
    assert_eq!((lost.class, lost.text), (OutcomeClass::RunnerError, expected));
}
