//! Claude Code's lines -> events, and its stream -> a summary.
//!
//! One reply is one `assistant` line per block; a run can have several turns, each with its `init` and `result`,
//! and the last `result` counts. What a sub-agent says is shown and never becomes the answer.

use std::borrow::Cow;

use agents_domain::agent_event::{AgentEvent, FinalResult, RateLimitStatus};
use agents_domain::harness::{StreamEnd, StreamReader, StreamSummary};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::{MicroUsd, TokenUsage};
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use super::ending::{ApiFailure, Ending, Terminal, classify};
use super::wire::{Block, Body, Content, Line, Message, RateLimit};
use crate::ending::{Tally, keep_name, sum};
use crate::json::{Loose, Text, decode, take, words};
use crate::kept::{ANSWER_BYTES, Kept, MESSAGE_BYTES};
use crate::line::{JsonLines, Sink, UnknownType, read_line};

/// How many replies can be under way at once: the main agent's and its sub-agents'. More than that are counted
/// twice at worst, and the next `result` corrects it.
const OPEN_REPLIES: usize = 32;

/// How Claude Code begins the note that a person stopped it. It stands in a `user` line outside of any tool result,
/// where neither the model nor a tool can write.
const INTERRUPTED: &str = "[Request interrupted by user";

/// Reads one stream of Claude Code.
#[derive(Debug)]
pub struct ClaudeReader {
    tally: Tally,
    ending: Ending,
    /// Tokens of the turns that have their `result`.
    settled: Option<TokenUsage>,
    /// Tokens of each reply of the open turn: every block of a reply repeats the reply's usage.
    replies: Vec<(String, TokenUsage)>,
    /// Tokens of the open turn's replies that are no longer in `replies`.
    earlier_replies: TokenUsage,
    last_text: Kept,
    zone: TimeZone,
}

impl ClaudeReader {
    /// A reader; the words of Claude Code tell reset times in `zone`, the zone of the system it runs on.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            tally: Tally::default(),
            ending: Ending::default(),
            settled: None,
            replies: Vec::new(),
            earlier_replies: TokenUsage::default(),
            last_text: Kept::new(ANSWER_BYTES),
            zone,
        }
    }
}

impl StreamReader for ClaudeReader {
    fn line<'a>(&mut self, line: &'a [u8], sink: &mut dyn FnMut(AgentEvent<'a>)) {
        read_line(self, line, sink);
    }

    fn overlong_line(&mut self, _head: &[u8], _total_bytes: u64) {
        self.tally.overlong();
    }

    fn is_hopeless(&self) -> bool {
        self.ending.is_refused()
    }

    fn finish(mut self: Box<Self>, end: &StreamEnd<'_>) -> StreamSummary {
        self.tally.usage = self.usage();
        if let Some(terminal) = &mut self.ending.terminal {
            if terminal.text.is_blank() && !terminal.is_error {
                terminal.text = self.last_text;
            }
            self.tally.structured = terminal.structured.take();
        }
        let outcome = classify(self.ending, &self.tally, end, &self.zone);
        self.tally.into_summary(outcome)
    }
}

impl JsonLines for ClaudeReader {
    type Line<'a> = Line<'a>;

    fn is_known(kind: &str) -> bool {
        matches!(
            kind,
            "system"
                | "assistant"
                | "user"
                | "result"
                | "rate_limit_event"
                | "stream_event"
                | "control_request"
                | "control_response"
                | "control_cancel_request"
                | "keep_alive"
        )
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
            Some("system") => return self.system(line, sink),
            Some("assistant") => self.assistant(line, sink),
            Some("user") => self.user(line, sink),
            Some("result") => self.result(line, sink),
            Some("rate_limit_event") => {
                if let Some(limit) = line.rate_limit_info.take() {
                    self.rate_limit(limit, sink);
                }
            }
            // Pieces of what comes as a whole line later, and the control channel, which is not used here.
            Some(
                "stream_event"
                | "control_request"
                | "control_response"
                | "control_cancel_request"
                | "keep_alive",
            ) => {}
            Some(_) | None => return Err(UnknownType),
        }
        Ok(())
    }
}

impl ClaudeReader {
    fn system<'a>(&mut self, mut line: Line<'a>, sink: Sink<'_, 'a>) -> Result<(), UnknownType> {
        match words(&line.subtype) {
            Some("init") => self.init(line, sink),
            Some("api_retry") => self.retry(line, sink),
            Some("permission_denied") => {
                let tool = take(&mut line.tool_name).unwrap_or_default();
                let reason = match line.message {
                    Some(Body::Words(words)) => words,
                    Some(Body::Message(_)) | None => Cow::Borrowed(""),
                };
                sink(AgentEvent::Denied { tool, reason });
            }
            Some("model_fallback") => {
                keep_name(&mut self.tally.model, words(&line.fallback_model));
                notice(line.content, sink);
            }
            Some("informational" | "model_refusal_no_fallback") => notice(line.content, sink),
            Some("compact_boundary") => {
                sink(AgentEvent::Notice {
                    text: Cow::Borrowed("the conversation was shortened to fit the model"),
                });
            }
            // States of things that have events of their own, or that concern a screen only.
            Some(
                "status"
                | "thinking_tokens"
                | "hook_started"
                | "hook_progress"
                | "hook_response"
                | "ui_invalidate"
                | "task_started"
                | "task_progress"
                | "task_updated"
                | "task_notification"
                | "background_tasks_changed"
                | "session_state_changed"
                | "files_persisted",
            ) => {}
            Some(_) | None => return Err(UnknownType),
        }
        Ok(())
    }

    fn init<'a>(&mut self, mut line: Line<'a>, sink: Sink<'_, 'a>) {
        self.ending.turn_is_open = true;
        let model = line.model.and_then(|model| model.0);
        keep_name(&mut self.tally.session_id, words(&line.session_id));
        keep_name(&mut self.tally.model, model.as_deref());
        keep_name(&mut self.tally.cli_version, words(&line.claude_code_version));
        sink(AgentEvent::Started {
            session_id: take(&mut line.session_id),
            model,
            cli_version: take(&mut line.claude_code_version),
        });
    }

    fn retry<'a>(&mut self, line: Line<'a>, sink: Sink<'_, 'a>) {
        let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let attempt = small(line.attempt.unwrap_or_default().0);
        let error = line.error.and_then(|error| error.0);
        let is_auth = error.as_deref() == Some("authentication_failed");
        self.ending.refusals = if is_auth { attempt } else { 0 };
        let reason = match (error, line.error_status) {
            (Some(error), Some(status)) => Cow::Owned(format!("{error} ({})", status.0)),
            (Some(error), None) if error != "unknown" => error,
            // No status: there was no answer at all.
            (Some(_) | None, None) => Cow::Borrowed("no connection"),
            (None, Some(status)) => Cow::Owned(status.0.to_string()),
        };
        self.ending.last_retry = Some(reason.clone().into_owned());
        sink(AgentEvent::Retry {
            attempt,
            max: line.max_retries.map(|count| small(count.0)),
            wait_ms: line.retry_delay_ms.map(|count| count.0),
            reason,
        });
    }

    fn assistant<'a>(&mut self, mut line: Line<'a>, sink: Sink<'_, 'a>) {
        let is_main = line.parent_tool_use_id.is_none();
        let failure = ApiFailure::of(&line);
        let Some(Body::Message(message)) = line.message.take() else { return };
        if let Some(failure) = failure {
            self.ending.api_failure = Some(failure);
            // The CLI speaks here, not the agent; the `result` line repeats the words.
            each_text(message.content, &mut |text| sink(AgentEvent::Notice { text }));
            return;
        }
        self.ending.last_retry = None;
        self.ending.refusals = 0;
        let usage = self.reply_usage(&message);
        match message.content {
            Some(Content::Words(text)) => self.say(text, is_main, sink),
            Some(Content::Blocks(blocks)) => {
                for block in blocks {
                    self.block(block, is_main, sink);
                }
            }
            None => {}
        }
        if let Some(usage) = usage {
            sink(AgentEvent::Usage { usage });
        }
    }

    fn block<'a>(&mut self, mut block: Block<'a>, is_main: bool, sink: Sink<'_, 'a>) {
        match words(&block.kind) {
            Some("text") => {
                if let Some(text) = take(&mut block.text) {
                    self.say(text, is_main, sink);
                }
            }
            Some("thinking") => {
                if let Some(text) = take(&mut block.thinking).filter(|text| !text.is_empty()) {
                    sink(AgentEvent::Thinking { text });
                }
            }
            Some("tool_use" | "server_tool_use" | "mcp_tool_use") => {
                self.tally.tool_call();
                sink(AgentEvent::ToolCall {
                    id: take(&mut block.id).unwrap_or_default(),
                    name: take(&mut block.name).unwrap_or_default(),
                    input: Cow::Borrowed(block.input.map_or("{}", |input| input.get())),
                });
            }
            // Redacted thinking and kinds to come have nothing to show.
            Some(_) | None => {}
        }
    }

    fn say<'a>(&mut self, text: Cow<'a, str>, is_main: bool, sink: Sink<'_, 'a>) {
        if is_main {
            self.last_text.set(&text);
        }
        sink(AgentEvent::Text { text, delta: false });
    }

    fn user<'a>(&mut self, line: Line<'a>, sink: Sink<'_, 'a>) {
        let Some(Body::Message(message)) = line.message else { return };
        let blocks = match message.content {
            Some(Content::Blocks(blocks)) => blocks,
            Some(Content::Words(_)) | None => return,
        };
        for mut block in blocks {
            match words(&block.kind) {
                Some("tool_result") => sink(AgentEvent::ToolResult {
                    id: take(&mut block.tool_use_id).unwrap_or_default(),
                    output: tool_output(block.content),
                    is_error: block.is_error.unwrap_or(false),
                }),
                Some("text") if words(&block.text).is_some_and(|text| text.starts_with(INTERRUPTED)) => {
                    self.ending.interrupted = true;
                }
                // Words that the CLI puts into the conversation, and kinds to come.
                Some(_) | None => {}
            }
        }
    }

    fn rate_limit<'a>(&mut self, mut limit: RateLimit<'a>, sink: Sink<'_, 'a>) {
        let status = match words(&limit.status) {
            Some("rejected") => RateLimitStatus::Rejected,
            Some("allowed_warning") => RateLimitStatus::Warning,
            Some(_) | None => RateLimitStatus::Allowed,
        };
        let resets_at =
            limit.resets_at.and_then(|seconds| i64::try_from(seconds.0).ok()).map(Timestamp::from_seconds);
        if status == RateLimitStatus::Rejected {
            self.ending.rejected = Some(resets_at);
        }
        sink(AgentEvent::RateLimit { status, kind: take(&mut limit.kind), resets_at });
    }

    fn result<'a>(&mut self, mut line: Line<'a>, sink: Sink<'_, 'a>) {
        let usage = match (&line.model_usage, &line.usage) {
            (Some(models), _) if models.0 != TokenUsage::default() => Some(models.0),
            (_, Some(usage)) => Some(usage.tokens()),
            (Some(models), None) => Some(models.0),
            (None, None) => None,
        };
        self.settle(usage);
        let cost = line.total_cost_usd.or(line.cost_usd).and_then(MicroUsd::from_dollars);
        if cost.is_some() {
            self.tally.cost = cost;
        }
        let terminal = Terminal::of(&line);
        if !terminal.is_error {
            keep_name(&mut self.tally.session_id, words(&line.session_id));
        }
        sink(AgentEvent::Final(FinalResult {
            is_error: terminal.is_error,
            text: take(&mut line.result).or_else(|| Some(joined(line.errors.take()?))),
            structured: line.structured_output.map(|json| Cow::Borrowed(json.get())),
            usage,
            cost,
            turns: line.num_turns.map(|turns| u32::try_from(turns.0).unwrap_or(u32::MAX)),
        }));
        self.ending.terminal = Some(terminal);
        self.ending.turn_is_open = false;
    }

    /// Notes the usage of the reply that this message is a piece of, and returns that of the whole attempt.
    fn reply_usage(&mut self, message: &Message<'_>) -> Option<TokenUsage> {
        let usage = message.usage.as_ref()?.tokens();
        let id = words(&message.id)?;
        match self.replies.iter_mut().find(|(known, _)| known == id) {
            Some((_, known)) if *known == usage => return None,
            Some((_, known)) => *known = usage,
            None => {
                if self.replies.len() == OPEN_REPLIES {
                    let (_, oldest) = self.replies.remove(0);
                    self.earlier_replies = sum(self.earlier_replies, oldest);
                }
                self.replies.push((crate::kept::head(id, crate::kept::NAME_BYTES).to_owned(), usage));
            }
        }
        self.usage()
    }

    /// The turn is over: its `result` tells what it used.
    fn settle(&mut self, turn: Option<TokenUsage>) {
        let turn = turn.or_else(|| self.open_turn());
        self.replies.clear();
        self.earlier_replies = TokenUsage::default();
        if let Some(turn) = turn {
            self.settled = Some(sum(self.settled.unwrap_or_default(), turn));
        }
    }

    fn open_turn(&self) -> Option<TokenUsage> {
        let open = self.replies.iter().fold(self.earlier_replies, |total, (_, usage)| sum(total, *usage));
        (!self.replies.is_empty()).then_some(open)
    }

    fn usage(&self) -> Option<TokenUsage> {
        match (self.settled, self.open_turn()) {
            (Some(settled), Some(open)) => Some(sum(settled, open)),
            (settled, open) => settled.or(open),
        }
    }
}

fn notice<'a>(content: Option<Loose<'a>>, sink: Sink<'_, 'a>) {
    if let Some(text) = content.and_then(|content| content.0).filter(|text| !text.is_empty()) {
        sink(AgentEvent::Notice { text });
    }
}

fn each_text<'a>(content: Option<Content<'a>>, say: &mut dyn FnMut(Cow<'a, str>)) {
    match content {
        Some(Content::Words(text)) => say(text),
        Some(Content::Blocks(blocks)) => {
            blocks.into_iter().filter_map(|block| block.text).for_each(|Text(text)| say(text));
        }
        None => {}
    }
}

/// What a tool answered: its words, without copying where it is one piece. Other forms are shown as they are.
fn tool_output<'a>(content: Option<&'a RawValue>) -> Cow<'a, str> {
    let Some(raw) = content else { return Cow::Borrowed("") };
    if let Some(words) = decode(raw) {
        return words;
    }
    let Ok(content) = serde_json::from_str::<Content<'a>>(raw.get()) else { return Cow::Borrowed(raw.get()) };
    let mut output = Cow::Borrowed("");
    each_text(Some(content), &mut |text| {
        if output.is_empty() {
            output = text;
        } else {
            let joined = output.to_mut();
            joined.push('\n');
            joined.push_str(&text);
        }
    });
    output
}

/// The messages of a result that failed, in one text.
pub(super) fn joined<'a>(errors: Vec<Loose<'a>>) -> Cow<'a, str> {
    let mut kept = Kept::new(MESSAGE_BYTES);
    for (index, error) in errors.into_iter().filter_map(|error| error.0).enumerate() {
        if index > 0 {
            kept.push("\n");
        }
        kept.push(&error);
    }
    Cow::Owned(kept.into_text())
}
