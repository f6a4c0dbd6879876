//! A reply in the form of OpenAI's Responses API, as one response or as a stream of its events.

use serde_json::{Value, json};

use crate::ids::Ids;
use crate::scripted_body::{EventStream, event};
use crate::turn::{Reply, ToolCall, ToolKind};

/// An output item and its first delta.
const CUT: usize = 2;

pub(crate) fn response(reply: &Reply, model: &str, ids: &Ids) -> Value {
    let items = items(reply, ids);
    finished(reply, &base(model, ids), &items)
}

pub(crate) fn stream(reply: &Reply, model: &str, ids: &Ids) -> EventStream {
    let base = base(model, ids);
    let items = items(reply, ids);
    let created = json!({"type": "response.created", "response": with_status(&base, "in_progress")});
    let content = items.iter().enumerate().flat_map(|(index, item)| item_events(index, item));
    let response = finished(reply, &base, &items);
    let kind = if reply.stop.is_some() { "response.incomplete" } else { "response.completed" };
    EventStream::new(vec![named(&created)], content.collect(), CUT)
        .closed_by(vec![named(&json!({"type": kind, "response": response}))])
}

pub(crate) fn error_event(error: &Value) -> String {
    let response = json!({"object": "response", "status": "failed", "error": error, "output": []});
    named(&json!({"type": "response.failed", "response": response}))
}

/// OpenAI names each event after its `type`.
fn named(data: &Value) -> String {
    event(data["type"].as_str(), data)
}

fn base(model: &str, ids: &Ids) -> Value {
    json!({"id": ids.fresh("resp"), "object": "response", "created_at": 0, "model": model, "output": []})
}

fn with_status(base: &Value, status: &str) -> Value {
    let mut response = base.clone();
    response["status"] = json!(status);
    response
}

fn finished(reply: &Reply, base: &Value, items: &[Value]) -> Value {
    let status = if reply.stop.is_some() { "incomplete" } else { "completed" };
    let mut response = with_status(base, status);
    response["output"] = json!(items);
    response["usage"] = usage(reply);
    if let Some(reason) = &reply.stop {
        response["incomplete_details"] = json!({"reason": reason});
    }
    response
}

fn item_events(index: usize, item: &Value) -> Vec<String> {
    let id = &item["id"];
    let mut added = item.clone();
    let deltas = match item["type"].as_str() {
        Some("message") => {
            added["content"] = json!([]);
            let text = &item["content"][0]["text"];
            vec![json!({"type": "response.output_text.delta", "item_id": id, "output_index": index,
                "content_index": 0, "delta": text})]
        }
        Some("reasoning") => {
            added["summary"] = json!([]);
            let text = &item["summary"][0]["text"];
            vec![
                json!({"type": "response.reasoning_summary_part.added", "item_id": id, "output_index": index,
                    "summary_index": 0}),
                json!({"type": "response.reasoning_summary_text.delta", "item_id": id, "output_index": index,
                    "summary_index": 0, "delta": text}),
            ]
        }
        Some(_) | None => Vec::new(),
    };
    let added = json!({"type": "response.output_item.added", "output_index": index, "item": added});
    let done = json!({"type": "response.output_item.done", "output_index": index, "item": item});
    [added].into_iter().chain(deltas).chain([done]).map(|data| named(&data)).collect()
}

fn items(reply: &Reply, ids: &Ids) -> Vec<Value> {
    let thinking = reply.thinking.iter().map(|text| {
        json!({"type": "reasoning", "id": ids.fresh("rs"), "encrypted_content": "ZW5j",
            "summary": [{"type": "summary_text", "text": text}]})
    });
    let text = reply.text.iter().map(|text| {
        json!({"type": "message", "id": ids.fresh("msg"), "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
    });
    let tools = reply.tools.iter().map(|call| call_item(call, ids));
    thinking.chain(text).chain(tools).collect()
}

fn call_item(call: &ToolCall, ids: &Ids) -> Value {
    match call.kind {
        ToolKind::Function => json!({
            "type": "function_call", "id": ids.fresh("fc"), "call_id": ids.fresh("call"), "name": call.name,
            "arguments": call.input.to_string(), "status": "completed",
        }),
        ToolKind::Custom => json!({
            "type": "custom_tool_call", "id": ids.fresh("ctc"), "call_id": ids.fresh("call"),
            "name": call.name, "input": call.input, "status": "completed",
        }),
    }
}

fn usage(reply: &Reply) -> Value {
    json!({
        "input_tokens": reply.usage.input,
        "input_tokens_details": {"cached_tokens": reply.usage.cached},
        "output_tokens": reply.usage.output,
        "output_tokens_details": {"reasoning_tokens": reply.usage.reasoning},
        "total_tokens": reply.usage.input + reply.usage.output,
    })
}
