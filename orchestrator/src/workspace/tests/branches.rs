//! Branches are merged into others and put back.

use agents_domain::worktree::Worktree;

use super::super::{Author, Merge, MergeError, Merged, is_merged, merge, roll_back, tree_state};
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
    merge(Merge { worktree, workspace: work.repo.path(), into, squash, author: &author }).await
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
