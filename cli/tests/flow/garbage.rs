//! Agents that print what no CLI should: never taken for success, and never in the way of what is right.

use serde_json::{Value, json};

use crate::script::{on_prompt, pm_blocks};
use crate::stage::{Stage, jobs};
use crate::support::text;

/// What an agent prints, and how its attempts must end.
struct Case {
    name: &'static str,
    steps: Value,
    outcome: &'static str,
}

fn case(name: &'static str, steps: Value, outcome: &'static str) -> Case {
    Case { name, steps, outcome }
}

fn check(harness: &str, cases: Vec<Case>) {
    let reply = |case: &Case| {
        let mut reply = on_prompt("implement", &format!("<{}>", case.name), case.steps.clone());
        reply["noResult"] = json!(true);
        reply
    };
    let mut replies: Vec<Value> = cases.iter().map(reply).collect();
    replies.push(pm_blocks());
    let stage = Stage::playing(json!(replies));
    for case in &cases {
        stage.create(&[&format!("<{}>", case.name), "--first", "implement", "--harness", harness]);
    }
    stage.agents(&["runner", "--once", "--concurrency", "3"]).ok();
    for line in stage.json(&["assignments", "--limit", "100"])["assignments"].as_array().unwrap() {
        let ended = stage.assignment(&text(&line["id"]));
        let star = text(&ended["northStar"]);
        let case = cases.iter().find(|case| star == format!("<{}>", case.name)).unwrap();
        assert_eq!(jobs(&ended)[0]["outcome"], case.outcome, "{harness}, {}: {ended:#}", case.name);
    }
}

fn garbage() -> Vec<(&'static str, Value)> {
    let deep = "[".repeat(1_000_000);
    let known = format!("{{\"type\":\"assistant\",\"message\":{deep}{}}}", "]".repeat(1_000_000));
    vec![
        ("invalid UTF-8", json!({"rawBytes": "{\\xff\\xfe\\n"})),
        ("half a character", json!({"rawBytes": "{\\xe2\\x82\\n"})),
        ("NUL", json!({"rawBytes": "\\x00\\x00{}\\x00\\n"})),
        ("a million deep", json!({"raw": deep})),
        ("a million deep in a known event", json!({"raw": known})),
        ("other JSON", json!({"raw": "{\"type\":\"from the future\",\"x\":[1]}"})),
        ("no JSON", json!({"raw": "npm warn deprecated"})),
        ("a number", json!({"raw": "42"})),
        ("blank lines", json!({"rawBytes": "\\n\\r\\n   \\n"})),
        ("a huge number", json!({"raw": format!("{{\"type\":1e{}}}", "9".repeat(400))})),
    ]
}

#[test]
fn garbage_between_the_lines_does_not_hide_a_success() {
    for harness in ["claude", "codex", "gemini"] {
        let good = |(name, step): (&'static str, Value)| {
            case(name, json!([{"text": "Hm."}, step, {"result": "Done."}]), "success")
        };
        check(harness, garbage().into_iter().map(good).collect());
    }
}

#[test]
fn garbage_alone_is_no_success() {
    for harness in ["claude", "codex", "gemini"] {
        let bad =
            |(name, step): (&'static str, Value)| case(name, json!([{"text": "Hm."}, step]), "no_result");
        check(harness, garbage().into_iter().map(bad).collect());
    }
}

#[test]
fn a_result_that_is_cut_off_or_contradicted_is_no_success() {
    let cut = r#"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"Do"#;
    let cut = cut.replace("\\\"", "\"");
    check(
        "claude",
        vec![
            case("cut off", json!([{"text": "Hm."}, {"rawBytes": cut}]), "no_result"),
            case("nothing", json!([]), "no_result"),
            case(
                "wrong body",
                json!([{"raw": "{\"type\":\"result\",\"is_error\":\"maybe\"}"}]),
                "contradiction",
            ),
            case("exit code", json!([{"result": "Done."}, {"exit": 3}]), "contradiction"),
            case("signal", json!([{"result": "Done."}, {"die": "ABRT"}]), "contradiction"),
            case("signal alone", json!([{"text": "Hm."}, {"die": "ABRT"}]), "crashed"),
        ],
    );
}

#[test]
fn of_several_results_the_last_one_counts() {
    let two = |last: Value| json!([{"result": "First."}, {"text": "More."}, last]);
    // A result of Gemini has no text of its own: its answer is all that it said.
    let answers = [("claude", "Second."), ("codex", "Second."), ("gemini", "First.\nMore.\nSecond.")];
    for (harness, answer) in answers {
        let stage = Stage::playing(json!([
            on_prompt("implement", "<both good>", two(json!({"result": "Second."}))),
            on_prompt("implement", "<then bad>", two(json!({"fail": "invalid_request"}))),
            pm_blocks(),
        ]));
        let work = |star| stage.create(&[star, "--first", "implement", "--harness", harness]);
        let (good, bad) = (work("<both good>"), work("<then bad>"));
        stage.once();
        let first = |id: &str| jobs(&stage.assignment(id))[0].clone();
        assert_eq!(first(&good)["result"], answer, "{harness}");
        assert_eq!(first(&bad)["outcome"], "invalid_request", "{harness}: {:#}", first(&bad));
    }
}

#[test]
fn a_result_before_anything_else_is_the_result() {
    let late_start =
        json!([{"result": "Done."}, {"raw": "{\"type\":\"from the future\"}"}, {"stderr": "bye"}]);
    for harness in ["claude", "codex", "gemini"] {
        let stage = Stage::playing(json!([
            {"when": {"jobType": "implement"}, "noInit": true, "steps": late_start},
            pm_blocks(),
        ]));
        let id = stage.create(&["Early", "--first", "implement", "--harness", harness]);
        stage.once();
        let ended = stage.assignment(&id);
        assert_eq!(jobs(&ended)[0]["result"], "Done.", "{harness}: {ended:#}");
    }
}

#[test]
fn plain_text_of_any_bytes_is_an_answer_and_silence_is_none() {
    check(
        "text",
        vec![
            case("bytes", json!([{"rawBytes": "so \\xff\\x00 what\\n"}]), "success"),
            case("no line end", json!([{"rawBytes": "done"}]), "success"),
            case("silence", json!([]), "empty_answer"),
            case("blanks", json!([{"rawBytes": " \\n\\t\\n"}]), "empty_answer"),
            case("exit code", json!([{"raw": "done"}, {"exit": 3}]), "unclassified"),
        ],
    );
}

#[test]
fn lines_that_are_not_understood_are_counted_and_kept() {
    let stage = Stage::playing(json!([
        {"when": {"jobType": "implement"}, "steps": [
            {"raw": "npm warn"},
            {"raw": "{\"type\":\"from the future\"}"},
            {"rawBytes": "\\xff\\n"},
            {"result": "Done."},
        ]},
        pm_blocks(),
    ]));
    let id = stage.create_work("The star");
    stage.once();
    let attempt = jobs(&stage.assignment(&id))[0]["attempts"][0].clone();
    let counted = attempt["unknownLines"].as_u64().unwrap() + attempt["badLines"].as_u64().unwrap();
    assert_eq!(counted, 3, "{attempt:#}");
}
