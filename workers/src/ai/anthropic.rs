//! Anthropic's Messages (<https://docs.claude.com/en/api/messages-streaming>).

use agents_domain::outcome::Outcome;
use agents_domain::usage::TokenUsage;
use agents_harnesses::ai::ModelCall;
use serde_json::{Value, json};

use super::{Ending, Piece, Request, Told, count, refusal, text};

/// The most tokens of an answer, for calls that name no number: the API wants one.
const MAX_TOKENS: u32 = 8192;
/// The tool that stands for an answer with a schema: every model knows tools, and only new ones know schemas.
const ANSWER: &str = "answer";

pub(super) fn request(call: &ModelCall, base: &str, key: Option<&str>) -> Request {
    let spec = &call.spec;
    let mut body = json!({
        "model": call.model,
        "max_tokens": spec.max_tokens.unwrap_or(MAX_TOKENS),
        "stream": true,
        "messages": [{ "role": "user", "content": spec.prompt }],
    });
    if let Some(system) = &spec.system {
        body["system"] = json!(system);
    }
    if let Some(temperature) = spec.temperature {
        body["temperature"] = json!(temperature);
    }
    if let Some(schema) = &spec.schema {
        body["tools"] =
            json!([{ "name": ANSWER, "description": "Gives the answer.", "input_schema": schema }]);
        body["tool_choice"] = json!({ "type": "tool", "name": ANSWER });
    }
    let mut headers = vec![("anthropic-version".to_owned(), "2023-06-01".to_owned())];
    headers.extend(key.map(|key| ("x-api-key".to_owned(), key.to_owned())));
    Request { url: format!("{base}/v1/messages"), headers, body }
}

pub(super) fn take(event: &Value, told: &mut Told) -> Vec<Piece> {
    match text(&event["type"]) {
        "message_start" => take_usage(&event["message"]["usage"], told),
        "content_block_delta" => {
            let delta = &event["delta"];
            let said = |key: &str| text(&delta[key]).to_owned();
            match text(&delta["type"]) {
                "text_delta" => return vec![Piece::Text(said("text"))],
                "input_json_delta" => return vec![Piece::Text(said("partial_json"))],
                "thinking_delta" => return vec![Piece::Thinking(said("thinking"))],
                _ => {}
            }
        }
        "message_delta" => {
            take_usage(&event["usage"], told);
            told.ending = event["delta"]["stop_reason"].as_str().map(ending);
        }
        "message_stop" => told.is_over = true,
        "error" => {
            let said = text(&event["error"]["message"]);
            let class = refusal::class_of_anthropic(text(&event["error"]["type"]), said);
            told.failure = Some(Outcome::failure(class, said));
        }
        // `ping`, and beginnings and ends of blocks.
        _ => {}
    }
    Vec::new()
}

fn ending(reason: &str) -> Ending {
    match reason {
        "end_turn" | "stop_sequence" | "tool_use" => Ending::Done,
        "max_tokens" => Ending::Length,
        "model_context_window_exceeded" => Ending::Overflow,
        "refusal" => Ending::Refused("the model refused".to_owned()),
        other => Ending::Other(other.to_owned()),
    }
}

/// Its input leaves out what a cache was read or written for. The last numbers hold.
fn take_usage(usage: &Value, told: &mut Told) {
    if !usage.is_object() {
        return;
    }
    let own = told.usage.unwrap_or_default();
    let of = |key: &str, before: u64| usage.get(key).filter(|value| value.is_number()).map_or(before, count);
    let cached = of("cache_read_input_tokens", own.cached);
    let written = of("cache_creation_input_tokens", own.written);
    let plain = of("input_tokens", own.input.saturating_sub(own.cached + own.written));
    let input = plain.saturating_add(cached).saturating_add(written);
    told.usage =
        Some(TokenUsage { input, cached, written, output: of("output_tokens", own.output), reasoning: None });
}
