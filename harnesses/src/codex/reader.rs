//! Codex's lines -> events, and its stream -> a summary.
//!
//! A tool call that the sandbox refuses leaves no event at all, and the turn completes all the same. The answer is
//! the last `agent_message`. `error` lines and `error` items are progress or warnings; `turn.failed` is the end.

use std::borrow::Cow;

use agents_domain::agent_event::{AgentEvent, FinalResult};
use agents_domain::harness::{StreamEnd, StreamReader, StreamSummary};
use jiff::tz::TimeZone;

use super::ending::{Ending, Terminal, classify};
use super::wire::{Item, Line};
use crate::ending::{Tally, keep_name};
use crate::json::{take, words};
use crate::kept::{ANSWER_BYTES, Kept, MESSAGE_BYTES, NAME_BYTES, head};
use crate::line::{JsonLines, Sink, UnknownType, read_line};

/// How many tool calls can be open at once. Of more than that, one that ends is counted a second time.
const OPEN_CALLS: usize = 64;

/// Reads one stream of Codex.
#[derive(Debug)]
pub struct CodexReader {
    tally: Tally,
    ending: Ending,
    /// The ids of the calls that have started and not ended.
    open_calls: Vec<String>,
    answer: Kept,
    zone: TimeZone,
}

impl CodexReader {
    /// A reader; Codex prints reset times in `zone`, the zone of the system it runs on.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            tally: Tally::default(),
            ending: Ending::default(),
            open_calls: Vec::new(),
            answer: Kept::new(ANSWER_BYTES),
            zone,
        }
    }
}

impl StreamReader for CodexReader {
    fn line<'a>(&mut self, line: &'a [u8], sink: &mut dyn FnMut(AgentEvent<'a>)) {
        read_line(self, line, sink);
    }

    fn overlong_line(&mut self, _head: &[u8], _total_bytes: u64) {
        self.tally.overlong();
    }

    fn finish(self: Box<Self>, end: &StreamEnd<'_>) -> StreamSummary {
        let outcome = classify(self.ending, self.answer, &self.tally, end, &self.zone);
        self.tally.into_summary(outcome)
    }
}

impl JsonLines for CodexReader {
    type Line<'a> = Line<'a>;

    fn is_known(kind: &str) -> bool {
        matches!(
            kind,
            "thread.started"
                | "turn.started"
                | "turn.completed"
                | "turn.failed"
                | "item.started"
                | "item.updated"
                | "item.completed"
                | "error"
        )
    }

    fn unreadable(&mut self, kind: Option<&str>) {
        self.tally.unreadable(kind);
        self.ending.saw_line = true;
        if matches!(kind, Some("turn.completed" | "turn.failed")) {
            self.ending.unreadable_result = true;
        }
    }

    fn take<'a>(&mut self, mut line: Line<'a>, sink: Sink<'_, 'a>) -> Result<(), UnknownType> {
        self.ending.saw_line = true;
        match words(&line.kind) {
            Some("thread.started") => {
                keep_name(&mut self.tally.session_id, words(&line.thread_id));
                sink(AgentEvent::Started {
                    session_id: take(&mut line.thread_id),
                    model: None,
                    cli_version: None,
                });
            }
            Some("turn.started") => {
                self.ending.terminal = None;
                self.ending.turn_began = true;
            }
            Some("item.started") => return self.item(line.item, false, sink),
            Some("item.completed") => return self.item(line.item, true, sink),
            // The same item comes again when it is completed.
            Some("item.updated") => {}
            Some("error") => self.error(take(&mut line.message).unwrap_or_default(), sink),
            Some("turn.completed") => self.completed(line, sink),
            Some("turn.failed") => {
                let message = line.error.map(|error| error.0).unwrap_or_default();
                let mut kept = Kept::new(MESSAGE_BYTES);
                kept.set(&message);
                self.ending.terminal = Some(Terminal::Failed(kept.into_text()));
                sink(AgentEvent::Final(FinalResult {
                    is_error: true,
                    text: Some(message),
                    ..FinalResult::default()
                }));
            }
            Some(_) | None => return Err(UnknownType),
        }
        Ok(())
    }
}

impl CodexReader {
    fn item<'a>(
        &mut self,
        item: Option<Item<'a>>,
        is_over: bool,
        sink: Sink<'_, 'a>,
    ) -> Result<(), UnknownType> {
        let Some(mut item) = item else { return Err(UnknownType) };
        match words(&item.kind) {
            Some("agent_message") if is_over => {
                let text = take(&mut item.text).unwrap_or_default();
                self.answer.set(&text);
                sink(AgentEvent::Text { text, delta: false });
            }
            Some("reasoning") if is_over => {
                sink(AgentEvent::Thinking { text: take(&mut item.text).unwrap_or_default() });
            }
            Some("error") if is_over => {
                sink(AgentEvent::Notice { text: take(&mut item.message).unwrap_or_default() });
            }
            Some("agent_message" | "reasoning" | "error" | "todo_list") => {}
            Some("command_execution" | "file_change" | "mcp_tool_call" | "web_search") => {
                self.tool(item, is_over, sink);
            }
            Some(_) | None => return Err(UnknownType),
        }
        Ok(())
    }

    fn tool<'a>(&mut self, mut item: Item<'a>, is_over: bool, sink: Sink<'_, 'a>) {
        let id = take(&mut item.id).unwrap_or_default();
        let open = self.open_calls.iter().position(|open| *open == id);
        if open.is_none() {
            self.tally.tool_call();
            sink(AgentEvent::ToolCall {
                id: id.clone(),
                name: tool_name(&item),
                input: Cow::Borrowed(input(&item)),
            });
        }
        if !is_over {
            if open.is_none() {
                if self.open_calls.len() == OPEN_CALLS {
                    self.open_calls.remove(0);
                }
                self.open_calls.push(head(&id, NAME_BYTES).to_owned());
            }
            return;
        }
        if let Some(open) = open {
            self.open_calls.remove(open);
        }
        let is_error = matches!(words(&item.status), Some("failed" | "declined"));
        let output = output(&mut item);
        if words(&item.status) == Some("declined") {
            sink(AgentEvent::Denied { tool: tool_name(&item), reason: output.clone() });
        }
        sink(AgentEvent::ToolResult { id, output, is_error });
    }

    fn error<'a>(&mut self, message: Cow<'a, str>, sink: Sink<'_, 'a>) {
        match reconnecting(&message) {
            Some((attempt, max)) => {
                self.ending.last_error = None;
                sink(AgentEvent::Retry { attempt, max: Some(max), wait_ms: None, reason: message });
            }
            None => {
                let mut kept = Kept::new(MESSAGE_BYTES);
                kept.set(&message);
                self.ending.last_error = Some(kept.into_text());
                sink(AgentEvent::Notice { text: message });
            }
        }
    }

    fn completed<'a>(&mut self, line: Line<'a>, sink: Sink<'_, 'a>) {
        self.ending.terminal = Some(Terminal::Completed);
        let usage = line.usage.map(|usage| usage.tokens());
        if let Some(usage) = usage {
            self.tally.usage = Some(usage);
            sink(AgentEvent::Usage { usage });
        }
        sink(AgentEvent::Final(FinalResult {
            text: (!self.answer.is_blank()).then(|| Cow::Owned(self.answer.as_str().to_owned())),
            usage,
            ..FinalResult::default()
        }));
    }
}

/// What a call is called: an MCP tool by its server and name, everything else by the kind of the item.
fn tool_name<'a>(item: &Item<'a>) -> Cow<'a, str> {
    match (words(&item.kind), words(&item.server), words(&item.tool)) {
        (Some("mcp_tool_call"), Some(server), Some(tool)) => Cow::Owned(format!("{server}.{tool}")),
        (Some("command_execution"), _, _) => Cow::Borrowed("command_execution"),
        (Some("file_change"), _, _) => Cow::Borrowed("file_change"),
        (Some("web_search"), _, _) => Cow::Borrowed("web_search"),
        (_, _, _) => Cow::Borrowed("mcp_tool_call"),
    }
}

fn input<'a>(item: &Item<'a>) -> &'a str {
    item.command.or(item.changes).or(item.arguments).or(item.query).map_or("{}", |input| input.get())
}

fn output<'a>(item: &mut Item<'a>) -> Cow<'a, str> {
    take(&mut item.aggregated_output)
        .or_else(|| item.error.take().map(|error| error.0))
        .or_else(|| item.result.map(|result| Cow::Borrowed(result.get())))
        .unwrap_or_default()
}

/// `Reconnecting... 2/5 (…)` is progress: the attempt and how many there can be.
fn reconnecting(message: &str) -> Option<(u32, u32)> {
    let counts = message.strip_prefix("Reconnecting... ")?.split_whitespace().next()?;
    let (attempt, max) = counts.split_once('/')?;
    Some((attempt.parse().ok()?, max.parse().ok()?))
}
