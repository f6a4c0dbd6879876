//! Whole streams: what a reply prints for each CLI, and the same fields as the recorded streams have.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

use agents_scripted_agent::StreamKind;
use serde_json::{Value, json};
use stage::{NOW, SESSION, Stage, capture};

/// The story of the recorded runs `00-recommended`.
fn recommended() -> Value {
    json!([
        {"thinking": "plan"},
        {"text": "Working."},
        {"tool": {"name": "Bash", "input": {"command": "echo hi > hello.txt"}, "output": "f62e480 hello\n"}},
        {"result": {"text": "Created hello.txt and committed it.", "costUsd": 0.5,
            "usage": {"input": 200, "cached": 50, "output": 40}}},
    ])
}

#[test]
fn claude_prints_a_whole_run() {
    let stage = Stage::new().with_args(&["--model", "opus", "--permission-mode", "bypassPermissions"]);
    let played = stage.steps(StreamKind::Claude, &recommended());
    assert_eq!((played.code, played.stderr.as_str()), (0, ""));
    let usage = json!({"input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": 1, "service_tier": "standard"});
    let reply = |n: u64, reply: u64, block: Value| {
        json!({"type": "assistant", "message": {"id": format!("msg_{reply:024x}"), "type": "message",
            "role": "assistant", "model": "claude-opus-5-5", "content": [block], "stop_reason": null,
            "stop_sequence": null, "usage": usage, "context_management": null}, "parent_tool_use_id": null,
            "session_id": SESSION, "uuid": format!("00000000-0000-4000-8000-{n:012x}"), "timestamp": NOW,
            "request_id": format!("req_{reply:020x}")})
    };
    let call = "toolu_000000000000000000000001";
    let events = played.events();
    assert_eq!(events.len(), 8);
    assert_eq!(events[0]["cwd"], stage.cwd().display().to_string());
    assert_eq!(events[0]["permissionMode"], "bypassPermissions");
    assert_eq!(
        events[1],
        json!({"type": "system", "subtype": "thinking_tokens", "estimated_tokens": 1, "estimated_tokens_delta": 1,
            "session_id": SESSION, "uuid": "00000000-0000-4000-8000-000000000002"})
    );
    assert_eq!(events[2], reply(3, 1, json!({"type": "thinking", "thinking": "plan", "signature": "c2ln"})));
    assert_eq!(events[3], reply(4, 1, json!({"type": "text", "text": "Working."})));
    let input = json!({"command": "echo hi > hello.txt", "description": "Run a command"});
    assert_eq!(
        events[4],
        reply(5, 1, json!({"type": "tool_use", "id": call, "name": "Bash", "input": input}))
    );
    assert_eq!(
        events[5],
        json!({"type": "user", "message": {"role": "user", "content": [{"tool_use_id": call,
            "type": "tool_result", "content": "f62e480 hello", "is_error": false}]}, "parent_tool_use_id": null,
            "session_id": SESSION, "uuid": "00000000-0000-4000-8000-000000000006", "timestamp": NOW,
            "tool_use_result": {"stdout": "f62e480 hello", "stderr": "", "interrupted": false, "isImage": false,
                "noOutputExpected": false},
            "tool_result_meta": [{"id": call, "permission_decision": {"decision": "accept", "source": "config",
                "reason_type": "mode"}}]})
    );
    assert_eq!(
        events[6],
        reply(7, 2, json!({"type": "text", "text": "Created hello.txt and committed it."}))
    );
    let result = &events[7];
    assert_eq!(result["result"], "Created hello.txt and committed it.");
    assert_eq!((&result["total_cost_usd"], &result["num_turns"]), (&json!(0.5), &json!(2)));
    assert_eq!(result["usage"]["input_tokens"], 150);
    assert_eq!(result["usage"]["cache_read_input_tokens"], 50);
    assert_eq!(result["modelUsage"]["claude-opus-5-5"]["outputTokens"], 40);
}

#[test]
fn every_line_of_claude_has_the_fields_of_the_recorded_one() {
    let stage = Stage::new().with_args(&["--model", "opus"]);
    let actual = stage.steps(StreamKind::Claude, &recommended()).events();
    let recorded = capture("claude/00-recommended.jsonl");
    assert_eq!(actual.len(), recorded.len());
    for (actual, recorded) in actual.iter().zip(&recorded).skip(1) {
        let strip = |event: &Value| {
            let mut keys: Vec<String> = event.as_object().unwrap().keys().cloned().collect();
            // Two fields of this recording's thoughts that are no part of every thinking block.
            keys.retain(|key| !key.starts_with("thinking_d"));
            keys.sort();
            keys
        };
        assert_eq!(strip(actual), strip(recorded));
    }
    let init = recorded[0].as_object().unwrap();
    for key in actual[0].as_object().unwrap().keys() {
        assert!(init.contains_key(key), "{key}");
    }
}

#[test]
fn the_type_is_not_the_first_key_of_a_result_of_claude() {
    let text = Stage::new().steps(StreamKind::Claude, &json!([{"text": "a"}])).text();
    assert!(text.lines().last().unwrap().starts_with("{\"duration_api_ms\":"), "{text}");
}

#[test]
fn codex_prints_a_whole_run() {
    let played = Stage::new().steps(StreamKind::Codex, &recommended());
    assert_eq!((played.code, played.stderr.as_str()), (0, "Reading additional input from stdin...\n"));
    let command = "/bin/bash -lc 'echo hi > hello.txt'";
    assert_eq!(
        played.events(),
        [
            json!({"type": "thread.started", "thread_id": SESSION}),
            json!({"type": "turn.started"}),
            json!({"type": "item.completed", "item": {"id": "item_0", "type": "reasoning", "text": "plan"}}),
            json!({"type": "item.completed", "item": {"id": "item_1", "type": "agent_message", "text": "Working."}}),
            json!({"type": "item.started", "item": {"id": "item_2", "type": "command_execution", "command": command,
                "aggregated_output": "", "exit_code": null, "status": "in_progress"}}),
            json!({"type": "item.completed", "item": {"id": "item_2", "type": "command_execution",
                "command": command, "aggregated_output": "f62e480 hello\n", "exit_code": 0,
                "status": "completed"}}),
            json!({"type": "item.completed", "item": {"id": "item_3", "type": "agent_message",
                "text": "Created hello.txt and committed it."}}),
            json!({"type": "turn.completed", "usage": {"input_tokens": 200, "cached_input_tokens": 50,
                "cache_write_input_tokens": 0, "output_tokens": 40, "reasoning_output_tokens": 0}}),
        ]
    );
}

#[test]
fn codex_prints_what_was_recorded_but_for_ids_numbers_and_the_command() {
    let actual = Stage::new().steps(StreamKind::Codex, &recommended()).events();
    let blank = |mut event: Value| {
        for (place, value) in [("thread_id", "id"), ("usage", "usage")] {
            if event.get(place).is_some() {
                event[place] = value.into();
            }
        }
        if event["item"].get("command").is_some() {
            event["item"]["command"] = "command".into();
            event["item"]["aggregated_output"] = "output".into();
        }
        event
    };
    let actual: Vec<Value> = actual.into_iter().map(blank).collect();
    let recorded: Vec<Value> = capture("codex/00-recommended.jsonl").into_iter().map(blank).collect();
    assert_eq!(actual, recorded);
}

#[test]
fn gemini_prints_a_whole_run() {
    let stage = Stage::new().with_args(&["-m", "gemini-2.5-pro"]);
    let played = stage.steps(StreamKind::Gemini, &recommended());
    assert_eq!((played.code, played.stderr.as_str()), (0, ""));
    let said = |content: &str| json!({"type": "message", "timestamp": NOW, "role": "assistant", "content": content, "delta": true});
    let call = "run_shell_command__run_shell_command_1795257424512_0";
    let tokens =
        json!({"total_tokens": 240, "input_tokens": 200, "output_tokens": 40, "cached": 50, "input": 150});
    assert_eq!(
        played.events(),
        [
            json!({"type": "init", "timestamp": NOW, "session_id": SESSION, "model": "gemini-2.5-pro"}),
            json!({"type": "message", "timestamp": NOW, "role": "user", "content": "say hello"}),
            said("Working."),
            json!({"type": "tool_use", "timestamp": NOW, "tool_name": "run_shell_command", "tool_id": call,
                "parameters": {"command": "echo hi > hello.txt", "description": "Run a command"}}),
            json!({"type": "tool_result", "timestamp": NOW, "tool_id": call, "status": "success",
                "output": "f62e480 hello"}),
            said("Created hello.tx"),
            said("t and committed "),
            said("it."),
            json!({"type": "result", "timestamp": NOW, "status": "success", "stats": {"total_tokens": 240,
                "input_tokens": 200, "output_tokens": 40, "cached": 50, "input": 150, "duration_ms": 0,
                "tool_calls": 1, "models": {"gemini-2.5-pro": tokens}}}),
        ]
    );
}

#[test]
fn every_line_of_gemini_has_the_fields_of_the_recorded_one() {
    let stage = Stage::new().with_args(&["-m", "gemini-2.5-pro"]);
    let keys = |events: Vec<Value>| -> Vec<Vec<String>> {
        events.iter().map(|event| event.as_object().unwrap().keys().cloned().collect()).collect()
    };
    let actual = stage.steps(StreamKind::Gemini, &recommended()).events();
    let mut actual = keys(actual);
    let mut recorded = keys(capture("gemini/00-recommended.jsonl"));
    actual.iter_mut().chain(&mut recorded).for_each(|keys| keys.sort());
    assert_eq!(actual, recorded);
}

#[test]
fn text_is_what_the_agent_says_and_nothing_else() {
    let played = Stage::new().steps(StreamKind::Text, &recommended());
    assert_eq!(played.text(), "Working.\nCreated hello.txt and committed it.\n");
    assert_eq!((played.code, played.stderr.as_str()), (0, ""));
}

#[test]
fn a_reply_without_a_terminal_step_ends_with_its_last_text() {
    let ends = |stream, steps: Value| Stage::new().steps(stream, &steps).events().pop().unwrap();
    assert_eq!(ends(StreamKind::Claude, json!([{"text": "All good."}]))["result"], "All good.");
    assert_eq!(ends(StreamKind::Claude, json!([]))["result"], "Done.");
    assert_eq!(ends(StreamKind::Codex, json!([{"text": "All good."}]))["type"], "turn.completed");
    assert_eq!(ends(StreamKind::Gemini, json!([{"text": "All good."}]))["status"], "success");
}

#[test]
fn what_follows_a_result_of_claude_is_a_turn_of_its_own_with_the_totals_of_the_session() {
    let steps = json!([{"result": {"text": "first", "costUsd": 0.25}}, {"result": {"text": "second", "costUsd": 0.5}}]);
    let events = Stage::new().steps(StreamKind::Claude, &steps).events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["system", "assistant", "result", "system", "assistant", "result"]);
    assert_eq!((&events[2]["total_cost_usd"], &events[2]["result_index"]), (&json!(0.25), &json!(0)));
    assert_eq!((&events[5]["total_cost_usd"], &events[5]["result_index"]), (&json!(0.75), &json!(1)));
}

#[test]
fn a_decision_is_a_sentence_and_a_last_json_block() {
    let decision = json!({"decision": "complete", "reason": "It works."});
    let events = Stage::new().steps(StreamKind::Claude, &json!([{"decision": decision}])).events();
    let text = events.last().unwrap()["result"].as_str().unwrap().to_owned();
    let (sentence, block) = text.split_once("\n\n```json\n").unwrap();
    assert_eq!(sentence, "This is what comes next.");
    assert_eq!(serde_json::from_str::<Value>(block.strip_suffix("\n```").unwrap()).unwrap(), decision);
}

#[test]
fn a_decision_follows_the_schema_that_the_arguments_ask_for() {
    let decision = json!({"decision": "complete", "reason": "It works."});
    let steps = json!([{"decision": decision}]);
    let claude = Stage::new().with_args(&["--json-schema", "{}"]).steps(StreamKind::Claude, &steps).events();
    assert_eq!(claude[1]["message"]["content"][0]["name"], "StructuredOutput");
    assert_eq!(claude.last().unwrap()["structured_output"], decision);
    let codex =
        Stage::new().with_args(&["--output-schema", "s.json"]).steps(StreamKind::Codex, &steps).events();
    let text = codex[2]["item"]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), decision);
}
