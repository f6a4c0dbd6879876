//! Measures how fast a stream is read, against bare serde_json passes over the same lines into borrowed fields: one
//! that skips the payload, and one that decodes its texts as every reader must:
//! `cargo run --release -p agents-harnesses --example read_speed [MEBIBYTES]`.
#![allow(clippy::print_stdout, reason = "a measurement that a person runs")]

use std::borrow::Cow;
use std::fmt::Write;
use std::time::{Duration, Instant};

use agents_domain::agent_event::AgentEvent;
use agents_harnesses::StreamKind;
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

/// The rounds of which the fastest counts.
const ROUNDS: usize = 9;

/// The least that any reader must do: find the type and the payload, borrowed.
#[derive(serde::Deserialize)]
struct Bare<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<Cow<'a, str>>,
}

/// What a reader hands on, through serde's derive.
#[derive(serde::Deserialize)]
struct Decoded<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(serde::Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

#[derive(serde::Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Cow<'a, str>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

fn main() {
    let mebibytes: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(48);
    let stream = stream(mebibytes * 1024 * 1024);
    let lines: Vec<&[u8]> =
        stream.as_bytes().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let bare = fastest(|| {
        lines
            .iter()
            .map(|line| serde_json::from_slice::<Bare<'_>>(line).map_or(0, |bare| weight(&bare)))
            .sum()
    });
    let decoded = fastest(|| {
        lines
            .iter()
            .map(|line| serde_json::from_slice::<Decoded<'_>>(line).map_or(0, |line| decoded_weight(&line)))
            .sum()
    });
    let ours = fastest(|| {
        let mut reader = StreamKind::Claude.reader(&TimeZone::UTC);
        let mut events = 0;
        for line in &lines {
            reader.line(line, &mut |event| {
                events += usize::from(!matches!(event, AgentEvent::Unrecognized { .. }))
            });
        }
        events
    });
    let speed = |time: Duration| stream.len() as f64 / 1e6 / time.as_secs_f64();
    println!("{} lines, {} MB", lines.len(), stream.len() / 1_000_000);
    println!(
        "bare pass {:.0} MB/s, with texts {:.0} MB/s; reader {:.0} MB/s, {:.2} and {:.2} of them",
        speed(bare),
        speed(decoded),
        speed(ours),
        speed(ours) / speed(bare),
        speed(ours) / speed(decoded)
    );
}

fn weight(bare: &Bare<'_>) -> usize {
    bare.kind.len()
        + bare.message.map_or(0, |json| json.get().len())
        + bare.result.as_deref().map_or(0, str::len)
}

fn decoded_weight(line: &Decoded<'_>) -> usize {
    let blocks = line.message.iter().flat_map(|message| &message.content);
    let weights = blocks
        .map(|block| block.text.len() + block.content.len() + block.input.map_or(0, |json| json.get().len()));
    line.kind.len() + weights.sum::<usize>()
}

fn fastest(mut round: impl FnMut() -> usize) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        assert!(std::hint::black_box(round()) > 0);
        best = best.min(start.elapsed());
    }
    best
}

/// Lines like an agent's: words, calls with their input, and results from a hundred bytes to a hundred thousand.
fn stream(bytes: usize) -> String {
    let mut stream = String::new();
    let code = "fn main() {\\n    println!(\\\"hello, world\\\");\\n}\\n// a comment that goes on for a while, as comments do\\n";
    for turn in 0.. {
        if stream.len() >= bytes {
            break;
        }
        let output = code.repeat([1, 4, 20, 80, 1000][turn % 5]);
        let head = "\"parent_tool_use_id\":null,\"session_id\":\"e1e82bc6-6489-4494-9ade-ca1b52d33cd3\",\"uuid\":\"0ab50345-243c-45d3-b4c0-e9d37e54c352\"";
        let usage = "\"usage\":{\"input_tokens\":100,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":9000,\"output_tokens\":1,\"service_tier\":\"standard\"}";
        let written = writeln!(
            stream,
            "{{\"type\":\"assistant\",\"message\":{{\"id\":\"msg_{turn}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{{\"type\":\"text\",\"text\":\"I will look at the code and then change what has to be changed. Turn {turn}.\"}}],{usage}}},{head}}}\n\
             {{\"type\":\"assistant\",\"message\":{{\"id\":\"msg_{turn}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{{\"type\":\"tool_use\",\"id\":\"toolu_{turn}\",\"name\":\"Edit\",\"input\":{{\"file_path\":\"/workspace/main.rs\",\"new_string\":\"{code}\"}}}}],{usage}}},{head}}}\n\
             {{\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{{\"tool_use_id\":\"toolu_{turn}\",\"type\":\"tool_result\",\"content\":\"{output}\",\"is_error\":false}}]}},{head}}}"
        );
        assert!(written.is_ok(), "writing to a string does not fail");
    }
    stream
}
