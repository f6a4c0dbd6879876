//! How a runner ends: Ctrl-C once and twice, SIGTERM, and what the next one finds.

use rustix::process::Signal;
use serde_json::json;

use crate::processes::of_attempt;
use crate::script::{on, on_attempt, pm_completes, wait_for, work_for_ever};
use crate::stage::{RunnerProcess, Stage, jobs, running_attempt, story};
use crate::wait::PATIENCE;

#[test]
fn the_first_ctrl_c_lets_running_jobs_finish_and_takes_no_more() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"touch": "started"}, wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let mut runner = stage.runner(&[]);
    stage.until_file("started");
    runner.signal(Signal::INT);
    runner.says("taking no more jobs; waiting for");
    stage.touch("go");
    assert!(runner.ended(PATIENCE).success());
    assert_eq!(story(&stage.assignment(&id)), ["implement completed [success]", "pm pending []"]);
    assert_eq!(stage.json(&["queue"])["runners"], json!([]), "it has taken its name off the list");
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
}

#[test]
fn an_idle_runner_ends_at_the_first_ctrl_c() {
    let stage = Stage::playing(json!([]));
    let mut runner = stage.runner(&[]);
    runner.signal(Signal::INT);
    assert!(runner.ended(PATIENCE).success());
}

/// Stops a runner whose job runs, and lets the next one go on.
fn stop(how: impl Fn(&RunnerProcess)) {
    let stage = Stage::playing(json!([
        on_attempt(
            "implement",
            1,
            json!([
                {"spawnChild": {"setsid": true, "ms": 600_000}},
                {"touch": "started"},
                work_for_ever(),
            ])
        ),
        on_attempt("implement", 2, json!([{"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let mut runner = stage.runner(&[]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    how(&runner);
    assert!(runner.ended(PATIENCE).success());
    assert!(of_attempt(&attempt).is_empty(), "no orphan survives");
    let stopped = stage.assignment(&id);
    assert_eq!(story(&stopped), ["implement pending [stopped]"]);
    assert_eq!(stopped["status"], "active");
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [stopped success]", "pm completed [success]"]);
    let attempts = &jobs(&done)[0]["attempts"];
    assert_eq!(attempts[1]["resumes"], attempts[0]["sessionId"], "the agent's session is continued");
    let told = stage.prompt(&jobs(&done)[0]);
    assert!(
        told.starts_with("You were interrupted (stopped). ")
            && told.contains("\nthe runner was stopped while it ran\n<<<END "),
        "{told}"
    );
}

#[test]
fn the_second_ctrl_c_stops_running_jobs_and_the_next_runner_continues_them() {
    stop(|runner| {
        runner.signal(Signal::INT);
        runner.says("taking no more jobs");
        runner.signal(Signal::INT);
    });
}

#[test]
fn a_service_manager_that_ends_the_runner_stops_running_jobs_at_once() {
    stop(|runner| runner.signal(Signal::TERM));
}

/// Ends a runner that leaves its agent to the next one.
fn hand_over(args: &[&str], how: Signal) {
    let stage = Stage::playing(json!([
        on("implement", json!([{"touch": "started"}, wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let mut runner = stage.runner(args);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    runner.signal(how);
    runner.says("1 agent(s) go on and wait for the next runner");
    assert!(runner.ended(PATIENCE).success());
    assert!(of_attempt(&attempt).len() >= 2, "the agent and its keeper");
    assert_eq!(story(&stage.assignment(&id)), ["implement running [running]"]);
    let next = stage.runner(&[]);
    next.says("took over 1 job(s)");
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
}

#[test]
fn a_terminal_that_closes_leaves_agents_to_the_next_runner() {
    hand_over(&[], Signal::HUP);
}

#[test]
fn a_runner_that_detaches_leaves_agents_to_the_next_runner() {
    hand_over(&["--detach"], Signal::INT);
}

#[test]
fn a_runner_that_detaches_after_a_grace_drains_first() {
    hand_over(&["--detach", "--grace", "200"], Signal::TERM);
}

#[test]
fn without_detach_a_grace_ends_in_stopping() {
    let stage = Stage::playing(json!([on("implement", json!([{"touch": "started"}, work_for_ever()]))]));
    let id = stage.create_work("Something");
    let mut runner = stage.runner(&["--grace", "200"]);
    stage.until_file("started");
    runner.signal(Signal::INT);
    runner.says("stopping 1 job(s)");
    assert!(runner.ended(PATIENCE).success());
    assert_eq!(story(&stage.assignment(&id)), ["implement pending [stopped]"]);
}

#[test]
fn a_second_signal_within_the_grace_stops_at_once() {
    let stage = Stage::playing(json!([on("implement", json!([{"touch": "started"}, work_for_ever()]))]));
    let id = stage.create_work("Something");
    // Longer than the test waits for the end.
    let mut runner = stage.runner(&["--grace", "10m"]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    runner.signal(Signal::TERM);
    runner.says("taking no more jobs; waiting for 1");
    runner.signal(Signal::TERM);
    runner.says("stopping 1 job(s)");
    assert!(runner.ended(PATIENCE).success());
    assert!(of_attempt(&attempt).is_empty());
    assert_eq!(story(&stage.assignment(&id)), ["implement pending [stopped]"]);
}

#[test]
fn being_stopped_again_and_again_uses_up_no_tries() {
    let stage = Stage::playing(json!([
        on_attempt("implement", 6, json!([{"text": "Done."}])),
        on("implement", json!([{"touch": "started"}, work_for_ever()])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    for _ in 0..5 {
        let mut runner = stage.runner(&[]);
        stage.until_file("started");
        runner.signal(Signal::TERM);
        assert!(runner.ended(PATIENCE).success());
        std::fs::remove_file(stage.repo().join("started")).unwrap();
    }
    stage.once();
    let done = stage.assignment(&id);
    let expected = "implement completed [stopped stopped stopped stopped stopped success]";
    assert_eq!(story(&done)[0], expected);
}
