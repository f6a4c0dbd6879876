//! Calls of a model that answer: what is asked in the form of each API, and what is read out of its stream.

use serde_json::{Value, json};

use crate::server::{Server, answer, events};
use crate::{Said, call};

/// A call of a provider at that address.
pub fn ask(api: &str, url: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["provider"] = json!(api);
    spec["prompt"] = json!("Say hi.");
    let provider = json!({"name": api, "api": api, "baseUrl": url, "apiKey": "${secret:KEY}"});
    json!({"provider": provider, "model": "m-1", "spec": spec})
}

pub fn model(api: &str, server: &Server, spec: &Value) -> Said {
    call("call-model", &ask(api, &server.url(), spec), &[("KEY", "key-of-mine")])
}

/// The stream of an answer in pieces.
pub fn stream(api: &str, pieces: &[&str]) -> Vec<Value> {
    match api {
        "anthropic" => {
            let begin = json!({"type": "message_start", "message": {"usage":
                {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 1}}});
            let delta = |text: &&str| json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}});
            let ending = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}});
            let over = json!({"type": "message_stop"});
            let ping = json!({"type": "ping"});
            [begin, ping].into_iter().chain(pieces.iter().map(delta)).chain([ending, over]).collect()
        }
        "openai" => {
            let delta =
                |text: &&str| json!({"choices": [{"delta": {"content": text}, "finish_reason": null}]});
            let ending = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
            let usage = json!({"choices": [], "usage": {"prompt_tokens": 17, "completion_tokens": 7,
                "prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 3}}});
            pieces.iter().map(delta).chain([ending, usage, json!("[DONE]")]).collect()
        }
        _ => {
            let delta = |text: &&str| json!({"candidates": [{"content": {"parts": [{"text": text}]}}]});
            let ending = json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata":
                {"promptTokenCount": 17, "cachedContentTokenCount": 5, "candidatesTokenCount": 4, "thoughtsTokenCount": 3}});
            pieces.iter().map(delta).chain([ending]).collect()
        }
    }
}

#[test]
fn each_api_is_asked_in_its_own_form_and_tells_what_it_has_used() {
    let spec = json!({"system": "Be brief.", "maxTokens": 100, "temperature": 0.5});
    let check = |api: &str, line: &str, key: (&str, &str), body: Value, usage: Value| {
        let server = Server::saying(&[events(&stream(api, &["Hi", " there"]))]);
        let said = model(api, &server, &spec);
        let asked = server.asked().remove(0);
        assert_eq!((asked.line.as_str(), asked.header(key.0)), (line, Some(key.1)), "{api}");
        assert_eq!(asked.json(), body, "{api}");
        assert_eq!(said.line("start"), &json!({"type": "start", "target": api, "model": "m-1"}));
        assert_eq!(said.line("usage")["usage"], usage, "{api}");
        assert_eq!(said.end(), &json!({"type": "result", "text": "Hi there"}), "{api}");
        let pieces: String = said
            .lines
            .iter()
            .filter(|line| line["type"] == "text")
            .map(|line| line["text"].as_str().unwrap())
            .collect();
        assert_eq!(pieces, "Hi there", "{api}");
    };
    check(
        "anthropic",
        "POST /v1/messages",
        ("x-api-key", "key-of-mine"),
        json!({"model": "m-1", "max_tokens": 100, "stream": true, "temperature": 0.5, "system": "Be brief.",
            "messages": [{"role": "user", "content": "Say hi."}]}),
        json!({"input": 17, "cached": 5, "written": 2, "output": 7}),
    );
    check(
        "openai",
        "POST /chat/completions",
        ("authorization", "Bearer key-of-mine"),
        json!({"model": "m-1", "max_completion_tokens": 100, "stream": true, "temperature": 0.5,
            "stream_options": {"include_usage": true},
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hi."}]}),
        json!({"input": 17, "cached": 5, "written": 0, "output": 7, "reasoning": 3}),
    );
    check(
        "gemini",
        "POST /v1beta/models/m-1:streamGenerateContent?alt=sse",
        ("x-goog-api-key", "key-of-mine"),
        json!({"contents": [{"role": "user", "parts": [{"text": "Say hi."}]}],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"maxOutputTokens": 100, "temperature": 0.5}}),
        json!({"input": 17, "cached": 5, "written": 0, "output": 7, "reasoning": 3}),
    );
}

#[test]
fn an_answer_with_a_schema_is_asked_for_by_each_api_and_held_against_it() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let spec = json!({"schema": schema});
    for api in ["anthropic", "openai", "gemini"] {
        let check = |pieces: &[&str], class: &str| {
            let server = Server::saying(&[events(&stream(api, pieces))]);
            let said = model(api, &server, &spec);
            assert_eq!(said.class(), class, "{api} {}", said.raw);
            (said, server.asked().remove(0).json())
        };
        let (said, asked) = check(&["{\"n\"", ": 3}"], "result");
        assert_eq!(said.end()["structured"], "{\"n\":3}");
        let place = match api {
            "anthropic" => &asked["tools"][0]["input_schema"],
            "openai" => &asked["response_format"]["json_schema"]["schema"],
            _ => &asked["generationConfig"]["responseJsonSchema"],
        };
        assert_eq!(place, &schema, "{api}");
        let (said, _) = check(&["{\"n\": \"three\"}"], "bad_answer");
        let text = said.end()["text"].as_str().unwrap();
        assert!(text.contains("/n: \"three\" is not of type \"integer\""), "{text}");
        check(&["three"], "bad_answer");
    }
    let tool = json!({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{\"n\": 4}"}});
    let mut with_tool = stream("anthropic", &[]);
    with_tool.insert(1, tool);
    let said = model("anthropic", &Server::saying(&[events(&with_tool)]), &spec);
    assert_eq!(said.end()["structured"], "{\"n\":4}");
    let server = Server::saying(&[answer(200, &[], "")]);
    let said = model("openai", &server, &json!({"schema": {"type": "nothing"}}));
    assert_eq!((said.class(), server.asked().len()), ("invalid_request", 0), "{}", said.raw);
}

#[test]
fn a_built_in_provider_is_found_by_the_usual_variables() {
    let check = |api: &str, url: &str, key: &str| {
        let server = Server::saying(&[events(&stream(api, &["Hi"]))]);
        let mut asked = ask(api, "", &json!({}));
        asked["provider"].as_object_mut().unwrap().remove("baseUrl");
        asked["provider"]["apiKey"] = json!(format!("${{secret:{key}}}"));
        let said = call("call-model", &asked, &[(url, &server.url()), (key, "key-of-mine")]);
        assert_eq!((said.class(), server.asked().len()), ("result", 1), "{}", said.raw);
    };
    check("anthropic", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY");
    check("openai", "OPENAI_BASE_URL", "OPENAI_API_KEY");
    check("gemini", "GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY");
}

#[test]
fn a_key_is_not_said_even_if_the_server_says_it_piece_by_piece() {
    let server =
        Server::saying(&[events(&stream("openai", &["Your key: key-", "of-mi", "ne, and key-", "x"]))]);
    let said = model("openai", &server, &json!({}));
    assert_eq!(said.end()["text"], "Your key: ***, and key-x");
    assert!(!said.raw.contains("of-mi"), "{}", said.raw);
    let server = Server::saying(&[answer(401, &[], r#"{"error": {"message": "bad key key-of-mine"}}"#)]);
    let said = model("openai", &server, &json!({}));
    assert_eq!(said.end()["text"], "openai answered 401: bad key ***");
}

#[test]
fn the_mock_says_what_it_is_told_to_say() {
    let mock = |mock: Value| {
        let spec = json!({"provider": "mock", "prompt": "Say hi.", "mock": mock});
        let provider = json!({"name": "mock", "api": "mock"});
        call("call-model", &json!({"provider": provider, "model": "mock", "spec": spec}), &[])
    };
    assert_eq!(mock(json!({})).end()["text"], "Say hi.");
    let said = mock(json!({"reply": "Hi!", "usage": {"input": 3, "output": 2}}));
    assert_eq!(said.line("usage")["usage"], json!({"input": 3, "cached": 0, "written": 0, "output": 2}));
    assert_eq!(said.end()["text"], "Hi!");
    assert_eq!(mock(json!({"fail": "overloaded"})).class(), "overloaded");
}
