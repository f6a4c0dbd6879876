//! What must hold whatever an agent prints.

use agents_domain::agent_event::{AgentEvent, Unrecognized};
use agents_domain::harness::{ProcessEnd, StreamEnd, StreamReader, StreamSummary};
use agents_domain::timestamp::Timestamp;
use agents_harnesses::{HarnessSettings, StreamKind, build};
use agents_orchestrator::attempt::{LINE_MAX, Line, Splitter};
use jiff::tz::TimeZone;

use crate::mutation::Case;
use crate::{corpus, oracle};

/// 2026-11-21T12:00:00Z.
const ENDED_AT: Timestamp = Timestamp::from_seconds(1_795_262_400);
/// What a reader keeps of an answer, and the note about a cut.
const ANSWER_MAX: usize = (1 << 20) + 100;
/// What a reader keeps of a session's, a model's or a version's name.
const NAME_MAX: usize = 256;

/// What reads the stream.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Of(StreamKind),
    /// A harness that the config describes, with Claude's form of output.
    Custom,
}

impl Form {
    /// The CLIs whose streams are changed to make its inputs.
    fn corpus(self) -> &'static [&'static str] {
        match self {
            Form::Of(StreamKind::Claude) | Form::Custom => &["claude"],
            Form::Of(StreamKind::Codex) => &["codex"],
            Form::Of(StreamKind::Gemini) => &["gemini"],
            Form::Of(StreamKind::Text) => &["claude", "codex", "gemini"],
        }
    }

    fn kind(self) -> StreamKind {
        match self {
            Form::Of(kind) => kind,
            Form::Custom => StreamKind::Claude,
        }
    }

    fn reader(self) -> Box<dyn StreamReader> {
        match self {
            Form::Of(kind) => kind.reader(&TimeZone::UTC),
            Form::Custom => {
                let settings = HarnessSettings {
                    command: Some(vec!["mine".to_owned()]),
                    stream: Some(StreamKind::Claude),
                    ..HarnessSettings::default()
                };
                build("mine", &settings).unwrap().reader()
            }
        }
    }
}

/// All that a stream was read as.
type Read = (Vec<AgentEvent<'static>>, StreamSummary);

/// A reader and the streams that are changed to make its inputs.
#[derive(Debug)]
pub struct Target {
    form: Form,
    streams: Vec<Vec<u8>>,
}

impl Target {
    /// A target of that form.
    pub fn of(form: Form) -> Self {
        let streams = corpus::streams(form.corpus());
        assert!(streams.len() > 50, "{form:?} has only {} recorded streams", streams.len());
        Self { form, streams }
    }

    /// Reads every recorded stream as it is.
    pub fn check_corpus(&self) {
        for stream in &self.streams {
            check(self.form, stream, &[1000], ProcessEnd::Exited(0));
        }
    }

    /// Reads a changed stream.
    pub fn check(&self, case: &Case) {
        check(self.form, &case.bytes(&self.streams), &case.pieces(), case.exit());
    }

    /// Splits a changed stream into lines.
    pub fn check_lines(&self, case: &Case) {
        check_lines(&case.bytes(&self.streams), &case.pieces());
    }
}

/// Reads the stream in one piece and in these pieces.
fn check(form: Form, bytes: &[u8], pieces: &[usize], process: ProcessEnd) {
    let whole = read(form, &[bytes], process);
    assert_eq!(read(form, &cut(bytes, pieces), process), whole, "read in pieces");
    let (events, summary) = whole;
    check_counts(&events, &summary);
    check_bounds(&summary);
    if summary.outcome.is_success() {
        assert_eq!(process, ProcessEnd::Exited(0), "a success with another exit");
        let why_not = oracle::why_not(form.kind(), bytes);
        assert_eq!(why_not, None, "a success that the stream does not tell of");
    }
}

/// Splits the bytes in one piece and in these pieces, and compares with the plain definition of a line.
fn check_lines(bytes: &[u8], pieces: &[usize]) {
    let mut expected: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // What follows the last line feed is a line only if there is something.
    expected.pop_if(|last| last.is_empty());
    let expected: Vec<&[u8]> =
        expected.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    for pieces in [vec![bytes], cut(bytes, pieces)] {
        let mut lines = Vec::new();
        split(&pieces, &mut |line| match line {
            Line::Whole(line) => lines.push(line.to_vec()),
            Line::TooLong { bytes, .. } => panic!("a line of {bytes} bytes is not too long"),
        });
        assert_eq!(lines, expected);
    }
}

fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut lengths = lengths.iter();
    let mut length = 1;
    while !bytes.is_empty() {
        // A piece of no length at the end would be repeated for ever.
        length = lengths.next().copied().unwrap_or(length.max(1));
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

fn split(pieces: &[&[u8]], sink: &mut dyn FnMut(Line<'_>)) {
    let mut splitter = Splitter::default();
    for piece in pieces {
        splitter.feed(piece, sink);
        assert!(splitter.kept() <= LINE_MAX, "{} bytes are kept", splitter.kept());
    }
    splitter.finish(sink);
}

fn read(form: Form, pieces: &[&[u8]], process: ProcessEnd) -> Read {
    let mut events = Vec::new();
    let mut reader = form.reader();
    split(pieces, &mut |line| match line {
        Line::Whole(line) => reader.line(line, &mut |event| events.push(event.into_owned())),
        Line::TooLong { head, bytes } => reader.overlong_line(head, bytes),
    });
    (events, reader.finish(&StreamEnd { process, stderr_tail: "", at: ENDED_AT }))
}

/// Each line that was not understood is there, and is counted once.
fn check_counts(events: &[AgentEvent<'_>], summary: &StreamSummary) {
    let count = |is_it: fn(&AgentEvent<'_>) -> bool| {
        u32::try_from(events.iter().filter(|event| is_it(event)).count()).unwrap()
    };
    let all = count(|event| matches!(event, AgentEvent::Unrecognized { .. }));
    let bad = count(|event| matches!(event, AgentEvent::Unrecognized { why: Unrecognized::BadBody, .. }));
    let tools = count(|event| matches!(event, AgentEvent::ToolCall { .. }));
    assert_eq!(
        (summary.unknown_lines, summary.bad_lines, summary.tool_calls),
        (all - bad, bad, tools),
        "lines that are unknown, lines that are bad, calls of tools"
    );
}

fn check_bounds(summary: &StreamSummary) {
    let text = &summary.outcome.text;
    assert!(!text.trim().is_empty(), "an outcome without a text: {:?}", summary.outcome);
    assert!(text.len() <= ANSWER_MAX, "{} bytes of text", text.len());
    for name in [&summary.session_id, &summary.model, &summary.cli_version].into_iter().flatten() {
        assert!(name.len() <= NAME_MAX, "a name of {} bytes", name.len());
    }
    let structured = summary.structured.as_ref().map_or(0, String::len);
    assert!(structured <= ANSWER_MAX, "{structured} bytes of structured answer");
}
