//! Whether a stream tells of a success at all, found without any reader: by the plain JSON of its lines.

use agents_harnesses::StreamKind;
use serde_json::Value;

/// What a line says of the end of the stream.
enum Said {
    Nothing,
    Success,
    Other(String),
}

/// Why the stream can't have told of a success: its last terminal event, which says something else. `None`: it may
/// have.
pub fn why_not(kind: StreamKind, bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    if kind == StreamKind::Text {
        return text.trim().is_empty().then(|| "nothing to read".to_owned());
    }
    let mut last = Some("no terminal event".to_owned());
    for line in text.split('\n') {
        match said(kind, line) {
            Said::Nothing => {}
            Said::Success => last = None,
            Said::Other(event) => last = Some(event),
        }
    }
    last
}

fn said(kind: StreamKind, line: &str) -> Said {
    let word = match kind {
        StreamKind::Codex => "turn.completed",
        StreamKind::Claude => "result",
        StreamKind::Gemini | StreamKind::Text => "success",
    };
    // The readers take what this parser refuses, such as half of a surrogate pair. Then the word is enough.
    let Ok(event) = serde_json::from_str::<Value>(line) else {
        return if line.contains(word) { Said::Success } else { Said::Nothing };
    };
    let is_success = match (kind, event["type"].as_str()) {
        (StreamKind::Claude, Some("result")) => {
            let subtype = event["subtype"].as_str().unwrap_or_default();
            event["is_error"] != true && (subtype == "success" || subtype.is_empty())
        }
        (StreamKind::Codex, Some("turn.completed")) => true,
        (StreamKind::Codex, Some("turn.failed")) => false,
        (StreamKind::Gemini, Some("result")) => event["status"] == "success",
        _ => return Said::Nothing,
    };
    if is_success { Said::Success } else { Said::Other(event.to_string()) }
}
