//! A reply in the form of Gemini's generateContent, as one response or as a stream of them.

use serde_json::{Value, json};

use crate::ids::Ids;
use crate::scripted_body::{EventStream, event};
use crate::turn::Reply;

pub(crate) fn response(reply: &Reply, model: &str, ids: &Ids) -> Value {
    with_end(reply, chunk(parts(reply), model, &ids.fresh("resp")))
}

pub(crate) fn stream(reply: &Reply, model: &str, ids: &Ids) -> EventStream {
    let id = ids.fresh("resp");
    let content = parts(reply).into_iter().map(|part| event(None, &chunk(vec![part], model, &id)));
    let end = with_end(reply, chunk(Vec::new(), model, &id));
    EventStream::new(Vec::new(), content.collect(), 1).closed_by(vec![event(None, &end)])
}

pub(crate) fn error_event(error: &Value) -> String {
    event(None, &json!({"error": error}))
}

fn chunk(parts: Vec<Value>, model: &str, id: &str) -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}],
        "modelVersion": model,
        "responseId": id,
    })
}

fn with_end(reply: &Reply, mut chunk: Value) -> Value {
    chunk["candidates"][0]["finishReason"] = json!(reply.stop.as_deref().unwrap_or("STOP"));
    chunk["usageMetadata"] = usage(reply);
    chunk
}

fn parts(reply: &Reply) -> Vec<Value> {
    let thinking = reply.thinking.iter().map(|text| json!({"text": text, "thought": true}));
    let text = reply.text.iter().map(|text| json!({"text": text}));
    let tools = reply.tools.iter().map(
        |call| json!({"functionCall": {"name": call.name, "args": call.input}, "thoughtSignature": "c2ln"}),
    );
    thinking.chain(text).chain(tools).collect()
}

fn usage(reply: &Reply) -> Value {
    let usage = reply.usage;
    json!({
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output,
        "thoughtsTokenCount": usage.reasoning,
        "cachedContentTokenCount": usage.cached,
        "totalTokenCount": usage.input + usage.output + usage.reasoning,
    })
}
