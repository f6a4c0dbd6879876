//! What a command prints -> events and a summary.
//!
//! The exit code alone tells success from failure. The answer is the end of standard output, and may be nothing at all.

use agents_domain::agent_event::AgentEvent;
use agents_domain::harness::{ProcessEnd, StreamEnd, StreamReader, StreamSummary};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::usage::{MicroUsd, TokenUsage};

use crate::ending::{Tally, process_words};
use crate::kept::tail;

/// How much of the end of the output is the answer.
const ANSWER_BYTES: usize = 64 * 1024;
/// How much of the end of standard error, or else of the output, explains a failure.
const EXPLANATION_BYTES: usize = 4 * 1024;

/// Reads what one command prints.
#[derive(Debug)]
pub struct ExecReader {
    tally: Tally,
    /// The end of the output, never more than about twice as long as the answer.
    output: String,
    success: Vec<i32>,
}

impl ExecReader {
    /// A reader for a command for which these exit codes are a success.
    pub fn new(success: Vec<i32>) -> Self {
        Self { tally: Tally::default(), output: String::new(), success }
    }

    fn push(&mut self, text: &str) {
        self.output.push_str(tail(text, ANSWER_BYTES));
        self.output.push('\n');
        if self.output.len() > 2 * ANSWER_BYTES {
            self.output = tail(&self.output, ANSWER_BYTES).to_owned();
        }
    }
}

impl StreamReader for ExecReader {
    fn enough(&self) -> Option<u64> {
        Some(2 * ANSWER_BYTES as u64)
    }

    fn line<'a>(&mut self, line: &'a [u8], sink: &mut dyn FnMut(AgentEvent<'a>)) {
        let text = String::from_utf8_lossy(line);
        self.push(&text);
        sink(AgentEvent::Text { text, delta: false });
    }

    fn overlong_line(&mut self, head: &[u8], total_bytes: u64) {
        let head = String::from_utf8_lossy(&head[..head.len().min(1024)]).into_owned();
        self.push(&format!("{head}[… {total_bytes} bytes in all]"));
        self.tally.overlong();
    }

    fn finish(self: Box<Self>, end: &StreamEnd<'_>) -> StreamSummary {
        let output = tail(self.output.strip_suffix('\n').unwrap_or(&self.output), ANSWER_BYTES);
        let outcome = match end.process {
            ProcessEnd::Exited(code) if self.success.contains(&code) => Outcome::success(output),
            ProcessEnd::Exited(_) => failed(OutcomeClass::CommandFailed, output, end),
            ProcessEnd::Signaled(_) => failed(OutcomeClass::Crashed, output, end),
            ProcessEnd::Unknown => failed(OutcomeClass::NoResult, output, end),
        };
        // A command asks no model of its own: what it starts besides is its own account.
        let tally = Tally { usage: Some(TokenUsage::default()), cost: Some(MicroUsd::ZERO), ..self.tally };
        tally.into_summary(outcome)
    }
}

fn failed(class: OutcomeClass, output: &str, end: &StreamEnd<'_>) -> Outcome {
    let words = process_words(end.process);
    let said = match end.stderr_tail.trim() {
        "" => output.trim(),
        said => said,
    };
    match tail(said, EXPLANATION_BYTES) {
        "" => Outcome::failure(class, format!("{words} and said nothing")),
        said => Outcome::failure(class, format!("{words}: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use agents_domain::timestamp::Timestamp;

    use super::*;

    fn check(output: &[&str], (process, stderr): (ProcessEnd, &str), class: OutcomeClass, text: &str) {
        let mut reader = ExecReader::new(vec![0, 3]);
        output.iter().for_each(|line| reader.line(line.as_bytes(), &mut |_| {}));
        let end = StreamEnd { process, stderr_tail: stderr, at: Timestamp::from_seconds(0) };
        let outcome = Box::new(reader).finish(&end).outcome;
        assert_eq!((outcome.class, outcome.text.as_str()), (class, text), "{output:?}");
    }

    #[test]
    fn the_exit_code_alone_tells_success_and_silence_is_an_answer_too() {
        let exited = |code| (ProcessEnd::Exited(code), "warning\n");
        check(&["a", "", "b"], exited(0), OutcomeClass::Success, "a\n\nb");
        check(&[], exited(3), OutcomeClass::Success, "");
        check(&["a"], exited(127), OutcomeClass::CommandFailed, "the process exited with 127: warning");
        check(
            &["a"],
            (ProcessEnd::Exited(1), ""),
            OutcomeClass::CommandFailed,
            "the process exited with 1: a",
        );
        check(
            &[],
            (ProcessEnd::Exited(1), ""),
            OutcomeClass::CommandFailed,
            "the process exited with 1 and said nothing",
        );
        let killed = "the process died by signal 15 (TERM) and said nothing";
        check(&[], (ProcessEnd::Signaled(15), ""), OutcomeClass::Crashed, killed);
    }

    #[test]
    fn of_a_long_output_the_end_is_the_answer() {
        let mut reader = ExecReader::new(vec![0]);
        let line = "ä".repeat(500);
        (0..1000).for_each(|_| reader.line(line.as_bytes(), &mut |_| {}));
        reader.line(b"the end", &mut |_| {});
        let end =
            StreamEnd { process: ProcessEnd::Exited(0), stderr_tail: "", at: Timestamp::from_seconds(0) };
        let text = Box::new(reader).finish(&end).outcome.text;
        assert!(
            text.ends_with("ä\nthe end") && text.len() > ANSWER_BYTES - 4 && text.len() <= ANSWER_BYTES,
            "{}",
            text.len()
        );
    }
}
