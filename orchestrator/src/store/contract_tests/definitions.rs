//! Definitions of the store: one of a name in a namespace, and none is written over unseen.

use agents_domain::definition::{NewDefinition, Saved};
use agents_domain::namespace::Namespace;

use super::env::Env;

on_every_engine!(
    a_definition_reads_back_and_is_found_in_its_own_namespace,
    a_definition_is_changed_only_by_who_has_seen_it,
);

fn new(namespace: &str, name: &str, text: &str, over: Option<u32>) -> NewDefinition {
    NewDefinition {
        namespace: Namespace::new(namespace).unwrap(),
        name: name.to_owned(),
        text: text.to_owned(),
        workspace: "/work".to_owned(),
        over,
    }
}

async fn a_definition_reads_back_and_is_found_in_its_own_namespace(env: Env) {
    for (namespace, name) in [("shop", "b"), ("shop", "a"), ("bank", "a")] {
        let saved = env.store.save_definition(new(namespace, name, "exec: ls", None)).await.unwrap();
        assert_eq!(saved, Saved::Saved(1), "{namespace} {name}");
    }
    let shop = Namespace::new("shop").unwrap();
    let listed = env.store.definitions(&shop).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|definition| definition.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let found = env.store.definition(&shop, "b").await.unwrap().unwrap();
    assert_eq!(Some(&found), listed.get(1));
    assert_eq!(
        (found.text.as_str(), found.workspace.as_str(), found.revision, found.created_at == found.updated_at),
        ("exec: ls", "/work", 1, true)
    );
    assert_eq!(env.store.definition(&shop, "c").await.unwrap(), None);
    assert!(env.store.delete_definition(&shop, "b").await.unwrap());
    assert!(!env.store.delete_definition(&shop, "b").await.unwrap());
    assert_eq!(env.store.definitions(&shop).await.unwrap().len(), 1);
}

async fn a_definition_is_changed_only_by_who_has_seen_it(env: Env) {
    let save =
        async |text: &str, over| env.store.save_definition(new("shop", "a", text, over)).await.unwrap();
    assert_eq!(save("none", Some(1)).await, Saved::Gone);
    assert_eq!(save("one", None).await, Saved::Saved(1));
    assert_eq!(save("again", None).await, Saved::Other(1));
    assert_eq!(save("two", Some(1)).await, Saved::Saved(2));
    assert_eq!(save("late", Some(1)).await, Saved::Other(2));
    let found = env.store.definition(&Namespace::new("shop").unwrap(), "a").await.unwrap().unwrap();
    assert_eq!((found.text.as_str(), found.revision), ("two", 2));
}
