//! Workflows of the store: drafts, versions that never change, and nothing that is written over unseen.

use agents_domain::namespace::Namespace;
use agents_domain::workflow::{Edit, Published, WorkflowFilter, WorkflowStatus};

use super::env::Env;

on_every_engine!(
    a_draft_becomes_a_version_and_the_versions_stay_as_they_were,
    only_the_last_versions_are_kept_and_numbers_go_on,
    who_has_not_seen_the_latest_draft_changes_nothing,
    a_deleted_workflow_is_gone_with_its_versions_and_others_stay,
    a_list_has_all_but_the_archived_unless_it_is_asked_for_them,
);

fn shop() -> Namespace {
    Namespace::new("shop").unwrap()
}

async fn edit(env: &Env, name: &str, edit: Edit) -> Published {
    env.store.edit_workflow(&shop(), name, edit, 3).await.unwrap()
}

fn draft(text: &str) -> Edit {
    Edit::Create { text: text.to_owned(), workspace: "/work".to_owned() }
}

fn update(text: &str, revision: u32) -> Edit {
    Edit::Update { text: text.to_owned(), revision }
}

fn publish(label: &str, revision: u32) -> Edit {
    Edit::Publish { note: Some(format!("note {label}")), label: label.to_owned(), revision }
}

async fn texts(env: &Env, name: &str) -> Vec<(u32, String, String, Option<String>)> {
    let versions = env.store.workflow_versions(&shop(), name).await.unwrap();
    versions.into_iter().map(|one| (one.number, one.label, one.text, one.note)).collect()
}

async fn a_draft_becomes_a_version_and_the_versions_stay_as_they_were(env: Env) {
    let made = edit(&env, "nightly", draft("one")).await.workflow.unwrap();
    assert_eq!(
        (made.status, made.draft.as_deref(), made.published),
        (WorkflowStatus::Draft, Some("one"), None)
    );
    assert_eq!((made.workspace.as_str(), made.revision), ("/work", 1));
    let done = edit(&env, "nightly", publish("1.0", 1)).await;
    let now = done.workflow.unwrap();
    assert_eq!(
        (done.version, now.status, now.draft, now.published),
        (Some(1), WorkflowStatus::Active, None, Some(1))
    );
    assert_eq!(edit(&env, "nightly", publish("1.0", 2)).await.version, None, "there is no draft");
    edit(&env, "nightly", Edit::SetStatus(WorkflowStatus::Paused)).await;
    edit(&env, "nightly", update("two", 3)).await;
    let done = edit(&env, "nightly", publish("1.1", 4)).await;
    assert_eq!((done.version, done.workflow.unwrap().status), (Some(2), WorkflowStatus::Paused));
    let version = |number, label: &str, text: &str| {
        (number, label.to_owned(), text.to_owned(), Some(format!("note {label}")))
    };
    assert_eq!(texts(&env, "nightly").await, [version(2, "1.1", "two"), version(1, "1.0", "one")]);
}

async fn only_the_last_versions_are_kept_and_numbers_go_on(env: Env) {
    edit(&env, "a", draft("text 1")).await;
    let mut revision = 1;
    for number in 1..=5 {
        assert_eq!(edit(&env, "a", publish("1", revision)).await.version, Some(number));
        let next = update(&format!("text {}", number + 1), revision + 1);
        revision = edit(&env, "a", next).await.workflow.unwrap().revision;
    }
    let kept: Vec<(u32, String)> =
        texts(&env, "a").await.into_iter().map(|(number, _, text, _)| (number, text)).collect();
    assert_eq!(kept, [(5, "text 5".to_owned()), (4, "text 4".to_owned()), (3, "text 3".to_owned())]);
}

async fn who_has_not_seen_the_latest_draft_changes_nothing(env: Env) {
    assert_eq!(edit(&env, "a", update("x", 1)).await, Published { workflow: None, version: None });
    edit(&env, "a", draft("one")).await;
    let again = edit(&env, "a", draft("other")).await.workflow.unwrap();
    assert_eq!((again.draft.as_deref(), again.revision), (Some("one"), 1));
    assert_eq!(edit(&env, "a", update("two", 1)).await.workflow.unwrap().revision, 2);
    let late = edit(&env, "a", update("late", 1)).await.workflow.unwrap();
    assert_eq!((late.draft.as_deref(), late.revision), (Some("two"), 2));
    let unseen = edit(&env, "a", publish("1", 1)).await;
    assert_eq!((unseen.version, unseen.workflow.unwrap().draft.as_deref()), (None, Some("two")));
    assert_eq!(texts(&env, "a").await, []);
}

async fn a_deleted_workflow_is_gone_with_its_versions_and_others_stay(env: Env) {
    for name in ["a", "b"] {
        edit(&env, name, draft(name)).await;
        edit(&env, name, publish("1", 1)).await;
    }
    assert_eq!(edit(&env, "a", Edit::Delete).await.workflow.unwrap().name, "a");
    assert_eq!(edit(&env, "a", Edit::Delete).await.workflow, None);
    assert_eq!(env.store.workflow(&shop(), "a").await.unwrap(), None);
    assert_eq!((texts(&env, "a").await.len(), texts(&env, "b").await.len()), (0, 1));
    edit(&env, "a", draft("anew")).await;
    assert_eq!(edit(&env, "a", publish("1", 1)).await.version, Some(1));
}

async fn a_list_has_all_but_the_archived_unless_it_is_asked_for_them(env: Env) {
    for (name, status) in
        [("c", WorkflowStatus::Archived), ("b", WorkflowStatus::Paused), ("a", WorkflowStatus::Draft)]
    {
        edit(&env, name, draft(name)).await;
        if status != WorkflowStatus::Draft {
            edit(&env, name, publish("1", 1)).await;
            edit(&env, name, Edit::SetStatus(status)).await;
        }
    }
    let other = Namespace::new("bank").unwrap();
    env.store.edit_workflow(&other, "z", draft("z"), 3).await.unwrap();
    let names = async |status: &[WorkflowStatus]| {
        let filter = WorkflowFilter { namespace: Some(shop()), status: status.to_vec() };
        let all = env.store.workflows(&filter).await.unwrap();
        all.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]).await, ["a", "b"]);
    assert_eq!(names(&[WorkflowStatus::Archived]).await, ["c"]);
    assert_eq!(names(&WorkflowStatus::ALL).await, ["a", "b", "c"]);
}
