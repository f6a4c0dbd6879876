//! `agents pause` and `agents resume` while agents work.

use serde_json::{Value, json};

use crate::processes::of_attempt;
use crate::script::{on, on_attempt, pm_completes, wait_for, work_for_ever};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::support::{short, text};
use crate::wait::{PATIENCE, until};

/// The first try works for ever, the next one is done at once.
fn interrupted_once() -> Value {
    json!([
        on_attempt(
            "implement",
            1,
            json!([{"spawnChild": {"setsid": true, "ms": 600_000}}, {"touch": "started"}, work_for_ever()])
        ),
        on_attempt("implement", 2, json!([{"text": "Done."}])),
        pm_completes(),
    ])
}

#[test]
fn a_pause_ends_the_running_job_and_resume_continues_its_session() {
    let stage = Stage::playing(interrupted_once());
    let id = stage.create_work("Something");
    let runner = stage.runner(&[]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    let paused = stage.json(&["pause", &id]);
    assert_eq!([&paused["paused"], &paused["changed"]], [true, true]);
    assert_eq!(paused["ending"][0]["attempt"], attempt.as_str());
    until("nothing of the attempt runs", PATIENCE, || of_attempt(&attempt).is_empty().then_some(()));
    let stopped = stage.until_assignment(&id, "stopped", |it| running_attempt(it).is_none());
    assert_eq!(story(&stopped), ["implement pending [stopped]"]);
    assert_eq!([&stopped["status"], &stopped["paused"]], [&json!("active"), &json!(true)]);
    runner.says(&format!("ending attempt {}: a person has paused its assignment", short(&attempt)));

    let go_on = format!("agents resume {}", short(&id));
    let queue = stage.json(&["queue"]);
    assert_eq!(queue["paused"][0]["id"], id.as_str());
    assert_eq!(queue["waiting"][0]["waitsFor"], format!("{go_on}: the assignment is paused"));
    for command in [&["queue"][..], &["assignment", &id]] {
        let shown = stage.agents(command).ok().stdout;
        assert!(shown.contains("paused") && shown.contains(&go_on), "{shown}");
    }
    assert!(stage.agents(&["assignments"]).ok().stdout.contains("paused"));
    let again = stage.agents(&["pause", &id]).ok().stdout;
    assert_eq!(again, format!("assignment {} is already paused; nothing has changed\n", short(&id)));

    let said = stage.agents(&["resume", &id]).ok().stdout;
    assert_eq!(said, format!("assignment {} goes on\n", short(&id)));
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [stopped success]", "pm completed [success]"]);
    let attempts = &jobs(&done)[0]["attempts"];
    assert_eq!(attempts[1]["resumes"], attempts[0]["sessionId"], "the agent's session is continued");
    let told = stage.prompt(&jobs(&done)[0]);
    assert!(
        told.starts_with("You were interrupted (stopped). ")
            && told.contains("\nits assignment was paused while it ran\n<<<END "),
        "{told}"
    );
}

#[test]
fn a_pause_after_the_job_lets_it_finish_and_starts_nothing_more() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"touch": "started"}, wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let _runner = stage.runner(&[]);
    stage.until_file("started");
    let job = text(&jobs(&stage.assignment(&id))[0]["id"]);
    let said = stage.agents(&["pause", &id, "--after-job"]).ok().stdout;
    let expected = format!(
        "assignment {0} is paused; it starts no job until `agents resume {0}`\nimplement {1} goes on to its end\n",
        short(&id),
        short(&job)
    );
    assert_eq!(said, expected);
    stage.touch("go");
    let after = stage.until_assignment(&id, "after its job", |it| jobs(it)[0]["status"] == "completed");
    assert_eq!(story(&after), ["implement completed [success]", "pm pending []"]);
    stage.once();
    assert_eq!(story(&stage.assignment(&id))[1], "pm pending []", "another runner starts nothing either");
    stage.agents(&["resume", &id]).ok();
    assert_eq!(story(&stage.until_status(&id, "complete"))[1], "pm completed [success]");
}

#[test]
fn a_pause_outlives_the_runner_that_it_was_meant_for() {
    let stage = Stage::playing(interrupted_once());
    let id = stage.create_work("Something");
    let mut runner = stage.runner(&[]);
    stage.until_file("started");
    runner.kill();
    let paused = stage.agents(&["pause", &id]).ok();
    assert!(paused.stdout.contains("asked the runner to end attempt"), "{paused:?}");
    stage.once();
    let stopped = stage.assignment(&id);
    assert_eq!(story(&stopped), ["implement pending [stopped]"], "its end counts as no try");
    assert_eq!(stopped["paused"], true);
    stage.once();
    assert_eq!(story(&stage.assignment(&id)), ["implement pending [stopped]"]);
    stage.agents(&["resume", &id]).ok();
    stage.once();
    assert_eq!(story(&stage.assignment(&id))[0], "implement completed [stopped success]");
}

#[test]
fn a_question_is_answered_while_the_assignment_is_paused() {
    let stage = Stage::playing(json!([on("chat", json!([{"text": "Because of that."}]))]));
    let id = stage.create_work("Something");
    stage.json(&["pause", &id]);
    let answer = stage.agents(&["chat", &id, "Why?"]).ok().stdout;
    assert_eq!(answer, "Because of that.\n");
    assert_eq!(story(&stage.assignment(&id))[0], "implement pending []");
}
