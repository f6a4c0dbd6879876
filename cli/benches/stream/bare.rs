//! The least that any reader must do, through serde's derive into borrowed fields, and nothing else.

use std::borrow::Cow;

use agents_harnesses::StreamKind;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Finds the type, and passes the payload over.
#[derive(Deserialize)]
struct Skipped<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Claude<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    message: Option<ClaudeMessage<'a>>,
}

#[derive(Deserialize)]
struct ClaudeMessage<'a> {
    #[serde(borrow)]
    content: Vec<ClaudeBlock<'a>>,
}

#[derive(Deserialize)]
struct ClaudeBlock<'a> {
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Cow<'a, str>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Codex<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    item: Option<CodexItem<'a>>,
}

#[derive(Deserialize)]
struct CodexItem<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    #[serde(borrow)]
    command: Option<&'a RawValue>,
    #[serde(borrow, default)]
    aggregated_output: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Gemini<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Cow<'a, str>,
    #[serde(borrow, default)]
    output: Cow<'a, str>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

/// Reads all lines without their payload. Gives how much there was.
pub fn skip(lines: &[&[u8]]) -> usize {
    let raw = |value: Option<&RawValue>| value.map_or(0, |json| json.get().len());
    let weight = |line: Skipped<'_>| {
        line.kind.len() + raw(line.message) + raw(line.item) + raw(line.content) + raw(line.output)
    };
    lines.iter().map(|line| weight(parsed(line))).sum()
}

/// Reads all lines with their texts. Gives how much there was.
pub fn decode(kind: StreamKind, lines: &[&[u8]]) -> usize {
    match kind {
        StreamKind::Claude => lines.iter().map(|line| claude(&parsed(line))).sum(),
        StreamKind::Codex => lines.iter().map(|line| codex(&parsed(line))).sum(),
        StreamKind::Gemini | StreamKind::Text => lines.iter().map(|line| gemini(&parsed(line))).sum(),
    }
}

fn parsed<'a, T: Deserialize<'a>>(line: &'a [u8]) -> T {
    serde_json::from_slice(line).unwrap()
}

fn claude(line: &Claude<'_>) -> usize {
    let blocks = line.message.iter().flat_map(|message| &message.content);
    let weight = |block: &ClaudeBlock<'_>| {
        block.text.len() + block.content.len() + block.input.map_or(0, |json| json.get().len())
    };
    line.kind.len() + blocks.map(weight).sum::<usize>()
}

fn codex(line: &Codex<'_>) -> usize {
    let weight = |item: &CodexItem<'_>| {
        let command = item.command.map_or(0, |json| json.get().len());
        item.kind.len() + item.text.len() + item.aggregated_output.len() + command
    };
    line.kind.len() + line.item.as_ref().map_or(0, weight)
}

fn gemini(line: &Gemini<'_>) -> usize {
    let parameters = line.parameters.map_or(0, |json| json.get().len());
    line.kind.len() + line.content.len() + line.output.len() + parameters
}
