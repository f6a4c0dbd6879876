//! Criteria, what ties them, and the evidence, on the command line.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod support;

use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::attempt::AttemptReport;
use agents_domain::director::Director;
use agents_domain::evidence::{
    Check, CheckEnd, CheckReceipt, Checkpoint, Citation, Evidence, Finding, FindingSource, Severity,
    TreeState,
};
use agents_domain::harness::ProcessEnd;
use agents_domain::id::{AssignmentId, FindingId, IdSource, ReceiptId};
use agents_domain::namespace::Namespace;
use agents_domain::outcome::Outcome;
use agents_domain::store::{Change, Claimed, Store};
use agents_domain::timestamp::Clock;
use agents_orchestrator::evidence::key::SigningKey;
use agents_orchestrator::system::{SystemClock, SystemIds};
use serde_json::{Value, json};
use support::{World, execute, has_keys, short, text};

fn tree() -> Option<TreeState> {
    Some(TreeState { commit: "5b1d2c3e4f50a1b2c3d4e5f60718293a4b5c6d7e".to_owned(), dirty: None })
}

fn receipt(claimed: &Claimed, passed: bool) -> CheckReceipt {
    CheckReceipt {
        id: ReceiptId::new(SystemIds.next()),
        assignment: claimed.assignment.id,
        job: claimed.job.id,
        attempt: claimed.attempt.id,
        check: "make test".to_owned(),
        argv: ["sh", "-c", "make test"].map(str::to_owned).into(),
        tree: tree(),
        end: CheckEnd::Exit(if passed { 0 } else { 2 }),
        started_at: SystemClock.now(),
        duration_ms: 1200,
        output_hash: "ab".repeat(32),
        output_bytes: 30,
        tail: "one\nit does not greet\n".to_owned(),
        counts: None,
        signature: None,
    }
}

fn finding(claimed: &Claimed) -> Finding {
    Finding {
        id: FindingId::new(SystemIds.next()),
        assignment: claimed.assignment.id,
        job: claimed.job.id,
        attempt: claimed.attempt.id,
        source: FindingSource::Reviewer,
        severity: Severity::Major,
        file: Some("src/greet.rs".to_owned()),
        line: Some(99),
        citation: Citation::Wrong,
        criterion: None,
        text: "it is rude".to_owned(),
    }
}

/// An assignment with a check and a criterion whose first job has ended, and the receipt that it left.
async fn measured(world: &World, passed: bool) -> (String, ReceiptId) {
    world.json(&["assignments"]);
    let id = AssignmentId::new(SystemIds.next());
    let first = agents_domain::decision::NewJob {
        id: agents_domain::id::JobId::new(SystemIds.next()),
        job_type: agents_domain::job_type::JobType::new("implement").unwrap(),
        harness: None,
        model: None,
        context: String::new(),
        timeout_ms: None,
    };
    let new = NewAssignment {
        priority: None,
        id,
        namespace: Namespace::new("shop").unwrap(),
        north_star: "It greets".to_owned(),
        director: Director::Pm,
        workspace: world.repo().display().to_string(),
        worktree: None,
        alone: false,
        max_jobs: 9,
        run: None,
        limits: Default::default(),
        checks: vec![Check::of_command("make test")],
        accept: vec!["it greets".to_owned()],
        first: First::Job(first),
    };
    execute(world, Change::Create(new)).await;
    let claimed = world.claim().await;
    let key = SigningKey::draw().unwrap();
    let published = key.published(claimed.attempt.runner, String::new(), SystemClock.now());
    world.store().await.publish(&published).await.unwrap();
    let unsigned = receipt(&claimed, passed);
    let receipt = CheckReceipt { signature: Some(key.sign(&unsigned)), ..unsigned };
    let receipt_id = receipt.id;
    let checkpoint = Checkpoint {
        assignment: id,
        job: claimed.job.id,
        attempt: claimed.attempt.id,
        before: "0a".repeat(20),
        after: "0b".repeat(20),
        files: 2,
        insertions: 5,
        deletions: 1,
    };
    let report = AttemptReport {
        attempt: claimed.attempt.id,
        outcome: Outcome::success("All tests pass."),
        process: Some(ProcessEnd::Exited(0)),
        progress: Default::default(),
        answer: None,
        unknown_lines: 0,
        bad_lines: 0,
        killed: None,
        evidence: Evidence {
            content: None,
            tree: tree(),
            checkpoint: Some(checkpoint),
            receipts: vec![receipt],
            findings: vec![finding(&claimed)],
            founded: None,
        },
        output: None,
    };
    execute(world, Change::Finish { assignment: id, report: Box::new(report) }).await;
    (id.to_string(), receipt_id)
}

fn criteria(view: &Value) -> Vec<(u64, String, String)> {
    let all = view["criteria"].as_array().unwrap().iter();
    all.map(|one| (one["number"].as_u64().unwrap(), text(&one["text"]), text(&one["author"]))).collect()
}

#[test]
fn criteria_are_stated_changed_and_dropped() {
    let world = World::new();
    let id = world.create(&["Greet", "--hold", "--accept", "it greets", "--accept", "--quiet says nothing"]);
    let person = || "person".to_owned();
    let both = [(1, "it greets".to_owned(), person()), (2, "--quiet says nothing".to_owned(), person())];
    assert_eq!(criteria(&world.json(&["evidence", &id])), both);
    let edit =
        ["update-assignment", &id, "--status", "active", "--drop-accept", "2", "--accept", "it is quick"];
    let changed = world.json(&[&edit[..], &["--edit-accept", "1", "it greets by name"]].concat());
    assert_eq!(changed["changed"], true);
    let expected = [(1, "it greets by name".to_owned(), person()), (3, "it is quick".to_owned(), person())];
    assert_eq!(criteria(&world.json(&["evidence", &id])), expected);
    let human = world.agents(&["evidence", &id]).ok().stdout;
    assert!(human.contains("it greets by name") && human.contains("nothing yet"), "{human}");
    let short_form = world.agents(&["assignment", &id]).ok().stdout;
    assert!(short_form.contains("0 of 2 can be shown now"), "{short_form}");
}

#[test]
fn criteria_that_make_no_sense_are_refused_with_what_to_do() {
    let world = World::new();
    let id = world.create(&["Greet", "--hold", "--accept", "it greets"]);
    let update =
        |args: &[&str]| world.agents(&[&["update-assignment", id.as_str(), "--status"], args].concat());
    update(&["active", "--drop-accept", "7"]).fails(5, &["has no criterion 7", "agents evidence"]);
    update(&["active", "--edit-accept", "one", "x"]).fails(2, &["`one` is no number of a criterion"]);
    update(&["active", "--accept", " "]).fails(2, &["a criterion says nothing"]);
    update(&["blocked", "--reason", "x", "--accept", "y"]).fails(2, &["--accept goes with --status active"]);
    update(&["active", "--tie", "1=12345678"]).fails(2, &["--tie goes with --status complete"]);
    update(&["active", "--force"]).fails(2, &["--force goes with --status complete"]);
    update(&["complete", "--force"]).fails(2, &["a forced completion needs one"]);
    update(&["complete", "--tie", "first=12345678"]).fails(2, &["ties no criterion to anything", "--tie 1="]);
    update(&["complete", "--tie", "1=a", "--tie", "1=b"]).fails(2, &["criterion 1 is tied twice"]);
    update(&["complete"])
        .fails(5, &["criterion 1 (\"it greets\") is tied to no receipt", "--force --reason"]);
    world.agents(&["create", "Greet", "--accept", ""]).fails(2, &["a criterion says nothing"]);
    let insert = ["insert-job", &id, "--type", "plan", "--accept", "x"];
    world.agents(&insert).fails(2, &["--accept is for the PM's decisions"]);
    assert_eq!(criteria(&world.json(&["evidence", &id])).len(), 1, "nothing of it has changed anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_is_shown_and_a_person_ties_a_criterion_to_it() {
    let world = World::new();
    let (id, receipt) = measured(&world, true).await;
    let view = world.json(&["evidence", &id]);
    has_keys(&view, &["assignment", "status", "tree", "checks", "criteria", "against", "refusal", "repeats"]);
    assert_eq!(view["checks"][0]["receipt"], receipt.to_string());
    assert_eq!([&view["checks"][0]["passed"], &view["checks"][0]["fresh"]], [true, true]);
    assert_eq!(view["criteria"][0]["candidates"], json!([{"kind": "receipt", "id": receipt.to_string()}]));
    assert_eq!(view["checkpoints"][0]["files"], 2);
    assert_eq!(view["receipts"][0]["argv"], json!(["sh", "-c", "make test"]));
    assert_eq!([&view["findings"][0]["source"], &view["findings"][0]["citation"]], ["reviewer", "wrong"]);
    let human = world.agents(&["evidence", &id]).ok().stdout;
    for part in
        [&receipt.short(), "make test", "2 file(s), +5 -1", "src/greet.rs:99 (not there)", "it is rude"]
    {
        assert!(human.contains(part), "`{part}` is not in {human}");
    }
    let job = text(&world.json(&["assignment", &id])["jobs"][0]["id"]);
    assert_eq!(world.json(&["job", &job])["evidence"]["receipts"][0]["id"], receipt.to_string());
    let human = world.agents(&["job", &job]).ok().stdout;
    assert!(human.contains(&format!("receipt {} of make test: passed, exit 0", receipt.short())), "{human}");
    let tie = format!("1={}", receipt.short());
    let done = world.json(&["update-assignment", &id, "--status", "complete", "--tie", &tie]);
    assert_eq!(done["status"], "complete");
    let tied = &world.json(&["evidence", &id])["criteria"][0]["tie"];
    assert_eq!(*tied, json!({"kind": "receipt", "id": receipt.to_string()}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_check_refuses_complete_and_force_is_told_as_force() {
    let world = World::new();
    let (id, receipt) = measured(&world, false).await;
    let complete = ["update-assignment", &id, "--status", "complete", "--reason", "It is fine"];
    let said = format!("the required check `make test` fails (receipt {})", receipt.short());
    world.agents(&complete).fails(5, &[&said, "agents evidence"]);
    let human = world.agents(&["evidence", &id]).ok().stdout;
    for part in ["against complete", "exit 2", "it does not greet", short(&receipt.to_string())] {
        assert!(human.contains(part), "`{part}` is not in {human}");
    }
    assert_eq!(world.json(&[&complete[..], &["--force"]].concat())["status"], "complete");
    let events = world.json(&["history", &id])["events"].clone();
    let last =
        events.as_array().unwrap().iter().rfind(|event| event["kind"] == "assignment_completed").unwrap();
    assert_eq!([&last["details"]["forced"], &last["details"]["reason"]], ["true", "It is fine"]);
    assert!(text(&last["details"]["against"]).starts_with(&said), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pm_ties_by_command_proposes_criteria_and_can_not_force() {
    let world = World::new();
    let id = world.create(&["Greet", "--accept", "it greets"]);
    let pm = world.claim().await;
    let run = |args: &[&str]| world.agents(args).inside(&pm);
    let force = ["update-assignment", "self", "--status", "complete", "--reason", "x", "--force"];
    run(&force).fails(5, &["only a person can force"]);
    run(&["update-assignment", "self", "--status", "active", "--accept", "x"])
        .fails(5, &["only a person can make"]);
    let staged =
        run(&["insert-job", "self", "--type", "plan", "--accept", "it is quick", "--json"]).ok().json();
    assert_eq!([&staged["staged"], &staged["assignment"]], [&json!(true), &json!(id)]);
    let complete =
        ["update-assignment", "self", "--status", "complete", "--reason", "x", "--tie", "1=12345678"];
    run(&complete).fails(5, &["already decided `insert_job`"]);
}

#[test]
fn a_person_adds_and_drops_checks_of_an_assignment_that_is_under_way() {
    let world = World::new();
    let id = world.create(&["Greet", "--hold", "--check", "make test", "--check", "lint"]);
    let update = |options: &[&'static str]| {
        [&["update-assignment", id.as_str(), "--status", "active"], options].concat()
    };
    let names = || -> Vec<String> {
        let evidence = world.json(&["evidence", &id]);
        evidence["checks"].as_array().unwrap().iter().map(|check| text(&check["name"])).collect()
    };
    let changed = world.json(&update(&["--add-check", "cargo test", "--drop-check", "lint"]));
    assert_eq!(
        (&changed["changed"], names()),
        (&json!(true), vec!["make test".to_owned(), "cargo test".to_owned()])
    );
    let again = world.json(&update(&["--add-check", "cargo test"]));
    assert_eq!(again["changed"], false);
    world.agents(&update(&["--drop-check", "lint"])).fails(5, &["has no check `lint`", "agents evidence"]);
    world.agents(&update(&["--add-check", " "])).fails(2, &["a check has no command"]);
    let blocked = ["update-assignment", &id, "--status", "blocked", "--reason", "x", "--drop-check", "lint"];
    world.agents(&blocked).fails(2, &["--drop-check goes with --status active, not with blocked"]);
    let history = world.agents(&["history", &id, "--json"]).ok().stdout;
    // The two that it was made with, the one that was added and the one that was dropped.
    assert_eq!(history.matches("proof_changed").count(), 4, "{history}");
    let looked_at = world.agents(&["doctor", "--json"]).run().stdout;
    assert!(looked_at.contains("database") && !looked_at.contains("proof_differs"), "{looked_at}");
    assert_eq!(names(), ["make test", "cargo test"]);
}
