//! Plain text -> events and a summary.
//!
//! Plain text has no terminal event, so the exit code is all there is to tell success from failure: it succeeded if
//! the process exited with 0 and printed something. The answer is the end of what it printed.

use std::borrow::Cow;

use agents_domain::agent_event::AgentEvent;
use agents_domain::harness::{ProcessEnd, StreamEnd, StreamReader, StreamSummary};
use agents_domain::outcome::{Outcome, OutcomeClass};

use crate::ending::{Tally, explain, process_words, settle_success};
use crate::kept::tail;

/// How much of the end of the output is the answer.
const ANSWER_BYTES: usize = 64 * 1024;

/// Reads one stream of plain text.
#[derive(Debug, Default)]
pub struct TextReader {
    tally: Tally,
    /// The end of the output, never more than twice as long as the answer.
    output: String,
}

impl StreamReader for TextReader {
    fn line<'a>(&mut self, line: &'a [u8], sink: &mut dyn FnMut(AgentEvent<'a>)) {
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if !self.output.is_empty() {
            self.output.push('\n');
        }
        self.output.push_str(tail(&text, ANSWER_BYTES));
        if self.output.len() > 2 * ANSWER_BYTES {
            self.output = tail(&self.output, ANSWER_BYTES).to_owned();
        }
        sink(AgentEvent::Text { text, delta: false });
    }

    fn overlong_line(&mut self, head: &[u8], total_bytes: u64) {
        let head = String::from_utf8_lossy(&head[..head.len().min(1024)]).into_owned();
        self.line(format!("{head}[… {total_bytes} bytes in all]").as_bytes(), &mut |_| {});
        self.tally.overlong();
    }

    fn finish(self: Box<Self>, end: &StreamEnd<'_>) -> StreamSummary {
        let answer = tail(self.output.trim(), ANSWER_BYTES).to_owned();
        let outcome = match end.process {
            ProcessEnd::Exited(0) => settle_success(answer, end),
            ProcessEnd::Exited(127) => Outcome::failure(OutcomeClass::CliMissing, failure_text(&answer, end)),
            ProcessEnd::Signaled(_) => Outcome::failure(OutcomeClass::Crashed, failure_text(&answer, end)),
            ProcessEnd::Unknown => Outcome::failure(OutcomeClass::NoResult, failure_text(&answer, end)),
            ProcessEnd::Exited(_) => Outcome::failure(OutcomeClass::Unclassified, failure_text(&answer, end)),
        };
        self.tally.into_summary(outcome)
    }
}

fn failure_text(answer: &str, end: &StreamEnd<'_>) -> String {
    let said = explain(end.stderr_tail);
    let said = if said.is_empty() { Cow::Borrowed(tail(answer, 2048)) } else { Cow::Owned(said) };
    format!("{}: {said}", process_words(end.process))
}
