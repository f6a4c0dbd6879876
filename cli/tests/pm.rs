//! What agents may do with the queue from inside their jobs.

mod support;

use agents_domain::history::EventKind;
use agents_domain::store::Store;
use serde_json::json;
use support::{World, short, text};

#[tokio::test]
async fn what_the_pm_inserts_is_staged_for_its_own_assignment() {
    let world = World::new();
    let id = world.create(&["Something"]);
    let pm = world.claim().await;
    let args =
        ["insert-job", "self", "--type", "review", "--context", "look", "--reason", "it is new", "--json"];
    let staged = world.agents(&args).inside(&pm).ok().json();
    assert_eq!((&staged["staged"], &staged["assignment"]), (&json!(true), &json!(id)));
    assert_eq!(
        world.json(&["assignment", &id])["jobs"].as_array().map(Vec::len),
        Some(1),
        "nothing is inserted yet"
    );
    let said = world.agents(&["insert-job", "--type", "uat", "--first"]).inside(&pm).ok().stdout;
    assert!(said.contains("takes effect when this PM job ends"), "{said}");
    world.agents(&["insert-job", short(&id), "--type", "uat"]).inside(&pm).ok();
    let history = world.store().await.history(pm.assignment.id).await.unwrap();
    let last = history.iter().rfind(|event| event.kind == EventKind::DecisionStaged).unwrap();
    assert_eq!(last.detail("reason"), Some("it is new"));
    assert_eq!(last.attempt, Some(pm.attempt.id));
}

#[tokio::test]
async fn the_pm_completes_or_blocks_its_own_assignment_with_a_reason() {
    let world = World::new();
    let id = world.create(&["Something"]);
    let pm = world.claim().await;
    let update = |args: &[&str]| world.agents(&[&["update-assignment"], args].concat()).inside(&pm);
    update(&["self", "--status", "complete"]).fails(2, &["must say why", "--reason"]);
    update(&["self", "--status", "blocked"]).fails(2, &["needs one"]);
    update(&["--status", "active"]).fails(5, &["only a person", "insert-job"]);
    update(&["--status", "cancelled"]).fails(5, &["only a person"]);
    let done = update(&["--status", "blocked", "--reason", "no key", "--question", "Which key?", "--json"])
        .ok()
        .json();
    let facts = ["id", "status", "staged", "decision"].map(|key| done[key].clone());
    assert_eq!(facts, [json!(id), json!("active"), json!(true), json!("blocked")]);
    update(&["--status", "complete", "--reason", "done"]).fails(5, &["already decided `blocked`"]);
    let said = update(&[&id, "--status", "blocked", "--reason", "still no key"]).ok().stdout;
    assert!(said.contains("is blocked; it takes effect when this PM job ends"), "{said}");
}

#[tokio::test]
async fn the_pm_may_not_touch_what_is_not_its_own() {
    let world = World::new();
    world.create(&["Mine"]);
    let pm = world.claim().await;
    let other = world.create(&["Not mine"]);
    let insert = ["insert-job", &other, "--type", "review"];
    world.agents(&insert).inside(&pm).fails(5, &["decides about assignment", short(&other), "self"]);
    let update = ["update-assignment", &other, "--status", "complete", "--reason", "r"];
    world.agents(&update).inside(&pm).fails(5, &["decides about assignment"]);
    world.agents(&["create", "More"]).inside(&pm).fails(5, &["a PM can't create assignments"]);
    world.agents(&["init", "--force"]).inside(&pm).fails(5, &["a PM can't"]);
    world.agents(&["insert-job", "--type", "pm"]).inside(&pm).fails(2, &["follows every other job"]);
    world.agents(&["queue"]).inside(&pm).ok();
    world.agents(&["assignment", &other]).inside(&pm).ok();
}

#[tokio::test]
async fn any_other_agent_may_only_read() {
    let world = World::new();
    let id = world.create(&["Something", "--first", "implement"]);
    let agent = world.claim().await;
    let insert = ["insert-job", &id, "--type", "review"];
    world.agents(&insert).inside(&agent).fails(5, &["the agent of a implement job", "final answer"]);
    let update = ["update-assignment", &id, "--status", "complete"];
    world.agents(&update).inside(&agent).fails(5, &["only the PM and people"]);
    world.agents(&["create", "More"]).inside(&agent).fails(5, &["only the PM and people can create"]);
    world.agents(&["assignment", &id]).inside(&agent).ok();
}

#[tokio::test]
async fn a_pm_whose_attempt_is_over_decides_nothing() {
    let world = World::new();
    let id = world.create(&["Something"]);
    let pm = world.claim().await;
    let foreign = text(&world.json(&["create", "Other", "--first", "plan"])["jobs"][0]);
    let stale = world.agents(&["insert-job", "--type", "review"]).inside(&pm).env("AGENTS_ATTEMPT_ID", &id);
    stale.fails(5, &["no longer owns its job"]);
    let after = ["insert-job", "--type", "review", "--after", &foreign];
    world.agents(&after).inside(&pm).fails(5, &["is not in assignment"]);
    let broken =
        world.agents(&["insert-job", "--type", "review"]).inside(&pm).env("AGENTS_JOB_ID", "nonsense");
    broken.fails(5, &["AGENTS_JOB_ID"]);
}

#[tokio::test]
async fn the_pm_has_the_config_of_its_workspace_in_whatever_folder_its_cli_puts_it() {
    let world = World::new();
    world.write(
        "shop/.agents/config.json",
        r#"{"namespace":"shop","harnesses":{"my-cli":{"command":"my-cli"}}}"#,
    );
    world.create(&["Something"]);
    let pm = world.claim().await;
    let insert = ["insert-job", "self", "--type", "review", "--harness", "my-cli"];
    let elsewhere = || world.agents(&insert).inside(&pm).in_folder(world.path("home"));
    elsewhere().fails(2, &["there is no harness `my-cli`"]);
    elsewhere().env("AGENTS_WORKSPACE", world.repo().display()).ok();
}

#[tokio::test]
async fn the_pm_may_not_choose_another_store() {
    let world = World::new();
    world.create(&["Something"]);
    let pm = world.claim().await;
    let url = format!("sqlite:{}", world.path("shop/new.db").display());
    for option in [["--database-url", &url], ["--config", "other.json"]] {
        world
            .agents(&[&["queue"], &option[..]].concat())
            .inside(&pm)
            .fails(5, &["another database or config"]);
    }
    assert!(!world.path("shop/new.db").exists());
}
