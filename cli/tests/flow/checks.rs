//! Checks in custody: what they get, what they may not, and that nothing of them outlives its runner.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use agents_domain::evidence::{CheckEnd, CheckReceipt, FindingSource, Guard, Severity};
use agents_domain::history::EventKind;
use agents_domain::store::EvidenceRecord;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::evidence_stage::*;
use crate::processes::of_attempt;
use crate::script::{insert, on, on_nth, pm_blocks, pm_completes, shell};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::wait::{PATIENCE, until};

#[test]
fn a_check_that_hangs_ends_with_its_whole_tree_when_its_time_is_over() {
    let hang = "trap '' TERM; setsid sleep 600 & sleep 600 & echo began; wait; sleep 600";
    let stage = with_checks(
        json!([{"name": "hang", "command": hang, "timeoutMs": 500}]),
        json!([on("implement", writes("right\n")), pm_blocks()]),
    );
    let id = stage.create_work("Make it right");
    let began = Instant::now();
    stage.once();
    let done = stage.assignment(&id);
    assert!(of_attempt(attempt(&jobs(&done)[0])).is_empty(), "nothing of it is left");
    let [receipt] = &receipts(&stage, &id)[..] else { panic!("one check was run") };
    assert_eq!((receipt.end, receipt.tail.as_str()), (CheckEnd::Timeout, "began\n"));
    assert!(receipt.duration_ms >= 500 && began.elapsed() < Duration::from_secs(60), "{receipt:?}");
    assert_eq!(
        story(&done),
        ["implement completed [success]", "pm completed [success]"],
        "it has failed no job"
    );
}

/// A check that counts its runs, and goes on for ever the first time.
const FIRST_FOR_EVER: &str =
    "echo x >> \"$HOME/runs\"; test -e \"$HOME/go\" && exit 0; touch \"$HOME/started\"; sleep 600";

fn until_started(stage: &Stage) {
    until("the check runs", PATIENCE, || stage.path("home/started").exists().then_some(()));
}

#[test]
fn a_check_whose_runner_is_killed_is_ended_by_the_next_one_and_run_again() {
    let stage =
        with_checks(json!([FIRST_FOR_EVER]), json!([on("implement", writes("right\n")), pm_completes()]));
    let id = stage.create_work("Make it right");
    let mut runner = stage.runner(&[]);
    until_started(&stage);
    let running = stage.assignment(&id);
    assert_eq!(jobs(&running)[0]["status"], "running");
    let attempt = running_attempt(&running).unwrap();
    let old = of_attempt(&attempt);
    assert!(old.len() >= 2, "the keeper and the check: {old:?}");
    runner.kill();
    std::fs::write(stage.path("home/go"), "").unwrap();
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
    assert!(of_attempt(&attempt).is_empty());
    assert_eq!((done["status"].as_str(), ends(&stage, &id)), (Some("complete"), vec![CheckEnd::Exit(0)]));
    assert_eq!(count_lines(&stage.path("home/runs")), 2);
    let checkpoints = evidence(&stage, &id).checkpoints;
    assert_eq!((checkpoints.len(), checkpoints[0].files), (1, 1), "its work is known once: {checkpoints:?}");
}

#[test]
fn without_a_runner_a_check_ends_when_the_lease_is_over() {
    let stage =
        with_checks(json!([FIRST_FOR_EVER]), json!([on("implement", writes("right\n")), pm_completes()]));
    stage.configure(|config| {
        config["checks"] = json!([FIRST_FOR_EVER]);
        config["leaseMs"] = json!(2000);
    });
    let id = stage.create_work("Make it right");
    let mut runner = stage.runner(&[]);
    until_started(&stage);
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    runner.kill();
    until("nothing of the check lives", PATIENCE, || of_attempt(&attempt).is_empty().then_some(()));
}

#[test]
fn a_check_goes_on_as_long_as_its_runner_lives() {
    let stage = with_checks(json!([]), json!([on("implement", writes("right\n")), pm_completes()]));
    stage.configure(|config| {
        config["checks"] = json!(["touch \"$HOME/started\"; sleep 4; echo slept"]);
        config["leaseMs"] = json!(2000);
    });
    let id = stage.create_work("Make it right");
    let _runner = stage.runner(&[]);
    until_started(&stage);
    let activity = |it: &Value| jobs(it)[0]["attempts"][0]["lastActivity"].as_str().map(str::to_owned);
    until("its progress says so", PATIENCE, || {
        activity(&stage.assignment(&id)).filter(|activity| activity.starts_with("checks: touch"))
    });
    stage.until_status(&id, "complete");
    let receipt = &receipts(&stage, &id)[0];
    assert_eq!((receipt.end, receipt.tail.as_str()), (CheckEnd::Exit(0), "slept\n"), "twice its lease");
}

#[test]
fn a_runner_that_is_stopped_ends_its_check_and_the_pm_is_asked_again() {
    let stage =
        with_checks(json!([FIRST_FOR_EVER]), json!([on("implement", writes("right\n")), pm_completes()]));
    let id = stage.create_work("Make it right");
    let mut runner = stage.runner(&[]);
    until_started(&stage);
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    runner.signal(Signal::TERM);
    assert!(runner.ended(PATIENCE).success());
    assert!(of_attempt(&attempt).is_empty());
    assert_eq!(ends(&stage, &id), [CheckEnd::Stopped]);
    // Now the PM's own `complete` is cut short.
    std::fs::remove_file(stage.path("home/started")).unwrap();
    let mut runner = stage.runner(&[]);
    until_started(&stage);
    runner.signal(Signal::TERM);
    assert!(runner.ended(PATIENCE).success());
    std::fs::write(stage.path("home/go"), "").unwrap();
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [stopped success]"]);
    assert_eq!(done["status"], "complete");
    assert!(history(&stage, &id, EventKind::CompletionRefused).is_empty(), "it was never refused");
}

#[test]
fn a_check_that_prints_without_end_is_bounded() {
    let stage = with_checks(
        json!([
            {"name": "100 MB", "command": "head -c 100000000 /dev/zero | tr '\\0' 'x'"},
            {"name": "without end", "command": "while :; do head -c 65536 /dev/zero; done"},
        ]),
        json!([on("implement", writes("right\n")), pm_blocks()]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    let receipts: [CheckReceipt; 2] = receipts(&stage, &id).try_into().unwrap();
    assert_eq!(ends(&stage, &id), [CheckEnd::Overflow, CheckEnd::Overflow]);
    assert!(receipts.iter().all(|receipt| receipt.output_bytes > 64 << 20), "{receipts:?}");
    assert_eq!(receipts.each_ref().map(|receipt| receipt.tail.clone()), ["x".repeat(4096), "␀".repeat(4096)]);
    assert_eq!(stage.assignment(&id)["reason"], "The PM has seen it.");
}

#[test]
fn a_check_that_can_not_run_is_a_check_that_fails() {
    let stage = with_checks(
        json!(["no-such-program --at-all", "kill -9 $$"]),
        json!([on("implement", writes("right\n")), pm_blocks()]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    assert_eq!(ends(&stage, &id), [CheckEnd::Exit(127), CheckEnd::Signal(9)]);
    let tail = receipts(&stage, &id)[0].tail.clone();
    assert!(tail.contains("no-such-program") && tail.contains("not found"), "{tail}");
}

#[test]
fn a_check_has_no_input_no_terminal_and_nothing_that_leads_to_the_store() {
    let look = "env -0 > \"$HOME/found\"; cat > \"$HOME/input\"; pwd > \"$HOME/folder\"; \
                \"$AGENTS\" update-assignment $1 --status cancelled 2> \"$HOME/said\"; true";
    let stage = with_checks(json!([look]), json!([on("implement", writes("right\n")), pm_completes()]));
    let id = stage.create_work("Make it right");
    let runner = stage.agents(&["runner", "--once"]).env("AGENTS", env!("CARGO_BIN_EXE_agents"));
    runner.env("AGENTS_CONCURRENCY", 1).env("CLAUDECODE", 1).env("MY_TOKEN", "mine").ok();
    let found = std::fs::read_to_string(stage.path("home/found")).unwrap();
    let found: BTreeMap<&str, &str> =
        found.split('\0').filter_map(|variable| variable.split_once('=')).collect();
    let ours: Vec<&&str> = found.keys().filter(|name| name.starts_with("AGENTS_")).collect();
    assert_eq!(ours, [&"AGENTS_ATTEMPT_ID", &"AGENTS_JOB_TYPE"]);
    assert_eq!((found.get("CLAUDECODE"), found.get("MY_TOKEN")), (None, Some(&"mine")));
    assert_eq!(std::fs::read_to_string(stage.path("home/input")).unwrap(), "");
    let folder = std::fs::read_to_string(stage.path("home/folder")).unwrap();
    assert_eq!(folder.trim(), assignment(&stage, &id).folder());
    let said = std::fs::read_to_string(stage.path("home/said")).unwrap();
    assert!(said.contains("this is the agent of a check job"), "a check is no person: {said}");
}

#[test]
fn a_check_that_writes_into_the_tree_is_told_of_and_passes_on_what_it_has_left() {
    let stage = with_checks(
        json!(["echo report > report.txt"]),
        json!([on("implement", writes("right\n")), pm_completes()]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    let evidence = evidence(&stage, &id);
    assert_eq!(stage.assignment(&id)["status"], "complete");
    let finding = &evidence.findings[0];
    assert_eq!(finding.source, FindingSource::Guard(Guard::CheckWrites));
    assert_eq!((finding.severity, evidence.findings.len()), (Severity::Major, 1));
    assert_eq!(evidence.receipts.len(), 2, "once more on the tree that it had left");
}

#[test]
fn a_job_that_may_not_edit_is_not_checked_and_a_failed_one_neither() {
    let stage = with_checks(
        json!(["echo x >> \"$HOME/runs\""]),
        json!([
            on(
                "review",
                json!([{"text": json!({"summary": "I have seen it.", "findings": []}).to_string()}])
            ),
            on(
                "implement",
                json!([shell("echo half > half.txt"), {"text": "I would rather not."}, {"fail": "refusal"}])
            ),
            on_nth("pm", 1, json!([insert("implement", "Do it.")])),
            pm_blocks(),
        ]),
    );
    let id = stage.create(&["Something", "--first", "review"]);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done)[2], "implement failed [refusal]");
    assert_eq!(count_lines(&stage.path("home/runs")), 0);
    assert_eq!(evidence(&stage, &id), EvidenceRecord::default());
}
