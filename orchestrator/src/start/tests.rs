//! New runs out of files, stored definitions and north stars.

use std::path::Path;

use agents_domain::definition::NewDefinition;
use agents_domain::retention::Retention;
use agents_domain::run::Trigger;
use agents_domain::timestamp::Timestamp;
use serde_json::json;

use super::*;
use crate::housekeeping::tests::SameEverywhere;
use crate::store::SqlStore;
use crate::system::{SystemClock, SystemIds};

struct World {
    folder: tempfile::TempDir,
    starter: Arc<FromDefinitions>,
}

fn shop() -> Namespace {
    Namespace::new("shop").unwrap()
}

fn cause() -> Cause {
    Cause {
        trigger: Trigger::Manual,
        input: None,
        depth: 0,
        replays: None,
        at: Timestamp::from_seconds(1_795_302_000),
        zone: Some("Europe/Berlin".to_owned()),
    }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("agents.db").display());
        let store = SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap();
        let home = Home { namespace: shop(), folder: folder.path().join("repo"), is_own: true };
        std::fs::create_dir_all(home.folder.join(".agents/jobs")).unwrap();
        let starter = FromDefinitions::new(Sources {
            store: Arc::new(store),
            settings: Arc::new(SameEverywhere(Ok(Retention::default()))),
            ids: Arc::new(SystemIds),
            skills: Arc::new(NoSkills),
            data_folder: folder.path().to_owned(),
            here: Some(home),
        });
        Self { folder, starter: Arc::new(starter) }
    }

    fn repo(&self) -> std::path::PathBuf {
        self.folder.path().join("repo")
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.repo().join(".agents/jobs").join(name), text).unwrap();
    }

    async fn store(&self, namespace: &Namespace, name: &str, text: &str, workspace: &Path) {
        let new = NewDefinition {
            namespace: namespace.clone(),
            name: name.to_owned(),
            text: text.to_owned(),
            workspace: workspace.display().to_string(),
            over: None,
        };
        self.starter.sources.store.save_definition(new).await.unwrap();
    }

    async fn run(&self, name: &str, params: &str) -> Result<NewAssignment, String> {
        let start = Start::Definition { name: name.to_owned(), params: params.to_owned() };
        self.starter.new_run(&shop(), &start, cause()).await.map_err(|error| error.to_string())
    }
}

fn told(new: &NewAssignment) -> String {
    match &new.first {
        First::Job(job) => job.context.clone(),
        First::Director | First::Hold | First::Workflow(_) => panic!("{new:?} has no job"),
    }
}

#[tokio::test]
async fn a_file_s_definition_holds_and_one_of_the_store_is_found_where_there_is_no_file() {
    let world = World::new().await;
    world.file("a.yaml", "agent: { prompt: \"file {{ params.x }} on {{ today }} at {{ now }}\" }\nparams: { x: { default: one } }\n");
    world.store(&shop(), "a", "agent: { prompt: stored }", &world.repo()).await;
    world.store(&shop(), "b", "agent: { prompt: stored }", &world.repo()).await;
    let new = world.run("a", "{}").await.unwrap();
    assert_eq!(told(&new), "file one on 2026-11-22 at 2026-11-22T00:00:00+01:00");
    let run = new.run.unwrap();
    assert_eq!(
        (run.definition.as_deref(), run.worker.as_str(), run.params.as_str()),
        (Some("a"), "agent", r#"{"x":"one"}"#)
    );
    assert_eq!((new.director, new.workspace), (Director::None, world.repo().display().to_string()));
    assert_eq!(told(&world.run("b", "null").await.unwrap()), "stored");
    let listed = world.starter.library().list(&shop()).await.unwrap();
    let hides: Vec<(&str, bool)> = listed.iter().map(|one| (one.name.as_str(), one.hides_stored)).collect();
    assert_eq!(hides, [("a", true), ("b", false)]);
}

#[tokio::test]
async fn a_definition_that_is_changed_is_read_again() {
    let world = World::new().await;
    world.file("a.yaml", "agent: { prompt: one }");
    assert_eq!(told(&world.run("a", "{}").await.unwrap()), "one");
    world.file("a.yaml", "agent: { prompt: two }");
    assert_eq!(told(&world.run("a", "{}").await.unwrap()), "two");
}

#[tokio::test]
async fn runs_of_one_moment_are_made_of_what_was_found_once_and_those_of_the_next_one_are_not() {
    let world = World::new().await;
    let now = Arc::clone(&world.starter).at_once();
    let run = async |starter: &dyn Starter, name: &str, params: &str| {
        let start = Start::Definition { name: name.to_owned(), params: params.to_owned() };
        starter.new_run(&shop(), &start, cause()).await.map_err(|error| error.to_string())
    };
    let text =
        |word: &str| format!("agent: {{ prompt: \"{word} {{{{ params.x }}}}\" }}\nparams: {{ x: {{}} }}\n");
    world.file("a.yaml", &text("old"));
    let first = run(&*now, "a", r#"{"x": "1"}"#).await.unwrap();
    world.file("a.yaml", &text("new"));
    let second = run(&*now, "a", r#"{"x": "2"}"#).await.unwrap();
    assert_eq!((told(&first), told(&second)), ("old 1".to_owned(), "old 2".to_owned()));
    assert_ne!(first.id, second.id);
    let missing = run(&*now, "b", "{}").await.unwrap_err();
    world.file("b.yaml", &text("b"));
    assert_eq!(run(&*now, "b", "{}").await.unwrap_err(), missing);
    let next = Arc::clone(&world.starter).at_once();
    assert_eq!(told(&run(&*next, "a", r#"{"x": "3"}"#).await.unwrap()), "new 3");
    let star =
        Start::NorthStar { template: "Fix {{ params.x }}".to_owned(), params: r#"{"x": "it"}"#.to_owned() };
    assert_eq!(now.new_run(&shop(), &star, cause()).await.unwrap().north_star, "Fix it");
    let deep = Cause { depth: DEPTH_MAX, ..cause() };
    let start = Start::Definition { name: "a".to_owned(), params: "{}".to_owned() };
    let why = next.new_run(&shop(), &start, deep).await.unwrap_err().to_string();
    assert!(why.contains("8 is the most"), "{why}");
}

#[tokio::test]
async fn what_can_not_be_started_says_why() {
    let world = World::new().await;
    world.file("wrong.yaml", "agent: { promt: x }");
    world.file("twice.yaml", "agent: { prompt: x }");
    world.file("twice.yml", "agent: { prompt: x }");
    world.file("harness.yaml", "agent: { prompt: x, harness: nobody }");
    let check = async |name: &str, params: &str, part: &str| {
        let why = world.run(name, params).await.map(|new| panic!("{new:?}")).unwrap_err();
        assert!(why.contains(part), "{name}: `{part}` is not in: {why}");
    };
    check("wrongg", "{}", "did you mean `wrong`?").await;
    check("wrong", "{}", ".agents/jobs/wrong.yaml:1:10: unknown key `promt`").await;
    check("twice", "{}", "two files of one name").await;
    check("harness", "{}", "there is no harness `nobody`").await;
    check("../wrong", "{}", "there is no definition `../wrong`").await;
    check("harness", "[1]", "params are a JSON object").await;
    let start = Start::Definition { name: "harness".to_owned(), params: "{}".to_owned() };
    let deep = Cause { depth: DEPTH_MAX, ..cause() };
    let why = world.starter.new_run(&shop(), &start, deep).await.unwrap_err().to_string();
    assert!(why.contains("8 is the most"), "{why}");
    let elsewhere = world.starter.new_run(&Namespace::new("bank").unwrap(), &start, cause()).await;
    assert!(elsewhere.unwrap_err().to_string().contains("nobody knows where namespace bank is"));
}

#[tokio::test]
async fn a_stored_definition_of_another_namespace_works_where_it_was_made() {
    let world = World::new().await;
    let bank = Namespace::new("bank").unwrap();
    world.store(&bank, "a", "agent: { prompt: far away }", &world.folder.path().join("bank")).await;
    let start = Start::Definition { name: "a".to_owned(), params: "{}".to_owned() };
    let new = world.starter.new_run(&bank, &start, cause()).await.unwrap();
    assert_eq!(new.workspace, world.folder.path().join("bank").display().to_string());
}

#[tokio::test]
async fn a_north_star_is_a_template_with_params_and_is_led_by_the_pm() {
    let world = World::new().await;
    let star = async |template: &str, params: serde_json::Value| {
        let start = Start::NorthStar { template: template.to_owned(), params: params.to_string() };
        world.starter.new_run(&shop(), &start, cause()).await
    };
    let new = star(" Fix {{ params.what }} by {{ today }} ", json!({"what": "{{ now }}"})).await.unwrap();
    assert_eq!(
        (new.north_star.as_str(), new.director, &new.first),
        ("Fix {{ now }} by 2026-11-22", Director::Pm, &First::Director)
    );
    let run = new.run.unwrap();
    assert_eq!(
        (run.definition, run.worker.as_str(), run.params.as_str()),
        (None, "pm", r#"{"what":"{{ now }}"}"#)
    );
    let why = star("Fix {{ params.wat }}", json!({"what": "x"})).await.unwrap_err().to_string();
    assert!(why.contains("there is no param `wat`: did you mean `what`?"), "{why}");
    assert!(
        star("{{ params.x }}", json!({"x": " "}))
            .await
            .unwrap_err()
            .to_string()
            .contains("the north star is empty")
    );
}
