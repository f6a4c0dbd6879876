//! Gemini's lines -> events, and its stream -> a summary.
//!
//! The agent's words come in pieces, and the answer is what was said after the last tool call. After a retry the
//! CLI says everything again without a word about it, so an answer can begin with the pieces of a failed try: that
//! does not show in the stream and can't be mended here. Nor does it show when the answer was cut at the model's
//! limit or by its safety filter: the CLI reports success.

use std::borrow::Cow;

use agents_domain::agent_event::{AgentEvent, FinalResult};
use agents_domain::harness::{StreamEnd, StreamReader, StreamSummary};
use agents_domain::timestamp::Timestamp;

use super::ending::{Ending, Terminal, classify};
use super::wire::Line;
use crate::ending::{Tally, keep_name};
use crate::json::{Loose, take, words};
use crate::kept::{ANSWER_BYTES, Kept, MESSAGE_BYTES};
use crate::line::{JsonLines, Sink, UnknownType, read_line};

/// Reads one stream of Gemini.
#[derive(Debug)]
pub struct GeminiReader {
    tally: Tally,
    ending: Ending,
    answer: Kept,
    /// A tool was called since the last words: the next ones begin another answer.
    tool_since: bool,
}

impl Default for GeminiReader {
    fn default() -> Self {
        Self {
            tally: Tally::default(),
            ending: Ending::default(),
            answer: Kept::new(ANSWER_BYTES),
            tool_since: false,
        }
    }
}

impl StreamReader for GeminiReader {
    fn line<'a>(&mut self, line: &'a [u8], sink: &mut dyn FnMut(AgentEvent<'a>)) {
        read_line(self, line, sink);
    }

    fn overlong_line(&mut self, _head: &[u8], _total_bytes: u64) {
        self.tally.overlong();
    }

    fn stderr_line(&mut self, line: &str, at: Timestamp) {
        self.ending.wait.hear(line, at);
    }

    fn is_hopeless(&self) -> bool {
        self.ending.wait.is_long()
    }

    fn finish(self: Box<Self>, end: &StreamEnd<'_>) -> StreamSummary {
        let outcome = classify(self.ending, self.answer, &self.tally, end);
        self.tally.into_summary(outcome)
    }
}

impl JsonLines for GeminiReader {
    type Line<'a> = Line<'a>;

    fn is_known(kind: &str) -> bool {
        matches!(kind, "init" | "message" | "tool_use" | "tool_result" | "error" | "result")
    }

    fn unreadable(&mut self, kind: Option<&str>) {
        self.tally.unreadable(kind);
        self.ending.saw_line = true;
        if kind == Some("result") {
            self.ending.unreadable_result = true;
        }
    }

    fn take<'a>(&mut self, mut line: Line<'a>, sink: Sink<'_, 'a>) -> Result<(), UnknownType> {
        self.ending.saw_line = true;
        match words(&line.kind) {
            Some("init") => {
                keep_name(&mut self.tally.session_id, words(&line.session_id));
                keep_name(&mut self.tally.model, words(&line.model));
                sink(AgentEvent::Started {
                    session_id: take(&mut line.session_id),
                    model: take(&mut line.model),
                    cli_version: None,
                });
            }
            Some("message") => self.message(line, sink),
            Some("tool_use") => {
                self.tally.tool_call();
                self.tool_since = true;
                sink(AgentEvent::ToolCall {
                    id: take(&mut line.tool_id).unwrap_or_default(),
                    name: take(&mut line.tool_name).unwrap_or_default(),
                    input: Cow::Borrowed(line.parameters.map_or("{}", |input| input.get())),
                });
            }
            Some("tool_result") => tool_result(line, sink),
            Some("error") => self.error(line, sink),
            Some("result") => self.result(line, sink),
            Some(_) | None => return Err(UnknownType),
        }
        Ok(())
    }
}

impl GeminiReader {
    fn message<'a>(&mut self, line: Line<'a>, sink: Sink<'_, 'a>) {
        // The other role is the user's: the CLI repeats the whole prompt.
        if words(&line.role) != Some("assistant") {
            return;
        }
        let text = loose(line.content);
        let delta = line.delta.unwrap_or(false);
        if self.tool_since || !delta {
            self.answer.clear();
        }
        self.tool_since = false;
        self.answer.push(&text);
        sink(AgentEvent::Text { text, delta });
    }

    fn error<'a>(&mut self, line: Line<'a>, sink: Sink<'_, 'a>) {
        let text = loose(line.message);
        let mut kept = Kept::new(MESSAGE_BYTES);
        kept.set(&text);
        if words(&line.severity) == Some("error") {
            self.ending.last_error = Some(kept.into_text());
        } else {
            self.ending.last_warning = Some(kept.into_text());
        }
        sink(AgentEvent::Notice { text });
    }

    fn result<'a>(&mut self, line: Line<'a>, sink: Sink<'_, 'a>) {
        let is_error = words(&line.status) != Some("success");
        let usage = line.stats.as_ref().map(|stats| stats.tokens());
        if let Some(usage) = usage {
            self.tally.usage = Some(usage);
            sink(AgentEvent::Usage { usage });
        }
        let (kind, message) = match line.error {
            Some(mut error) => (take(&mut error.kind), take(&mut error.message)),
            None => (None, None),
        };
        let mut kept = Kept::new(MESSAGE_BYTES);
        kept.set(message.as_deref().unwrap_or_default());
        self.ending.terminal = Some(Terminal {
            is_error,
            error_kind: kind.unwrap_or_default().into_owned(),
            message: kept.into_text(),
        });
        let answer = || (!self.answer.is_blank()).then(|| Cow::Owned(self.answer.as_str().to_owned()));
        let text = if is_error { message } else { answer() };
        sink(AgentEvent::Final(FinalResult { is_error, text, usage, ..FinalResult::default() }));
    }
}

fn tool_result<'a>(mut line: Line<'a>, sink: Sink<'_, 'a>) {
    let id = take(&mut line.tool_id).unwrap_or_default();
    let (kind, message) = match line.error {
        Some(mut error) => (take(&mut error.kind), take(&mut error.message)),
        None => (None, None),
    };
    let is_error = words(&line.status) == Some("error");
    let output = match line.output.and_then(|output| output.0) {
        Some(output) => output,
        None => message.clone().unwrap_or_default(),
    };
    if kind.as_deref() == Some("policy_violation") {
        // An id is the tool's name, two underscores and what makes it unique.
        let tool = id.split("__").next().unwrap_or_default().to_owned();
        sink(AgentEvent::Denied { tool: Cow::Owned(tool), reason: message.unwrap_or_default() });
    }
    sink(AgentEvent::ToolResult { id, output, is_error });
}

fn loose<'a>(text: Option<Loose<'a>>) -> Cow<'a, str> {
    text.and_then(|text| text.0).unwrap_or_default()
}
