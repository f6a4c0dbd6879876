//! `complete` that is held against what was measured: real git, real shells.

use std::path::PathBuf;

use agents_domain::aggregate::StatusChange;
use agents_domain::evidence::{CheckEnd, Ties};
use agents_domain::history::EventKind;
use agents_domain::store::Change;
use serde_json::json;

use crate::evidence_stage::*;
use crate::script::{blocked, complete, insert, on, on_nth, pm_blocks, pm_completes, wait_for};
use crate::stage::{Stage, jobs, story};
use crate::support::execute;
use crate::wait::{PATIENCE, until};

#[test]
fn complete_is_refused_while_a_check_fails_and_accepted_when_it_passes() {
    let stage = with_checks(
        json!(["grep -q right work.txt"]),
        json!([
            on_nth("implement", 1, writes("wrong\n")),
            on_nth("implement", 2, writes("right\n")),
            on_nth("pm", 2, json!([insert("implement", "Mend it.")])),
            pm_completes(),
        ]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    let done = stage.assignment(&id);
    let expected =
        ["implement", "pm", "pm", "implement", "pm"].map(|name| format!("{name} completed [success]"));
    assert_eq!((&done["status"], story(&done)), (&json!("complete"), expected.to_vec()));
    // After the first work, before the refused `complete` again, and after the work that mended it.
    assert_eq!(ends(&stage, &id), [CheckEnd::Exit(1), CheckEnd::Exit(1), CheckEnd::Exit(0)]);
    let refusals = history(&stage, &id, EventKind::CompletionRefused);
    let reason = refusals[0].detail("reason").unwrap();
    assert!(reason.contains("the required check `grep -q right work.txt` fails"), "{reason}");
    assert_eq!(refusals.len(), 1);
    assert_eq!(assignment(&stage, &id).standing().refusals, 0);
}

#[test]
fn a_receipt_says_what_was_run_on_which_tree_and_what_came_of_it() {
    let command = "echo to error >&2; printf 'test result: ok. 3 passed; 0 failed; 1 ignored\\n'; exit 7";
    let stage = with_checks(
        json!([{"name": "tests", "command": command, "required": false}]),
        json!([on("implement", writes("right\n")), pm_completes()]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "complete", "a check that is not required stands in nobody's way");
    let evidence = evidence(&stage, &id);
    let [receipt] = &evidence.receipts[..] else { panic!("{evidence:?}") };
    assert_eq!((receipt.check.as_str(), receipt.end), ("tests", CheckEnd::Exit(7)));
    assert_eq!(receipt.argv, ["sh", "-c", command]);
    assert_eq!(receipt.tail, "to error\ntest result: ok. 3 passed; 0 failed; 1 ignored\n");
    assert_eq!(receipt.output_bytes, receipt.tail.len() as u64);
    let counts = receipt.counts.unwrap();
    assert_eq!((counts.passed, counts.failed, counts.skipped), (3, 0, 1));
    assert_eq!(receipt.job.to_string(), jobs(&done)[0]["id"].as_str().unwrap());
    assert_eq!(receipt.tree, assignment(&stage, &id).standing().tree);
    let signature = receipt.signature.as_ref().unwrap();
    assert_eq!((signature.key.len(), signature.value.len(), receipt.output_hash.len()), (64, 128, 64));
    assert_eq!(evidence.checkpoints[0].files, 1);
}

#[test]
fn a_receipt_of_another_tree_does_not_count_and_the_check_is_run_again() {
    let check = |content: &str, expected: &str| {
        let decide = json!([{"touch": "thinking"}, wait_for("go"), complete("It is done.")]);
        let stage = with_checks(
            json!(["echo x >> ../runs; ! grep -q bad work.txt"]),
            json!([
                on("implement", writes("right\n")),
                on_nth("pm", 1, decide),
                on("pm", json!([blocked("It can not be mended.")])),
            ]),
        );
        std::fs::write(stage.repo().join(".gitignore"), ".agents/\ngo\nthinking\n").unwrap();
        commit(&stage.repo(), "what tests need is ignored");
        let id = stage.create_work("Make it right");
        let _runner = stage.runner(&[]);
        let folder = || PathBuf::from(assignment(&stage, &id).folder());
        until("the PM thinks", PATIENCE, || folder().join("thinking").exists().then_some(()));
        let first = receipts(&stage, &id);
        std::fs::write(folder().join("work.txt"), content).unwrap();
        commit(&folder(), "a person's own");
        std::fs::write(folder().join("go"), "").unwrap();
        stage.until_status(&id, expected);
        let all = receipts(&stage, &id);
        assert_eq!((first.len(), all.len()), (1, 2));
        assert_ne!(all[0].tree, all[1].tree);
        assert_eq!(all[1].tree, assignment(&stage, &id).standing().tree);
        assert_eq!(all[0].end, CheckEnd::Exit(0));
    };
    check("right as well\n", "complete");
    check("bad\n", "blocked");
}

#[test]
fn a_check_that_has_passed_on_the_present_tree_is_not_run_again() {
    let stage = with_checks(
        json!(["echo x >> \"$HOME/runs\""]),
        json!([on("implement", writes("right\n")), pm_completes()]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "complete");
    assert_eq!(count_lines(&stage.path("home/runs")), 1);
}

#[test]
fn without_a_repository_every_check_is_run_before_complete() {
    let stage =
        Stage::playing(json!([on("implement", json!([{"text": "I have done it."}])), pm_completes()]));
    configure(&stage, json!(["echo x >> \"$HOME/runs\"", "test -e ../good"]));
    std::fs::remove_dir_all(stage.repo().join(".git")).unwrap();
    let id = stage.create(&["Something", "--first", "implement", "--namespace", "shop"]);
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "blocked", "three times it was refused");
    std::fs::write(stage.path("good"), "").unwrap();
    stage.agents(&["update-assignment", &id, "--status", "active"]).ok();
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "complete");
    assert!(receipts(&stage, &id).iter().all(|receipt| receipt.tree.is_none()));
    assert_eq!(count_lines(&stage.path("home/runs")), 5, "after the work, and before each `complete`");
}

#[test]
fn three_refusals_in_a_row_ask_a_person_who_may_force_it_and_that_is_recorded() {
    let stage = with_checks(json!(["false"]), json!([on("implement", writes("right\n")), pm_completes()]));
    let id = stage.create_work("Make it right");
    stage.once();
    let ended = stage.assignment(&id);
    let reason = ended["reason"].as_str().unwrap();
    assert_eq!(ended["status"], "blocked");
    assert!(
        reason.contains("decided 3 times that it is complete") && reason.contains("`false` fails"),
        "{reason}"
    );
    let expected = ["implement", "pm", "pm", "pm"].map(|name| format!("{name} completed [success]"));
    assert_eq!(story(&ended), expected);
    stage
        .agents(&["update-assignment", &id, "--status", "complete", "--reason", "Good enough"])
        .fails(5, &["`false` fails"]);
    let to = StatusChange::Complete {
        reason: Some("The check is wrong".to_owned()),
        ties: Ties::new(),
        tree: None,
        force: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(execute(&stage, Change::Update { assignment: id.parse().unwrap(), to }));
    let completed = history(&stage, &id, EventKind::AssignmentCompleted);
    assert_eq!(
        [completed[0].detail("forced"), completed[0].detail("reason")],
        [Some("true"), Some("The check is wrong")]
    );
}

#[test]
fn a_refusal_is_the_next_input_of_the_pm() {
    let stage = with_checks(
        json!(["grep -q right work.txt"]),
        json!([
            on_nth("implement", 1, writes("wrong\n")),
            on_nth("implement", 2, writes("right\n")),
            on_nth("pm", 2, json!([insert("implement", "Mend it.")])),
            pm_completes(),
        ]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    let done = stage.assignment(&id);
    let told = stage.prompt(&jobs(&done)[2]);
    let failing = receipts(&stage, &id)[1].id.short();
    let refusal = format!("the required check `grep -q right work.txt` fails (receipt {failing})");
    assert!(told.contains("The last `complete` was refused.") && told.contains(&refusal), "{told}");
    let earlier = stage.prompt(&jobs(&done)[1]);
    assert!(!earlier.contains("The last `complete` was refused."), "{earlier}");
}

/// Writes into the store behind everybody's back.
fn forge(stage: &Stage, sql: &'static str) {
    use sqlx::{Connection, Executor};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", stage.database().display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        assert_eq!(connection.execute(sql).await.unwrap().rows_affected(), 1);
    });
}

#[test]
fn a_receipt_is_shown_and_one_that_was_forged_is_found() {
    let stage = with_checks(
        json!(["echo 3 passed in 0.01s; grep -q right work.txt"]),
        json!([on("implement", writes("wrong\n")), pm_blocks()]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    let receipt = receipts(&stage, &id).remove(0).id.to_string();
    let shown = stage.json(&["receipt", &receipt[receipt.len() - 8..]]);
    assert_eq!(
        [&shown["id"], &shown["end"], &shown["passed"]],
        [&json!(receipt), &json!("exit 1"), &json!(false)]
    );
    let human = stage.agents(&["receipt", &receipt]).ok().stdout;
    for part in ["3 passed, 0 failed, 0 skipped", "the present one", "as it was signed", "3 passed in 0.01s"]
    {
        assert!(human.contains(part), "`{part}` is not in: {human}");
    }
    let said = stage.agents(&["receipt", "verify"]).ok().stdout;
    assert_eq!(said, "1 receipt as signed\n");
    assert!(stage.agents(&["doctor"]).run().stdout.contains("1 of open assignments as signed"));
    forge(&stage, "UPDATE receipts SET end_number = 0");
    stage
        .agents(&["receipt", "verify", &id])
        .fails(1, &["1 receipt of 1 not as signed", &receipt, "is altered"]);
    let wrong = stage.agents(&["receipt", "verify", "--all", "--json"]).run().json();
    assert_eq!([&wrong["ok"], &wrong["wrong"][0]["id"]], [&json!(false), &json!(receipt)]);
    let doctor = stage.agents(&["doctor", "--json"]).run().json();
    let checks = doctor["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == "receipts").unwrap();
    assert_eq!(found["status"], "problem", "{found}");
    assert!(stage.agents(&["receipt", &receipt]).ok().stdout.contains("NOT as it was signed"));
    stage.agents(&["receipt", "ffffffff"]).fails(3, &["no receipt", "agents evidence <assignment>"]);
    stage.agents(&["receipt"]).fails(2, &["agents receipt"]);
    assert!(!stage.path("home/.local/state").exists(), "no key is on the disk");
}

#[test]
fn what_no_job_has_committed_stands_against_complete_until_one_does() {
    let careless = json!([
        {"run": {"argv": ["sh", "-c", "echo better > work.txt"]}},
        complete("It is done."),
    ]);
    let stage = with_checks(
        json!(["grep -q -e right -e better work.txt"]),
        json!([
            on_nth("implement", 1, writes("right\n")),
            on_nth("implement", 2, json!([{"text": "What was there is right."}])),
            on_nth("pm", 1, careless),
            on_nth("pm", 2, json!([insert("implement", "Commit what is there, or undo it.")])),
            pm_completes(),
        ]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    let refusals = history(&stage, &id, EventKind::CompletionRefused);
    let reason = refusals.first().and_then(|event| event.detail("reason")).unwrap_or_default();
    assert!(reason.contains("the worktree has changes that no job has made"), "{reason}");
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "complete", "{done:#}");
    assert_eq!(assignment(&stage, &id).standing().tree.clone().unwrap().dirty, None);
}

#[test]
fn a_person_who_completes_is_held_to_the_tree_as_it_is_now() {
    let stage = with_checks(
        json!(["grep -q right work.txt"]),
        json!([on("implement", writes("right\n")), pm_blocks()]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    let folder = PathBuf::from(assignment(&stage, &id).folder());
    std::fs::write(folder.join("work.txt"), "wrong\n").unwrap();
    commit(&folder, "a person's own");
    stage
        .agents(&["update-assignment", &id, "--status", "complete"])
        .fails(5, &["was not run on the present tree"]);
    git(&folder, &["reset", "-q", "--hard", "HEAD~1"]);
    stage.agents(&["update-assignment", &id, "--status", "complete"]).ok();
    assert_eq!(stage.assignment(&id)["status"], "complete");
}
