//! What the model does when it is asked once, in words that fit every protocol. A turn knows nothing
//! of requests or wire formats.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// One turn: an act, how often it is repeated, and a delay before it.
///
/// In JSON: `{"reply": {"text": "hi"}}`, `{"http_error": {"status": 500}, "times": 3}`,
/// `{"hang": null}` or `{"drop_connection": null}`, each with optional `times` and `delay_ms`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Turn {
    #[serde(flatten)]
    act: Act,
    #[serde(default = "once")]
    times: u32,
    /// Milliseconds.
    #[serde(default)]
    delay_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Reply(Reply),
    HttpError(HttpError),
    /// The request is read and never answered.
    Hang,
    /// The connection is closed without one byte of an answer.
    DropConnection,
}

fn once() -> u32 {
    1
}

impl Turn {
    pub fn hang() -> Self {
        Act::Hang.into()
    }

    pub fn drop_connection() -> Self {
        Act::DropConnection.into()
    }

    /// The act is done this often, not once. For a reply it means so many replies in a row; for a
    /// failure, so many attempts that fail.
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The act is repeated without end: the turns after it are never reached.
    pub fn forever(self) -> Self {
        self.times(u32::MAX)
    }

    pub fn delay(self, delay: Duration) -> Self {
        Self { delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), ..self }
    }

    pub fn act(&self) -> &Act {
        &self.act
    }

    pub(crate) fn repeats(&self) -> u32 {
        self.times
    }

    pub(crate) fn delay_before(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// Whether the caller's next request holds this turn as a reply of the model. A failure leaves
    /// no trace there, and neither does a reply that is empty or breaks off.
    pub(crate) fn adds_reply(&self) -> bool {
        match &self.act {
            Act::Reply(reply) => reply.ending == Ending::Complete && !reply.is_empty(),
            Act::HttpError(_) | Act::Hang | Act::DropConnection => false,
        }
    }
}

impl From<Act> for Turn {
    fn from(act: Act) -> Self {
        Self { act, times: 1, delay_ms: 0 }
    }
}

impl From<Reply> for Turn {
    fn from(reply: Reply) -> Self {
        Act::Reply(reply).into()
    }
}

impl From<HttpError> for Turn {
    fn from(error: HttpError) -> Self {
        Act::HttpError(error).into()
    }
}

/// What the model says: thinking, then text, then tool calls; each part is optional.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    pub(crate) thinking: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) tools: Vec<ToolCall>,
    pub(crate) usage: Usage,
    /// The protocol's own word, e.g. Anthropic's `max_tokens`. OpenAI: the reason of an incomplete
    /// response. By default the reply is complete.
    pub(crate) stop: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) ending: Ending,
}

impl Reply {
    /// A reply without content, which is a turn of its own kind: each CLI treats it as a failure.
    pub fn empty() -> Self {
        Self::default()
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::default().and_text(text)
    }

    pub fn tool(call: ToolCall) -> Self {
        Self::default().and_tool(call)
    }

    pub fn thinking(thinking: impl Into<String>) -> Self {
        Self { thinking: Some(thinking.into()), ..Self::default() }
    }

    pub fn and_text(self, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    pub fn and_tool(mut self, call: ToolCall) -> Self {
        self.tools.push(call);
        self
    }

    pub fn usage(self, usage: Usage) -> Self {
        Self { usage, ..self }
    }

    pub fn stop(self, stop: impl Into<String>) -> Self {
        Self { stop: Some(stop.into()), ..self }
    }

    /// Adds a header to the response, such as a rate limit's state.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// The stream stops after the first piece and stays open.
    pub fn hang_mid_stream(self) -> Self {
        Self { ending: Ending::Hang, ..self }
    }

    /// The connection is closed after the first piece.
    pub fn drop_mid_stream(self) -> Self {
        Self { ending: Ending::Drop, ..self }
    }

    /// After the content comes the protocol's error event with this error object.
    pub fn stream_error(self, error: Value) -> Self {
        Self { ending: Ending::Error(error), ..self }
    }

    /// See [`Turn::times`].
    pub fn times(self, times: u32) -> Turn {
        Turn::from(self).times(times)
    }

    /// See [`Turn::forever`].
    pub fn forever(self) -> Turn {
        Turn::from(self).forever()
    }

    fn is_empty(&self) -> bool {
        self.thinking.is_none() && self.text.is_none() && self.tools.is_empty()
    }
}

/// How a reply ends.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    #[default]
    Complete,
    Hang,
    Drop,
    Error(Value),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    pub(crate) name: String,
    /// The call's arguments; for [`ToolKind::Custom`] a JSON string with the free text.
    pub(crate) input: Value,
    #[serde(default)]
    pub(crate) kind: ToolKind,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    #[default]
    Function,
    /// OpenAI only: the input is free text, as for Codex' `apply_patch` and GPT-6's `exec`.
    Custom,
}

impl ToolCall {
    pub fn function(name: impl Into<String>, input: Value) -> Self {
        Self { name: name.into(), input, kind: ToolKind::Function }
    }

    pub fn custom(name: impl Into<String>, input: impl Into<String>) -> Self {
        Self { name: name.into(), input: Value::String(input.into()), kind: ToolKind::Custom }
    }
}

/// Tokens that the reply is said to have used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    pub input: u64,
    /// Read from the cache. OpenAI and Gemini count these within `input`, Anthropic beside it.
    pub cached: u64,
    /// Written to the cache; Anthropic only.
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self { input: 100, cached: 0, cache_write: 0, output: 20, reasoning: 0 }
    }
}

/// An HTTP answer that is not a turn of the model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpError {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// A string is sent as it is, anything else as JSON.
    #[serde(default)]
    pub(crate) body: Value,
}

impl HttpError {
    pub fn new(status: u16) -> Self {
        Self { status, headers: BTreeMap::new(), body: Value::Null }
    }

    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    pub fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    /// See [`Turn::times`].
    pub fn times(self, times: u32) -> Turn {
        Turn::from(self).times(times)
    }

    /// See [`Turn::forever`].
    pub fn forever(self) -> Turn {
        Turn::from(self).forever()
    }
}
