//! A limit is everybody's: no runner starts a job with that harness until it is over, unless another one stands in.

use serde_json::{Value, json};

use crate::script::{on, on_attempt, on_prompt, pm_completes, wait_for};
use crate::stage::{Stage, jobs, story};
use crate::support::{short, text};

fn limit() -> Value {
    json!([{"fail": "usage_limit", "resetsInSeconds": 3600}])
}

#[test]
fn a_limit_holds_every_job_of_its_harness_until_a_person_lifts_it() {
    let mut first = on_prompt("implement", "<first>", limit());
    first["times"] = json!(1);
    let stage = Stage::playing(json!([first, on("implement", json!([{"text": "Done."}])), pm_completes()]));
    let ids = ["<first>", "<second>"].map(|name| stage.create_work(name));
    let other = stage.create(&["<other>", "--first", "implement", "--harness", "codex"]);
    let said = stage.agents(&["runner", "--once", "--concurrency", "1"]).ok().stdout;
    assert!(said.contains("claude cools down until ") && said.contains("(usage_limit)"), "{said}");
    assert_eq!(story(&stage.assignment(&ids[0])), ["implement pending [usage_limit]"]);
    let second = stage.assignment(&ids[1]);
    let waits = ["implement pending []", "implement pending [stopped]"];
    assert!(waits.contains(&story(&second)[0].as_str()), "nobody else tries: {second:#}");
    assert_eq!(story(&stage.assignment(&other)), ["implement completed [success]", "pm pending []"]);

    let queue = stage.json(&["queue"]);
    let cooldown = &queue["cooldowns"][0];
    assert_eq!((&cooldown["harness"], &cooldown["jobs"]), (&json!("claude"), &json!(3)));
    assert_eq!(queue["ready"], json!([]));
    for waiting in queue["waiting"].as_array().unwrap() {
        assert_eq!(
            (&waiting["waitsFor"], &waiting["until"]),
            (&json!("claude to cool down"), &cooldown["until"])
        );
    }
    assert_eq!(stage.json(&["cooldown", "list"])["cooldowns"], queue["cooldowns"]);
    let human = stage.agents(&["queue"]).ok().stdout;
    for part in ["cooling down", "3 wait", "usage_limit", "claude to cool down, in 1h"] {
        assert!(human.contains(part), "`{part}` is not in:\n{human}");
    }

    let _runner = stage.runner(&[]);
    let lifted = stage.json(&["cooldown", "lift", "claude"]);
    assert_eq!((&lifted["lifted"], &lifted["wasUntil"]), (&json!(true), &cooldown["until"]));
    for id in ids.iter().chain([&other]) {
        stage.until_status(id, "complete");
    }
    let again = stage.json(&["cooldown", "lift", "claude"]);
    assert_eq!(again, json!({"harness": "claude", "lifted": false, "wasUntil": null}));
    assert_eq!(stage.agents(&["cooldown", "list"]).ok().stdout, "no harness cools down\n");
    stage
        .agents(&["cooldown", "lift", "cluade"])
        .fails(3, &["no harness `cluade`", "did you mean `claude`?"]);
}

#[test]
fn a_fallback_does_the_job_at_once_with_its_own_model_and_session_and_says_so() {
    let stage = Stage::playing(json!([
        on_attempt("implement", 1, limit()),
        on_attempt("implement", 2, json!([{"text": "Done."}])),
        pm_completes(),
    ]));
    stage.configure(|config| config["harnessFallback"] = json!({"claude": "gemini", "gemini": "text"}));
    let id = stage.create(&["Something", "--first", "implement", "--model", "opus"]);
    let said = stage.once().stdout;
    assert!(said.contains("started with gemini instead of claude, which cools down, attempt 2"), "{said}");
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["implement completed [usage_limit success]", "pm completed [success]"]);
    let job = &jobs(&done)[0];
    assert_eq!((&job["harness"], &job["model"]), (&json!("claude"), &json!("opus")), "what was asked for");
    let of = |place: usize, key: &str| job["attempts"][place][key].clone();
    assert_eq!([of(0, "harness"), of(1, "harness")], [json!("claude"), json!("gemini")]);
    assert!(text(&of(0, "model")).contains("opus") && !text(&of(1, "model")).contains("opus"), "{job:#}");
    assert_eq!(of(1, "resumes"), Value::Null, "the session is claude's");
    let pm = stage.prompt(&jobs(&done)[1]);
    assert!(pm.contains(": implement by gemini, completed, success, 2 attempt(s)"), "{pm}");
    let history = stage.json(&["history", &id])["events"].clone();
    let kinds: Vec<&Value> = history.as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert!(kinds.contains(&&json!("harness_cooled_down")), "{kinds:?}");
    let started = history
        .as_array()
        .unwrap()
        .iter()
        .rfind(|event| event["kind"] == "job_started" && event["job"] == job["id"]);
    assert_eq!(started.unwrap()["details"]["insteadOf"], "claude");
    for list in [vec!["jobs"], vec!["assignment", &id]] {
        let human = stage.agents(&list).ok().stdout;
        let line = human.lines().find(|line| line.contains("implement")).unwrap();
        assert!(line.contains("gemini"), "who really did it: {human}");
    }
    let human = stage.agents(&["job", job["id"].as_str().unwrap()]).ok().stdout;
    assert!(human.contains("HARNESS") && human.contains("gemini"), "{human}");
}

#[test]
fn an_edited_config_gives_a_waiting_runner_a_fallback() {
    let stage = Stage::playing(json!([
        on_attempt("implement", 1, limit()),
        on_attempt("implement", 2, json!([{"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    let runner = stage.runner(&[]);
    runner.says("claude cools down");
    stage.configure(|config| config["harnessFallback"] = json!({"claude": "codex"}));
    // The next bell: the runner looks again, and reads the config as it is now.
    stage.create(&["Another", "--hold"]);
    let done = stage.until_status(&id, "complete");
    assert_eq!(jobs(&done)[0]["attempts"][1]["harness"], "codex");
}

#[test]
fn a_cli_that_would_sleep_until_its_quotas_reset_is_ended_and_its_harness_cools_down() {
    let stage = Stage::playing(json!([on(
        "implement",
        json!([
            {"stderr": "Attempt 1 failed: no capacity. Your quota will reset after 3h22m."},
            {"stderr": "Suggested retry after 12120s.. Retrying after 13423351ms..."},
            wait_for("never"),
        ]),
    )]));
    let id = stage.create(&["Something", "--first", "implement", "--harness", "gemini"]);
    stage.once();
    assert_eq!(story(&stage.assignment(&id)), ["implement pending [usage_limit]"]);
    let human = stage.agents(&["queue"]).ok().stdout;
    assert!(human.contains("gemini to cool down, in 3h"), "{human}");
}

#[test]
fn a_cli_that_tries_refused_credentials_again_is_ended_and_a_person_asked() {
    let retry = |attempt: u32| {
        let line = json!({
            "type": "system", "subtype": "api_retry", "attempt": attempt, "max_retries": 10,
            "retry_delay_ms": 500, "error_status": 401, "error": "authentication_failed",
        });
        json!({"raw": line.to_string()})
    };
    let stage =
        Stage::playing(json!([on("implement", json!([retry(1), retry(2), retry(3), wait_for("never")]))]));
    let id = stage.create_work("Something");
    stage.once();
    let blocked = stage.assignment(&id);
    assert_eq!(story(&blocked), ["implement pending [auth]"]);
    let reason = blocked["reason"].as_str().unwrap();
    let go_on = format!("agents update-assignment {} --status active", short(&id));
    assert!(reason.contains("claude /login") && reason.ends_with(&go_on), "{reason}");
}
