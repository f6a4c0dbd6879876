//! The whole product with the real agent CLIs, their models scripted: from a north star to a finished assignment,
//! what a PM and a reviewer may do, how each way to fail ends. `.ci/install-clis` installs the CLIs; one that is
//! missing is a failure, never a skipped test.

#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

/// Each scenario is a test for each CLI.
macro_rules! with_each_cli {
    ($($scenario:ident),* $(,)?) => {$(
        mod $scenario {
            use agents_scripted_models::Cli;

            #[tokio::test]
            async fn with_claude() {
                super::$scenario(Cli::Claude).await;
            }

            #[tokio::test]
            async fn with_codex() {
                super::$scenario(Cli::Codex).await;
            }

            #[tokio::test]
            async fn with_gemini() {
                super::$scenario(Cli::Gemini).await;
            }
        }
    )*};
}

mod real;

use agents_scripted_models::{Cli, Reply, Rule, Scenario, When, shell, write_file};
use real::{Desk, ENGINEER, PM_FIRST, PM_LATER, complete, decision, insert};
use serde_json::{Value, json};

with_each_cli! {
    an_assignment_goes_from_its_north_star_to_complete,
    a_pm_that_forgets_to_decide_is_asked_again_in_its_own_session,
    a_question_is_answered_and_printed,
    an_engineer_commits_its_work,
}

async fn an_assignment_goes_from_its_north_star_to_complete(cli: Cli) {
    let mut desk = Desk::new(cli);
    let greeting = desk.repo().join("greeting.txt");
    desk.serve(
        Scenario::new()
            .rule(
                Rule::when(When::prompt(PM_FIRST))
                    .turn(decision(cli, &insert("implement", "Write greeting.txt."))),
            )
            .rule(
                Rule::when(When::prompt(ENGINEER))
                    .turn(Reply::tool(write_file(cli, &greeting, "Hello!\n")))
                    .turn(Reply::text("Done: greeting.txt says hello.")),
            )
            .rule(Rule::when(When::prompt(PM_LATER)).turn(decision(cli, &complete("It is there.")))),
    );
    let id = desk.create(&["Greet whoever reads the file"]).await;
    let told = desk.run(&id).await;
    let facts = ["id", "namespace", "northStar", "status", "reason"].map(|key| told[key].clone());
    let expected = [&id, "shop", "Greet whoever reads the file", "complete", "It is there."];
    assert_eq!(facts, expected.map(Value::from), "{}", desk.story(&id).await);
    assert_eq!(desk.file("greeting.txt").as_deref(), Some("Hello!\n"));
    let jobs = told["jobs"].as_array().unwrap();
    let kinds: Vec<Value> =
        jobs.iter().map(|job| json!([job["type"], job["shadow"], job["context"]])).collect();
    let kick_off = "No job has run yet. Decide on the first one.";
    let expected = [
        json!(["pm", true, kick_off]),
        json!(["implement", false, "Write greeting.txt."]),
        json!(["pm", true, ""]),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(jobs[1]["result"], "Done: greeting.txt says hello.");
    // A PM makes one request of 100 and 20 tokens, the engineer two.
    for (job, requests) in jobs.iter().zip([1, 2, 1]) {
        check_success(cli, job, requests);
    }
    let shown = desk.ok(&["logs", jobs[1]["id"].as_str().unwrap()]).await;
    assert!(shown.contains("greeting.txt") && shown.contains("✓ done"), "{shown}");
    let worker = prompts(&desk, ENGINEER);
    assert!(
        worker.contains("Greet whoever reads the file") && worker.contains("Write greeting.txt."),
        "{worker}"
    );
    let pm = prompts(&desk, PM_LATER);
    assert!(
        pm.contains("Greet whoever reads the file") && pm.contains("Done: greeting.txt says hello."),
        "{pm}"
    );
}

/// The job has one attempt that tells all that its CLI tells.
fn check_success(cli: Cli, job: &Value, requests: u64) {
    assert_eq!([&job["status"], &job["outcome"]], ["completed", "success"], "{job:#}");
    let [attempt] = job["attempts"].as_array().unwrap().as_slice() else { panic!("one attempt: {job:#}") };
    let facts = ["number", "outcome", "exitCode", "badLines", "unknownLines"].map(|key| attempt[key].clone());
    assert_eq!(facts, [json!(1), json!("success"), json!(0), json!(0), json!(0)], "{attempt:#}");
    assert!(attempt["sessionId"].as_str().is_some_and(|id| id.len() == 36), "{attempt:#}");
    let usage = &attempt["usage"];
    assert_eq!(
        [&usage["input"], &usage["output"]],
        [&json!(100 * requests), &json!(20 * requests)],
        "{attempt:#}"
    );
    assert_eq!(attempt["costUsd"].is_f64(), cli == Cli::Claude, "{attempt:#}");
    assert!(attempt["startedAt"].is_string() && attempt["endedAt"].is_string(), "{attempt:#}");
}

/// All that was asked in the conversations whose prompt contains the text.
fn prompts(desk: &Desk, text: &str) -> String {
    let asked = desk.models().turns().into_iter().filter_map(|request| request.asked);
    let prompts = asked.map(|asked| asked.prompts.join("\n")).filter(|prompts| prompts.contains(text));
    prompts.collect::<Vec<_>>().join("\n")
}

async fn a_pm_that_forgets_to_decide_is_asked_again_in_its_own_session(cli: Cli) {
    let mut desk = Desk::new(cli);
    // Claude Code itself asks once more for the answer that the schema demands.
    let times = if cli == Cli::Claude { 2 } else { 1 };
    desk.serve(
        Scenario::new().rule(
            Rule::when(When::prompt(PM_FIRST))
                .turn(Reply::text("All looks well to me.").times(times))
                .turn(decision(cli, &complete("Nothing is to be done."))),
        ),
    );
    let id = desk.create(&["Do nothing"]).await;
    let told = desk.run(&id).await;
    assert_eq!(
        [&told["status"], &told["reason"]],
        ["complete", "Nothing is to be done."],
        "{}",
        desk.story(&id).await
    );
    let [first, second] = told["jobs"][0]["attempts"].as_array().unwrap().as_slice() else {
        panic!("{told:#}")
    };
    assert_eq!([&first["outcome"], &second["outcome"]], ["bad_answer", "success"]);
    assert_eq!(first["resumes"], Value::Null);
    assert_eq!([&second["resumes"], &second["sessionId"]], [&first["sessionId"]; 2], "{told:#}");
    // The second attempt's share and not the whole session's.
    assert_eq!(
        [&first["usage"]["input"], &second["usage"]["input"]],
        [&json!(100 * times), &json!(100)],
        "{told:#}"
    );
    let asked = prompts(&desk, "Your last answer held no valid decision");
    assert!(asked.contains(PM_FIRST), "it was asked in another session: {asked}");
}

async fn a_question_is_answered_and_printed(cli: Cli) {
    let mut desk = Desk::new(cli);
    desk.serve(
        Scenario::new().rule(
            Rule::when(When::prompt("What is still missing?"))
                .turn(Reply::text("Only the tests.\nNothing else.")),
        ),
    );
    let id = desk.create(&["Sell apples", "--hold"]).await;
    assert_eq!(desk.ok(&["chat", &id, "What is still missing?"]).await, "Only the tests.\nNothing else.\n");
    let told = desk.json(&["assignment", &id]).await;
    assert_eq!(told["status"], "active");
    check_success(cli, &told["jobs"][0], 1);
    assert!(prompts(&desk, "What is still missing?").contains("Sell apples"));
}

async fn an_engineer_commits_its_work(cli: Cli) {
    let mut desk = Desk::new(cli);
    std::fs::write(desk.path("home/.gitconfig"), "[user]\nname = Ann\nemail = ann@example.org\n").unwrap();
    let commands = "echo hi > hi.txt && git add hi.txt && git commit -qm 'Say hi' && git log --oneline";
    desk.serve(
        Scenario::new()
            .rule(
                Rule::when(When::prompt(ENGINEER))
                    .turn(Reply::tool(shell(cli, commands)))
                    .turn(Reply::text("Committed.")),
            )
            .rule(Rule::when(When::prompt(PM_LATER)).turn(decision(cli, &complete("It is committed.")))),
    );
    let id = desk.create(&["Say hi", "--first", "implement"]).await;
    let told = desk.run(&id).await;
    assert_eq!(told["status"], "complete", "{told:#}");
    assert!(desk.repo().join(".git/refs/heads/main").exists(), "{}", desk.story(&id).await);
    check_success(cli, &told["jobs"][0], 2);
}
