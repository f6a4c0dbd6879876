//! `agents demo`: what a new user sees first.

use serde_json::Value;

use crate::support::{World, text};

#[test]
fn the_demo_ends_complete_and_shows_where_to_look() {
    let world = World::new();
    let folder = world.path("demo");
    let said = world.agents(&["demo", "--folder", &folder.display().to_string()]).ok().stdout;
    for part in ["complete", "Where to look", "agents init", "agents logs"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    for part in ["check `tests` passed", "agents evidence", "agents merge"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let worktrees = std::fs::read_dir(folder.join(".agents/data/worktrees/demo")).unwrap();
    let own: Vec<_> = worktrees.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert!(own.len() == 1 && own[0].join("greet.sh").is_file(), "{own:?}");
    assert!(!folder.join("greet.sh").exists(), "the tree that a person works in is not touched");
    assert!(!world.database().exists(), "the caller's own store is not touched");
    assert!(!world.repo().join(".agents").exists(), "nor is the repository that it was called in");
}

#[test]
fn the_demos_json_parses_and_ends_with_the_whole_assignment() {
    let world = World::new();
    let folder = world.path("demo");
    let run = world.agents(&["demo", "--json", "--folder", &folder.display().to_string()]);
    // What the caller says of a store and of who does the work is not the demo's.
    world.write(
        "home/.config/agents/config.json",
        r#"{"harnessDefaults": {"pm": "codex", "review": "gemini"}}"#,
    );
    let said =
        run.env("AGENTS_NAMESPACE", "mine").env("AGENTS_DATA_DIR", world.path("mine").display()).ok().stdout;
    let values: Vec<Value> =
        serde_json::Deserializer::from_str(&said).into_iter().collect::<Result<_, _>>().unwrap();
    let last = values.last().unwrap();
    assert_eq!(last["assignment"]["status"], "complete");
    let harnesses = last["assignment"]["jobs"].as_array().unwrap().iter().map(|job| &job["harness"]);
    assert!(harnesses.clone().all(|harness| harness == "scripted"), "{:?}", harnesses.collect::<Vec<_>>());
    assert_eq!(text(&last["folder"]), folder.display().to_string());
    assert!(!world.path("mine").exists(), "the caller's data folder is not touched");
}

#[test]
fn the_demo_takes_only_an_empty_folder() {
    let world = World::new();
    world.write("demo/mine.txt", "precious");
    let folder = world.path("demo").display().to_string();
    world.agents(&["demo", "--folder", &folder]).fails(6, &["is not empty"]);
}
