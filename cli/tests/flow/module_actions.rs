//! The actions of the shipped modules that need no agent, with real commands in real worktrees: what they leave, and what they say when
//! something is missing.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::text;
use crate::worktrees::{folder, git, repository};

/// Runs a workflow of these steps to its end; its status.
fn run(stage: &Stage, workspace: &str, steps: &str) -> Value {
    let yaml = format!("name: Some steps\nworkspace: {workspace}\nsteps:\n{steps}");
    stage.write("shop/.agents/workflows/some.yaml", yaml);
    let id = text(&stage.json(&["workflow", "run", "some"])["id"]);
    stage.once();
    stage.json(&["workflow", "status", &id])
}

fn outputs<'s>(status: &'s Value, step: &str) -> &'s Value {
    let step = status["steps"].as_array().unwrap().iter().rfind(|one| one["step"] == step).unwrap();
    &step["outputs"]
}

/// Why the run has failed.
fn reason(status: &Value) -> String {
    assert_eq!(status["run"]["status"], "failed", "{status:#}");
    text(&status["run"]["error"])
}

#[test]
fn what_a_command_changes_is_kept_and_what_a_failed_one_leaves_is_set_aside() {
    let stage = repository(json!([]));
    let status = run(
        &stage,
        "worktree",
        r#"
  - { id: write, exec: { command: "echo one > one.txt" }, onSuccess: half }
  - { id: half, exec: { command: "echo two > two.txt; exit 3" }, onFailure: look }
  - { id: look, exec: { command: "ls" }, outputs: [{ name: files, type: string, text: true }] }
"#,
    );
    let id = text(&status["run"]["id"]);
    assert_eq!(outputs(&status, "look"), &json!({"files": "file.txt\none.txt"}));
    assert_eq!(git(&folder(&stage, &id), &["diff", "--name-only", "main", "HEAD"]), "one.txt");
    let left = git(&stage.repo(), &["for-each-ref", "--format=%(refname)", "refs/agents/leftovers"]);
    assert_eq!(git(&stage.repo(), &["show", &format!("{}:two.txt", left.trim())]), "two");
}

#[test]
fn commands_end_as_they_end_and_what_they_print_is_an_output() {
    let stage = repository(json!([]));
    let status = run(
        &stage,
        "shared",
        r#"
  - id: command
    module: system
    action: run-command
    inputs: { command: "cat; echo aside >&2; exit 4", input: "$(touch evil)\n::set-output name=exitCode::0" }
    onSuccess: measure
  - id: measure
    module: testing
    action: measure-coverage
    inputs: { command: "echo 'TOTAL 10 2 80%'; exit 1" }
"#,
    );
    let printed = "$(touch evil)\n::set-output name=exitCode::0";
    assert_eq!(outputs(&status, "command"), &json!({"exitCode": 4, "passed": false, "output": printed}));
    assert_eq!(outputs(&status, "measure"), &json!({"coverage": 80, "passed": false}));
    assert!(!stage.repo().join("evil").exists());
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let stage = repository(json!([]));
    let fails = |workspace: &str, module: &str, action: &str, inputs: &str| {
        let first = "  - { id: write, exec: { command: \"echo one > one.txt\" }, onSuccess: last }\n";
        let last = format!("  - {{ id: last, module: {module}, action: {action}, inputs: {inputs} }}\n");
        let steps = if workspace == "worktree" { format!("{first}{last}") } else { last };
        reason(&run(&stage, workspace, &steps))
    };
    for (why, part) in [
        (fails("shared", "testing", "run-tests", "{}"), "Give the step a command: the input command."),
        (
            fails("shared", "testing", "run-tests", "{ command: no-such-program }"),
            "the tests could not be run (exit code 127): no-such-program",
        ),
        (
            fails("shared", "testing", "measure-coverage", "{ command: \"true\" }"),
            "the log says nothing about coverage: true",
        ),
        (
            fails("shared", "implementation", "rollback-changes", "{}"),
            "nothing is taken back: this run works in the repository's own folder",
        ),
        (fails("shared", "system", "fail", "{ message: \"It is $HOME's fault\" }"), "It is $HOME's fault"),
        (
            fails("worktree", "system", "run-command", "{ command: no-such-program }"),
            "exited with 127: sh: 1: no-such-program",
        ),
    ] {
        assert!(why.contains(part), "`{part}` is not in: {why}");
    }
    crate::feature_workflow::program(&stage, "gh", "exit 1");
    let why = fails("worktree", "review", "create-pr", "{ feature: It }");
    assert!(why.contains("Add one: git remote add origin <url>"), "{why}");
    git(&stage.repo(), &["init", "-q", "--bare", &stage.path("origin.git").display().to_string()]);
    git(&stage.repo(), &["remote", "add", "origin", &stage.path("origin.git").display().to_string()]);
    let why = fails("worktree", "review", "create-pr", "{ feature: It }");
    assert!(why.contains("gh does not reach the repository; gh auth status says"), "{why}");
    let why = fails("shared", "review", "create-pr", "{ feature: It }");
    assert!(why.contains("Give the workflow workspace: worktree."), "{why}");
}
