//! What is wrong is said clearly, ends with the documented code, and leaves nothing half written.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use serde_json::Value;
use sqlx::{Connection, Executor};
use support::{World, text};

fn error(world: &World, args: &[&str]) -> (i32, Value) {
    let ended = world.agents(&[args, &["--json"]].concat()).run();
    assert_eq!(ended.stdout, "");
    (ended.code, serde_json::from_str::<Value>(&ended.stderr).unwrap()["error"].clone())
}

#[test]
fn errors_in_json_have_a_kind_a_message_and_hints() {
    let world = World::new();
    let (code, error) = error(&world, &["assignment", "00000000"]);
    assert_eq!((code, text(&error["kind"]).as_str()), (3, "not_found"));
    assert!(text(&error["message"]).contains("00000000") && error["hints"].is_array());
    let (code, usage) = self::error(&world, &["nonsense"]);
    assert_eq!((code, text(&usage["kind"]).as_str()), (2, "usage"));
}

#[test]
fn a_wrong_command_line_is_refused_with_what_was_meant() {
    let world = World::new();
    let id = world.create(&["Something"]);
    let check = |args: &[&str], said: &[&str]| world.agents(args).fails(2, said);
    check(&["create", "  "], &["the north star is empty", "agents create"]);
    check(&["creat", "x"], &["'create'"]);
    check(&["create", "x", "--harness", "codex"], &["--first"]);
    check(&["create", "x", "--first", "plan", "--hold"], &["cannot be used with"]);
    check(&["create", "x", "--first", "implment"], &["no job type `implment`", "did you mean `implement`?"]);
    check(&["create", "x", "--first", "Plan!"], &["cannot be a job type"]);
    check(
        &["create", "x", "--first", "plan", "--harness", "cluade"],
        &["no harness", "did you mean `claude`?"],
    );
    check(&["create", "x", "--first", "plan", "--timeout", "soon"], &["--timeout", "30m"]);
    check(&["create", "-", "--first", "plan", "--context", "-"], &["both", "--context-file"]);
    check(&["create", "x", "--max-jobs", "0"], &["--max-jobs"]);
    check(&["insert-job", "--type", "plan"], &["no assignment is named"]);
    check(&["insert-job", &id, "--type", "chat"], &["agents chat"]);
    check(&["insert-job", &id, "--type", "plan", "--context", "a", "--context", "b"], &["multiple times"]);
    check(&["insert-job", &id, "--type", "plan", "--first", "--after", "abcd"], &["cannot be used with"]);
    check(&["insert-job", &id, "--type", "plan", "--reason", "x"], &["PM's decisions"]);
    check(&["update-assignment", &id, "--status", "done"], &["possible values: active, blocked, complete"]);
    check(&["update-assignment", &id, "--status", "blocked"], &["needs one"]);
    check(&["update-assignment", &id, "--status", "complete", "--note", "x"], &["--note goes with"]);
    check(&["update-assignment", &id, "--status", "active", "--reason", "x"], &["--note"]);
    check(&["jobs", "--status", "runing"], &["'running'"]);
    check(&["jobs", "--type", "implment"], &["did you mean `implement`?"]);
    let jobs = world.json(&["jobs"]);
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(1), "nothing was written");
}

#[test]
fn a_context_that_cannot_be_read_is_refused() {
    let world = World::new();
    let id = world.create(&["Something"]);
    let bad = world.write("bad.txt", b"abc\xff");
    let file = ["insert-job", &id, "--type", "plan", "--context-file", bad.to_str().unwrap()];
    world.agents(&file).fails(6, &["bad.txt is not UTF-8", "offset 3"]);
    let stdin = ["insert-job", &id, "--type", "plan", "--context", "-"];
    world.agents(&stdin).stdin(b"\x80").fails(6, &["standard input is not UTF-8", "offset 0"]);
    let missing = ["insert-job", &id, "--type", "plan", "--context-file", "nowhere.txt"];
    world.agents(&missing).fails(6, &["nowhere.txt", "No such file"]);
}

#[test]
fn outside_of_a_repository_the_way_in_is_told() {
    let world = World::new();
    let outside = world.path("home");
    world.agents(&["queue"]).in_folder(&outside).fails(6, &["is not in a git repository", "agents init"]);
    world.agents(&["create", "x"]).in_folder(&outside).fails(6, &["--namespace"]);
    let id = world.create(&["Something"]);
    world.agents(&["assignment", &id]).in_folder(&outside).ok();
    world.agents(&["queue", "--namespace", "shop"]).in_folder(&outside).ok();
    world.agents(&["queue", "--namespace", "a b"]).fails(6, &["cannot be a namespace", "--namespace"]);
}

#[test]
fn a_database_that_cannot_be_used_is_named_with_what_to_do() {
    let world = World::new();
    let at = |path: &str| format!("sqlite:{}", world.path(path).display());
    world.write("garbage.db", "this is not a database at all, whatever its name says".repeat(40));
    world
        .agents(&["queue", "--database-url", &at("garbage.db")])
        .fails(7, &["garbage.db is not a sound database"]);
    world.agents(&["queue", "--database-url", &at("home")]).fails(7, &["it is a folder"]);
    let postgres = ["queue", "--database-url", "postgres://localhost/agents"];
    world.agents(&postgres).fails(6, &["SQLite only", "agents config show"]);
    let no_home = world.agents(&["queue"]).env("HOME", "/dev/null/nobody");
    no_home.fails(7, &["/dev/null/nobody", "AGENTS_DATA_DIR"]);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let world = World::new();
    world.create(&["Something"]);
    let url = format!("sqlite://{}", world.database().display());
    sqlx::any::install_drivers(&[sqlx::sqlite::any::DRIVER]).unwrap();
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (999, 'from the future', 1, x'00', 0)";
    connection.execute(newer).await.unwrap();
    connection.close().await.unwrap();
    world.agents(&["queue"]).fails(7, &["made by a newer version", "update agents"]);
    world.agents(&["create", "x"]).fails(7, &["made by a newer version"]);
}

#[test]
fn two_repositories_with_the_same_name_do_not_mix() {
    let world = World::new();
    world.create(&["Something"]);
    let other = world.path("elsewhere/shop");
    std::fs::create_dir_all(other.join(".git")).unwrap();
    std::fs::write(other.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    world
        .agents(&["create", "x"])
        .in_folder(&other)
        .fails(5, &["already belongs to another repository", "agents init --namespace shop-2"]);
    let init = world.agents(&["init", "--json"]).in_folder(&other).ok().json();
    assert_eq!(init["namespace"], "elsewhere-shop");
    world.agents(&["create", "x"]).in_folder(&other).ok();
}
