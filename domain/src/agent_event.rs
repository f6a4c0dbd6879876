//! What an agent CLI says while it works, in one form for every CLI.
//!
//! Events borrow from the line they were read from: nothing is copied unless a reader keeps it.

use std::borrow::Cow;

use crate::timestamp::Timestamp;
use crate::usage::{MicroUsd, TokenUsage};

/// One thing that an agent CLI said.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentEvent<'a> {
    /// The session began, or began another turn. Fields are `None` where the CLI does not tell them.
    Started {
        session_id: Option<Cow<'a, str>>,
        model: Option<Cow<'a, str>>,
        cli_version: Option<Cow<'a, str>>,
    },
    /// Words for the reader. `delta`: a piece to be joined to the one before.
    Text { text: Cow<'a, str>, delta: bool },
    /// Reasoning that the CLI shows.
    Thinking { text: Cow<'a, str> },
    /// A tool is called; `input` is JSON text as the CLI printed it.
    ToolCall { id: Cow<'a, str>, name: Cow<'a, str>, input: Cow<'a, str> },
    /// A tool answered. `output` is what the CLI shows of the answer.
    ToolResult { id: Cow<'a, str>, output: Cow<'a, str>, is_error: bool },
    /// Tokens used so far. A later event replaces an earlier one.
    Usage { usage: TokenUsage },
    /// The CLI tries its model again by itself.
    Retry { attempt: u32, max: Option<u32>, wait_ms: Option<u64>, reason: Cow<'a, str> },
    /// What the provider says of its limits.
    RateLimit { status: RateLimitStatus, kind: Option<Cow<'a, str>>, resets_at: Option<Timestamp> },
    /// A tool call was refused by the CLI's permissions.
    Denied { tool: Cow<'a, str>, reason: Cow<'a, str> },
    /// The CLI warns or tells of its own state; not the agent's words.
    Notice { text: Cow<'a, str> },
    /// The terminal event of a turn. The last one of a stream counts.
    Final(FinalResult<'a>),
    /// A line that is not understood: kept as it is, and never a reason to stop.
    Unrecognized { line: Cow<'a, str>, why: Unrecognized },
}

impl AgentEvent<'_> {
    /// The same event with its own copy of what it borrowed.
    pub fn into_owned(self) -> AgentEvent<'static> {
        match self {
            AgentEvent::Started { session_id, model, cli_version } => AgentEvent::Started {
                session_id: session_id.map(owned),
                model: model.map(owned),
                cli_version: cli_version.map(owned),
            },
            AgentEvent::Text { text, delta } => AgentEvent::Text { text: owned(text), delta },
            AgentEvent::Thinking { text } => AgentEvent::Thinking { text: owned(text) },
            AgentEvent::ToolCall { id, name, input } => {
                AgentEvent::ToolCall { id: owned(id), name: owned(name), input: owned(input) }
            }
            AgentEvent::ToolResult { id, output, is_error } => {
                AgentEvent::ToolResult { id: owned(id), output: owned(output), is_error }
            }
            AgentEvent::Usage { usage } => AgentEvent::Usage { usage },
            AgentEvent::Retry { attempt, max, wait_ms, reason } => {
                AgentEvent::Retry { attempt, max, wait_ms, reason: owned(reason) }
            }
            AgentEvent::RateLimit { status, kind, resets_at } => {
                AgentEvent::RateLimit { status, kind: kind.map(owned), resets_at }
            }
            AgentEvent::Denied { tool, reason } => {
                AgentEvent::Denied { tool: owned(tool), reason: owned(reason) }
            }
            AgentEvent::Notice { text } => AgentEvent::Notice { text: owned(text) },
            AgentEvent::Final(result) => AgentEvent::Final(FinalResult {
                is_error: result.is_error,
                text: result.text.map(owned),
                structured: result.structured.map(owned),
                usage: result.usage,
                cost: result.cost,
                turns: result.turns,
            }),
            AgentEvent::Unrecognized { line, why } => AgentEvent::Unrecognized { line: owned(line), why },
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

/// Why a line was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecognized {
    /// It is not a JSON object.
    NotJson,
    /// A type this reader has never heard of. Harmless.
    UnknownType,
    /// A type this reader knows, with a body it could not read. This may hide something that mattered.
    BadBody,
    /// Longer than the cap on lines; the rest of it was passed over.
    TooLong,
}

/// The state of a provider's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimitStatus {
    Allowed,
    /// Near the limit; work goes on.
    Warning,
    /// The limit is reached.
    Rejected,
}

/// The terminal event of a turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FinalResult<'a> {
    /// Whether the CLI says that the turn ended in an error.
    pub is_error: bool,
    /// The answer. `None` where the CLI's terminal event carries none (the reader fills in the last text).
    pub text: Option<Cow<'a, str>>,
    /// The structured answer, as JSON text, where the CLI validated one against a schema.
    pub structured: Option<Cow<'a, str>>,
    pub usage: Option<TokenUsage>,
    /// What this session has cost so far. It continues from the session's total when the session is resumed.
    pub cost: Option<MicroUsd>,
    pub turns: Option<u32>,
}
