//! The layers of the configuration, what is refused, `init`, `config` and `doctor`.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use support::{World, text};

/// The value and the origin of one key.
fn shown(config: &Value, key: &str) -> (Value, String, Value) {
    let values = config["values"].as_array().unwrap();
    let entry = values.iter().find(|entry| entry["key"] == key).unwrap_or_else(|| panic!("no {key}"));
    (entry["value"].clone(), text(&entry["origin"]), entry["from"].clone())
}

#[test]
fn each_layer_wins_over_the_one_below_it() {
    let world = World::new();
    let value = |args: &[&str], env: &[(&str, &str)]| {
        let args = [&["config", "show", "--json"], args].concat();
        let run = env.iter().fold(world.agents(&args), |run, (name, value)| run.env(name, value));
        let (value, origin, _) = shown(&run.ok().json(), "namespace");
        (text(&value), origin)
    };
    let is = |name: &str, origin: &str| (name.to_owned(), origin.to_owned());
    assert_eq!(value(&[], &[]), is("shop", "default"));
    world.write(
        "home/.config/agents/config.json",
        r#"{"namespace": "user", "concurrency": 9, "timeoutMs": 5}"#,
    );
    assert_eq!(value(&[], &[]), is("user", "user"));
    world.write("shop/.agents/config.json", r#"{"namespace": "repo", "timeoutMs": 6}"#);
    assert_eq!(value(&[], &[]), is("repo", "repository"));
    let extra = world.write("extra.json", r#"{"namespace": "extra"}"#);
    let extra = ["--config", extra.to_str().unwrap()];
    assert_eq!(value(&extra, &[]), is("extra", "file"));
    let env = [("AGENTS_NAMESPACE", "env")];
    assert_eq!(value(&extra, &env), is("env", "environment"));
    assert_eq!(value(&["--namespace", "flag"], &env), is("flag", "flag"));
    let config = world.json(&["config", "show"]);
    assert_eq!(shown(&config, "concurrency").0, json!(9));
    assert_eq!(shown(&config, "timeoutMs").0, json!(6));
    let from = json!(world.path("home/.config/agents/config.json"));
    assert_eq!(shown(&config, "concurrency").2, from);
    assert_eq!(shown(&config, "graceMs"), (json!(5000), "default".to_owned(), Value::Null));
    let human = world.agents(&["config", "show"]).ok().stdout;
    assert!(human.contains("graceMs") && human.contains("\nrepository = /"), "{human}");
}

#[test]
fn tables_are_merged_and_relative_paths_are_relative_to_the_file() {
    let world = World::new();
    world.write(
        "home/.config/agents/config.json",
        r#"{"harnesses": {"claude": {"model": "a", "args": ["--x"], "env": {"A": "1", "B": "2"}}},
            "harnessDefaults": {"review": "codex"}}"#,
    );
    world.write(
        "shop/.agents/config.json",
        r#"{"dataDir": "data", "harnesses": {"claude": {"model": "b", "env": {"B": null}}}}"#,
    );
    let config = world.json(&["config", "show"]);
    let value = |key: &str| shown(&config, key).0;
    assert_eq!(value("harnesses.claude.model"), "b");
    assert_eq!(value("harnesses.claude.args"), json!(["--x"]));
    assert_eq!(value("harnesses.claude.env.A"), "1");
    assert_eq!(value("harnesses.claude.env.B"), Value::Null);
    assert_eq!(
        (value("harnessDefaults.review"), value("harnessDefaults.default")),
        (json!("codex"), json!("claude"))
    );
    world.write("home/.config/agents/config.json", r#"{"harnessFallback": {"codex": "claude"}}"#);
    world.write("shop/.agents/config.json", r#"{"dataDir": "data", "harnessFallback": {"claude": "codex"}}"#);
    world.agents(&["queue"]).fails(6, &["is a circle", "null takes away"]);
    world.write(
        "shop/.agents/config.json",
        r#"{"dataDir": "data", "harnessFallback": {"claude": "codex", "codex": null}}"#,
    );
    world.agents(&["queue"]).ok();
    let folder = world.path("shop/data");
    assert_eq!(value("dataDir"), json!(folder));
    assert_eq!(value("databaseUrl"), json!(format!("sqlite:{}", folder.join("agents.db").display())));
    let elsewhere =
        world.agents(&["config", "show", "--json"]).env("AGENTS_DATABASE_URL", "sqlite:x.db").ok().json();
    assert_eq!(
        shown(&elsewhere, "databaseUrl").0,
        json!(format!("sqlite:{}", world.path("shop/x.db").display()))
    );
}

#[test]
fn a_wrong_config_is_refused_with_the_file_the_key_and_what_was_meant() {
    let world = World::new();
    let check = |text: &str, said: &[&str]| {
        world.write("shop/.agents/config.json", text);
        let mut said = said.to_vec();
        said.push("config.json");
        world.agents(&["queue"]).fails(6, &said);
    };
    check(r#"{"timeoutms": 1}"#, &["unknown key `timeoutms`", "did you mean `timeoutMs`?"]);
    check(r#"{"limits": {"maxJob": 1}}"#, &["unknown key `limits.maxJob`", "did you mean `maxJobs`?"]);
    check(
        r#"{"harnesses": {"claude": {"mdel": "x"}}}"#,
        &["`harnesses.claude.mdel`", "did you mean `model`?"],
    );
    check(r#"{"xyz": 1}"#, &["unknown key `xyz`", "known here are", "namespace"]);
    check(r#"{"convexUrl": "https://x"}"#, &["unknown key `convexUrl`", "local database"]);
    check("{\n  \"concurrency\": \"2\"\n}", &["config.json:2:", "`concurrency`", "a whole number above 0"]);
    check(r#"{"timeoutMs": 0}"#, &["`timeoutMs`", "a whole number above 0"]);
    check(r#"{"timeoutMs": 1.5}"#, &["`timeoutMs`", "a whole number above 0"]);
    check(
        r#"{"permissions": {"plan": "write"}}"#,
        &["permissions.plan", "read-only, read-only-and-agents, edit, full"],
    );
    check(r#"{"harnesses": {"x": {"command": 5}}}"#, &["harnesses.x.command", "a program, or a list"]);
    check(r#"{"harnesses": {"x": {"command": "a 'b c'"}}}"#, &["as a list of strings"]);
    check("{\n  'single': 1\n}", &["config.json:2:", "not JSON"]);
    check("{\"a\": 1,}", &["not JSON", "comma"]);
    check("", &["not JSON"]);
    check(r#"{"harnessDefaults": {"plan": "cluade"}}"#, &["harnessDefaults.plan", "did you mean `claude`?"]);
    check(
        r#"{"harnessDefaults": {"implment": "codex"}}"#,
        &["harnessDefaults.implment", "did you mean `implement`?"],
    );
    check(
        r#"{"harnessFallback": {"cluade": "codex"}}"#,
        &["harnessFallback.cluade", "no harness `cluade`", "did you mean `claude`?"],
    );
    check(r#"{"harnessFallback": {"claude": "mine"}}"#, &["harnessFallback.claude", "no harness `mine`"]);
    check(
        r#"{"harnessFallback": {"claude": "codex", "codex": "gemini", "gemini": "claude"}}"#,
        &["harnessFallback: claude -> codex -> gemini -> claude is a circle", "config.json"],
    );
    check(r#"{"harnessFallback": {"claude": 1}}"#, &["harnessFallback.claude"]);
    check(r#"{"harnessDefaults": {"Plan it": "codex"}}"#, &["cannot be a job type"]);
    check(r#"{"permissions": {"reviw": "edit"}}"#, &["permissions.reviw", "did you mean `review`?"]);
    check(r#"{"harnesses": {"cladue": {"model": "x"}}}"#, &["has no `command`", "did you mean `claude`?"]);
    check(r#"{"harnesses": {"x": {"command": []}}}"#, &["is empty"]);
    check(r#"{"harnesses": {"claude": {"stream": "text"}}}"#, &["`stream`"]);
    check(r#"{"namespace": "a b"}"#, &["cannot be a namespace"]);
    check(r#"{"retention": {"logs": "30"}}"#, &["retention.logs", "`30d`", "`forever`"]);
    check(r#"{"retention": {"log": "30d"}}"#, &["`retention.log`", "did you mean `logs`?"]);
}

#[test]
fn wrong_variables_and_missing_files_are_refused() {
    let world = World::new();
    let run = || world.agents(&["queue"]);
    run().env("AGENTS_CONCURRENCY", "many").fails(6, &["AGENTS_CONCURRENCY", "`many`"]);
    run().env("AGENTS_TIMEOUT_MS", "0").fails(6, &["AGENTS_TIMEOUT_MS"]);
    run().env("AGENTS_NAMESPACE", "").ok();
    world
        .agents(&["queue", "--config", "nowhere.json"])
        .fails(6, &["there is no config file", "nowhere.json"]);
    world.write("shop/.agents/config.json", b"{\"namespace\": \"\xff\"}");
    run().fails(6, &["not UTF-8"]);
}

#[test]
fn the_example_has_every_key_and_is_accepted() {
    let world = World::new();
    let example = include_str!("../../config.example.json");
    let schema: Value = serde_json::from_str(include_str!("../../config.schema.json")).unwrap();
    let parsed: Value = serde_json::from_str(example).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&parsed), keys(&schema["properties"]));
    let entry = &schema["properties"]["harnesses"]["additionalProperties"]["properties"];
    assert_eq!(keys(&parsed["harnesses"]["my-cli"]), keys(entry));
    assert_eq!(keys(&parsed["limits"]), keys(&schema["properties"]["limits"]["properties"]));
    assert_eq!(keys(&parsed["retention"]), keys(&schema["properties"]["retention"]["properties"]));
    assert_eq!(keys(&parsed["worktrees"]), keys(&schema["properties"]["worktrees"]["properties"]));
    for built_in in keys(&schema["properties"]["harnessDefaults"]["properties"]) {
        assert!(parsed["harnessDefaults"].get(&built_in).is_some(), "{built_in}");
    }
    world.write("shop/.agents/config.json", example);
    let config = world.json(&["config", "show"]);
    assert_eq!(shown(&config, "harnesses.my-cli.command").0, json!(["my-cli", "run", "--headless"]));
    assert_eq!(world.json(&["config", "schema"]), schema);
}

#[test]
fn a_type_of_ones_own_needs_a_template() {
    let world = World::new();
    let create = ["create", "x", "--first", "release-notes"];
    world.agents(&create).fails(2, &["no job type `release-notes`", ".agents/templates"]);
    world.write("shop/.agents/templates/release-notes.md", "Write them.");
    world.agents(&create).ok();
    assert_eq!(world.json(&["jobs", "--type", "release-notes"])["jobs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn init_writes_a_small_config_once() {
    let world = World::new();
    let claude = world.write("bin/codex", "#!/bin/sh\n");
    std::fs::set_permissions(&claude, std::fs::Permissions::from_mode(0o755)).unwrap();
    let sub = world.repo().join("src");
    std::fs::create_dir_all(&sub).unwrap();
    let done = world.agents(&["init", "--harness", "codex", "--json"]).in_folder(&sub).ok().json();
    let file = world.path("shop/.agents/config.json");
    assert_eq!(
        (&done["namespace"], &done["config"], &done["git"]),
        (&json!("shop"), &json!(file), &json!(true))
    );
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(written, json!({ "namespace": "shop", "harnessDefaults": { "default": "codex" } }));
    world.agents(&["init"]).fails(5, &["is already there", "--force"]);
    let said = world.agents(&["init", "--force", "--namespace", "store"]).ok().stdout;
    assert!(said.contains("namespace store") && said.contains("agents doctor"), "{said}");
    assert_eq!(text(&world.json(&["create", "x"])["namespace"]), "store");
    world.agents(&["init", "--force", "--harness", "cluade"]).fails(2, &["did you mean `claude`?"]);
    let outside = world.path("plain");
    std::fs::create_dir_all(&outside).unwrap();
    let ended = world.agents(&["init"]).in_folder(&outside).ok();
    assert!(ended.stderr.contains("is not a git repository"), "{}", ended.stderr);
    assert_eq!(
        text(&world.agents(&["create", "x", "--json"]).in_folder(&outside).ok().json()["namespace"]),
        "plain"
    );
}

#[test]
fn init_replaces_a_broken_config_by_force() {
    let world = World::new();
    world.write("shop/.agents/config.json", "{");
    world.agents(&["queue"]).fails(6, &["not JSON"]);
    world.agents(&["init", "--force"]).ok();
    world.agents(&["queue"]).ok();
}

/// The check of that name.
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

#[test]
fn doctor_finds_what_is_missing_and_how_to_get_it() {
    let world = World::new();
    let stub = world.write("bin/stub-cli", "#!/bin/sh\necho stub-cli 7.1\n");
    std::fs::set_permissions(&stub, std::fs::Permissions::from_mode(0o755)).unwrap();
    let own = r#"{"harnesses": {"stub": {"command": "stub-cli"}, "gone": {"command": "no-such-cli"}},
                  "harnessDefaults": {"default": "stub"}}"#;
    world.write("shop/.agents/config.json", own);
    let report = world.json(&["doctor"]);
    assert_eq!(report["ok"], true);
    for name in ["git", "repository", "config", "database"] {
        assert_eq!(check(&report, name)["status"], "ok", "{report:#}");
    }
    assert_eq!(check(&report, "harness stub")["detail"], "stub-cli stub-cli 7.1");
    assert_eq!(check(&report, "runner")["status"], "note");
    let gone = check(&report, "harness gone");
    assert_eq!(gone["status"], "note", "no type of job uses it");
    assert!(text(&gone["detail"]).contains("not installed"));
    world.write("shop/.agents/config.json", own.replace(r#""default": "stub""#, r#""default": "gone""#));
    let ended = world.agents(&["doctor"]).run();
    assert_eq!(ended.code, 8);
    assert!(ended.stdout.contains("problem") && ended.stdout.contains("fix:"), "{}", ended.stdout);
    assert!(ended.stderr.contains("1 problem would keep jobs from running"), "{}", ended.stderr);
    world.write("shop/.agents/config.json", "{");
    let ended = world.agents(&["doctor", "--json"]).run();
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &check(&report, "config")["status"]), (8, &json!("problem")));
}

#[tokio::test]
async fn doctor_sees_a_runner_that_is_alive_and_a_damaged_database() {
    let world = World::new();
    world.create(&["Something"]);
    world.register_runner().await;
    let report = serde_json::from_str(&world.agents(&["doctor", "--json"]).run().stdout).unwrap();
    assert_eq!(check(&report, "runner")["status"], "ok");
    world.write("broken.db", "no database".repeat(100));
    let url = format!("sqlite:{}", world.path("broken.db").display());
    let ended = world.agents(&["doctor", "--json", "--database-url", &url]).run();
    let report = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &check(&report, "database")["status"]), (8, &json!("problem")));
}

#[test]
fn checks_are_a_list_that_replaces_another_and_guards_are_merged() {
    let world = World::new();
    world.write(
        "home/.config/agents/config.json",
        r#"{"checks": ["make test"], "guards": {"skips_added": "gate"}, "checkTimeoutMs": 7}"#,
    );
    let config = world.json(&["config", "show"]);
    assert_eq!(shown(&config, "checks").0, json!(["make test"]));
    assert_eq!(shown(&config, "guards.skips_added").0, "gate");
    assert_eq!(shown(&config, "guards.tests_deleted"), (json!("gate"), "default".to_owned(), Value::Null));
    assert_eq!(shown(&config, "checkTimeoutMs").0, 7);
    world.write(
        "shop/.agents/config.json",
        r#"{"checks": [{"name": "lint", "command": "make lint", "required": false}], "guards": {"empty_diff": "off"}}"#,
    );
    let id = world.create(&["Something", "--hold", "--check", " ./test ", "--check", "./test"]);
    let created = world.json(&["create", "Something", "--hold", "--check", "make lint"]);
    assert_eq!(created["checks"], json!(["lint"]), "{id}: the same command is not run twice");
    let config = world.json(&["config", "show"]);
    assert_eq!(shown(&config, "guards.skips_added").0, "gate");
    assert_eq!(shown(&config, "guards.empty_diff").0, "off");
}

#[test]
fn values_of_the_wrong_type_and_setups_that_can_not_be_are_refused_with_the_key() {
    let world = World::new();
    let check = |config: &str, said: &[&str]| {
        world.write("shop/.agents/config.json", config);
        world.agents(&["queue"]).fails(6, said);
    };
    check(r#"{"workspace": 1}"#, &["`workspace`: its value is of the wrong type"]);
    check(r#"{"limits": null}"#, &["`limits`: invalid type: null, expected an object"]);
    check(r#"{"setup": ["make", " "]}"#, &["setup: a command is empty", "it comes from: repository config"]);
    for name in ["", ".", "..", "/etc", "a/../../b", "./.env"] {
        let said = format!("copy: `{name}` is no path below the main checkout");
        check(&json!({ "copy": [".env", name] }).to_string(), &[&said, "it comes from"]);
    }
    check(r#"{"copy": ["a*"]}"#, &["copy: `a*` is a pattern, and only names are copied"]);
    world.write("shop/.agents/config.json", r#"{"copy": [".env", "a/b..c"], "setup": ["make"]}"#);
    world.agents(&["queue"]).ok();
}

#[test]
fn checks_and_guards_that_can_not_be_are_refused_with_what_was_meant() {
    let world = World::new();
    let check = |config: &str, said: &[&str]| {
        world.write("shop/.agents/config.json", config);
        world.agents(&["queue"]).fails(6, said);
    };
    check(r#"{"checks": ["a", "a"]}"#, &["two checks called `a`", "it comes from: repository config"]);
    check(r#"{"checks": [{"name": "x"}]}"#, &["checks[0]", "a command, or an object"]);
    check(
        r#"{"guards": {"test_deleted": "gate"}}"#,
        &["no guard `test_deleted`", "did you mean `tests_deleted`?"],
    );
    check(r#"{"guards": {"tests_deleted": "maybe"}}"#, &["guards.tests_deleted", "unknown variant `maybe`"]);
    check(r#"{"guards": {"empty_diff": true}}"#, &["`guards.empty_diff`: its value is of the wrong type"]);
    world.write("shop/.agents/config.json", "{}");
    world.agents(&["create", "Something", "--check", ""]).fails(2, &["a --check is empty"]);
}
