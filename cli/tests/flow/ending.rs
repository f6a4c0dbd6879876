//! Jobs that are ended before they are done: by their time, and by a person.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::processes::of_attempt;
use crate::script::{on, pm_blocks, pm_completes, work_for_ever};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::wait::{PATIENCE, until};

/// An agent that ends on no signal but SIGKILL, and so does a child of its that has left its session.
fn stubborn() -> Value {
    json!([
        {"ignoreSignals": true},
        {"spawnChild": {"setsid": true, "ms": 600_000}},
        {"touch": "started"},
        work_for_ever(),
    ])
}

#[test]
fn a_job_whose_time_is_up_ends_with_all_its_processes_and_the_pm_is_told_what_it_did_last() {
    let stage = Stage::playing(json!([
        on(
            "implement",
            json!([
                {"ignoreSignals": true},
                {"spawnChild": {"setsid": true, "ms": 600_000}},
                {"text": "Counting the stars."},
                work_for_ever(),
            ])
        ),
        pm_blocks(),
    ]));
    let id = stage.create(&["Something", "--first", "implement", "--timeout", "1s"]);
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement failed [timeout]", "pm completed [success]"]);
    let result = jobs(&ended)[0]["result"].as_str().unwrap();
    assert!(result.contains("its 1 s were up") && result.contains("Counting the stars."), "{result}");
    assert_eq!(jobs(&ended)[0]["attempts"][0]["signal"], 9);
    let attempt = jobs(&ended)[0]["attempts"][0]["id"].as_str().unwrap();
    assert!(of_attempt(attempt).is_empty(), "nothing of it is left");
    assert!(stage.prompt(&jobs(&ended)[1]).contains("Counting the stars."));
}

/// Changes the status of an assignment while its job runs, and waits for the end of all its processes.
fn end_by_hand(arguments: &[&str]) -> Value {
    let stage = Stage::playing(json!([on("implement", stubborn()), pm_completes()]));
    let id = stage.create_work("Something");
    let _runner = stage.runner(&[]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    until("the agent and its child", PATIENCE, || (of_attempt(&attempt).len() >= 2).then_some(()));
    stage.agents(&[&["update-assignment", &id], arguments].concat()).ok();
    let asked = Instant::now();
    until("the end of the agent and its child", PATIENCE, || of_attempt(&attempt).is_empty().then_some(()));
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(3), "it took {took:?}");
    stage.until_assignment(&id, "at rest", |it| jobs(it)[0]["status"] != "running")
}

#[test]
fn a_cancelled_assignment_ends_its_agent_and_what_has_left_the_agents_session() {
    let ended = end_by_hand(&["--status", "cancelled", "--reason", "Not needed any more"]);
    assert_eq!([&ended["status"], &ended["reason"]], ["cancelled", "Not needed any more"]);
    assert_eq!(story(&ended), ["implement cancelled [cancelled]"]);
    assert_eq!(jobs(&ended)[0]["attempts"][0]["cancelRequested"], true);
}

#[test]
fn an_assignment_that_is_made_complete_ends_its_agent_and_asks_no_pm() {
    let ended = end_by_hand(&["--status", "complete"]);
    assert_eq!(ended["status"], "complete");
    assert_eq!(story(&ended), ["implement cancelled [cancelled]"]);
}

#[test]
fn a_blocked_assignment_lets_its_job_finish_and_starts_no_other() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"touch": "started"}, crate::script::wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let _runner = stage.runner(&[]);
    stage.until_file("started");
    stage.agents(&["update-assignment", &id, "--status", "blocked", "--reason", "Wait."]).ok();
    stage.touch("go");
    let ended = stage.until_assignment(&id, "at rest", |it| jobs(it)[0]["status"] == "completed");
    assert_eq!(story(&ended), ["implement completed [success]", "pm pending []"]);
    stage.agents(&["update-assignment", &id, "--status", "active"]).ok();
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
}
