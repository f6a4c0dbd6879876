//! What comes over the wire, seen with a raw HTTP client.

mod support;

use agents_scripted_models::{
    Cli, HttpError, Protocol, Reply, Rule, Scenario, ScriptedModels, Served, ToolCall, Turn, Usage, When,
};
use serde_json::{Value, json};
use support::{PATIENCE, post, send};
use tokio::io::AsyncReadExt;

const GEMINI: &str = "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse";

fn start(scenario: Scenario) -> ScriptedModels {
    ScriptedModels::start(scenario).expect("a free port on loopback")
}

fn path(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Anthropic => "/v1/messages?beta=true",
        Protocol::Openai => "/v1/responses",
        Protocol::Gemini => GEMINI,
    }
}

/// A conversation's first request, streaming, with one tool.
fn first(protocol: Protocol, prompt: &str) -> Value {
    match protocol {
        Protocol::Anthropic => json!({"model": "m", "stream": true, "tools": [{"name": "Bash"}],
            "messages": [{"role": "user", "content": prompt}]}),
        Protocol::Openai => json!({"model": "m", "stream": true, "input": prompt}),
        Protocol::Gemini => json!({"tools": [{"functionDeclarations": [{"name": "run_shell_command"}]}],
            "contents": [{"role": "user", "parts": [{"text": prompt}]}]}),
    }
}

const PROTOCOLS: [Protocol; 3] = [Protocol::Anthropic, Protocol::Openai, Protocol::Gemini];

fn full_reply() -> Reply {
    Reply::thinking("hm")
        .and_text("hello")
        .and_tool(ToolCall::function("Bash", json!({"command": "ls"})))
        .usage(Usage { input: 7, cached: 3, cache_write: 2, output: 5, reasoning: 1 })
}

#[tokio::test]
async fn anthropic_streams_thinking_text_and_a_tool_call() {
    let models = start(Scenario::of([full_reply()]));
    let answer =
        post(&models.base_url(), path(Protocol::Anthropic), "", &first(Protocol::Anthropic, "go")).await;
    let block = ["content_block_start", "content_block_delta", "content_block_stop"];
    let thinking =
        ["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"];
    let expected =
        [&["message_start"][..], &thinking, &block, &block, &["message_delta", "message_stop"]].concat();
    assert_eq!(answer.types(), expected);
    assert!(answer.is_complete);
    let events = answer.events();
    assert_eq!(
        events[9]["delta"],
        json!({"type": "input_json_delta", "partial_json": r#"{"command":"ls"}"#})
    );
    assert_eq!(events[11]["delta"], json!({"stop_reason": "tool_use", "stop_sequence": null}));
    assert_eq!(
        events[11]["usage"],
        json!({"input_tokens": 7, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3,
            "output_tokens": 5, "service_tier": "standard"})
    );
}

#[tokio::test]
async fn anthropic_answers_with_one_message_when_no_stream_is_asked_for() {
    let models = start(Scenario::of([Reply::text("hello").stop("max_tokens")]));
    let body =
        json!({"model": "m", "tools": [{"name": "Bash"}], "messages": [{"role": "user", "content": "go"}]});
    let answer = post(&models.base_url(), "/v1/messages", "", &body).await.json();
    assert_eq!(answer["content"], json!([{"type": "text", "text": "hello"}]));
    assert_eq!(answer["stop_reason"], "max_tokens");
}

#[tokio::test]
async fn openai_streams_reasoning_text_and_a_function_call() {
    let models = start(Scenario::of([full_reply().and_tool(ToolCall::custom("apply_patch", "*** x"))]));
    let answer = post(&models.base_url(), "/v1/responses", "", &first(Protocol::Openai, "go")).await;
    let item = ["response.output_item.added", "response.output_item.done"];
    let expected = [
        &["response.created", "response.output_item.added", "response.reasoning_summary_part.added"][..],
        &["response.reasoning_summary_text.delta", "response.output_item.done"],
        &["response.output_item.added", "response.output_text.delta", "response.output_item.done"],
        &item,
        &item,
        &["response.completed"],
    ]
    .concat();
    assert_eq!(answer.types(), expected);
    let response = answer.events().pop().expect("a last event")["response"].take();
    let kinds: Vec<_> =
        response["output"].as_array().expect("a list").iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call", "custom_tool_call"]);
    assert_eq!(response["output"][2]["arguments"], r#"{"command":"ls"}"#);
    assert_eq!(response["output"][3]["input"], "*** x");
    assert_eq!(response["usage"]["total_tokens"], 12);
}

#[tokio::test]
async fn gemini_streams_thinking_text_and_a_function_call() {
    let models = start(Scenario::of([full_reply()]));
    let answer = post(&models.base_url(), GEMINI, "", &first(Protocol::Gemini, "go")).await;
    let events = answer.events();
    let parts: Vec<_> =
        events.iter().map(|event| event["candidates"][0]["content"]["parts"].clone()).collect();
    let call =
        json!([{"functionCall": {"name": "Bash", "args": {"command": "ls"}}, "thoughtSignature": "c2ln"}]);
    assert_eq!(
        parts,
        [json!([{"text": "hm", "thought": true}]), json!([{"text": "hello"}]), call, json!([])]
    );
    assert_eq!(events[3]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(events[3]["usageMetadata"]["totalTokenCount"], 13);
}

#[tokio::test]
async fn every_protocol_sends_an_http_error_as_it_is_written() {
    let error = HttpError::new(429).header("retry-after", "3600").body(json!({"error": "slow down"}));
    for protocol in PROTOCOLS {
        let models = start(Scenario::of([Turn::from(error.clone())]));
        let answer = post(&models.base_url(), path(protocol), "", &first(protocol, "go")).await;
        assert_eq!((answer.status, answer.json()), (429, json!({"error": "slow down"})), "{protocol:?}");
        assert!(answer.head.contains("retry-after: 3600"), "{protocol:?}");
    }
}

#[tokio::test]
async fn every_protocol_drops_a_connection_before_the_answer() {
    for protocol in PROTOCOLS {
        let models = start(Scenario::of([Turn::drop_connection()]));
        let answer = post(&models.base_url(), path(protocol), "", &first(protocol, "go")).await;
        assert_eq!((answer.status, answer.head.as_str()), (0, ""), "{protocol:?}");
    }
}

#[tokio::test]
async fn every_protocol_drops_a_connection_after_the_first_piece() {
    for protocol in PROTOCOLS {
        let models = start(Scenario::of([Reply::text("half of it").drop_mid_stream()]));
        let answer = post(&models.base_url(), path(protocol), "", &first(protocol, "go")).await;
        assert!(answer.body.contains("half of it"), "{protocol:?}: {answer:?}");
        assert!(!answer.is_complete, "{protocol:?}");
    }
}

#[tokio::test]
async fn every_protocol_has_an_error_event_in_the_stream() {
    let error = json!({"type": "overloaded_error", "message": "later"});
    for protocol in PROTOCOLS {
        let models = start(Scenario::of([Reply::text("x").stream_error(error.clone())]));
        let answer = post(&models.base_url(), path(protocol), "", &first(protocol, "go")).await;
        let last = answer.events().pop().expect("a last event");
        let found = match protocol {
            Protocol::Anthropic | Protocol::Gemini => &last["error"],
            Protocol::Openai => &last["response"]["error"],
        };
        assert_eq!((found, answer.is_complete), (&error, true), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_hanging_request_ends_with_the_server() {
    for turn in [Turn::hang(), Reply::text("half of it").hang_mid_stream().into()] {
        let models = start(Scenario::of([turn]));
        let body = first(Protocol::Anthropic, "go");
        let mut connection = send(&models.base_url(), "/v1/messages", "", &body).await;
        let asked = tokio::time::timeout(PATIENCE, models.until(|requests| !requests.is_empty())).await;
        assert_eq!(asked.expect("the request arrives").len(), 1);
        drop(models);
        let mut bytes = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut bytes)).await;
        // Closed or reset: both say that nobody answers any more.
        let _either = ended.expect("the connection ends with the server");
    }
}

#[tokio::test]
async fn rules_route_requests_by_prompt_tool_and_protocol() {
    let scenario = Scenario::new()
        .rule(Rule::when(When::prompt("plan").and_tool("Bash")).turn(Reply::text("a plan")))
        .rule(Rule::when(When::protocol(Protocol::Gemini)).turn(Reply::text("from gemini")));
    let models = start(scenario);
    let requests = [
        (Protocol::Anthropic, "plan it", "a plan"),
        (Protocol::Anthropic, "other", "done"),
        (Protocol::Gemini, "plan it", "from gemini"),
        (Protocol::Openai, "plan it", "done"),
    ];
    for (protocol, prompt, expected) in requests {
        let answer = post(&models.base_url(), path(protocol), "", &first(protocol, prompt)).await;
        assert!(answer.body.contains(expected), "{protocol:?} {prompt}: {answer:?}");
    }
    let served: Vec<_> = models.requests().iter().map(|request| request.served).collect();
    let turn = |rule| Served::Turn { rule, turn: 0 };
    assert_eq!(served, [turn(0), Served::Otherwise, turn(1), Served::Otherwise]);
}

#[tokio::test]
async fn sessions_with_the_same_prompt_are_told_apart_by_their_header() {
    let models = start(Scenario::of([Turn::from(HttpError::new(529)), Reply::text("x").into()]));
    let body = first(Protocol::Anthropic, "go");
    let mut statuses = Vec::new();
    for session in ["s1", "s2", "s1"] {
        let header = format!("x-claude-code-session-id: {session}\r\n");
        statuses.push(post(&models.base_url(), "/v1/messages", &header, &body).await.status);
    }
    assert_eq!(statuses, [529, 529, 200]);
}

#[tokio::test]
async fn token_counts_and_unknown_paths_take_no_turn() {
    let models = start(Scenario::of([Reply::text("x")]));
    let url = models.base_url();
    let counted = post(&url, "/v1/messages/count_tokens", "", &json!({})).await;
    assert_eq!(counted.json(), json!({"input_tokens": 100}));
    let counted = post(&url, "/v1beta/models/g:countTokens", "", &json!({})).await;
    assert_eq!(counted.json(), json!({"totalTokens": 100}));
    assert_eq!(post(&url, "/v1/other", "", &json!({})).await.status, 404);
    let served: Vec<_> = models.requests().iter().map(|request| request.served).collect();
    assert_eq!(served, [Served::NoTurn; 3]);
}

#[test]
fn a_scenario_in_json_is_the_same_as_in_rust() {
    let read: Scenario = serde_json::from_str(include_str!("scenario.json")).expect("a valid scenario");
    let command = ToolCall::function("Bash", json!({"command": "touch made", "description": "Run"}));
    let expected = Scenario::new()
        .rule(
            Rule::when(When::prompt("make").and_tool("Bash"))
                .turn(Turn::from(HttpError::new(529).header("retry-after", "1")).times(2))
                .turn(Reply::text("I make it.").and_tool(command))
                .turn(Reply::text("Made.").usage(Usage { output: 9, ..Usage::default() })),
        )
        .rule(
            Rule::when(When::any())
                .turn(Turn::hang())
                .turn(Reply::text("half").drop_mid_stream())
                .share_failures(),
        )
        .side(Reply::text("A title"));
    assert_eq!(read, expected);
}

#[test]
fn every_cli_gets_the_given_home() {
    for cli in Cli::ALL {
        let home = tempfile::tempdir().expect("a temporary folder");
        agents_scripted_models::prepare_home(cli, home.path()).expect("a writable home");
        let env = agents_scripted_models::cli_env(cli, home.path(), "http://127.0.0.1:1");
        assert!(env.contains(&("HOME".to_owned(), home.path().display().to_string())), "{cli}");
    }
}
