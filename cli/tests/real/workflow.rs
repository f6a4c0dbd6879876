//! A workflow whose steps are real agents: the work is checked, what is wrong is fixed in a circle, and what an agent puts out is
//! handed on. All of it in the run's own worktree.

use agents_scripted_models::{Cli, Reply, Rule, Scenario, When, shell};

use super::{Desk, ENGINEER};

with_each_cli! {
    a_workflow_writes_checks_fixes_and_checks_again,
}

const FIX: &str = "The greeting must say Hello";

const WORKFLOW: &str = r#"
name: Greet
version: "1.0.0"
params:
  word: { type: string, required: true }
steps:
  - id: write
    agent: { type: implement, prompt: "Greet with {{ params.word }}." }
    outputs:
      - { name: file, type: string }
    onSuccess: check
  - id: check
    exec:
      command: 'grep -q {{ params.word }} {{ steps.write.outputs.file }}'
    onSuccess: tell
    onFailure: fix-it
  - id: fix-it
    agent: { type: implement, prompt: "The greeting must say {{ params.word }}: {{ error.class }}." }
    onSuccess: check
    maxVisits: 2
  - id: tell
    exec: { command: 'cat {{ steps.write.outputs.file }}' }
"#;

async fn a_workflow_writes_checks_fixes_and_checks_again(cli: Cli) {
    let mut desk = Desk::new(cli);
    let git = [
        "git init -q -b main",
        "echo .agents/ > .gitignore",
        "git add .gitignore",
        "git -c user.name=Ann -c user.email=ann@localhost commit -qm first",
    ];
    desk.shell(&format!("rm -rf .git && {}", git.join(" && ")));
    desk.shell("mkdir -p .agents/workflows");
    std::fs::write(desk.repo().join(".agents/workflows/greet.yaml"), WORKFLOW).unwrap();
    let writes = |word: &str| Reply::tool(shell(cli, &format!("echo {word} > greeting.txt")));
    desk.serve(
        Scenario::new()
            .rule(
                Rule::when(When::prompt(ENGINEER).and_prompt(FIX))
                    .turn(writes("Hello"))
                    .turn(Reply::text("It says Hello now.")),
            )
            .rule(
                Rule::when(When::prompt(ENGINEER))
                    .turn(writes("Goodbye"))
                    .turn(Reply::text("Done.\n{\"file\": \"greeting.txt\"}")),
            ),
    );
    let started = desk.json(&["workflow", "run", "greet", "--param", "word=Hello"]).await;
    let id = started["id"].as_str().unwrap_or_else(|| panic!("{started:#}")).to_owned();
    let told = desk.run(&id).await;
    assert_eq!(told["status"], "complete", "{}", desk.story(&id).await);
    let status = desk.json(&["workflow", "status", &id]).await;
    let route: Vec<[&str; 2]> = status["steps"]
        .as_array()
        .unwrap_or_else(|| panic!("{status:#}"))
        .iter()
        .map(|step| [step["step"].as_str().unwrap(), step["status"].as_str().unwrap()])
        .collect();
    assert_eq!(
        route,
        [
            ["write", "completed"],
            ["check", "failed"],
            ["fix-it", "completed"],
            ["check", "completed"],
            ["tell", "completed"],
        ],
        "{status:#}"
    );
    assert_eq!(status["steps"][0]["outputs"]["file"], "greeting.txt", "{status:#}");
    let kinds: Vec<&str> =
        told["jobs"].as_array().unwrap().iter().map(|job| job["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["implement", "run", "implement", "run", "run"]);
    assert_eq!(desk.new_files(), [".gitignore"], "nothing of it is in the person's own tree");
}
