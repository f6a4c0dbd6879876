//! A reply in the form of Anthropic's Messages API, as one message or as a stream of its events.

use serde_json::{Value, json};

use crate::ids::Ids;
use crate::scripted_body::{EventStream, event};
use crate::turn::Reply;

/// A content block's start and its first delta.
const CUT: usize = 2;

pub(crate) fn message(reply: &Reply, model: &str, ids: &Ids) -> Value {
    json!({
        "id": ids.fresh("msg"), "type": "message", "role": "assistant", "model": model,
        "content": blocks(reply, ids), "stop_reason": stop_reason(reply), "stop_sequence": null,
        "usage": usage(reply),
    })
}

pub(crate) fn stream(reply: &Reply, model: &str, ids: &Ids) -> EventStream {
    let mut started = usage(reply);
    started["output_tokens"] = json!(1);
    let start = json!({
        "type": "message_start",
        "message": {
            "id": ids.fresh("msg"), "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": started,
        },
    });
    let blocks = blocks(reply, ids);
    let content = blocks.iter().enumerate().flat_map(|(index, block)| block_events(index, block));
    let delta = json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(reply), "stop_sequence": null},
        "usage": usage(reply),
    });
    EventStream::new(vec![named(&start)], content.collect(), CUT)
        .closed_by(vec![named(&delta), named(&json!({"type": "message_stop"}))])
}

pub(crate) fn error_event(error: &Value) -> String {
    named(&json!({"type": "error", "error": error}))
}

/// Anthropic names each event after its `type`.
fn named(data: &Value) -> String {
    event(data["type"].as_str(), data)
}

fn block_events(index: usize, block: &Value) -> Vec<String> {
    let (opening, deltas) = match block["type"].as_str() {
        Some("thinking") => (
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            vec![
                json!({"type": "thinking_delta", "thinking": block["thinking"]}),
                json!({"type": "signature_delta", "signature": block["signature"]}),
            ],
        ),
        Some("text") => {
            (json!({"type": "text", "text": ""}), vec![json!({"type": "text_delta", "text": block["text"]})])
        }
        Some(_) | None => {
            let mut opening = block.clone();
            opening["input"] = json!({});
            let input = block["input"].to_string();
            (opening, vec![json!({"type": "input_json_delta", "partial_json": input})])
        }
    };
    let start = json!({"type": "content_block_start", "index": index, "content_block": opening});
    let stop = json!({"type": "content_block_stop", "index": index});
    let deltas =
        deltas.iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta}));
    [start].into_iter().chain(deltas).chain([stop]).map(|data| named(&data)).collect()
}

fn blocks(reply: &Reply, ids: &Ids) -> Vec<Value> {
    let thinking = reply.thinking.iter();
    // "c2ln" is "sig" in base 64: the CLIs keep a signature and never check it.
    let thinking = thinking.map(|text| json!({"type": "thinking", "thinking": text, "signature": "c2ln"}));
    let text = reply.text.iter().map(|text| json!({"type": "text", "text": text}));
    let tools = reply.tools.iter().map(
        |call| json!({"type": "tool_use", "id": ids.fresh("toolu"), "name": call.name, "input": call.input}),
    );
    thinking.chain(text).chain(tools).collect()
}

fn stop_reason(reply: &Reply) -> &str {
    let usual = if reply.tools.is_empty() { "end_turn" } else { "tool_use" };
    reply.stop.as_deref().unwrap_or(usual)
}

fn usage(reply: &Reply) -> Value {
    json!({
        "input_tokens": reply.usage.input,
        "cache_creation_input_tokens": reply.usage.cache_write,
        "cache_read_input_tokens": reply.usage.cached,
        "output_tokens": reply.usage.output,
        "service_tier": "standard",
    })
}
