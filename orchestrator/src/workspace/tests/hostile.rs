//! Agents that set traps for our git, or hide from it what they have done.

use std::path::PathBuf;

use agents_domain::store::Claimed;

use super::super::{
    Author, Git, Merge, Range, Ready, WorkspaceError, counts, merge, over, roll_back, safely, safely_in,
    state_of, tree_state, watched,
};
use super::{Repo, Work};

/// An attempt that has begun.
async fn begun(work: &mut Work) -> Claimed {
    let job = work.job("implement");
    work.prepare(&job).await;
    job
}

async fn refused(work: &Work, job: &Claimed) -> String {
    super::super::checkpoint(job, &work.settings).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_program_that_an_agent_has_git_run_is_not_run_and_the_key_is_named_until_it_is_taken_out() {
    let mut work = Work::new().await;
    let job = begun(&mut work).await;
    let trap = work.repo.path().join("ran");
    let program = format!("touch {}; cat", trap.display());
    work.write(".gitattributes", "*.txt filter=f\n");
    work.write("file.txt", "changed\n");
    work.git(&["config", "filter.f.clean", &program]).await;
    let config = work.repo.path().join(".git/config").display().to_string();
    let text = refused(&work, &job).await;
    assert!(text.starts_with(&format!("`filter.f.clean` was set in {config}")), "{text}");
    assert!(text.contains(&format!("`git config --file {config} --unset-all filter.f.clean`")), "{text}");
    assert_eq!(state_of(&job, &work.settings).await, None);
    assert_eq!(over(&job, &work.settings).await.unwrap_err().to_string(), text);
    let next = work.job("implement");
    let blocked = super::super::prepare(&next, &work.settings, false).await.unwrap_err();
    assert!(blocked.text.contains("`filter.f.clean` was set"), "{blocked:?}");
    assert!(!trap.exists());
    work.git(&["config", "--file", &config, "--unset-all", "filter.f.clean"]).await;
    assert_eq!(work.prepare(&next).await, Ready::default());
    assert_eq!(work.checkpoint(&next).await.files, 2, "the work is still there");
}

#[tokio::test]
async fn every_key_that_has_git_run_or_read_something_is_noticed_and_others_are_not() {
    let mut work = Work::new().await;
    let job = begun(&mut work).await;
    for key in ["user.name", "branch.x.remote", "core.autocrlf", "pull.rebase", "merge.ff"] {
        work.git(&["config", key, "false"]).await;
    }
    work.checkpoint(&job).await;
    let keys = [
        "alias.st",
        "core.excludesfile",
        "core.fsmonitor",
        "core.sshcommand",
        "diff.x.command",
        "include.path",
        "merge.x.driver",
        "submodule.x.update",
    ];
    for key in keys {
        work.git(&["config", key, "x"]).await;
        let text = refused(&work, &job).await;
        assert!(text.starts_with(&format!("`{key}` was set in ")), "{key}: {text}");
        work.git(&["config", "--unset", key]).await;
        work.checkpoint(&job).await;
    }
    work.git(&["config", "extensions.worktreeConfig", "true"]).await;
    assert!(refused(&work, &job).await.starts_with("`extensions.worktreeconfig` was set in "));
}

#[tokio::test]
async fn what_a_person_has_set_before_or_between_attempts_goes_on_working() {
    let repo = Repo::new().await;
    repo.git(&["config", "filter.up.clean", "tr a-z A-Z"]).await;
    let mut work = Work::of(repo, "").await;
    let job = begun(&mut work).await;
    work.write(".gitattributes", "*.txt filter=up\n");
    work.write("file.txt", "changed\n");
    work.checkpoint(&job).await;
    assert_eq!(work.git(&["show", "HEAD:file.txt"]).await, "CHANGED");
    over(&job, &work.settings).await.unwrap();
    work.repo.git(&["config", "filter.up.clean", "rev"]).await;
    let job = begun(&mut work).await;
    work.write("file.txt", "again\n");
    work.checkpoint(&job).await;
    assert_eq!(work.git(&["show", "HEAD:file.txt"]).await, "niaga");
}

#[tokio::test]
async fn another_assignment_of_the_repository_does_not_take_it_for_a_persons() {
    let mut work = Work::new().await;
    let job = begun(&mut work).await;
    work.git(&["config", "filter.f.clean", "false"]).await;
    let other = work.job("implement");
    let blocked = super::super::prepare(&other, &work.settings, false).await.unwrap_err();
    assert!(blocked.text.contains("`filter.f.clean` was set"), "{blocked:?}");
    assert!(over(&job, &work.settings).await.is_err());
    assert!(super::super::prepare(&other, &work.settings, false).await.is_err(), "also when it is over");
}

#[tokio::test]
async fn a_repository_inside_of_the_tree_runs_nothing_either() {
    let mut work = Work::new().await;
    let job = begun(&mut work).await;
    let inner = work.folder().join("inner");
    std::fs::create_dir(&inner).unwrap();
    super::git(&inner, &["init", "-q"]).await;
    super::write(&inner.join("a.txt"), "a");
    super::git(&inner, &["add", "-A"]).await;
    super::git(&inner, &["commit", "-qm", "inner"]).await;
    work.git(&["add", "inner"]).await;
    let trap = work.repo.path().join("ran");
    super::git(&inner, &["config", "filter.f.clean", &format!("touch {}; cat", trap.display())]).await;
    super::write(&inner.join(".gitattributes"), "*.txt filter=f\n");
    super::write(&inner.join("a.txt"), "b");
    let text = refused(&work, &job).await;
    assert!(text.starts_with("`filter.f.clean` was set in ") && text.contains("inner/.git/config"), "{text}");
    assert_eq!((state_of(&job, &work.settings).await, trap.exists()), (None, false));
}

#[tokio::test]
async fn work_goes_to_the_worktrees_own_repository_whatever_an_agent_has_made_of_its_git_file() {
    let elsewhere = Repo::new().await;
    let other = elsewhere.head().await;
    for how in ["gone", "elsewhere", "a repository", "commondir"] {
        let mut work = Work::new().await;
        let job = begun(&mut work).await;
        let entry = work.folder().join(".git");
        let own = PathBuf::from(work.git(&["rev-parse", "--absolute-git-dir"]).await);
        let there = elsewhere.path().join(".git").display().to_string();
        match how {
            "commondir" => std::fs::write(own.join("commondir"), there).unwrap(),
            _ => std::fs::remove_file(&entry).unwrap(),
        }
        match how {
            "elsewhere" => {
                super::write(&entry, &format!("gitdir: {}\n", elsewhere.path().join(".git").display()))
            }
            "a repository" => drop(super::git(&work.folder(), &["init", "-q"]).await),
            _ => {}
        }
        work.write("new.txt", "new\n");
        let done = work.checkpoint(&job).await;
        let branch = job.assignment.worktree.clone().unwrap().branch;
        assert_eq!(work.repo.git(&["rev-parse", &branch]).await, done.after, "{how}");
        assert_eq!(
            (done.files, work.repo.git(&["show", &format!("{branch}:new.txt")]).await),
            (1, "new".to_owned())
        );
        let next = work.job("implement");
        assert_eq!(work.prepare(&next).await, Ready::default(), "{how}");
        assert_eq!(elsewhere.head().await, other);
    }
}

#[tokio::test]
async fn changes_that_git_is_told_not_to_see_are_seen_and_committed() {
    let repo = Repo::new().await;
    repo.write("other.txt", "first\n");
    repo.commit_all("more").await;
    let mut work = Work::of(repo, "").await;
    let job = begun(&mut work).await;
    let clean = state_of(&job, &work.settings).await.unwrap();
    work.git(&["update-index", "--assume-unchanged", "file.txt"]).await;
    work.git(&["update-index", "--skip-worktree", "other.txt"]).await;
    work.write("file.txt", "changed\n");
    work.write("other.txt", "changed\n");
    let exclude = work.repo.path().join(".git/info/exclude");
    let before = std::fs::read(&exclude).unwrap();
    super::write(&exclude, "helper.txt\n");
    work.write("helper.txt", "help\n");
    assert_ne!(state_of(&job, &work.settings).await.unwrap(), clean);
    assert_eq!(work.checkpoint(&job).await.files, 3);
    assert_eq!(std::fs::read(&exclude).unwrap(), before);
    assert_eq!(
        work.git(&["show", "HEAD:helper.txt", "HEAD:file.txt", "HEAD:other.txt"]).await,
        "help\nchanged\nchanged"
    );
}

#[tokio::test]
async fn an_index_that_is_none_any_more_is_made_again() {
    let mut work = Work::new().await;
    let job = begun(&mut work).await;
    let own = PathBuf::from(work.git(&["rev-parse", "--absolute-git-dir"]).await);
    work.write("new.txt", "new\n");
    super::write(&own.join("index"), "garbage");
    super::write(&own.join("index.lock"), "");
    super::write(&own.join("HEAD"), "garbage");
    super::write(&work.folder().join(".gitignore"), "file.txt\n");
    assert_eq!(work.checkpoint(&job).await.files, 2, "what is tracked stays tracked");
}

#[tokio::test]
async fn locks_and_a_head_that_names_no_commit_keep_no_work_from_its_branch() {
    for how in ["locks", "orphan", "garbage", "deleted"] {
        let mut work = Work::new().await;
        let job = begun(&mut work).await;
        let own = PathBuf::from(work.git(&["rev-parse", "--absolute-git-dir"]).await);
        let branch = job.assignment.worktree.clone().unwrap().branch;
        match how {
            "locks" => {
                super::write(&own.join("HEAD.lock"), "");
                super::write(&own.join("index.lock"), "");
                super::write(&work.repo.path().join(format!(".git/refs/heads/{branch}.lock")), "");
            }
            "orphan" => drop(work.git(&["checkout", "-q", "--orphan", "x"]).await),
            "garbage" => super::write(&own.join("HEAD"), "garbage"),
            _ => drop(work.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]).await),
        }
        work.write("new.txt", "new\n");
        let done = work.checkpoint(&job).await;
        assert_eq!((done.files, &work.repo.git(&["rev-parse", &branch]).await), (1, &done.after), "{how}");
        assert_eq!(work.repo.git(&["rev-parse", &format!("{branch}~1")]).await, done.before, "{how}");
    }
}

#[tokio::test]
async fn what_is_set_up_after_our_look_is_not_run_and_not_read() {
    let repo = Repo::new().await;
    repo.git(&["config", "filter.up.clean", "tr a-z A-Z"]).await;
    repo.write("inc", "[filter \"down\"]\n\tclean = tr A-Z a-z\n");
    let path = repo.path().join("inc").display().to_string();
    repo.git(&["config", "include.path", &path]).await;
    repo.commit_all("inc").await;
    let mut work = Work::of(repo, "").await;
    let job = begun(&mut work).await;
    work.write(".gitattributes", "*.txt filter=f merge=f diff=f\nup filter=up\ndown filter=down\n");
    work.write("file.txt", "changed\n");
    work.write("up", "up\n");
    work.write("down", "DOWN\n");
    let trap = work.repo.path().join("ran");
    let program = format!("touch {}; cat", trap.display());
    let late = async {
        for key in
            ["filter.f.clean", "filter.f.smudge", "filter.up.clean", "core.fsmonitor", "diff.f.textconv"]
        {
            work.git_as_agent(&["config", key, &program]).await;
        }
        super::write(&work.repo.path().join(".git/info/attributes"), "* filter=f\n");
        super::write(&work.repo.path().join("inc"), &format!("[filter \"down\"]\n\tclean = {program}\n"));
        work.git(&["add", "-A"]).await;
        work.git(&["commit", "-qm", "work"]).await;
        work.git(&["reset", "-q", "--hard"]).await;
        (work.git(&["show", "HEAD:up", "HEAD:down"]).await, tree_state(&work.folder()).await.unwrap().dirty)
    };
    let seen = watched((&job, &work.settings), late).await.unwrap();
    assert_eq!((seen, trap.exists()), (("UP\ndown".to_owned(), None), false));
    assert!(refused(&work, &job).await.contains("was set in"), "the next look sees it");
}

#[tokio::test]
async fn a_person_who_looks_merges_or_rolls_back_runs_nothing_that_an_agent_has_set_up() {
    let mut work = Work::new().await;
    let done = begun(&mut work).await;
    work.write("new.txt", "new\n");
    let checkpoint = work.checkpoint(&done).await;
    over(&done, &work.settings).await.unwrap();
    let job = begun(&mut work).await;
    let trap = work.repo.path().join("ran");
    let program = format!("touch {}; cat", trap.display());
    work.write(".gitattributes", "*.txt filter=f\n");
    work.write("file.txt", "changed\n");
    work.git_as_agent(&["config", "filter.f.clean", &program]).await;
    let (own, author) = (job.assignment.worktree.clone().unwrap(), Author::default());
    let (workspace, data_folder) = (work.repo.path(), &work.settings.workspace.data_folder);
    let armed = |error: WorkspaceError| error.to_string().starts_with("`filter.f.clean` was set in ");
    let places = (workspace, data_folder.as_path());
    let since = checkpoint.before.clone();
    let folder = work.folder();
    let looked = safely_in(&own, places, counts(&folder, Range::WorkingTree { since: &since })).await;
    assert!(looked.is_err_and(armed));
    let into = Merge { worktree: &own, workspace, into: "main", squash: None, author: &author, data_folder };
    assert!(safely_in(&own, places, merge(into)).await.is_err_and(armed));
    let back = roll_back(&own, workspace, (&since, &author));
    assert!(safely_in(&own, places, back).await.is_err_and(armed));
    assert!(safely(workspace, data_folder, tree_state(workspace)).await.is_err_and(armed));
    assert_eq!((trap.exists(), work.repo.head().await), (false, since.clone()));
    // Taken out, all of it works; and what a person sets while nobody works there is theirs.
    work.git_as_agent(&["config", "--unset", "filter.f.clean"]).await;
    over(&job, &work.settings).await.unwrap();
    work.repo.git(&["config", "filter.f.clean", "tr a-z A-Z"]).await;
    let range = Range::WorkingTree { since: &since };
    assert_eq!(safely_in(&own, places, counts(&folder, range)).await.unwrap().unwrap().files, 3);
    assert!(safely_in(&own, places, merge(into)).await.unwrap().is_ok());
    assert_eq!(work.repo.head().await, checkpoint.after);
}

#[tokio::test]
async fn a_sparse_checkout_stays_one_whose_git_has_what_was_looked_at() {
    let repo = Repo::new().await;
    repo.write("in/a.txt", "a\n");
    repo.write("out/b.txt", "b\n");
    repo.commit_all("two").await;
    repo.git(&["sparse-checkout", "set", "in"]).await;
    let mut work = Work::of(repo, "").await;
    let job = begun(&mut work).await;
    assert_eq!((work.read("in/a.txt"), work.read("out/b.txt")), (Some("a\n".to_owned()), None));
    work.write("in/a.txt", "changed\n");
    assert_eq!(work.checkpoint(&job).await.files, 1);
    assert_eq!(work.git(&["ls-tree", "-r", "--name-only", "HEAD"]).await, "file.txt\nin/a.txt\nout/b.txt");
    over(&job, &work.settings).await.unwrap();
    let (own, author) = (job.assignment.worktree.clone().unwrap(), Author::default());
    let (workspace, data_folder) = (work.repo.path(), &work.settings.workspace.data_folder);
    let into = Merge { worktree: &own, workspace, into: "main", squash: None, author: &author, data_folder };
    safely_in(&own, (workspace, data_folder), merge(into)).await.unwrap().unwrap();
    let read = |name: &str| std::fs::read_to_string(workspace.join(name)).ok();
    assert_eq!((read("in/a.txt"), read("out/b.txt")), (Some("changed\n".to_owned()), None));
    assert_eq!(work.repo.git(&["status", "--porcelain"]).await, "");
}

#[tokio::test]
async fn a_lock_that_somebody_holds_is_left_and_one_that_all_share_is_explained_with_the_command_that_mends_it()
 {
    let mut work = Work::new().await;
    let job = begun(&mut work).await;
    work.write("new.txt", "new\n");
    let own = PathBuf::from(work.git(&["rev-parse", "--absolute-git-dir"]).await);
    let lock = own.join("index.lock");
    let held = std::fs::File::create(&lock).unwrap();
    let text = refused(&work, &job).await;
    let process = std::process::id();
    let expected = format!("was not let in by the lock file {}: it, ", lock.display());
    assert!(text.contains(&expected) && text.contains(&format!("is held by process {process} (")), "{text}");
    assert!(lock.exists());
    drop(held);
    let next = work.job("implement");
    work.prepare(&next).await;
    assert_eq!((work.checkpoint(&next).await.files, lock.exists()), (1, false));
    over(&job, &work.settings).await.unwrap();
    over(&next, &work.settings).await.unwrap();
    // What all worktrees share is not ours to remove.
    std::fs::remove_dir_all(work.folder()).unwrap();
    work.repo.git(&["worktree", "prune"]).await;
    let branch = next.assignment.worktree.clone().unwrap().branch;
    work.repo.git(&["pack-refs", "--all"]).await;
    let lock = work.repo.path().join(".git/packed-refs.lock");
    let other = work.repo.path().join(".git/other");
    let old = std::fs::File::create(&other).unwrap();
    let hours = std::time::Duration::from_secs(3 * 3600);
    old.set_modified(other.metadata().unwrap().modified().unwrap() - hours).unwrap();
    // A child that another test just starts may still have open what was open here, by its first name.
    std::fs::hard_link(&other, &lock).unwrap();
    let failed =
        Git::new(work.repo.path()).must(&["update-ref", "-d", &format!("refs/heads/{branch}")]).await;
    let text = failed.unwrap_err().to_string();
    let expected = format!(
        "`git update-ref -d refs/heads/{branch}` was not let in by the lock file {0}: nobody holds it, 3 h old, so a git \
         that was ended has left it; remove it, then do this again: rm '{0}'",
        lock.display()
    );
    assert_eq!((text, lock.exists()), (expected, true));
    let config = work.repo.path().join(".git/config.lock");
    std::fs::hard_link(&other, &config).unwrap();
    let failed = Git::new(work.repo.path()).must(&["config", "a.b", "c"]).await.unwrap_err().to_string();
    assert!(failed.ends_with(&format!("then do this again: rm '{}'", config.display())), "{failed}");
}

#[tokio::test]
async fn a_worktree_that_a_shared_lock_keeps_from_being_made_blocks_with_the_command_that_mends_it() {
    let mut work = Work::new().await;
    let job = work.job("implement");
    let branch = job.assignment.worktree.clone().unwrap().branch;
    let lock = work.repo.path().join(format!(".git/refs/heads/{branch}.lock"));
    super::write(&lock, "");
    let blocked = super::super::prepare(&job, &work.settings, false).await.unwrap_err();
    let command = format!("remove it, then do this again: rm '{}'", lock.display());
    assert!(blocked.text.ends_with(&command), "{blocked:?}");
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(work.prepare(&job).await, Ready::default());
}
