//! The workflow of the docs that builds a feature, with the modules that are shipped, scripted agents, a real repository and a real test
//! command: each of its branches, from `agents workflow run` to what is left of it.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::script::{on, on_prompt};
use crate::stage::Stage;
use crate::support::text;
use crate::worktrees::{commit_all, folder, git, repository};

/// What marks the prompts of the actions.
const ANALYZE: &str = "Find out how much work";
const PLAN: &str = "Plan how to build this feature";
const IMPLEMENT: &str = "Carry out this plan";
const FIX: &str = "Tests of this repository fail";

/// The last message of an agent, as its action asks for it.
fn answers(words: &str, data: Value) -> Value {
    json!({"text": format!("{words}\n{data}")})
}

fn writes(content: &str) -> Value {
    json!({"write": {"path": "feature.txt", "content": format!("{content}\n")}})
}

fn analyzes() -> Value {
    on_prompt("plan", ANALYZE, json!([answers("Easy.", json!({"complexity": "low", "estimatedTime": 1.5}))]))
}

fn plans() -> Value {
    let plan = json!({"summary": "One file", "steps": [{"title": "Write it", "files": ["feature.txt"]}]});
    on_prompt("plan", PLAN, json!([answers("A plan.", json!({"plan": plan}))]))
}

fn implements(content: &str) -> Value {
    let changes = json!({"codeChanges": [{"file": "feature.txt", "change": "it is there; $(touch evil)"}]});
    on_prompt("implement", IMPLEMENT, json!([writes(content), answers("Built.", changes)]))
}

/// What the n-th job of type implement does, if it is one that mends.
fn fixes(nth: u32, content: &str, fixed: bool) -> Value {
    json!({
        "when": {"jobType": "implement", "prompt": FIX, "nth": nth},
        "steps": [writes(content), answers("Tried.", json!({"fixed": fixed}))],
    })
}

fn documents() -> Value {
    on("document", json!([answers("Nothing became untrue.", json!({"documents": []}))]))
}

/// A repository with a test command of its own, a remote, and a `gh` that notes what it is asked.
fn stage(replies: Vec<Value>) -> Stage {
    let stage = repository(Value::Array(replies));
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/workflows/implement-feature.yaml");
    stage.write("shop/.agents/workflows/implement-feature.yaml", std::fs::read(example).unwrap());
    stage.write("shop/package.json", r#"{"scripts": {"test": "sh check.sh"}}"#);
    stage.write(
        "shop/check.sh",
        "echo 'All files | 90.5 |'\ngrep -qx right feature.txt || { echo \"feature is $(cat feature.txt): '\\\"$\"; exit 1; }\n",
    );
    commit_all(&stage.repo(), "a test");
    git(&stage.repo(), &["init", "-q", "--bare", &stage.path("origin.git").display().to_string()]);
    git(&stage.repo(), &["remote", "add", "origin", &stage.path("origin.git").display().to_string()]);
    // In the place of the real npm, which not every machine has.
    program(&stage, "npm", "sh check.sh");
    let log = stage.path("gh.log").display().to_string();
    program(
        &stage,
        "gh",
        &format!(
            "echo \"$@\" >> {log}\ncase \"$2\" in create) cat >> {log}; echo https://example.com/pull/7 ;; esac"
        ),
    );
    stage
}

/// A program that the commands of this world find first.
pub fn program(stage: &Stage, name: &str, line: &str) {
    let path = stage.write(&format!("bin/{name}"), format!("#!/bin/sh\n{line}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A run of it, from its start to its end.
struct Ended {
    id: String,
    status: Value,
}

impl Ended {
    fn of(stage: &Stage) -> Self {
        let begun = stage.json(&[
            "workflow",
            "run",
            "implement-feature",
            "--param",
            "feature=User $(touch evil) login",
        ]);
        let id = text(&begun["id"]);
        stage.once();
        let status = stage.json(&["workflow", "status", &id]);
        Self { id, status }
    }

    fn steps(&self) -> &[Value] {
        self.status["steps"].as_array().unwrap()
    }

    /// Each step with how it ended, and how the whole did.
    fn route(&self) -> (String, Value) {
        let step = |step: &Value| match text(&step["status"]).as_str() {
            "completed" => text(&step["step"]),
            other => format!(
                "{} ({other}: {})",
                text(&step["step"]),
                step["error"]["class"].as_str().unwrap_or("?")
            ),
        };
        let steps: Vec<String> = self.steps().iter().map(step).collect();
        (steps.join(" > "), self.status["run"]["status"].clone())
    }

    /// The latest execution of a step.
    fn step(&self, id: &str) -> &Value {
        self.steps().iter().rfind(|step| step["step"] == id).unwrap()
    }

    /// What the agent of that step was told, word for word.
    fn prompt(&self, stage: &Stage, step: &Value) -> String {
        stage.agents(&["logs", &text(&step["job"]), "--prompt"]).ok().stdout
    }
}

/// The data of the one notice that was given of its end.
fn notice(stage: &Stage) -> (String, Value) {
    let events = stage.json(&["events", "--name", "workflow.notice.*"]);
    let [event] = events["events"].as_array().unwrap().as_slice() else { panic!("{events:#}") };
    (text(&event["name"]), event["data"].clone())
}

fn nothing_evil(stage: &Stage, id: &str) {
    assert!(!stage.repo().join("evil").exists() && !folder(stage, id).join("evil").exists());
}

#[test]
fn a_feature_whose_tests_pass_is_documented_and_proposed() {
    let stage = stage(vec![analyzes(), plans(), implements("right"), documents()]);
    let ended = Ended::of(&stage);
    let route = "analyze > plan > implement > test > document > review > complete";
    assert_eq!(ended.route(), (route.to_owned(), json!("completed")));
    assert_eq!(ended.step("analyze")["outputs"], json!({"complexity": "low", "estimatedTime": 1.5}));
    let results = &ended.step("test")["outputs"]["testResults"];
    assert_eq!(
        results,
        &json!({"passed": true, "coverage": 90.5, "exitCode": 0, "command": "npm run test", "output": "All files | 90.5 |"})
    );
    assert_eq!(ended.step("review")["outputs"]["url"], "https://example.com/pull/7");
    let branches = git(&stage.path("origin.git"), &["for-each-ref", "--format=%(refname:short)"]);
    assert_eq!(
        git(&stage.path("origin.git"), &["show", &format!("{}:feature.txt", branches.trim())]),
        "right"
    );
    let asked = std::fs::read_to_string(stage.path("gh.log")).unwrap();
    assert!(asked.contains("--base main") && asked.contains("--title User $(touch evil) login"), "{asked}");
    assert!(asked.contains("- `feature.txt`: it is there; $(touch evil)"), "{asked}");
    let (name, data) = notice(&stage);
    assert_eq!((name.as_str(), &data["status"]), ("workflow.notice.completed", &json!("completed")));
    assert_eq!((&data["workflow"], &data["run"]), (&json!("implement-feature"), &json!(ended.id)));
    nothing_evil(&stage, &ended.id);
}

#[test]
fn tests_that_fail_are_mended_at_the_second_try_by_agents_that_see_the_log() {
    let script = vec![
        analyzes(),
        plans(),
        implements("wrong"),
        fixes(2, "worse", false),
        fixes(3, "right", true),
        documents(),
    ];
    let stage = stage(script);
    let ended = Ended::of(&stage);
    let route = "analyze > plan > implement > test > fix-tests > test > fix-tests > test > document > review > complete";
    assert_eq!(ended.route(), (route.to_owned(), json!("completed")));
    let fixes: Vec<&Value> = ended.steps().iter().filter(|step| step["step"] == "fix-tests").collect();
    for (fix, content) in fixes.into_iter().zip(["wrong", "worse"]) {
        let told = ended.prompt(&stage, fix);
        assert!(told.contains(&format!("    feature is {content}: '\"$")), "{told}");
        assert!(told.contains("    npm run test") && told.contains("which ended with 1"), "{told}");
    }
    nothing_evil(&stage, &ended.id);
}

#[test]
fn tests_that_fail_three_times_end_the_run_as_failed_by_its_error_handler() {
    let again = on_prompt("implement", FIX, json!([answers("I can't.", json!({"fixed": false}))]));
    let stage = stage(vec![analyzes(), plans(), implements("wrong"), again]);
    let ended = Ended::of(&stage);
    let route = "analyze > plan > implement > test > fix-tests > test > fix-tests > test > fix-tests > test > \
                 fix-tests (failed: loop_bound) > error-handler > complete";
    assert_eq!(ended.route(), (route.to_owned(), json!("failed")));
    let error = &ended.step("error-handler")["inputs"]["error"];
    assert_eq!((&error["step"], &error["class"]), (&json!("fix-tests"), &json!("loop_bound")));
    assert_eq!(notice(&stage).0, "workflow.notice.failed");
    assert!(!stage.path("gh.log").exists(), "nothing was proposed");
}

#[test]
fn what_was_built_is_taken_back_when_the_agent_fails_and_is_kept_by_name() {
    let half = json!([writes("half"), {"run": {"argv": ["git", "add", "-A"]}}, {"fail": "refusal"}]);
    let stage = stage(vec![analyzes(), plans(), on_prompt("implement", IMPLEMENT, half)]);
    let ended = Ended::of(&stage);
    let route = "analyze > plan > implement (failed: refusal) > rollback > error-handler > complete";
    assert_eq!(ended.route(), (route.to_owned(), json!("failed")));
    let tree = folder(&stage, &ended.id);
    assert!(!tree.join("feature.txt").exists());
    assert_eq!(git(&tree, &["status", "--porcelain"]), "");
    assert_eq!(git(&tree, &["diff", "--stat", "main", "HEAD"]), "");
    let kept = git(
        &stage.repo(),
        &["for-each-ref", "--format=%(refname)", "refs/agents/rolled-back", "refs/agents/leftovers"],
    );
    assert_eq!(git(&stage.repo(), &["show", &format!("{}:feature.txt", kept.trim())]), "half");
}

#[test]
fn a_step_that_fails_leads_to_the_error_handler_which_tells_what_was_wrong() {
    let stage = stage(vec![on_prompt("plan", ANALYZE, json!([{"text": "I have no JSON for you."}]))]);
    let ended = Ended::of(&stage);
    let route = "analyze (failed: bad_output) > error-handler > complete";
    assert_eq!(ended.route(), (route.to_owned(), json!("failed")));
    let handler = text(&ended.step("error-handler")["job"]);
    let said = stage.agents(&["logs", &handler]).ok().stdout;
    assert!(said.contains("Step analyze has failed (bad_output, attempt 1)"), "{said}");
    assert_eq!(ended.step("complete")["inputs"]["status"], "failed");
    let (name, data) = notice(&stage);
    assert_eq!((name.as_str(), &data["status"]), ("workflow.notice.failed", &json!("failed")));
}
