//! Checks that the orchestrator runs, and `complete` that is held against them: real git, real shells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use agents_domain::aggregate::StatusChange;
use agents_domain::assignment::Assignment;
use agents_domain::evidence::{CheckEnd, CheckReceipt, FindingSource, Guard, Severity, Ties};
use agents_domain::history::{EventKind, HistoryEvent};
use agents_domain::id::AssignmentId;
use agents_domain::store::{Change, EvidenceRecord, Store};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::processes::of_attempt;
use crate::script::{blocked, complete, insert, on, on_nth, pm_blocks, pm_completes, shell, wait_for};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::support::execute;
use crate::wait::{PATIENCE, until};

/// A stage whose repository is a real one, with these checks.
pub fn with_checks(checks: Value, replies: Value) -> Stage {
    let stage = Stage::playing(replies);
    configure(&stage, checks);
    std::fs::remove_dir_all(stage.repo().join(".git")).unwrap();
    git(&stage.repo(), &["init", "-q", "-b", "main"]);
    std::fs::write(stage.repo().join(".gitignore"), ".agents/\n").unwrap();
    std::fs::write(stage.repo().join("work.txt"), "nothing\n").unwrap();
    commit(&stage.repo(), "first");
    stage
}

fn configure(stage: &Stage, checks: Value) {
    stage.configure(|config| config["checks"] = checks);
}

#[allow(clippy::disallowed_methods, reason = "a person's own git")]
pub fn git(folder: &PathBuf, args: &[&str]) {
    let person = ["-c", "user.name=A Person", "-c", "user.email=person@localhost"];
    let done = Command::new("git").args(person).args(args).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

pub fn commit(folder: &PathBuf, message: &str) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", message]);
}

/// The decision that a file of this content comes next.
fn writes(content: &str) -> Value {
    json!([{"write": {"path": "work.txt", "content": content}}, {"text": "I have done it."}])
}

fn stored<T>(stage: &Stage, look: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { look(&stage.store().await).await })
}

fn evidence(stage: &Stage, id: &str) -> EvidenceRecord {
    let id: AssignmentId = id.parse().unwrap();
    stored(stage, async |store| store.evidence(id).await.unwrap())
}

fn receipts(stage: &Stage, id: &str) -> Vec<CheckReceipt> {
    evidence(stage, id).receipts
}

fn ends(stage: &Stage, id: &str) -> Vec<CheckEnd> {
    receipts(stage, id).iter().map(|receipt| receipt.end).collect()
}

fn assignment(stage: &Stage, id: &str) -> Assignment {
    let id: AssignmentId = id.parse().unwrap();
    stored(stage, async |store| store.assignment(id).await.unwrap().unwrap())
}

fn history(stage: &Stage, id: &str, kind: EventKind) -> Vec<HistoryEvent> {
    let id: AssignmentId = id.parse().unwrap();
    let all = stored(stage, async |store| store.history(id).await.unwrap());
    all.into_iter().filter(|event| event.kind == kind).collect()
}

fn attempt(job: &Value) -> &str {
    job["attempts"][0]["id"].as_str().unwrap()
}

fn count_lines(path: &PathBuf) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

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
    assert_eq!((receipt.mac.len(), receipt.output_hash.len()), (64, 64));
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
            on("review", json!([{"text": "I have seen it."}])),
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
