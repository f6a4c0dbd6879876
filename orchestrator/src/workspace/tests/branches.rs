//! Branches are merged into others and put back.

use std::time::Duration;

use agents_domain::worktree::Worktree;

use super::super::{
    Author, Merge, MergeError, Merged, Ready, checkpoint, has_commit, hold, is_merged, merge, prepare,
    roll_back, tree_state, turn,
};
use super::Work;

/// A worktree in which one job has written `new.txt`.
async fn one_job() -> (Work, Worktree) {
    let mut work = Work::new().await;
    let job = work.job("implement");
    work.prepare(&job).await;
    work.write("new.txt", "new\n");
    work.checkpoint(&job).await;
    let worktree = job.assignment.worktree.clone().unwrap();
    (work, worktree)
}

async fn merge_into(
    (work, worktree): (&Work, &Worktree),
    into: &str,
    squash: Option<&str>,
) -> Result<Merged, MergeError> {
    let author = Author::default();
    let (workspace, data_folder) = (work.repo.path(), &work.settings.workspace.data_folder);
    merge(Merge { worktree, workspace, into, squash, author: &author, data_folder }).await
}

#[tokio::test]
async fn a_fast_forward_moves_the_base_branch_and_the_clean_tree_that_has_it() {
    let (work, worktree) = one_job().await;
    work.repo.write("mine.txt", "untracked\n");
    assert!(!is_merged(&worktree, work.repo.path()).await.unwrap());
    let tip = work.git(&["rev-parse", "HEAD"]).await;
    let done = merge_into((&work, &worktree), "main", None).await.unwrap();
    assert_eq!(done, Merged::Done { commit: tip.clone(), updated: Some(work.repo.path().to_owned()) });
    assert_eq!(work.repo.head().await, tip);
    assert_eq!(work.repo.git(&["status", "--porcelain"]).await, "?? mine.txt");
    assert!(is_merged(&worktree, work.repo.path()).await.unwrap());
    assert_eq!(merge_into((&work, &worktree), "main", None).await.unwrap(), Merged::Nothing);
}

#[tokio::test]
async fn a_branch_that_nobody_has_checked_out_is_moved_and_no_tree_is_touched() {
    let (work, worktree) = one_job().await;
    work.repo.git(&["branch", "release"]).await;
    work.repo.write("file.txt", "a person's own\n");
    let before = tree_state(work.repo.path()).await;
    let done = merge_into((&work, &worktree), "release", None).await.unwrap();
    assert!(matches!(done, Merged::Done { updated: None, .. }), "{done:?}");
    assert_eq!(work.repo.git(&["show", "release:new.txt"]).await, "new");
    assert_eq!(tree_state(work.repo.path()).await, before);
}

#[tokio::test]
async fn a_checked_out_branch_with_changes_is_left_alone() {
    let (work, worktree) = one_job().await;
    work.repo.write("file.txt", "a person's own\n");
    let before = tree_state(work.repo.path()).await;
    let refused = merge_into((&work, &worktree), "main", None).await.unwrap_err().to_string();
    let folder = work.repo.path().display();
    assert_eq!(refused, format!("`main` is checked out in {folder} with changes that are not committed"));
    assert_eq!(tree_state(work.repo.path()).await, before);
}

#[tokio::test]
async fn a_branch_that_has_gone_on_takes_the_work_as_one_commit() {
    let (work, worktree) = one_job().await;
    work.repo.write("later.txt", "later\n");
    work.repo.commit_all("later").await;
    let base = work.repo.head().await;
    let refused = merge_into((&work, &worktree), "main", None).await.unwrap_err();
    assert!(matches!(refused, MergeError::Diverged { .. }), "{refused}");
    let done = merge_into((&work, &worktree), "main", Some("All of it")).await.unwrap();
    assert!(matches!(done, Merged::Done { updated: Some(_), .. }), "{done:?}");
    assert_eq!(work.repo.git(&["log", "-1", "--format=%s %P"]).await, format!("All of it {base}"));
    assert_eq!(work.repo.git(&["ls-files"]).await, "file.txt\nlater.txt\nnew.txt");
    assert!(is_merged(&worktree, work.repo.path()).await.unwrap());
    let again = merge_into((&work, &worktree), "main", Some("All of it")).await.unwrap();
    assert_eq!(again, Merged::Nothing);
}

#[tokio::test]
async fn a_conflict_names_its_files_and_leaves_both_sides_as_they_were() {
    let mut work = Work::new().await;
    let job = work.job("implement");
    work.prepare(&job).await;
    work.write("file.txt", "theirs\n");
    work.checkpoint(&job).await;
    let worktree = job.assignment.worktree.clone().unwrap();
    work.repo.write("file.txt", "ours\n");
    work.repo.commit_all("ours").await;
    let refs = work.repo.git(&["for-each-ref"]).await;
    let refused = merge_into((&work, &worktree), "main", Some("All of it")).await.unwrap_err();
    assert_eq!(refused.to_string(), "1 file that both sides have changed differently: file.txt");
    assert_eq!(work.repo.git(&["for-each-ref"]).await, refs);
    assert_eq!(work.repo.git(&["status", "--porcelain"]).await, "");
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_named() {
    let (work, worktree) = one_job().await;
    let refused = merge_into((&work, &worktree), "nowhere", None).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no branch `nowhere` in the repository");
}

#[tokio::test]
async fn a_rollback_restores_the_state_before_a_job_and_keeps_what_there_was() {
    let (mut work, worktree) = one_job().await;
    let second = work.job("implement");
    work.prepare(&second).await;
    work.write("file.txt", "second\n");
    let done = work.checkpoint(&second).await;
    work.write("open.txt", "not committed\n");
    let author = Author::default();
    let back = roll_back(&worktree, work.repo.path(), (&done.before, &author)).await.unwrap();
    assert_eq!(work.git(&["rev-parse", &worktree.branch]).await, done.before);
    let found = ["file.txt", "new.txt", "open.txt"].map(|name| work.read(name));
    assert_eq!(found, [Some("first\n".to_owned()), Some("new\n".to_owned()), None]);
    let kept = work.repo.git(&["ls-tree", "--name-only", &back.kept]).await;
    assert_eq!(kept, "file.txt\nnew.txt\nopen.txt");
    assert_eq!(work.repo.git(&["rev-parse", &format!("{}^", back.kept)]).await, done.after);
}

#[tokio::test]
async fn a_rollback_without_a_worktree_moves_the_branch() {
    let (work, worktree) = one_job().await;
    std::fs::remove_dir_all(work.folder()).unwrap();
    let tip = work.repo.git(&["rev-parse", &worktree.branch]).await;
    let author = Author::default();
    let to = &worktree.base.commit;
    let back = roll_back(&worktree, work.repo.path(), (to, &author)).await.unwrap();
    assert_eq!(work.repo.git(&["rev-parse", &worktree.branch]).await, *to);
    assert_eq!(work.repo.git(&["rev-parse", &back.kept]).await, tip);
}

#[tokio::test]
async fn a_squash_into_one_branch_is_none_into_another_and_none_any_more_when_it_was_taken_back() {
    let (work, worktree) = one_job().await;
    work.repo.git(&["branch", "release"]).await;
    let release = merge_into((&work, &worktree), "release", Some("All of it")).await.unwrap();
    assert!(matches!(release, Merged::Done { .. }), "{release:?}");
    let main = merge_into((&work, &worktree), "main", Some("All of it")).await.unwrap();
    assert!(matches!(main, Merged::Done { .. }), "{main:?}");
    assert_eq!(work.repo.git(&["show", "main:new.txt"]).await, "new");
    work.repo.git(&["reset", "-q", "--hard", "HEAD^"]).await;
    let again = merge_into((&work, &worktree), "main", Some("All of it")).await.unwrap();
    assert!(matches!(again, Merged::Done { .. }), "{again:?}");
    assert_eq!(work.repo.git(&["show", "main:new.txt"]).await, "new");
    work.repo.git(&["branch", "later"]).await;
    let later = merge_into((&work, &worktree), "later", Some("All of it")).await.unwrap();
    assert_eq!(later, Merged::Nothing, "it has what main has");
}

#[tokio::test]
async fn a_squash_that_was_taken_back_everywhere_is_no_merge_for_the_housekeeping() {
    let (work, worktree) = one_job().await;
    merge_into((&work, &worktree), "main", Some("All of it")).await.unwrap();
    assert!(is_merged(&worktree, work.repo.path()).await.unwrap());
    work.repo.git(&["reset", "-q", "--hard", "HEAD^"]).await;
    assert!(!is_merged(&worktree, work.repo.path()).await.unwrap());
}

#[tokio::test]
async fn what_follows_a_squash_on_the_same_lines_does_not_conflict_with_it() {
    let mut work = Work::new().await;
    for content in ["one\n", "two\n", "three\n"] {
        let job = work.job("implement");
        work.prepare(&job).await;
        work.write("file.txt", content);
        work.checkpoint(&job).await;
        let worktree = job.assignment.worktree.clone().unwrap();
        let done = merge_into((&work, &worktree), "main", Some(content)).await.unwrap();
        assert!(matches!(done, Merged::Done { .. }), "{content}: {done:?}");
    }
    assert_eq!(work.repo.git(&["log", "--format=%s"]).await, "three\ntwo\none\nfirst");
    assert_eq!(work.repo.git(&["show", "main:file.txt"]).await, "three");
}

#[tokio::test]
async fn a_branch_that_a_person_has_checked_out_is_not_moved_under_them() {
    let (mut work, worktree) = one_job().await;
    std::fs::remove_dir_all(work.folder()).unwrap();
    work.repo.git(&["worktree", "prune"]).await;
    work.repo.git(&["checkout", "-q", &worktree.branch]).await;
    let (head, state) = (work.repo.head().await, tree_state(work.repo.path()).await);
    let (branch, folder) = (&worktree.branch, work.repo.path().display().to_string());
    let expected = format!(
        "`{branch}` is checked out in {folder}, and would move under it; switch to another branch there \
         (git -C {folder} switch --detach), then do this again"
    );
    let author = Author::default();
    let refused = roll_back(&worktree, work.repo.path(), (&worktree.base.commit, &author)).await.unwrap_err();
    assert_eq!(refused.to_string(), expected);
    let next = work.job("implement");
    let refused = format!("{:?}", prepare(&next, &work.settings, false).await.unwrap_err());
    assert!(refused.contains(&format!("`{branch}` is checked out in {folder}")), "{refused}");
    assert_eq!((work.repo.head().await, tree_state(work.repo.path()).await), (head, state));
    work.repo.git(&["checkout", "-q", "main"]).await;
    work.prepare(&next).await;
    assert_eq!(work.read("new.txt"), Some("new\n".to_owned()));
}

#[tokio::test]
async fn a_branch_that_two_folders_have_checked_out_is_moved_in_neither() {
    let (work, worktree) = one_job().await;
    let other = tempfile::tempdir().unwrap();
    let other = std::fs::canonicalize(other.path()).unwrap().join("other");
    let folder = other.display().to_string();
    work.repo.git(&["worktree", "add", "-q", "-f", &folder, "main"]).await;
    let refs = work.repo.git(&["for-each-ref"]).await;
    let refused = merge_into((&work, &worktree), "main", Some("All of it")).await.unwrap_err().to_string();
    let own = work.repo.path().display();
    let expected = format!("`main` is checked out in {own} and in {folder}, and can't be moved in both");
    assert_eq!(refused, expected);
    assert_eq!(work.repo.git(&["for-each-ref"]).await, refs);
    assert_eq!(work.repo.git(&["status", "--porcelain"]).await, "");
    work.repo.git(&["worktree", "remove", &folder]).await;
}

#[tokio::test]
async fn a_commit_that_was_rolled_back_is_no_part_of_the_branch() {
    let (work, worktree) = one_job().await;
    let tip = work.git(&["rev-parse", "HEAD"]).await;
    let has = async |commit: &str| has_commit(&worktree, work.repo.path(), commit).await.unwrap();
    assert_eq!((has(&tip).await, has(&worktree.base.commit).await), (true, true));
    let author = Author::default();
    roll_back(&worktree, work.repo.path(), (&worktree.base.commit, &author)).await.unwrap();
    assert_eq!((has(&tip).await, has(&worktree.base.commit).await), (false, true));
    std::fs::remove_dir_all(work.folder()).unwrap();
    assert_eq!((has(&tip).await, has(&worktree.base.commit).await), (false, true));
    assert!(!has(&"0".repeat(40)).await, "git does not know it");
}

#[tokio::test]
async fn merges_at_the_same_time_wait_for_each_other() {
    let (work, worktree) = one_job().await;
    for name in ["a", "b", "c", "d"] {
        work.repo.git(&["branch", name, &worktree.branch]).await;
    }
    let others = ["a", "b", "c", "d"].map(|name| Worktree {
        branch: name.to_owned(),
        path: format!("/nowhere/{name}"),
        base: worktree.base.clone(),
    });
    // Each has a commit of its own on top, so that only the first one is ahead of the base.
    for other in &others {
        let tree = work.repo.git(&["rev-parse", &format!("{}^{{tree}}", other.branch)]).await;
        let parent = &worktree.base.commit;
        let commit = work.repo.git(&["commit-tree", &tree, "-p", parent, "-m", &other.branch]).await;
        work.repo.git(&["branch", "-f", &other.branch, &commit]).await;
    }
    let [a, b, c, d] = others.each_ref().map(|other| merge_into((&work, other), "main", None));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    let words = [a, b, c, d].map(|end| match end {
        Ok(Merged::Done { .. }) => "merged".to_owned(),
        Ok(Merged::Nothing) => "nothing".to_owned(),
        Err(MergeError::Diverged { .. }) => "diverged".to_owned(),
        Err(error) => error.to_string(),
    });
    let mut sorted = words.clone();
    sorted.sort();
    assert_eq!(sorted, ["diverged", "diverged", "diverged", "merged"]);
}

#[tokio::test]
async fn a_checkpoint_waits_for_who_moves_branches_and_its_work_is_in_the_next_commit_if_that_takes_too_long()
{
    let (mut work, worktree) = one_job().await;
    let before = work.repo.git(&["for-each-ref"]).await;
    let job = work.job("implement");
    work.prepare(&job).await;
    work.write("file.txt", "second\n");
    let turn = turn::take(work.repo.path(), turn::PERSON).await.unwrap();
    let mut hasty = work.settings.clone();
    hasty.workspace.patience = Duration::from_secs(1);
    let busy = checkpoint(&job, &hasty).await.unwrap_err().to_string();
    let common = work.repo.path().join(".git");
    let expected = format!(
        "another `agents` has moved branches of {} or worked in the worktree for 1 s, and was waited for; try again",
        common.display()
    );
    assert_eq!(busy, expected);
    assert_eq!(work.repo.git(&["for-each-ref"]).await, before);
    drop(turn);
    let hold = hold(&worktree).await.unwrap();
    assert!(checkpoint(&job, &hasty).await.is_err(), "a rollback holds the worktree");
    drop(hold);
    let next = work.job("implement");
    assert_eq!(work.prepare(&next).await, Ready::default());
    assert_eq!(work.checkpoint(&next).await.files, 1);
}

#[tokio::test]
async fn merges_rollbacks_and_checkpoints_at_the_same_time_all_come_to_their_end() {
    let (mut work, worktree) = one_job().await;
    for round in 0..4 {
        let job = work.job("implement");
        work.prepare(&job).await;
        work.write("file.txt", &format!("{round}\n"));
        let to = work.git(&["rev-parse", "HEAD"]).await;
        work.repo.git(&["branch", &format!("release-{round}"), &worktree.base.commit]).await;
        let (into, author) = (format!("release-{round}"), Author::default());
        let rolled_back = async {
            // As a person's command does it.
            let _hold = hold(&worktree).await.unwrap();
            roll_back(&worktree, work.repo.path(), (&to, &author)).await.unwrap()
        };
        let (done, merged, back) =
            tokio::join!(work.checkpoint(&job), merge_into((&work, &worktree), &into, None), rolled_back);
        assert!(matches!(merged, Ok(Merged::Done { .. })), "{merged:?}");
        // Whichever came first, the work is kept: as a commit of the branch, or under the rollback's name.
        let kept = work.repo.git(&["show", &format!("{}:file.txt", back.kept)]).await;
        let head = work.git(&["rev-parse", "HEAD"]).await;
        assert_eq!((kept, head, done.before), (round.to_string(), to.clone(), to), "{:?}", done.after);
        let state = tree_state(&work.folder()).await.unwrap();
        assert_eq!(state.dirty, None);
        work.repo.git(&["fsck", "--no-progress"]).await;
    }
}
