//! Runners and keepers that are killed without a word, and what the next runner makes of it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::processes::{keeper_of, of_attempt, signal};
use crate::script::{insert, on, on_attempt, pm_blocks, pm_completes, shell, wait_for, work_for_ever};
use crate::stage::{RunnerProcess, Stage, jobs, running_attempt, story};
use crate::support::text;
use crate::wait::{PATIENCE, until};

/// A stage on which the first implement job works until it is told, and leaves a child that nobody asked for.
fn working() -> (Stage, String) {
    let stage = Stage::playing(json!([
        on_attempt(
            "implement",
            1,
            json!([
                shell("echo began >> effects"),
                {"spawnChild": {"setsid": true, "ms": 600_000}},
                {"touch": "started"},
                wait_for("go"),
                shell("echo ended >> effects"),
                {"text": "Done."},
            ])
        ),
        on_attempt("implement", 2, json!([{"text": "Done again."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    (stage, id)
}

/// A runner whose job has started, with the attempt.
fn started(stage: &Stage, id: &str) -> (RunnerProcess, String) {
    let runner = stage.runner(&[]);
    stage.until_file("started");
    (runner, running_attempt(&stage.assignment(id)).unwrap())
}

fn until_gone(attempt: &str) {
    until("nothing of the attempt lives", PATIENCE, || of_attempt(attempt).is_empty().then_some(()));
}

#[test]
fn an_agent_survives_its_runner_and_the_next_one_takes_it_over() {
    let (stage, id) = working();
    let (mut runner, attempt) = started(&stage, &id);
    runner.kill();
    let began = Instant::now();
    let next = stage.runner(&["--once"]);
    next.says("took over 1 job(s) of a runner that is gone");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: it waited for a lease", began.elapsed());
    assert_eq!(running_attempt(&stage.assignment(&id)), Some(attempt.clone()), "the same attempt goes on");
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
    assert_eq!(stage.read("effects"), "began\nended\n", "its work was done once");
    assert_eq!(jobs(&done)[0]["attempts"][0]["toolCalls"], 2, "nothing in its stream was counted twice");
    until_gone(&attempt);
}

#[test]
fn an_agent_that_ends_while_no_runner_is_there_loses_nothing() {
    let (stage, id) = working();
    let (mut runner, attempt) = started(&stage, &id);
    runner.kill();
    stage.touch("go");
    until_gone(&attempt);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
    assert_eq!(jobs(&done)[0]["result"], "Done.");
    assert_eq!(stage.json(&["queue"])["runners"], json!([]), "the dead runner is forgotten");
}

#[test]
fn runner_killed_again_and_again_costs_no_try_while_the_agent_lives() {
    let (stage, id) = working();
    let (mut runner, attempt) = started(&stage, &id);
    for _ in 0..4 {
        runner.kill();
        runner = stage.runner(&[]);
        runner.says("took over 1 job(s)");
    }
    assert_eq!(running_attempt(&stage.assignment(&id)), Some(attempt));
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
}

#[test]
fn with_its_keeper_killed_too_an_agent_dies_and_its_session_is_continued() {
    let (stage, id) = working();
    let (mut runner, attempt) = started(&stage, &id);
    let agent = of_attempt(&attempt);
    runner.kill();
    signal(keeper_of(&attempt), Signal::KILL);
    stage.once();
    assert!(of_attempt(&attempt).is_empty(), "of {agent:?} nothing is left, its detached child included");
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [lost success]", "pm completed [success]"]);
    let attempts = &jobs(&done)[0]["attempts"];
    assert_eq!(attempts[1]["resumes"], attempts[0]["sessionId"], "the agent's session is continued");
    assert_eq!(stage.read("effects"), "began\n");
}

#[test]
fn a_keeper_that_is_killed_under_a_living_runner_is_noticed_at_once() {
    let (stage, id) = working();
    let (_runner, attempt) = started(&stage, &id);
    signal(keeper_of(&attempt), Signal::KILL);
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [lost success]", "pm completed [success]"]);
    assert!(of_attempt(&attempt).is_empty());
}

#[test]
fn a_keeper_that_somebody_ends_ends_its_agent_and_the_job_is_pending_again() {
    let (stage, id) = working();
    let (_runner, attempt) = started(&stage, &id);
    signal(keeper_of(&attempt), Signal::TERM);
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [stopped success]", "pm completed [success]"]);
    assert!(of_attempt(&attempt).is_empty());
}

#[test]
fn without_a_runner_a_keeper_ends_its_agent_when_the_lease_is_over() {
    let (stage, id) = working();
    stage.configure(|config| config["leaseMs"] = json!(2000));
    let (mut runner, attempt) = started(&stage, &id);
    runner.kill();
    until_gone(&attempt);
    assert_eq!(stage.read("effects"), "began\n", "it was ended in the middle");
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [lost success]", "pm completed [success]"]);
    let message = text(&jobs(&done)[0]["attempts"][0]["message"]);
    assert!(message.contains("no runner was left"), "{message}");
}

#[test]
fn a_runner_that_was_stopped_for_long_changes_nothing_when_it_goes_on() {
    let (stage, id) = working();
    stage.configure(|config| config["leaseMs"] = json!(2000));
    let (runner, attempt) = started(&stage, &id);
    runner.signal(Signal::STOP);
    until_gone(&attempt);
    let next = stage.runner(&[]);
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [lost success]", "pm completed [success]"]);
    runner.signal(Signal::CONT);
    runner.says("ended after its job had moved on");
    assert_eq!(stage.assignment(&id)["jobs"], done["jobs"]);
    drop(next);
}

#[test]
fn an_attempt_of_a_runner_that_lives_is_left_alone() {
    let (stage, id) = working();
    stage.configure(|config| config["leaseMs"] = json!(2000));
    let (_runner, attempt) = started(&stage, &id);
    let owner = || jobs(&stage.assignment(&id))[0]["attempts"][0]["runner"].clone();
    let first_owner = owner();
    let _other = stage.runner(&[]);
    let leases = || stage.read_lease(&attempt);
    let first = leases();
    until("the lease was renewed twice", PATIENCE, || (leases() > first + 1000).then_some(()));
    assert_eq!(running_attempt(&stage.assignment(&id)), Some(attempt));
    assert_eq!(owner(), first_owner);
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
}

#[test]
fn a_decision_that_was_staged_before_the_runner_was_killed_is_applied_once() {
    let decide = json!([
        {"run": {"argv": ["agents", "insert-job", "--type", "review", "--context", "Look."]}},
        {"touch": "started"},
        wait_for("go"),
        {"text": "Inserted."},
    ]);
    let stage = Stage::playing(json!([
        {"when": {"jobType": "pm", "nth": 1}, "steps": decide},
        on("review", json!([{"text": "Seen."}])),
        pm_completes(),
    ]));
    let id = stage.create(&["Something"]);
    let (mut runner, _) = started(&stage, &id);
    runner.kill();
    let _next = stage.runner(&[]);
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    let expected = ["pm completed [success]", "review completed [success]", "pm completed [success]"];
    assert_eq!(story(&done), expected);
}

#[test]
fn a_decision_of_an_agent_that_was_lost_is_asked_for_again() {
    let decide = json!([
        {"run": {"argv": ["agents", "insert-job", "--type", "review"]}},
        {"touch": "started"},
        work_for_ever(),
    ]);
    let stage = Stage::playing(json!([on("pm", decide)]));
    let id = stage.create(&["Something"]);
    let (mut runner, attempt) = started(&stage, &id);
    runner.kill();
    signal(keeper_of(&attempt), Signal::KILL);
    stage.script(json!([pm_completes()]));
    stage.once();
    assert_eq!(story(&stage.assignment(&id)), ["pm completed [lost success]"]);
}

#[test]
fn a_job_that_is_lost_again_and_again_fails() {
    let stage =
        Stage::playing(json!(
            [on("implement", json!([{"touch": "started"}, work_for_ever()])), pm_blocks(),]
        ));
    let id = stage.create_work("Something");
    let _runner = stage.runner(&[]);
    let mut last = String::new();
    for _ in 1..=4 {
        let attempt = until("another attempt with its keeper", PATIENCE, || {
            let attempt = running_attempt(&stage.assignment(&id)).filter(|attempt| *attempt != last)?;
            (of_attempt(&attempt).len() >= 2).then_some(attempt)
        });
        signal(keeper_of(&attempt), Signal::KILL);
        last = attempt;
    }
    let ended = stage.until_status(&id, "blocked");
    assert_eq!(story(&ended), ["implement failed [lost lost lost lost]", "pm completed [success]"]);
}

#[test]
fn the_pm_goes_on_after_a_job_whose_runner_was_killed() {
    let stage = Stage::playing(json!([
        {"when": {"jobType": "pm", "nth": 1}, "steps": [insert("implement", "Do it.")]},
        on("implement", json!([{"touch": "started"}, wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create(&["Something"]);
    let (mut runner, _) = started(&stage, &id);
    runner.kill();
    stage.touch("go");
    stage.once();
    let expected = ["pm completed [success]", "implement completed [success]", "pm completed [success]"];
    assert_eq!(story(&stage.assignment(&id)), expected);
}

#[test]
fn an_agent_without_a_runner_can_be_cancelled_and_the_next_runner_tells_its_end() {
    let (stage, id) = working();
    let (mut runner, attempt) = started(&stage, &id);
    runner.kill();
    let job = text(&jobs(&stage.assignment(&id))[0]["id"]);
    stage.agents(&["cancel", &job]).ok();
    until_gone(&attempt);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement cancelled [cancelled]", "pm completed [success]"]);
}
