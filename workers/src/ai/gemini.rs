//! Gemini's streamGenerateContent (<https://ai.google.dev/api/generate-content>).

use agents_domain::outcome::Outcome;
use agents_domain::usage::TokenUsage;
use agents_harnesses::ai::ModelCall;
use serde_json::{Value, json};

use super::{Ending, Piece, Request, Told, count, refusal, text};

pub(super) fn request(call: &ModelCall, base: &str, key: Option<&str>) -> Request {
    let spec = &call.spec;
    let mut body = json!({ "contents": [{ "role": "user", "parts": [{ "text": spec.prompt }] }] });
    if let Some(system) = &spec.system {
        body["systemInstruction"] = json!({ "parts": [{ "text": system }] });
    }
    let mut config = json!({});
    if let Some(most) = spec.max_tokens {
        config["maxOutputTokens"] = json!(most);
    }
    if let Some(temperature) = spec.temperature {
        config["temperature"] = json!(temperature);
    }
    if let Some(schema) = &spec.schema {
        config["responseMimeType"] = json!("application/json");
        config["responseJsonSchema"] = schema.clone();
    }
    body["generationConfig"] = config;
    let headers = key.map(|key| ("x-goog-api-key".to_owned(), key.to_owned())).into_iter().collect();
    let model = call.model.strip_prefix("models/").unwrap_or(&call.model);
    Request { url: format!("{base}/v1beta/models/{model}:streamGenerateContent?alt=sse"), headers, body }
}

pub(super) fn take(event: &Value, told: &mut Told) -> Vec<Piece> {
    if event["error"].is_object() {
        let said = text(&event["error"]["message"]);
        let status = count(&event["error"]["code"]);
        told.failure = Some(Outcome::failure(refusal::class_of_gemini(status, &event["error"], said), said));
        return Vec::new();
    }
    if event["usageMetadata"].is_object() {
        told.usage = Some(usage(&event["usageMetadata"]));
    }
    if let Some(reason) = event["promptFeedback"]["blockReason"].as_str() {
        told.ending = Some(Ending::Refused(format!("the prompt was blocked: {reason}")));
    }
    let candidate = &event["candidates"][0];
    if let Some(reason) = candidate["finishReason"].as_str() {
        told.ending = Some(ending(reason, text(&candidate["finishMessage"])));
    }
    let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let said = parts.iter().filter_map(|part| Some((part["text"].as_str()?, part["thought"] == true)));
    said.map(|(text, is_thought)| match is_thought {
        true => Piece::Thinking(text.to_owned()),
        false => Piece::Text(text.to_owned()),
    })
    .collect()
}

fn ending(reason: &str, said: &str) -> Ending {
    const REFUSED: [&str; 7] =
        ["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"];
    match reason {
        "STOP" => Ending::Done,
        "MAX_TOKENS" => Ending::Length,
        reason if REFUSED.contains(&reason) => {
            Ending::Refused(format!("the answer was kept back: {reason} {said}").trim_end().to_owned())
        }
        other => Ending::Other(other.to_owned()),
    }
}

/// What was read from a cache is part of its prompt; thoughts are counted beside the answer.
fn usage(usage: &Value) -> TokenUsage {
    let thoughts = count(&usage["thoughtsTokenCount"]);
    TokenUsage {
        input: count(&usage["promptTokenCount"]),
        cached: count(&usage["cachedContentTokenCount"]),
        written: 0,
        output: count(&usage["candidatesTokenCount"]).saturating_add(thoughts),
        reasoning: (thoughts > 0).then_some(thoughts),
    }
}
