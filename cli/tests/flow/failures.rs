//! What each way to fail does to the job and its assignment.

use agents_domain::timestamp::Clock;
use agents_orchestrator::system::SystemClock;
use serde_json::{Value, json};

use crate::script::{on, on_attempt, on_prompt, pm_blocks, pm_completes};
use crate::stage::{Stage, jobs, story};
use crate::support::short;

/// What the retry policy makes of a failure.
enum Then {
    /// The same job again after that many seconds, and the assignment goes on.
    Waits(std::ops::RangeInclusive<i64>),
    /// A person has to mend something; the job waits.
    Blocks,
    /// After that many attempts the job has failed, and the PM looks at it.
    Fails(usize),
}

/// Plays each failure on the stream of a harness.
fn check(harness: &str, failures: &[(&str, Then)]) {
    let reply = |failure: &str| on_prompt("implement", &format!("<{failure}>"), json!([{"fail": failure}]));
    let mut replies: Vec<Value> = failures.iter().map(|(failure, _)| reply(failure)).collect();
    replies.push(pm_blocks());
    let stage = Stage::playing(json!(replies));
    let create = |failure: &str| {
        stage.create(&[&format!("<{failure}>"), "--first", "implement", "--harness", harness])
    };
    let ids: Vec<String> = failures.iter().map(|(failure, _)| create(failure)).collect();
    stage.agents(&["runner", "--once", "--concurrency", "3"]).ok();
    for (id, (failure, then)) in ids.iter().zip(failures) {
        let ended = stage.assignment(id);
        match then {
            Then::Waits(seconds) => {
                assert_eq!(story(&ended), [format!("implement pending [{failure}]")], "{harness}");
                assert_eq!(ended["status"], "active", "{harness}: {failure}");
                let wait = seconds_until(&jobs(&ended)[0]["readyAt"]);
                assert!(seconds.contains(&wait), "{harness}: {failure} waits {wait} s");
            }
            Then::Blocks => {
                assert_eq!(story(&ended), [format!("implement pending [{failure}]")], "{harness}");
                assert_eq!(ended["status"], "blocked", "{harness}: {failure}");
                let reason = ended["reason"].as_str().unwrap();
                assert!(reason.contains(&format!("({failure})")), "{harness}: {reason}");
                let go_on = format!("agents update-assignment {} --status active", short(id));
                assert!(reason.contains("To mend it: ") && reason.ends_with(&go_on), "{harness}: {reason}");
            }
            Then::Fails(attempts) => {
                let outcomes = vec![*failure; *attempts].join(" ");
                let expected =
                    [format!("implement failed [{outcomes}]"), "pm completed [success]".to_owned()];
                assert_eq!(story(&ended), expected, "{harness}");
                assert_eq!(ended["reason"], "The PM has seen it.", "{harness}: {failure}");
            }
        }
    }
}

/// A limit stops its harness for everybody, so each has a world of its own.
fn check_limit(harness: &str, failure: &str, seconds: std::ops::RangeInclusive<i64>) {
    let mut end = json!({"fail": failure});
    if failure == "usage_limit" {
        end["resetsInSeconds"] = json!(3600);
    }
    let stage = Stage::playing(json!([on("implement", json!([end]))]));
    let id = stage.create(&["Something", "--first", "implement", "--harness", harness]);
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), [format!("implement pending [{failure}]")], "{harness}");
    assert_eq!(ended["status"], "active", "{harness}: {failure}");
    let cooldown = &stage.json(&["cooldown", "list"])["cooldowns"][0];
    assert_eq!((&cooldown["harness"], &cooldown["outcome"]), (&json!(harness), &json!(failure)));
    let wait = seconds_until(&cooldown["until"]);
    assert!(seconds.contains(&wait), "{harness}: {failure} waits {wait} s");
}

#[test]
fn limits_cool_their_harness_down() {
    check_limit("claude", "rate_limit", 30..=65);
    check_limit("claude", "usage_limit", 3560..=3606);
    check_limit("codex", "usage_limit", 3500..=3666);
    check_limit("gemini", "rate_limit", 30..=65);
}

fn seconds_until(moment: &Value) -> i64 {
    let moment: jiff::Timestamp = moment.as_str().unwrap().parse().unwrap();
    (moment.as_millisecond() - SystemClock.now().as_millis()) / 1000
}

#[test]
fn every_failure_of_claude_has_the_consequence_of_the_retry_policy() {
    check(
        "claude",
        &[
            ("overloaded", Then::Waits(5..=30)),
            ("server_error", Then::Waits(5..=30)),
            ("network", Then::Waits(5..=30)),
            ("auth", Then::Blocks),
            ("billing", Then::Blocks),
            ("model_unavailable", Then::Blocks),
            ("cli_rejected", Then::Blocks),
            ("context_overflow", Then::Fails(2)),
            ("session_unknown", Then::Fails(2)),
            ("no_result", Then::Fails(2)),
            ("empty_answer", Then::Fails(2)),
            ("contradiction", Then::Fails(2)),
            ("turn_limit", Then::Fails(1)),
            ("budget_limit", Then::Fails(1)),
            ("refusal", Then::Fails(1)),
            ("output_limit", Then::Fails(1)),
            ("invalid_request", Then::Fails(1)),
            ("interrupted", Then::Fails(1)),
        ],
    );
}

#[test]
fn failures_of_codex_have_the_same_consequences() {
    check(
        "codex",
        &[
            ("overloaded", Then::Waits(5..=30)),
            ("auth", Then::Blocks),
            ("untrusted", Then::Blocks),
            ("cli_rejected", Then::Blocks),
            ("no_result", Then::Fails(2)),
            ("contradiction", Then::Fails(2)),
            ("invalid_request", Then::Fails(1)),
        ],
    );
}

#[test]
fn failures_of_gemini_have_the_same_consequences() {
    check(
        "gemini",
        &[
            ("server_error", Then::Waits(5..=30)),
            ("auth", Then::Blocks),
            ("untrusted", Then::Blocks),
            ("no_result", Then::Fails(2)),
            ("empty_answer", Then::Fails(2)),
            ("turn_limit", Then::Fails(1)),
            ("invalid_request", Then::Fails(1)),
        ],
    );
}

#[test]
fn an_agent_that_is_killed_is_tried_once_more() {
    let stage =
        Stage::playing(json!([on("implement", json!([{"text": "Hm."}, {"die": "KILL"}])), pm_blocks()]));
    let id = stage.create_work("Something");
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement failed [crashed crashed]", "pm completed [success]"]);
    assert_eq!(jobs(&ended)[0]["attempts"][0]["signal"], 9);
}

#[test]
fn a_program_that_is_not_there_blocks_with_the_way_to_install_it() {
    let stage = Stage::playing(json!([]));
    stage.configure(|config| config["harnesses"]["claude"] = json!({"command": ["no-such-claude"]}));
    let id = stage.create_work("Something");
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement pending [cli_missing]"]);
    let reason = ended["reason"].as_str().unwrap();
    assert!(reason.contains("no-such-claude") && reason.contains("npm install -g"), "{reason}");
}

#[test]
fn what_a_person_has_mended_goes_on_with_the_same_job() {
    let stage = Stage::playing(json!([on("implement", json!([{"fail": "auth"}]))]));
    let id = stage.create_work("Something");
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "blocked");
    stage.script(json!([on("implement", json!([{"text": "Logged in."}])), pm_completes()]));
    stage.agents(&["update-assignment", &id, "--status", "active"]).ok();
    stage.once();
    let expected = ["implement completed [auth success]", "pm completed [success]"];
    assert_eq!(story(&stage.assignment(&id)), expected);
}

#[test]
fn a_job_is_parked_until_its_usage_limit_is_over_and_then_runs() {
    let stage = Stage::playing(json!([
        on_attempt("implement", 1, json!([{"fail": "usage_limit", "resetsInSeconds": 2}])),
        on_attempt("implement", 2, json!([{"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let runner = stage.runner(&[]);
    let parked = stage.until_assignment(&id, "parked", |it| jobs(it)[0]["outcome"] == "usage_limit");
    assert_eq!(story(&parked), ["implement pending [usage_limit]"]);
    let waiting = stage.json(&["queue"])["waiting"].clone();
    assert_eq!(waiting[0]["id"], jobs(&parked)[0]["id"], "{waiting:#}");
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [usage_limit success]", "pm completed [success]"]);
    let attempts = &jobs(&done)[0]["attempts"];
    assert_eq!(attempts[1]["resumes"], attempts[0]["sessionId"], "its session is continued");
    drop(runner);
}
