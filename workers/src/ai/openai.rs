//! OpenAI's chat completions, as its own servers and many others have them (llama.cpp, Ollama, vLLM).

use agents_domain::outcome::Outcome;
use agents_domain::usage::TokenUsage;
use agents_harnesses::ai::ModelCall;
use serde_json::{Value, json};

use super::{Ending, Piece, Request, Told, count, refusal, text};

pub(super) fn request(call: &ModelCall, base: &str, key: Option<&str>) -> Request {
    let spec = &call.spec;
    let system = spec.system.iter().map(|text| json!({ "role": "system", "content": text }));
    let messages: Vec<Value> = system.chain([json!({ "role": "user", "content": spec.prompt })]).collect();
    let mut body = json!({
        "model": call.model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if let Some(most) = spec.max_tokens {
        // OpenAI's newer models refuse the old name, and local servers know no other.
        let name = if call.provider.name == "openai" { "max_completion_tokens" } else { "max_tokens" };
        body[name] = json!(most);
    }
    if let Some(temperature) = spec.temperature {
        body["temperature"] = json!(temperature);
    }
    if let Some(schema) = &spec.schema {
        body["response_format"] =
            json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema } });
    }
    let headers = key.map(|key| ("authorization".to_owned(), format!("Bearer {key}"))).into_iter().collect();
    Request { url: format!("{base}/chat/completions"), headers, body }
}

pub(super) fn take(event: &Value, told: &mut Told) -> Vec<Piece> {
    if event["error"].is_object() || event["error"].is_string() {
        told.failure = Some(failure(&event["error"]));
        return Vec::new();
    }
    if event["usage"].is_object() {
        told.usage = Some(usage(&event["usage"]));
    }
    let Some(choice) = event["choices"].get(0) else { return Vec::new() };
    let delta = &choice["delta"];
    if let Some(refusal) = delta["refusal"].as_str().filter(|refusal| !refusal.is_empty()) {
        // It comes in pieces; the ending below is `stop` all the same.
        match &mut told.ending {
            Some(Ending::Refused(said)) => said.push_str(refusal),
            ending => *ending = Some(Ending::Refused(refusal.to_owned())),
        }
    }
    let is_refused = matches!(told.ending, Some(Ending::Refused(_)));
    if let Some(reason) = choice["finish_reason"].as_str().filter(|_| !is_refused) {
        told.ending = Some(ending(reason));
    }
    let mut pieces = Vec::new();
    for key in ["reasoning_content", "reasoning"] {
        let said = text(&delta[key]);
        if !said.is_empty() {
            pieces.push(Piece::Thinking(said.to_owned()));
        }
    }
    let said = text(&delta["content"]);
    if !said.is_empty() {
        pieces.push(Piece::Text(said.to_owned()));
    }
    pieces
}

fn ending(reason: &str) -> Ending {
    match reason {
        "stop" => Ending::Done,
        "length" => Ending::Length,
        "content_filter" => Ending::Refused("the provider's filter kept the answer back".to_owned()),
        other => Ending::Other(other.to_owned()),
    }
}

/// What a server says in the middle of a stream.
fn failure(error: &Value) -> Outcome {
    let said = error.as_str().unwrap_or_else(|| text(&error["message"]));
    let status = error["code"].as_u64().unwrap_or(500);
    let code = error["code"].as_str().or(error["type"].as_str()).unwrap_or_default();
    Outcome::failure(refusal::class_of_openai(status, code, said), said)
}

fn usage(usage: &Value) -> TokenUsage {
    let reasoning = count(&usage["completion_tokens_details"]["reasoning_tokens"]);
    TokenUsage {
        input: count(&usage["prompt_tokens"]),
        cached: count(&usage["prompt_tokens_details"]["cached_tokens"]),
        written: 0,
        output: count(&usage["completion_tokens"]),
        reasoning: (reasoning > 0).then_some(reasoning),
    }
}
