//! Calls of a model that come to nothing, and what that is called.

use serde_json::{Value, json};

use crate::ai::{ask, model, stream};
use crate::call;
use crate::server::{Server, answer, events};

#[test]
fn every_refusal_of_a_provider_has_its_class() {
    let check = |api: &str, status: u16, error: Value, class: &str| {
        let server = Server::saying(&[answer(status, &[], &json!({"error": error}).to_string())]);
        let said = model(api, &server, &json!({}));
        assert_eq!(said.class(), class, "{api} {status} {error}: {}", said.raw);
    };
    let anthropic = |kind: &str, message: &str| json!({"type": kind, "message": message});
    check("anthropic", 401, anthropic("authentication_error", "x"), "auth");
    check("anthropic", 403, anthropic("permission_error", "x"), "auth");
    check("anthropic", 402, anthropic("billing_error", "x"), "billing");
    check("anthropic", 400, anthropic("invalid_request_error", "Your credit balance is too low"), "billing");
    check("anthropic", 404, anthropic("not_found_error", "model: x"), "model_unavailable");
    check(
        "anthropic",
        400,
        anthropic("invalid_request_error", "prompt is too long: 9 tokens"),
        "context_overflow",
    );
    check("anthropic", 400, anthropic("invalid_request_error", "x"), "invalid_request");
    check("anthropic", 429, anthropic("rate_limit_error", "x"), "rate_limit");
    check("anthropic", 529, anthropic("overloaded_error", "x"), "overloaded");
    check("anthropic", 500, anthropic("api_error", "x"), "server_error");
    let openai = |code: &str| json!({"code": code, "message": "x"});
    check("openai", 401, openai("invalid_api_key"), "auth");
    check("openai", 429, openai("insufficient_quota"), "billing");
    check("openai", 429, openai("rate_limit_exceeded"), "rate_limit");
    check("openai", 404, openai("model_not_found"), "model_unavailable");
    check("openai", 400, openai("context_length_exceeded"), "context_overflow");
    check("openai", 400, openai("other"), "invalid_request");
    check("openai", 503, json!("loading the model"), "overloaded");
    check("openai", 502, json!(null), "server_error");
    let gemini = |code: u64, details: Value| json!({"code": code, "message": "x", "details": details});
    check("gemini", 400, gemini(400, json!([{"reason": "API_KEY_INVALID"}])), "auth");
    check("gemini", 404, gemini(404, json!([])), "model_unavailable");
    check("gemini", 429, gemini(429, json!([{"retryDelay": "12s"}])), "rate_limit");
    let daily = json!([{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}]);
    check("gemini", 429, gemini(429, daily), "usage_limit");
    check("gemini", 503, gemini(503, json!([])), "overloaded");
}

#[test]
fn a_limit_says_when_it_is_over() {
    let check = |api: &str, headers: &[(&str, &str)], body: Value, class: &str, is_told: bool| {
        let server = Server::saying(&[answer(429, headers, &body.to_string())]);
        let said = model(api, &server, &json!({}));
        assert_eq!((said.class(), said.end()["resetsAt"].is_i64()), (class, is_told), "{}", said.raw);
    };
    let limited = json!({"error": {"type": "rate_limit_error", "message": "x"}});
    check("anthropic", &[("retry-after", "20")], limited.clone(), "rate_limit", true);
    check("anthropic", &[("retry-after", "7200")], limited.clone(), "usage_limit", true);
    check("anthropic", &[], limited, "rate_limit", false);
    let delay = json!([{"error": {"code": 429, "message": "x", "details": [{"retryDelay": "12s"}]}}]);
    check("gemini", &[], delay, "rate_limit", true);
}

#[test]
fn every_end_of_a_stream_that_is_no_success_has_its_class() {
    let check = |api: &str, said: &[Value], class: &str| {
        let server = Server::saying(&[events(said)]);
        let ended = model(api, &server, &json!({}));
        assert_eq!(ended.class(), class, "{api} {}", ended.raw);
    };
    let anthropic = |reason: &str, class: &str| {
        let mut said = stream("anthropic", &["Hi"]);
        let at = said.len() - 2;
        said[at]["delta"]["stop_reason"] = json!(reason);
        check("anthropic", &said, class);
    };
    anthropic("max_tokens", "output_limit");
    anthropic("refusal", "refusal");
    anthropic("model_context_window_exceeded", "context_overflow");
    anthropic("something_new", "unclassified");
    let openai = |reason: &str, class: &str| {
        let mut said = stream("openai", &["Hi"]);
        said[1]["choices"][0]["finish_reason"] = json!(reason);
        check("openai", &said, class);
    };
    openai("length", "output_limit");
    openai("content_filter", "refusal");
    let mut refused = stream("openai", &[]);
    refused.insert(0, json!({"choices": [{"delta": {"refusal": "I can't."}}]}));
    check("openai", &refused, "refusal");
    let gemini = |reason: &str, class: &str| {
        let mut said = stream("gemini", &["Hi"]);
        said[1]["candidates"][0]["finishReason"] = json!(reason);
        check("gemini", &said, class);
    };
    gemini("MAX_TOKENS", "output_limit");
    gemini("SAFETY", "refusal");
    gemini("MALFORMED_FUNCTION_CALL", "unclassified");
    check("gemini", &[json!({"promptFeedback": {"blockReason": "SAFETY"}})], "refusal");
    for api in ["anthropic", "openai", "gemini"] {
        check(api, &stream(api, &[" "]), "empty_answer");
        // It broke off: some of the answer, and no end.
        let whole = stream(api, &["Hi", " there"]);
        check(api, &whole[..2], "no_result");
        check(api, &[json!("no json at all")], "no_result");
    }
    let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "x"}});
    check("anthropic", &[stream("anthropic", &["Hi"])[0].clone(), overloaded], "overloaded");
    check("openai", &[json!({"error": {"message": "out of memory", "code": 500}})], "server_error");
}

#[test]
fn a_provider_that_is_not_there_and_a_key_that_is_not_set_are_named() {
    let gone = Server::saying(&[String::new()]).url();
    let said = call("call-model", &ask("openai", &gone, &json!({})), &[("KEY", "key-of-mine")]);
    assert_eq!(said.class(), "network", "{}", said.raw);
    let said = call("call-model", &ask("openai", &gone, &json!({})), &[]);
    assert_eq!((said.class(), &said.end()["text"]), ("auth", &json!("the secret KEY is not set")));
    assert!(said.end()["fix"].as_str().unwrap().contains("set KEY in the environment of the runner"));
}

#[test]
fn an_answer_without_an_end_is_not_read_for_ever() {
    let long = "x".repeat(300_000);
    let pieces: Vec<&str> = std::iter::repeat_n(long.as_str(), 5).collect();
    let server = Server::saying(&[events(&stream("openai", &pieces))]);
    assert_eq!(model("openai", &server, &json!({})).class(), "output_overflow");
    let line = format!("HTTP/1.1 200 OK\r\n\r\ndata: {}", "x".repeat(5 << 20));
    assert_eq!(model("openai", &Server::saying(&[line]), &json!({})).class(), "no_result");
}
