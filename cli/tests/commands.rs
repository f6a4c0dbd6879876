//! Every command in its human and its JSON form.

mod support;

use serde_json::{Value, json};
use support::{World, has_keys, short, text};

const JOB_KEYS: [&str; 8] = ["id", "type", "harness", "shadow", "status", "outcome", "result", "createdAt"];

#[test]
fn the_version_and_the_help_are_answers() {
    let world = World::new();
    assert_eq!(world.agents(&["--version"]).ok().stdout, format!("agents {}\n", env!("CARGO_PKG_VERSION")));
    let help = world.agents(&["--help"]).ok().stdout;
    assert!(help.contains("A tour in five commands") && help.contains("agents runner"), "{help}");
    assert!(world.agents(&["create", "--help"]).ok().stdout.contains("agents create -"));
    assert!(world.agents(&["completions", "bash"]).ok().stdout.contains("_agents"));
}

#[test]
fn a_north_star_becomes_an_assignment_that_the_pm_plans() {
    let world = World::new();
    let created = world.json(&["create", "  Add a --dry-run flag  "]);
    has_keys(&created, &["id", "workspace", "warnings"]);
    assert_eq!(created["namespace"], "shop");
    assert_eq!(created["status"], "active");
    assert_eq!(created["northStar"], "Add a --dry-run flag");
    assert_eq!(created["workspace"], json!(world.repo()));
    let assignment = world.json(&["assignment", &text(&created["id"])]);
    has_keys(
        &assignment,
        &["id", "namespace", "northStar", "status", "reason", "question", "workspace", "maxJobs"],
    );
    assert_eq!(assignment["reason"], Value::Null);
    let jobs = assignment["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 1);
    has_keys(&jobs[0], &JOB_KEYS);
    has_keys(&jobs[0], &["context", "attempts"]);
    assert_eq!((&jobs[0]["type"], &jobs[0]["shadow"]), (&json!("pm"), &json!(true)));
    assert_eq!(created["jobs"], json!([jobs[0]["id"]]));
}

#[test]
fn creating_says_the_id_the_next_step_and_that_no_runner_is_alive() {
    let world = World::new();
    let ended = world.agents(&["create", "Something"]).ok();
    assert!(ended.stdout.starts_with("created assignment ") && ended.stdout.contains("agents assignment "));
    assert!(ended.stderr.contains("no runner is alive: start one with `agents runner`"), "{}", ended.stderr);
    assert!(ended.stderr.contains("`claude`") || world_has_claude(), "{}", ended.stderr);
}

fn world_has_claude() -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("claude").exists()))
}

#[test]
fn the_first_job_can_be_given_and_an_assignment_can_be_held() {
    let world = World::new();
    let id = world.create(&[
        "Fix it",
        "--first",
        "implement",
        "--harness",
        "codex",
        "--context",
        "-v is wrong",
        "--model",
        "m",
        "--timeout",
        "1h30m",
        "--max-jobs",
        "7",
    ]);
    let assignment = world.json(&["assignment", &id]);
    assert_eq!(assignment["maxJobs"], 7);
    let job = &assignment["jobs"][0];
    let facts = ["type", "harness", "context", "model", "timeoutMs", "shadow"].map(|key| job[key].clone());
    assert_eq!(
        facts,
        [
            json!("implement"),
            json!("codex"),
            json!("-v is wrong"),
            json!("m"),
            json!(5_400_000),
            json!(false)
        ]
    );
    let held = world.create(&["Later", "--hold"]);
    let assignment = world.json(&["assignment", &held]);
    assert_eq!((&assignment["held"], &assignment["jobs"]), (&json!(true), &json!([])));
}

#[test]
fn the_north_star_and_the_context_can_come_from_standard_input_and_files() {
    let world = World::new();
    let big = "0123456789abcdef".repeat(5 * 1024 * 1024 / 16);
    let created = world.agents(&["create", "-", "--hold", "--json"]).stdin("Do what I say\n").ok().json();
    assert_eq!(created["northStar"], "Do what I say");
    let id = text(&created["id"]);
    let insert = ["insert-job", &id, "--type", "plan", "--context", "-", "--json"];
    let job = text(&world.agents(&insert).stdin(&big).ok().json()["id"]);
    assert_eq!(world.json(&["job", &job])["context"].as_str().map(str::len), Some(big.len()));
    let file = world.write("context.md", "from a file");
    let insert = ["insert-job", &id, "--type", "plan", "--context-file", file.to_str().unwrap(), "--json"];
    let job = text(&world.agents(&insert).ok().json()["id"]);
    assert_eq!(world.json(&["job", &job])["context"], "from a file");
}

#[test]
fn jobs_are_inserted_at_the_end_at_the_front_and_after_another_one() {
    let world = World::new();
    let id = world.create(&["A list", "--first", "plan"]);
    let insert = |args: &[&str]| {
        let args = [&["insert-job", short(&id), "--type"], args].concat();
        text(&world.json(&args)["id"])
    };
    let last = insert(&["review"]);
    let first = insert(&["implement", "--first"]);
    let after = insert(&["uat", "--after", short(&first)]);
    let assignment = world.json(&["assignment", &id]);
    let order: Vec<String> =
        assignment["jobs"].as_array().unwrap().iter().map(|job| text(&job["id"])).collect();
    assert_eq!((&order[0], &order[1], &order[3]), (&first, &after, &last));
    let said = world.agents(&["insert-job", &id, "--type", "document", "--harness", "gemini"]).ok().stdout;
    assert!(said.contains("inserted document job") && said.contains("(gemini)"), "{said}");
}

#[test]
fn an_inserted_job_replaces_a_pm_kick_off_that_has_not_started() {
    let world = World::new();
    let id = world.create(&["Something"]);
    world.json(&["insert-job", &id, "--type", "implement"]);
    let assignment = world.json(&["assignment", &id]);
    let states: Vec<_> = assignment["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (text(&job["type"]), text(&job["status"])))
        .collect();
    let expected = [("pm", "cancelled"), ("implement", "pending")];
    assert_eq!(states, expected.map(|(job_type, status)| (job_type.to_owned(), status.to_owned())));
}

#[test]
fn a_person_changes_the_status_and_is_told_what_it_is_now() {
    let world = World::new();
    let id = world.create(&["Something"]);
    let update = |args: &[&str]| world.json(&[&["update-assignment", &id, "--status"], args].concat());
    let blocked = update(&["blocked", "--reason", "needs a key"]);
    assert_eq!((&blocked["status"], &blocked["reason"]), (&json!("blocked"), &json!("needs a key")));
    assert_eq!((&blocked["staged"], &blocked["changed"]), (&json!(false), &json!(true)));
    let active = update(&["active", "--note", "it is in .env", "--max-jobs", "99"]);
    assert_eq!(active["status"], "active");
    let assignment = world.json(&["assignment", &id]);
    assert_eq!((&assignment["note"], &assignment["maxJobs"]), (&json!("it is in .env"), &json!(99)));
    assert_eq!(update(&["complete"])["status"], "complete");
    assert_eq!(update(&["complete"])["changed"], false);
    let again = world.agents(&["update-assignment", &id, "--status", "complete"]).ok().stdout;
    assert!(again.contains("already complete; nothing has changed"), "{again}");
    world.agents(&["insert-job", &id, "--type", "plan"]).fails(5, &["is complete", "--status active"]);
    assert_eq!(update(&["cancelled"])["status"], "cancelled");
}

#[test]
fn lists_are_filtered_by_status_type_namespace_and_number() {
    let world = World::new();
    let first = world.create(&["One", "--first", "plan"]);
    world.create(&["Two", "--first", "review"]);
    world.json(&["create", "Elsewhere", "--namespace", "other"]);
    world.json(&["update-assignment", &first, "--status", "cancelled"]);
    let count = |args: &[&str], list: &str| world.json(args)[list].as_array().map(Vec::len);
    assert_eq!(count(&["assignments"], "assignments"), Some(2));
    assert_eq!(count(&["assignments", "--all-namespaces"], "assignments"), Some(3));
    assert_eq!(count(&["assignments", "--status", "active"], "assignments"), Some(1));
    assert_eq!(count(&["assignments", "--status", "active,cancelled"], "assignments"), Some(2));
    assert_eq!(count(&["assignments", "--limit", "1"], "assignments"), Some(1));
    assert_eq!(count(&["jobs"], "jobs"), Some(2));
    assert_eq!(count(&["jobs", "--status", "cancelled"], "jobs"), Some(1));
    assert_eq!(count(&["jobs", "--type", "review"], "jobs"), Some(1));
    assert_eq!(count(&["jobs", "--all-namespaces"], "jobs"), Some(3));
    assert_eq!(count(&["jobs", "--assignment", &first], "jobs"), Some(1));
    assert_eq!(count(&["jobs", "--type", "uat"], "jobs"), Some(0));
    let job = &world.json(&["jobs", "--type", "review"])["jobs"][0];
    has_keys(job, &JOB_KEYS);
    has_keys(job, &["assignment", "namespace", "northStar", "assignmentStatus", "attempt"]);
    let line = &world.json(&["assignments"])["assignments"][0];
    has_keys(line, &["id", "northStar", "status", "jobs", "finishedJobs", "costUsd", "updatedAt"]);
    let human = world.agents(&["assignments", "--all-namespaces"]).ok().stdout;
    assert!(human.contains("NAMESPACE") && human.contains("other"), "{human}");
}

#[test]
fn an_id_is_accepted_whole_and_by_its_beginning_or_end() {
    let world = World::new();
    let id = world.create(&["Something"]);
    let simple = id.replace('-', "");
    for part in [id.as_str(), short(&id), &simple, &id.to_uppercase(), &id[..30], &id[id.len() - 20..]] {
        assert_eq!(world.json(&["assignment", part])["id"], json!(id), "{part}");
    }
}

#[test]
fn an_id_that_fits_nothing_or_too_much_is_told_apart() {
    let world = World::new();
    let (one, two) = (world.create(&["One", "--first", "plan"]), world.create(&["Two"]));
    world
        .agents(&["assignment", "00000000"])
        .fails(3, &["no assignment of any namespace", "agents assignments"]);
    world.agents(&["assignment", "zebra"]).fails(3, &["is not the id of any assignment"]);
    world.agents(&["job", "00000000"]).fails(3, &["no job of any namespace"]);
    world.agents(&["assignment", "123"]).fails(2, &["too short"]);
    // Made within the same minutes, both begin alike.
    world.agents(&["assignment", &one[..6]]).fails(4, &["fits several assignments", &one, &two]);
    let job = text(&world.json(&["assignment", &one])["jobs"][0]["id"]);
    world.agents(&["assignment", short(&job)]).fails(3, &["is a job of assignment", short(&one)]);
    world.agents(&["job", short(&one)]).fails(3, &["is an assignment", "agents assignment"]);
}

#[test]
fn the_history_tells_everything_in_order() {
    let world = World::new();
    let id = world.create(&["Something"]);
    world.json(&["update-assignment", &id, "--status", "cancelled", "--reason", "no longer wanted"]);
    let history = world.json(&["history", &id]);
    assert_eq!(history["assignment"], json!(id));
    let kinds: Vec<String> =
        history["events"].as_array().unwrap().iter().map(|event| text(&event["kind"])).collect();
    assert_eq!(kinds, ["assignment_created", "job_inserted", "job_cancelled", "assignment_cancelled"]);
    assert_eq!(history["events"][3]["details"]["reason"], "no longer wanted");
    let human = world.agents(&["history", &id]).ok().stdout;
    assert!(
        human.contains("assignment_created") && human.lines().all(|line| line.chars().count() <= 80),
        "{human}"
    );
}

#[test]
fn the_human_forms_of_one_assignment_and_one_job_fit_a_terminal() {
    let world = World::new();
    let star = "Make the 日本語 importer \u{1b}[31mfast\u{1b}[0m, ".repeat(12);
    let id = world.create(&[&star, "--first", "plan", "--context", "two\nlines"]);
    let shown = world.agents(&["assignment", &id]).ok().stdout;
    assert!(shown.contains("jobs") && shown.contains("pending") && !shown.contains('\u{1b}'), "{shown}");
    let job = text(&world.json(&["assignment", &id])["jobs"][0]["id"]);
    let shown = world.agents(&["job", &job]).ok().stdout;
    assert!(shown.contains("plan job") && shown.contains("  two\n  lines"), "{shown}");
    for columns in ["1", "41", "80", "200", "nonsense"] {
        for command in ["queue", "jobs", "assignments"] {
            world.agents(&[command]).env("COLUMNS", columns).ok();
        }
        world.agents(&["assignment", &id]).env("COLUMNS", columns).ok();
    }
}

#[test]
fn an_output_that_is_closed_early_is_a_quiet_end() {
    let world = World::new();
    world.create(&["Something"]);
    for args in
        [&["jobs"][..], &["queue", "--json"], &["--help"], &["completions", "zsh"], &["config", "schema"]]
    {
        let ended = world.agents(args).run_with_closed_output();
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{args:?}");
    }
}
