//! Every way to fail, held against the recorded stream of the real CLI: the same events with the same fields, types
//! and telling words; ids, times, numbers and sentences may differ.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

use agents_scripted_agent::{Failure, StreamKind};
use serde_json::{Map, Value, json};
use stage::{Stage, capture};

/// Words that a reader goes by; the others are sentences, ids or times.
const TELLING: [&str; 18] = [
    "type",
    "subtype",
    "status",
    "error",
    "is_error",
    "terminal_reason",
    "stop_reason",
    "api_error_status",
    "api_error_type",
    "api_error",
    "error_status",
    "role",
    "severity",
    "exit_code",
    "stop_sequence",
    "kind",
    "tool_name",
    "decision",
];

/// Fields of one recording that another of the same kind lacks.
const INCIDENTAL: [&str; 3] = ["request_id", "refused_message_id", "api_error_params"];

/// The value with everything that may differ replaced by the name of its type.
fn shape(key: &str, value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => value.clone(),
        Value::Number(_) | Value::String(_) if TELLING.contains(&key) => value.clone(),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(items) => Value::Array(items.iter().take(1).map(|item| shape(key, item)).collect()),
        Value::Object(fields) => shape_of_fields(fields),
    }
}

fn shape_of_fields(fields: &Map<String, Value>) -> Value {
    let kept = fields.iter().filter(|(key, _)| !INCIDENTAL.contains(&key.as_str()));
    Value::Object(kept.map(|(key, field)| (key.clone(), shape(key, field))).collect())
}

/// The shapes of the events that tell of the failure, each once: how often a CLI tries again is not compared.
fn shapes(events: &[Value]) -> Vec<Value> {
    let mut shapes: Vec<Value> =
        events.iter().filter(|event| tells(event)).map(|event| shape("", event)).collect();
    shapes.dedup();
    shapes
}

/// Neither the beginning of a stream nor what the model, its tools or the prompt said.
fn tells(event: &Value) -> bool {
    match event["type"].as_str().unwrap() {
        "assistant" => event["message"]["model"] == "<synthetic>",
        "system" => event["subtype"] == "api_retry",
        "turn.started" | "user" | "message" | "init" | "tool_use" | "tool_result" | "item.started" => false,
        _ => true,
    }
}

struct Case {
    failure: Failure,
    /// `None`: there is no recording, or it has nothing on standard output.
    capture: Option<&'static str>,
    code: i32,
}

fn case(failure: Failure, capture: &'static str, code: i32) -> Case {
    Case { failure, capture: Some(capture), code }
}

fn check(stream: StreamKind, args: &[&str], cases: Vec<Case>) {
    for Case { failure, capture: recorded, code } in cases {
        let steps = json!([{"fail": failure.as_str(), "resetsInSeconds": 1200}]);
        let played = Stage::new().with_args(args).steps(stream, &steps);
        assert_eq!(played.code, code, "{stream} {failure}: {}", played.stderr);
        if let Some(name) = recorded {
            let expected = shapes(&capture(&format!("{stream}/{name}.jsonl")));
            assert_same(&shapes(&played.events()), &expected, &format!("{stream} {failure}"));
        }
    }
}

/// Says which event differs before it shows the two.
fn assert_same(actual: &[Value], expected: &[Value], what: &str) {
    for (at, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert_eq!(actual, expected, "{what}: event {at}");
    }
    assert_eq!(actual.len(), expected.len(), "{what}: {actual:#?}");
}

#[test]
fn claude_fails_as_it_was_recorded() {
    let cases = vec![
        case(Failure::Overloaded, "05f-529-forever-retries2", 1),
        case(Failure::ServerError, "04b-500-forever-retries2", 1),
        case(Failure::Network, "04c-connection-refused", 1),
        case(Failure::RateLimit, "05b-429-forever-retries2", 1),
        case(Failure::Auth, "06g-403-org-disabled-oauth", 1),
        case(Failure::ModelUnavailable, "06e-model-not-found", 1),
        case(Failure::ContextOverflow, "06f-prompt-too-long", 1),
        case(Failure::OutputLimit, "04f-max-tokens-stop", 1),
        case(Failure::Refusal, "04g-refusal-stop", 1),
        case(Failure::InvalidRequest, "04e-400-invalid-request", 1),
        case(Failure::SessionUnknown, "11d-resume-unknown-id", 1),
        case(Failure::TurnLimit, "10a-max-turns-2", 1),
        case(Failure::BudgetLimit, "10d-max-budget", 1),
        case(Failure::EmptyAnswer, "04h-empty-answer", 0),
        case(Failure::Interrupted, "07a-hang-int-pid", 0),
        Case { failure: Failure::Billing, capture: None, code: 1 },
        Case { failure: Failure::CliRejected, capture: None, code: 1 },
        Case { failure: Failure::Contradiction, capture: None, code: 1 },
        Case { failure: Failure::NoResult, capture: None, code: 0 },
        Case { failure: Failure::Untrusted, capture: None, code: 64 },
    ];
    check(StreamKind::Claude, &["--model", "opus"], cases);
}

#[test]
fn codex_fails_as_it_was_recorded() {
    let cases = vec![
        case(Failure::ServerError, "04b-500-forever", 1),
        case(Failure::UsageLimit, "05c-usage-limit-reached", 1),
        case(Failure::Billing, "05d-insufficient-quota-429", 1),
        case(Failure::ModelUnavailable, "06e-model-not-found", 1),
        case(Failure::InvalidRequest, "06d-400-bad-request", 1),
        case(Failure::EmptyAnswer, "17k-empty-answer", 0),
        Case { failure: Failure::Interrupted, capture: None, code: 1 },
        Case { failure: Failure::Overloaded, capture: None, code: 1 },
        Case { failure: Failure::Network, capture: None, code: 1 },
        Case { failure: Failure::RateLimit, capture: None, code: 1 },
        Case { failure: Failure::Auth, capture: None, code: 1 },
        Case { failure: Failure::ContextOverflow, capture: None, code: 1 },
        Case { failure: Failure::Refusal, capture: None, code: 0 },
        Case { failure: Failure::SessionUnknown, capture: None, code: 1 },
        Case { failure: Failure::CliRejected, capture: None, code: 2 },
        Case { failure: Failure::Untrusted, capture: None, code: 1 },
        Case { failure: Failure::NoResult, capture: None, code: 0 },
        Case { failure: Failure::Contradiction, capture: None, code: 1 },
        Case { failure: Failure::TurnLimit, capture: None, code: 64 },
        Case { failure: Failure::BudgetLimit, capture: None, code: 64 },
    ];
    check(StreamKind::Codex, &["--model", "no-such"], cases);
    let cut = Stage::new().steps(StreamKind::Codex, &json!([{"text": "cut off"}, {"fail": "output_limit"}]));
    assert_eq!(shapes(&cut.events()), shapes(&capture("codex/17g-max-tokens-incomplete.jsonl")));
}

#[test]
fn gemini_fails_as_it_was_recorded() {
    let cases = vec![
        case(Failure::Overloaded, "05f-503-forever", 247),
        case(Failure::ServerError, "04b-500-forever", 244),
        case(Failure::Network, "04d-drop-mid", 1),
        case(Failure::RateLimit, "05d-429-plain-forever", 173),
        case(Failure::UsageLimit, "05c-429-per-day", 173),
        case(Failure::Auth, "06b-401", 145),
        case(Failure::ModelUnavailable, "06g-model-not-found", 1),
        case(Failure::ContextOverflow, "06h-400-too-long", 144),
        case(Failure::TurnLimit, "10a-max-session-turns-2", 53),
        case(Failure::EmptyAnswer, "04h-empty", 0),
        case(Failure::Interrupted, "07c-norelaunch-hang-int-pid", 0),
        Case { failure: Failure::Billing, capture: None, code: 173 },
        Case { failure: Failure::Refusal, capture: None, code: 0 },
        Case { failure: Failure::OutputLimit, capture: None, code: 0 },
        Case { failure: Failure::InvalidRequest, capture: None, code: 144 },
        Case { failure: Failure::SessionUnknown, capture: None, code: 42 },
        Case { failure: Failure::CliRejected, capture: None, code: 1 },
        Case { failure: Failure::Untrusted, capture: None, code: 55 },
        Case { failure: Failure::NoResult, capture: None, code: 0 },
        Case { failure: Failure::Contradiction, capture: None, code: 1 },
        Case { failure: Failure::BudgetLimit, capture: None, code: 64 },
    ];
    check(StreamKind::Gemini, &["--model", "gemini-2.5-pro"], cases);
}

#[test]
fn a_usage_limit_tells_when_it_is_over() {
    let steps = json!([{"fail": "usage_limit", "resetsInSeconds": 1200}]);
    let claude = Stage::new().steps(StreamKind::Claude, &steps).events();
    let limit = claude.iter().find(|event| event["type"] == "rate_limit_event").unwrap();
    assert_eq!(limit["rate_limit_info"]["status"], "rejected");
    assert_eq!(limit["rate_limit_info"]["resetsAt"], stage::NOW_MS / 1000 + 1200);
    assert_eq!(claude.last().unwrap()["api_error"], "usage_limit_reached");
    let codex = Stage::new().steps(StreamKind::Codex, &steps).events();
    let message = codex.last().unwrap()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with("try again at 10:57 AM."), "{message}");
    let gemini = Stage::new().steps(StreamKind::Gemini, &steps);
    assert!(gemini.stderr.contains("Your quota will reset after 0h20m."), "{}", gemini.stderr);
}

#[test]
fn a_failure_at_startup_prints_nothing_but_standard_error() {
    for (stream, failure) in [
        (StreamKind::Codex, "session_unknown"),
        (StreamKind::Codex, "cli_rejected"),
        (StreamKind::Gemini, "untrusted"),
        (StreamKind::Claude, "cli_rejected"),
    ] {
        let played = Stage::new().steps(stream, &json!([{"fail": failure}]));
        assert_eq!(played.text(), "", "{stream} {failure}");
        assert!(!played.stderr.is_empty(), "{stream} {failure}");
    }
}

#[test]
fn a_failure_that_a_cli_does_not_have_is_an_error_of_the_script() {
    let played = Stage::new().steps(StreamKind::Codex, &json!([{"fail": "turn_limit"}]));
    assert_eq!(played.code, 64);
    assert!(
        played.stderr.ends_with("error: the codex CLI has no end that is called `turn_limit`\n"),
        "{}",
        played.stderr
    );
}

#[test]
fn a_text_cli_says_why_on_standard_error() {
    let played = Stage::new().steps(StreamKind::Text, &json!([{"text": "I begin."}, {"fail": "auth"}]));
    assert_eq!(
        (played.code, played.text().as_str(), played.stderr.as_str()),
        (1, "I begin.\n", "error: auth\n")
    );
}
