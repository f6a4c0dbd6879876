//! From a north star to a complete assignment, with each CLI's stream.

use serde_json::{Value, json};

use crate::script::{complete, insert, on_nth, shell};
use crate::stage::{Stage, jobs, story};

/// The PM has something written and reviewed before it completes.
fn loop_script() -> Value {
    json!([
        on_nth("pm", 1, json!([insert("implement", "Write greet.txt.")])),
        on_nth(
            "implement",
            1,
            json!([
                {"thinking": "Where does it go?"},
                {"write": {"path": "greet.txt", "content": "Hello\n"}},
                shell("cat greet.txt"),
                {"result": {"text": "It greets.", "costUsd": 0.5, "usage": {"input": 100, "cached": 40, "output": 7}}},
            ])
        ),
        on_nth("pm", 2, json!([insert("review", "Is it polite?")])),
        on_nth("review", 1, json!([{"text": "It is polite."}])),
        on_nth("pm", 3, json!([complete("It greets, and politely.")])),
    ])
}

fn check_loop(worker: &str, pm: &str) -> Value {
    let stage = Stage::playing(loop_script());
    stage.configure(|config| config["harnessDefaults"] = json!({"default": worker, "pm": pm}));
    let id = stage.create(&["Greet the user"]);
    stage.once();
    let done = stage.assignment(&id);
    let facts = ["status", "reason"].map(|key| done[key].clone());
    assert_eq!(facts, ["complete", "It greets, and politely."], "{worker}: {done:#}");
    let expected = [
        "pm completed [success]",
        "implement completed [success]",
        "pm completed [success]",
        "review completed [success]",
        "pm completed [success]",
    ];
    assert_eq!(story(&done), expected, "{worker}");
    assert_eq!(stage.read("greet.txt"), "Hello\n");
    let harnesses: Vec<&Value> = jobs(&done).iter().map(|job| &job["harness"]).collect();
    assert_eq!(harnesses, [pm, worker, pm, worker, pm]);
    assert_eq!(jobs(&done)[1]["result"].as_str().unwrap().trim(), "It greets.", "{worker}");
    let told = stage.prompt(&jobs(&done)[3]);
    for part in ["Greet the user", "Is it polite?", "It greets."] {
        assert!(told.contains(part), "{worker}: `{part}` is not in: {told}");
    }
    done
}

/// What is known of the attempt of the implement job.
fn known(done: &Value) -> [Value; 4] {
    let attempt = &jobs(done)[1]["attempts"][0];
    [
        json!(attempt["sessionId"].is_string()),
        attempt["exitCode"].clone(),
        attempt["usage"].clone(),
        attempt["costUsd"].clone(),
    ]
}

#[test]
fn claude_goes_from_a_north_star_to_complete() {
    let done = check_loop("claude", "claude");
    let usage = json!({"input": 100, "cached": 40, "cacheWritten": 0, "output": 7, "reasoning": 0});
    assert_eq!(known(&done), [json!(true), json!(0), usage, json!(0.5)]);
    assert_eq!(jobs(&done)[1]["attempts"][0]["toolCalls"], 2);
}

#[test]
fn codex_goes_from_a_north_star_to_complete() {
    let done = check_loop("codex", "codex");
    let [has_session, code, usage, cost] = known(&done);
    assert_eq!([has_session, code, cost], [json!(true), json!(0), json!(null)]);
    assert_eq!([&usage["input"], &usage["cached"], &usage["output"]], [100, 40, 7]);
}

#[test]
fn gemini_goes_from_a_north_star_to_complete() {
    let done = check_loop("gemini", "gemini");
    let [has_session, code, usage, _] = known(&done);
    assert_eq!([has_session, code], [json!(true), json!(0)]);
    assert_eq!([&usage["input"], &usage["cached"], &usage["output"]], [100, 40, 7]);
}

#[test]
fn a_cli_that_prints_plain_text_does_the_work_of_a_loop() {
    let done = check_loop("text", "claude");
    assert_eq!(known(&done), [json!(false), json!(0), json!(null), json!(null)]);
}
