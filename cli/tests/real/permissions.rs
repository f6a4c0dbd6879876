//! What each CLI lets its agent do, by the type of its job: the CLI's own permissions and sandbox hold it, not the
//! agent's good will.

use std::fs;

use agents_scripted_models::{Cli, Reply, Rule, Scenario, ToolCall, When, shell, write_file};
use serde_json::json;

use super::{Desk, PM_FIRST, PM_LATER, REVIEWER, complete, decision};

with_each_cli! {
    a_pm_decides_by_the_agents_command_and_can_do_nothing_else,
    a_reviewer_reads_and_changes_nothing,
}

/// What a PM that writes for another agent would write.
const CONTEXT: &str = "Write `greet.sh`.\n\nDone means:\n- `./greet.sh Ann` prints \"Hello, Ann!\"; it's exit code 0 > 1\n- \
                       no $HOME, no $(date), no && or |\n";

/// Ways to write into the repository, each of which would leave a file of its own.
fn intrusions(desk: &Desk) -> Vec<ToolCall> {
    let repo = desk.repo();
    let at = |name: &str| repo.join(name).display().to_string();
    let commands = [
        format!("echo x > {}", at("by_shell")),
        format!("touch {}", at("by_touch")),
        format!("git -C {} status > {}", repo.display(), at("by_git_redirection")),
        format!(
            "git -C {} diff --no-index --output={} /dev/null /etc/hostname",
            repo.display(),
            at("by_git_output")
        ),
        format!("agents queue > {}", at("by_redirection")),
        format!("agents queue; touch {}", at("by_sequence")),
        format!("agents queue && touch {}", at("by_condition")),
        format!("agents queue | tee {}", at("by_pipe")),
        format!("agents queue \"$(touch {})\"", at("by_substitution")),
        format!("agents queue\ntouch {}", at("by_line")),
        format!("agents queue --database-url sqlite:{}", at("by_database")),
        format!("AGENTS_DATABASE_URL=sqlite:{} agents queue", at("by_variable")),
        format!("agents demo --folder {}", at("by_demo")),
        format!("agents scripted-agent --stream text --script {}", at(".agents/script.json")),
    ];
    let script = json!({"replies": [], "otherwise": [{"write": {"path": "by_script", "content": "x"}}]});
    fs::write(repo.join(".agents/script.json"), script.to_string()).unwrap();
    let commands = commands.iter().map(|command| shell(desk.cli, command));
    [write_file(desk.cli, &repo.join("by_tool"), "x\n")].into_iter().chain(commands).collect()
}

async fn a_pm_decides_by_the_agents_command_and_can_do_nothing_else(cli: Cli) {
    let mut desk = Desk::new(cli).with_harness("echo", json!({"command": ["cat"]}));
    let id = desk.create(&["Greet people"]).await;
    let quoted = CONTEXT.replace('\'', r"'\''");
    let inserted = format!("agents insert-job {id} --type review --harness echo --context '{quoted}'");
    let completed = format!("agents update-assignment {id} --status complete --reason 'It'\\''s there.'");
    let mut first = Rule::when(When::prompt(PM_FIRST));
    for call in intrusions(&desk) {
        first = first.turn(Reply::tool(call));
    }
    first =
        first.turn(Reply::tool(shell(cli, &inserted))).turn(Reply::text("I have inserted a job.").times(2));
    desk.serve(
        Scenario::new().rule(first).rule(
            Rule::when(When::prompt(PM_LATER))
                .turn(Reply::tool(shell(cli, &completed)))
                .turn(Reply::text("I have completed it.").times(2)),
        ),
    );
    let told = desk.run(&id).await;
    assert_eq!(desk.new_files(), Vec::<String>::new(), "the PM wrote into the repository");
    assert_eq!([&told["status"], &told["reason"]], ["complete", "It's there."], "{}", desk.story(&id).await);
    assert_eq!(told["jobs"][1]["context"], CONTEXT);
}

async fn a_reviewer_reads_and_changes_nothing(cli: Cli) {
    let mut desk = Desk::new(cli);
    fs::write(desk.repo().join("README.md"), "The number is four thousand.\n").unwrap();
    let readme = desk.repo().join("README.md").display().to_string();
    let read = match cli {
        Cli::Claude => ToolCall::function("Read", json!({"file_path": readme})),
        Cli::Codex => shell(cli, &format!("cat {readme}")),
        Cli::Gemini => ToolCall::function("read_file", json!({"file_path": readme})),
    };
    let mut review = Rule::when(When::prompt(REVIEWER))
        .turn(Reply::tool(read))
        .turn(Reply::tool(shell(cli, "git status")));
    for call in intrusions(&desk) {
        review = review.turn(Reply::tool(call));
    }
    desk.serve(
        Scenario::new()
            .rule(review.turn(Reply::text("APPROVE")))
            .rule(Rule::when(When::prompt(PM_LATER)).turn(decision(cli, &complete("It was approved.")))),
    );
    let id = desk.create(&["Greet people", "--first", "review"]).await;
    let told = desk.run(&id).await;
    assert_eq!(desk.new_files(), ["README.md"], "the reviewer wrote into the repository");
    assert_eq!(
        [&told["status"], &told["jobs"][0]["result"]],
        ["complete", "APPROVE"],
        "{}",
        desk.story(&id).await
    );
    for seen in ["four thousand", "No commits yet"] {
        assert!(
            desk.has_told_a_model(seen),
            "the reviewer could not read `{seen}`: {}",
            desk.story(&id).await
        );
    }
}
