//! How fast an agent's stream is read: the readers beside bare serde_json passes over the same lines, and the way from
//! the agent's output to what can be queried beside a store that takes every line.
//!
//! `cargo bench -p agents-cli --bench stream -- [MiB] [rounds]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

#[path = "stream/bare.rs"]
mod bare;
#[path = "stream/lines.rs"]
mod lines;
#[path = "stream/store.rs"]
mod store;
mod support;

use std::hint::black_box;
use std::time::Duration;

use agents_domain::agent_event::AgentEvent;
use agents_harnesses::StreamKind;
use jiff::tz::TimeZone;

use support::{median, numbers, timed};

/// Reads it with the harness's reader. Gives how many events there were.
fn read(kind: StreamKind, lines: &[&[u8]]) -> usize {
    let mut reader = kind.reader(&TimeZone::UTC);
    let mut events = 0;
    for line in lines {
        reader.line(line, &mut |event| {
            assert!(!matches!(event, AgentEvent::Unrecognized { .. }));
            events += 1;
        });
    }
    events
}

fn speed(bytes: usize, times: &[Duration]) -> f64 {
    let seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    bytes as f64 / 1e6 / median(&seconds)
}

/// A reader beside the bare passes.
fn readers(kind: StreamKind, stream: &str, rounds: usize) {
    let lines: Vec<&[u8]> = stream.lines().map(str::as_bytes).collect();
    let (mut skipping, mut decoding, mut reading) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        skipping.push(timed(|| assert!(black_box(bare::skip(&lines)) > 0)));
        decoding.push(timed(|| assert!(black_box(bare::decode(kind, &lines)) > 0)));
        reading.push(timed(|| assert!(black_box(read(kind, &lines)) > 0)));
    }
    let bytes = stream.len();
    let (skip, decode, ours) = (speed(bytes, &skipping), speed(bytes, &decoding), speed(bytes, &reading));
    println!(
        "{} reader: {ours:.0} MB/s; bare pass that decodes the texts {decode:.0} MB/s, ratio {:.2} (goal 0.8); bare pass \
         that skips the payload {skip:.0} MB/s, ratio {:.2}",
        kind.as_str(),
        ours / decode,
        ours / skip
    );
}

fn main() {
    let [mebibytes, rounds] = numbers([48, 5]);
    println!("{mebibytes} MiB a stream, medians of {rounds} rounds");
    for kind in [StreamKind::Claude, StreamKind::Codex, StreamKind::Gemini] {
        let stream = lines::stream(kind, mebibytes << 20);
        readers(kind, &stream, rounds);
    }
    let stream = lines::stream(StreamKind::Claude, mebibytes << 20);
    let (mut files, mut rows) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let folder = tempfile::tempdir().unwrap();
        files.push(store::into_file(&stream, folder.path()));
        rows.push(store::into_rows(&stream, folder.path()));
    }
    let (file, row) = (speed(stream.len(), &files), speed(stream.len(), &rows));
    println!(
        "stream, file, queryable: {file:.0} MB/s; every line into SQLite {row:.0} MB/s, ratio {:.2} (goal 2)",
        file / row
    );
}
