//! Agents that take too long, never begin, or fall silent: each is its own outcome and says what was done last.
//!
//! Short times are given to implement jobs alone: the PM of a busy machine may take its time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::script::{on, on_attempt, on_nth, pm_blocks, pm_completes, shell, wait_for, work_for_ever};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::support::text;
use crate::wait::let_pass;

/// Longer than any time of silence here, several times over.
const LONG: Duration = Duration::from_millis(2000);

/// A stage on which implement jobs have these times.
fn with_times(times: Value, replies: Value) -> Stage {
    let stage = Stage::playing(replies);
    stage.configure(|config| config["timeouts"] = json!({"implement": times}));
    stage
}

/// An agent that prints nothing at all until it is told to go on.
fn mute(job_type: &str) -> Value {
    json!({"when": {"jobType": job_type}, "noInit": true, "steps": [
        {"stderr": "warming up"},
        {"touch": format!("{job_type}-started")},
        wait_for("go"),
        {"result": "Done."},
    ]})
}

fn message(job: &Value, attempt: usize) -> String {
    text(&job["attempts"][attempt]["message"])
}

#[test]
fn a_job_that_takes_longer_than_its_type_may_fails_and_says_what_it_did_last() {
    let stage = with_times(
        json!({"timeoutMs": 2000}),
        json!([on("implement", json!([{"text": "I read\nthe code."}, work_for_ever()])), pm_blocks()]),
    );
    let id = stage.create_work("Something");
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement failed [timeout]", "pm completed [success]"]);
    assert_eq!(message(&jobs(&ended)[0], 0), "its 2 s were up; the last it did: I read the code.");
}

#[test]
fn the_time_of_a_job_goes_on_while_no_runner_is_there() {
    const TIME: Duration = Duration::from_secs(4);
    let stage = with_times(
        json!({"timeoutMs": TIME.as_millis()}),
        json!([on("implement", json!([{"touch": "started"}, work_for_ever()])), pm_blocks()]),
    );
    let id = stage.create_work("Something");
    let mut runner = stage.runner(&[]);
    stage.until_file("started");
    runner.kill();
    let_pass(TIME);
    let _next = stage.runner(&[]);
    let began = Instant::now();
    stage.until_assignment(&id, "timed out", |it| story(it)[0] == "implement failed [timeout]");
    assert!(began.elapsed() < TIME, "{:?}: its time began anew", began.elapsed());
}

#[test]
fn an_agent_that_prints_nothing_is_tried_once_more_and_only_where_its_type_says_so() {
    let stage =
        with_times(json!({"startTimeoutMs": 300}), json!([mute("implement"), mute("review"), pm_blocks()]));
    let patient = stage.create(&["Slow", "--first", "review"]);
    let _runner = stage.runner(&["--concurrency", "2"]);
    stage.until_file("review-started");
    let id = stage.create_work("Mute");
    let ended = stage.until_status(&id, "blocked");
    let expected = ["implement failed [start_timeout start_timeout]", "pm completed [success]"];
    assert_eq!(story(&ended), expected);
    for attempt in [0, 1] {
        assert_eq!(message(&jobs(&ended)[0], attempt), "nothing came from it in its first 0.3 s");
    }
    assert_eq!(jobs(&ended)[0]["attempts"][1]["resumes"], Value::Null, "there was no session yet");
    stage.touch("go");
    let done = stage.until_status(&patient, "blocked");
    assert_eq!(story(&done), ["review completed [success]", "pm completed [success]"]);
}

/// What an agent does that says something and is silent from then on.
fn falls_silent() -> Value {
    json!([{"text": "I read the code."}, work_for_ever()])
}

const SILENT: &str = "nothing came from it for 0.8 s, and nothing that it had started was at work; the last it did: \
                      I read the code.";

#[test]
fn an_agent_that_falls_silent_is_continued_in_its_session() {
    let stage = with_times(
        json!({"silenceTimeoutMs": 800}),
        json!([
            on_attempt("implement", 1, falls_silent()),
            on_attempt("implement", 2, json!([{"text": "Done."}])),
            pm_completes(),
        ]),
    );
    let id = stage.create_work("Something");
    stage.once();
    let done = stage.assignment(&id);
    let expected = ["implement completed [silence_timeout success]", "pm completed [success]"];
    assert_eq!(story(&done), expected);
    let job = &jobs(&done)[0];
    assert_eq!(message(job, 0), SILENT);
    assert_eq!(job["attempts"][1]["resumes"], job["attempts"][0]["sessionId"]);
    let told = stage.prompt(job);
    assert!(told.starts_with("You were interrupted (silence_timeout). "), "{told}");
    assert!(told.contains(&format!("\n{SILENT}\n<<<END ")), "{told}");
}

#[test]
fn a_session_that_falls_silent_twice_fails_and_is_not_continued_when_its_job_is_repeated() {
    let stage = with_times(
        json!({"silenceTimeoutMs": 800}),
        json!([
            on_nth("implement", 1, falls_silent()),
            on_nth("implement", 2, json!([{"text": "Done."}])),
            on_nth("pm", 1, json!([{"decision": {"decision": "blocked", "reason": "Look at it."}}])),
            pm_completes(),
        ]),
    );
    let id = stage.create_work("Something");
    stage.once();
    let ended = stage.assignment(&id);
    let failed = "implement failed [silence_timeout silence_timeout]";
    assert_eq!(story(&ended), [failed, "pm completed [success]"]);
    let job = &jobs(&ended)[0];
    let sessions = [0, 1].map(|attempt| text(&job["attempts"][attempt]["sessionId"]));
    assert_eq!(text(&job["attempts"][1]["resumes"]), sessions[0]);
    assert_eq!(message(job, 1), SILENT);
    stage.agents(&["retry", &text(&job["id"])]).ok();
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done)[2], "implement completed [success]");
    assert_eq!(jobs(&done)[2]["attempts"][0]["resumes"], Value::Null, "it is poisoned");
}

#[test]
fn silence_in_which_a_process_that_has_left_the_agent_is_at_work_goes_on() {
    // The busy shell is in a session of its own, and its parent is gone.
    let busy = "setsid sh -c 'while [ ! -e go ]; do :; done' > /dev/null 2>&1 &";
    let stage = with_times(
        json!({"silenceTimeoutMs": 400}),
        json!([
            on("implement", json!([shell(busy), {"touch": "started"}, wait_for("go"), {"text": "Built."}])),
            pm_completes(),
        ]),
    );
    let id = stage.create_work("Something");
    let _runner = stage.runner(&[]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id));
    let_pass(LONG);
    assert_eq!(running_attempt(&stage.assignment(&id)), attempt);
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
}

#[test]
fn plain_text_has_no_first_word_and_no_silence_to_wait_for() {
    let stage = with_times(json!({"startTimeoutMs": 200, "silenceTimeoutMs": 200}), json!([]));
    stage.script(json!([mute("implement"), pm_completes()]));
    let id = stage.create(&["Something", "--first", "implement", "--harness", "text"]);
    let _runner = stage.runner(&[]);
    stage.until_file("implement-started");
    let_pass(LONG);
    stage.touch("go");
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
}
