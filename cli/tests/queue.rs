//! The queue at a glance.

mod support;

use agents_domain::attempt::AttemptProgress;
use agents_domain::store::Store;
use agents_domain::usage::{MicroUsd, TokenUsage};
use serde_json::{Value, json};
use support::{World, has_keys, short, text};

#[test]
fn an_empty_queue_says_so_and_how_to_start_a_runner() {
    let world = World::new();
    assert_eq!(
        world.agents(&["queue"]).ok().stdout,
        "shop: nothing to do\n\nno runner is alive: start one with `agents runner`\n"
    );
    let empty = json!({ "running": [], "ready": [], "waiting": [], "workflows": [], "blocked": [], "paused": [], "cooldowns": [], "schedules": [], "runners": [] });
    assert_eq!(world.json(&["queue"]), empty);
}

#[tokio::test]
async fn the_queue_tells_what_runs_is_ready_waits_and_is_blocked() {
    let world = World::new();
    let first = world.create(&["Write the parser", "--first", "implement"]);
    let running = text(&world.json(&["assignment", &first])["jobs"][0]["id"]);
    let claimed = world.claim().await;
    assert_eq!(claimed.job.id.to_string(), running);
    let progress = AttemptProgress {
        usage: Some(TokenUsage { input: 12_000, cached: 0, written: 0, output: 345, reasoning: None }),
        cost: MicroUsd::from_dollars(0.42),
        tool_calls: 3,
        last_activity: Some("Edit src/main.rs".to_owned()),
        ..AttemptProgress::default()
    };
    let store = world.store().await;
    store.progress(claimed.attempt.runner, &[(claimed.attempt.id, progress)]).await.unwrap();
    let behind = text(&world.json(&["insert-job", &first, "--type", "review"])["id"]);
    let ready = world.create(&["Second"]);
    let held = world.create(&["Third", "--hold"]);
    let blocked = world.create(&["Fourth"]);
    world.json(&["update-assignment", &blocked, "--status", "blocked", "--reason", "needs the API key"]);

    let queue = world.json(&["queue"]);
    let run = &queue["running"][0];
    has_keys(run, &["type", "harness", "northStar", "elapsedMs", "attempt"]);
    assert_eq!((&run["id"], &run["assignment"]), (&json!(running), &json!(first)));
    assert_eq!(run["attempt"]["costUsd"], json!(0.42));
    assert_eq!(
        run["attempt"]["usage"],
        json!({ "input": 12_000, "cached": 0, "cacheWritten": 0, "output": 345, "reasoning": null })
    );
    assert_eq!(run["attempt"]["lastActivity"], "Edit src/main.rs");
    assert_eq!((&queue["ready"][0]["assignment"], &queue["ready"][0]["type"]), (&json!(ready), &json!("pm")));
    let waiting = queue["waiting"].as_array().unwrap();
    let waits =
        |id: &str| waiting.iter().find(|entry| entry["id"] == json!(id) || entry["assignment"] == json!(id));
    let behind = waits(&behind).unwrap();
    assert_eq!(behind["waitsFor"], json!(format!("implement {}", short(&running))));
    assert_eq!(behind["until"], Value::Null);
    let held = waits(&held).unwrap();
    assert_eq!((&held["id"], &held["waitsFor"]), (&Value::Null, &json!("its first job")));
    assert_eq!(queue["blocked"][0]["reason"], "needs the API key");
    assert_eq!(queue["blocked"][0]["id"], json!(blocked));
    assert_eq!((&queue["runners"][0]["alive"], &queue["runners"][0]["pid"]), (&json!(true), &json!(1)));

    let human = world.agents(&["queue"]).ok().stdout;
    for part in [
        "shop: 1 running, 1 ready, ",
        "12.3k tokens · $0.42 · Edit src/main.rs",
        &format!("implement {}", short(&running)),
        "its first job",
        "why: needs the API key",
        "runner laptop, process 1, 2 jobs at once",
    ] {
        assert!(human.contains(part), "`{part}` is not in:\n{human}");
    }
    assert!(human.lines().all(|line| line.chars().count() <= 80), "{human}");
    assert!(!human.contains("no runner is alive"), "{human}");
}

#[test]
fn the_queue_of_all_namespaces_names_them_and_says_when_it_is_cut() {
    let world = World::new();
    world.create(&["One"]);
    world.create(&["Two", "--namespace", "other"]);
    let human = world.agents(&["queue", "--all-namespaces", "--limit", "2"]).in_folder("/").ok().stdout;
    assert!(human.starts_with("all namespaces: 2 ready\n") && human.contains("other"), "{human}");
    assert!(human.contains("only the first 2 of each"), "{human}");
}
