//! `agents cancel` while agents work.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::processes::of_attempt;
use crate::script::{blocked, complete, on, on_nth, pm_blocks, pm_completes, wait_for, work_for_ever};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::support::{short, text};
use crate::wait::{PATIENCE, until};

/// An agent that does not want to end, with a child that has left its group.
fn stubborn() -> Value {
    json!([
        {"ignoreSignals": true},
        {"spawnChild": {"setsid": true, "ms": 600_000}},
        {"touch": "started"},
        work_for_ever(),
    ])
}

#[test]
fn a_running_job_is_ended_with_its_whole_tree_within_a_second_and_its_grace() {
    let stage = Stage::playing(json!([on("implement", stubborn()), pm_blocks()]));
    let id = stage.create_work("Something");
    let runner = stage.runner(&[]);
    stage.until_file("started");
    let running = stage.assignment(&id);
    let (job, attempt) = (text(&jobs(&running)[0]["id"]), running_attempt(&running).unwrap());
    assert!(of_attempt(&attempt).len() >= 2, "the agent and its child");
    let began = Instant::now();
    let said = stage.agents(&["cancel", &job, "--reason", "wrong approach"]).ok().stdout;
    let expected =
        format!("asked the runner to end attempt {} of implement {}", short(&attempt), short(&job));
    assert!(said.starts_with(&expected), "{said}");
    until("nothing of the attempt runs", PATIENCE, || of_attempt(&attempt).is_empty().then_some(()));
    // A second to hear of it, the grace of 300 ms, and a busy machine.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let ended = stage.until_status(&id, "blocked");
    assert_eq!(story(&ended), ["implement cancelled [cancelled]", "pm completed [success]"]);
    let why = "implement job was cancelled while it ran: wrong approach";
    assert_eq!(jobs(&ended)[0]["result"], why);
    assert!(stage.prompt(&jobs(&ended)[1]).contains(why), "the PM is told why");
    runner.says(&format!("ending attempt {}: a person has cancelled it", short(&attempt)));
    runner.says(&format!("implement {} cancelled: {why}", short(&job)));
    let again = stage.agents(&["cancel", &job]).ok().stdout;
    assert_eq!(again, format!("implement {} is already cancelled; nothing has changed\n", short(&job)));
}

#[test]
fn a_job_that_waits_never_starts_after_it_was_cancelled() {
    let stage = Stage::playing(json!([
        on("review", json!([{"touch": "reviewed"}, {"text": "Fine."}])),
        on_nth("pm", 1, json!([complete("It is done.")])),
        on("implement", json!([{"text": "Done."}])),
    ]));
    let id = stage.create_work("Something");
    let review = text(&stage.json(&["insert-job", &id, "--type", "review"])["id"]);
    let cancelled = stage.json(&["cancel", &review, "--reason", "not needed"]);
    let expected = json!([{
        "kind": "job", "id": review, "assignment": id, "status": "cancelled", "changed": true,
        "jobs": [review], "ending": [],
    }]);
    assert_eq!(cancelled["cancelled"], expected);
    stage.once();
    let done = stage.assignment(&id);
    let expected = ["implement completed [success]", "review cancelled []", "pm completed [success]"];
    assert_eq!(story(&done), expected);
    assert!(stage.prompt(&jobs(&done)[2]).contains("not needed"), "the PM is told");
    assert!(!stage.repo().join("reviewed").exists());
}

#[test]
fn an_assignment_is_cancelled_with_all_its_jobs_and_twice_is_once() {
    let stage = Stage::playing(json!([on("implement", stubborn())]));
    let id = stage.create_work("Something");
    stage.json(&["insert-job", &id, "--type", "review"]);
    let runner = stage.runner(&[]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    let cancelled = stage.json(&["cancel", &id, "--reason", "enough"]);
    let one = &cancelled["cancelled"][0];
    assert_eq!(
        [&one["kind"], &one["status"], &one["changed"]],
        [&json!("assignment"), &json!("cancelled"), &json!(true)]
    );
    assert_eq!(one["ending"][0]["attempt"], attempt.as_str());
    assert_eq!(cancelled["warnings"], json!([]));
    until("nothing of the attempt runs", PATIENCE, || of_attempt(&attempt).is_empty().then_some(()));
    let ended = stage.until_assignment(&id, "ended", |it| jobs(it)[0]["status"] == "cancelled");
    assert_eq!(story(&ended), ["implement cancelled [cancelled]", "review cancelled []"]);
    assert_eq!((&ended["status"], &ended["reason"]), (&json!("cancelled"), &json!("enough")));
    runner.says("a person has cancelled it");
    let again = stage.agents(&["cancel", &id]).ok().stdout;
    assert_eq!(again, format!("assignment {} is already cancelled; nothing has changed\n", short(&id)));
}

#[test]
fn a_cancelled_pm_does_not_start_again_by_itself() {
    let stage = Stage::playing(json!([
        on_nth("pm", 1, json!([{"touch": "started"}, work_for_ever()])),
        on_nth("pm", 2, json!([blocked("I was asked again.")])),
    ]));
    let id = stage.create(&["Something"]);
    let _runner = stage.runner(&[]);
    stage.until_file("started");
    let pm = text(&jobs(&stage.assignment(&id))[0]["id"]);
    let said = stage.agents(&["cancel", &pm, "--reason", "I decide"]).ok().stdout;
    assert!(said.contains("is blocked: a person cancelled the PM's job: I decide"), "{said}");
    let ended = stage.until_assignment(&id, "ended", |it| jobs(it)[0]["status"] == "cancelled");
    assert_eq!(story(&ended), ["pm cancelled [cancelled]"]);
    stage.agents(&["update-assignment", &id, "--status", "active"]).ok();
    let asked = stage.until_assignment(&id, "asked again", |it| it["reason"] == "I was asked again.");
    assert_eq!(story(&asked), ["pm cancelled [cancelled]", "pm completed [success]"]);
}

#[test]
fn a_pm_that_completes_does_not_override_a_person_who_blocked_meanwhile() {
    let stage = Stage::playing(json!([
        on_nth("pm", 1, json!([{"touch": "started"}, wait_for("go"), complete("It is done.")])),
        pm_completes(),
    ]));
    let id = stage.create(&["Something"]);
    let _runner = stage.runner(&[]);
    stage.until_file("started");
    stage.json(&["update-assignment", &id, "--status", "blocked", "--reason", "wait for me"]);
    stage.touch("go");
    let ended = stage.until_assignment(&id, "decided", |it| jobs(it)[0]["status"] == "completed");
    assert_eq!((&ended["status"], &ended["reason"]), (&json!("blocked"), &json!("wait for me")));
    let history = stage.json(&["history", &id]);
    let events = history["events"].as_array().unwrap();
    let decided = events.iter().find(|event| event["kind"] == "decision_applied").unwrap();
    assert_eq!(decided["details"]["effect"], "none: a person blocked the assignment meanwhile");
}
