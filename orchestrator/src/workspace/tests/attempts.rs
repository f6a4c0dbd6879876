//! Checkpoints, and what failed attempts leave.

use agents_domain::evidence::Checkpoint;

use super::super::{Git, Ready, diff, tree_state};
use super::Work;

#[tokio::test]
async fn each_job_is_one_commit_whose_diff_is_its_own_and_the_repository_itself_is_not_touched() {
    let mut work = Work::new().await;
    let base = work.repo.head().await;
    let (first, second) = (work.job("implement"), work.job("implement"));
    work.prepare(&first).await;
    work.write("file.txt", "second\n");
    work.write("new.txt", "new\n");
    let one = work.checkpoint(&first).await;
    let expected = Checkpoint {
        assignment: first.assignment.id,
        job: first.job.id,
        attempt: first.attempt.id,
        before: base.clone(),
        after: work.git(&["rev-parse", "HEAD"]).await,
        files: 2,
        insertions: 2,
        deletions: 1,
    };
    assert_eq!(one, expected);
    work.prepare(&second).await;
    work.write("file.txt", "third\n");
    let two = work.checkpoint(&second).await;
    assert_eq!((&two.before, two.files), (&one.after, 1));
    let text = diff(&work.folder(), &two.before, &two.after, 10_000).await.unwrap();
    assert!(text.contains("-second\n+third\n") && !text.contains("new.txt"), "{text}");
    let told = work.git(&["log", "-1", "--format=%an <%ae>|%cn|%s"]).await;
    let subject = format!("implement {}: Done.", second.job.id.short());
    assert_eq!(told, format!("agents <agents@localhost>|agents|{subject}"));
    assert_eq!(work.repo.head().await, base);
    assert_eq!(work.repo.git(&["status", "--porcelain"]).await, "");
}

#[tokio::test]
async fn a_job_that_has_changed_nothing_makes_no_commit_and_asking_twice_gives_the_same() {
    let mut work = Work::new().await;
    let (first, second) = (work.job("implement"), work.job("implement"));
    work.prepare(&first).await;
    let nothing = work.checkpoint(&first).await;
    assert!(nothing.is_empty() && nothing.before == nothing.after, "{nothing:?}");
    work.prepare(&second).await;
    work.write("new.txt", "new\n");
    let once = work.checkpoint(&second).await;
    assert_eq!(work.checkpoint(&second).await, once);
    assert!(!once.is_empty());
}

#[tokio::test]
async fn what_an_agent_has_committed_itself_is_part_of_its_job_also_on_another_branch() {
    let mut work = Work::new().await;
    let job = work.job("implement");
    let base = work.repo.head().await;
    work.prepare(&job).await;
    work.git(&["checkout", "-q", "-b", "elsewhere"]).await;
    work.write("one.txt", "1\n");
    work.git(&["add", "-A"]).await;
    work.git(&["commit", "-qm", "by the agent"]).await;
    work.write("two.txt", "2\n");
    let done = work.checkpoint(&job).await;
    assert_eq!((done.before.as_str(), done.files), (base.as_str(), 2));
    let branch = job.assignment.worktree.clone().unwrap().branch;
    assert_eq!(work.git(&["symbolic-ref", "--short", "HEAD"]).await, branch);
    assert_eq!(work.repo.git(&["rev-parse", &branch]).await, done.after);
}

#[tokio::test]
async fn a_checkpoint_is_in_the_branchs_log_and_kept_beside_the_branch() {
    let mut work = Work::new().await;
    let job = work.job("implement");
    work.prepare(&job).await;
    work.write("file.txt", "second\n");
    let done = work.checkpoint(&job).await;
    let branch = work.git(&["symbolic-ref", "--short", "HEAD"]).await;
    let told = format!("commit: implement {}: Done.", job.job.id.short());
    for log in ["HEAD", &branch] {
        assert_eq!(
            work.git(&["reflog", "-1", "--format=%H %gs", log]).await,
            format!("{} {told}", done.after)
        );
    }
    let kept = branch.replace("agents/", "refs/agents/heads/");
    assert_eq!(work.git(&["rev-parse", &kept]).await, done.after);
    assert_eq!(work.git(&["status", "--porcelain"]).await, "");
}

#[tokio::test]
async fn a_merge_or_a_pick_that_an_agent_left_open_is_ended_by_the_checkpoint() {
    for (how, parents) in [("merge", 2), ("cherry-pick", 1)] {
        let mut work = Work::new().await;
        let job = work.job("implement");
        work.prepare(&job).await;
        work.git(&["switch", "-q", "-c", "side"]).await;
        work.write("side.txt", "side\n");
        work.git(&["add", "-A"]).await;
        work.git(&["commit", "-qm", "side"]).await;
        work.git(&["switch", "-q", "-"]).await;
        let state = match how {
            "merge" => {
                work.git(&["merge", "-q", "--no-ff", "--no-commit", "side"]).await;
                "MERGE_HEAD"
            }
            _ => {
                let side = work.git(&["rev-parse", "side"]).await;
                work.git(&["cherry-pick", "-n", "side"]).await;
                work.git(&["update-ref", "CHERRY_PICK_HEAD", &side]).await;
                "CHERRY_PICK_HEAD"
            }
        };
        assert_eq!(work.git(&["rev-parse", "--verify", state]).await.len(), 40, "{how}");
        let done = work.checkpoint(&job).await;
        let told = work.git(&["log", "-1", "--format=%P", &done.after]).await;
        assert_eq!((told.split(' ').count(), done.files), (parents, 1), "{how}");
        let left = Git::new(&work.folder()).optional(&["rev-parse", "-q", "--verify", state]).await.unwrap();
        assert_eq!(left, None, "{how}");
    }
}

#[tokio::test]
async fn hooks_of_the_repository_are_not_run() {
    let mut work = Work::new().await;
    for hook in ["pre-commit", "post-checkout", "commit-msg", "post-commit"] {
        let path = work.repo.path().join(".git/hooks").join(hook);
        super::write(&path, "#!/bin/sh\necho ran >> \"$(git rev-parse --git-common-dir)/ran\"\nexit 1\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
    }
    let job = work.job("implement");
    work.prepare(&job).await;
    work.write("new.txt", "new\n");
    assert_eq!(work.checkpoint(&job).await.files, 1);
    assert!(!work.repo.path().join(".git/ran").exists());
}

#[tokio::test]
async fn what_a_failed_attempt_left_is_kept_under_its_name_and_the_next_one_begins_as_it_did() {
    let mut work = Work::new().await;
    let first = work.job("implement");
    let again = work.again(&first);
    work.prepare(&first).await;
    work.write("half.txt", "half\n");
    work.git(&["add", "half.txt"]).await;
    work.git(&["commit", "-qm", "half of it"]).await;
    work.write("file.txt", "broken\n");
    work.write("untracked.txt", "too\n");
    let name = format!("refs/agents/leftovers/{}", first.attempt.id);
    assert_eq!(work.prepare(&again).await, Ready { leftovers: Some(name.clone()), moved: None });
    let found = ["file.txt", "half.txt", "untracked.txt"].map(|name| work.read(name));
    assert_eq!(found, [Some("first\n".to_owned()), None, None]);
    assert_eq!(work.git(&["status", "--porcelain"]).await, "");
    let kept = work.repo.git(&["ls-tree", "-r", "--name-only", &name]).await;
    assert_eq!(kept, "file.txt\nhalf.txt\nuntracked.txt");
    assert_eq!(work.repo.git(&["show", &format!("{name}:file.txt")]).await, "broken");
    work.write("whole.txt", "whole\n");
    assert_eq!(work.checkpoint(&again).await.files, 1, "nothing of it is mixed in");
}

#[tokio::test]
async fn a_repository_that_a_failed_attempt_made_is_moved_beside_the_worktree() {
    for is_committed in [false, true] {
        let mut work = Work::new().await;
        let first = work.job("implement");
        let again = work.again(&first);
        work.prepare(&first).await;
        let inner = work.folder().join("deep/inner");
        std::fs::create_dir_all(&inner).unwrap();
        super::git(&inner, &["init", "-q"]).await;
        super::write(&inner.join("precious.txt"), "precious");
        if is_committed {
            super::git(&inner, &["add", "-A"]).await;
            super::git(&inner, &["commit", "-qm", "inner"]).await;
        }
        let ready = work.prepare(&again).await;
        let aside = format!("{}.leftovers-{}", work.folder().display(), first.attempt.id);
        let name = format!("refs/agents/leftovers/{}", first.attempt.id);
        let expected =
            Ready { leftovers: is_committed.then_some(name.clone()), moved: Some(aside.clone().into()) };
        assert_eq!(ready, expected, "{is_committed}");
        let told = format!("repositories of its own below {aside}");
        let told = if is_committed { format!("the commit {name}, with {told}") } else { told };
        assert_eq!(ready.kept(), Some(told));
        assert!(!inner.exists());
        let kept = std::fs::read_to_string(format!("{aside}/deep/inner/precious.txt")).unwrap();
        assert_eq!(kept, "precious");
    }
}

#[tokio::test]
async fn an_attempt_that_goes_on_in_its_session_finds_what_it_has_left() {
    let mut work = Work::new().await;
    let first = work.job("implement");
    let again = work.again(&first);
    work.prepare(&first).await;
    work.write("half.txt", "half\n");
    let ready = super::super::prepare(&again, &work.settings, true).await.unwrap();
    assert_eq!((ready, work.read("half.txt")), (Ready::default(), Some("half\n".to_owned())));
    assert_eq!(work.checkpoint(&again).await.files, 1);
}

#[tokio::test]
async fn a_job_that_only_reads_leaves_everything_as_it_is() {
    let mut work = Work::new().await;
    let (first, review) = (work.job("implement"), work.job("review"));
    work.prepare(&first).await;
    work.write("half.txt", "half\n");
    assert_eq!(work.prepare(&review).await, Ready::default());
    assert_eq!(work.read("half.txt"), Some("half\n".to_owned()));
}

#[tokio::test]
async fn a_lock_and_a_rebase_that_an_ended_git_left_are_no_obstacle() {
    let mut work = Work::new().await;
    let first = work.job("implement");
    let again = work.again(&first);
    work.prepare(&first).await;
    work.write("new.txt", "new\n");
    let own = std::path::PathBuf::from(work.git(&["rev-parse", "--absolute-git-dir"]).await);
    super::write(&own.join("index.lock"), "");
    std::fs::create_dir(own.join("rebase-merge")).unwrap();
    assert!(work.prepare(&again).await.leftovers.is_some());
    assert!(!own.join("rebase-merge").exists() && !own.join("index.lock").exists());
    super::write(&own.join("index.lock"), "");
    work.write("new.txt", "new\n");
    assert_eq!(work.checkpoint(&again).await.files, 1);
}

#[tokio::test]
async fn in_a_shared_tree_nothing_is_committed_and_only_what_a_job_has_changed_counts() {
    let mut work = Work::new().await.shared();
    work.repo.write("file.txt", "a person's own\n");
    let (idle, busy) = (work.job("implement"), work.job("implement"));
    let head = work.repo.head().await;
    work.prepare(&idle).await;
    let nothing = work.checkpoint(&idle).await;
    assert_eq!((nothing.files, &nothing.before, &nothing.after), (0, &head, &head));
    work.prepare(&busy).await;
    work.write("new.txt", "new\n");
    let before = tree_state(work.repo.path()).await;
    let something = work.checkpoint(&busy).await;
    assert_eq!((something.files, &something.after), (2, &head));
    assert_eq!(tree_state(work.repo.path()).await, before);
    assert_eq!(work.repo.git(&["status", "--porcelain"]).await, " M file.txt\n?? new.txt");
}

#[tokio::test]
async fn a_folder_that_is_no_worktree_any_more_is_not_taken_for_what_is_around_it() {
    let mut work = Work::new().await;
    let job = work.job("implement");
    work.prepare(&job).await;
    std::fs::remove_dir_all(work.folder()).unwrap();
    let error = super::super::checkpoint(&job, &work.settings).await.unwrap_err().to_string();
    assert_eq!(error, format!("{}: it is no worktree any more", work.folder().display()));
    assert_eq!(work.prepare(&job).await, Ready::default());
    work.write("new.txt", "new\n");
    assert_eq!(work.checkpoint(&job).await.files, 1);
}

#[tokio::test]
async fn work_that_could_not_be_committed_is_not_set_aside_and_is_in_the_next_commit() {
    let mut work = Work::new().await;
    let (first, second) = (work.job("implement"), work.job("implement"));
    work.prepare(&first).await;
    work.write("new.txt", "new\n");
    let own = std::path::PathBuf::from(work.git(&["rev-parse", "--absolute-git-dir"]).await);
    // A folder in the place of the lock is more than an ended git leaves.
    super::write(&own.join("index.lock/file"), "");
    assert!(super::super::checkpoint(&first, &work.settings).await.is_err());
    std::fs::remove_dir_all(own.join("index.lock")).unwrap();
    assert_eq!(work.prepare(&second).await, Ready::default());
    assert_eq!(work.checkpoint(&second).await.files, 1);
}
