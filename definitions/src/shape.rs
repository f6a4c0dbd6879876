//! What each worker can be told: its keys, what they hold, and where texts among them stand.

use crate::definition::Worker;
use crate::place::Spot;

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Text(Spot),
    /// A list of texts.
    Texts(Spot),
    /// Texts by name.
    Table(Spot),
    /// One of these words, without templates.
    Word(&'static [&'static str]),
    /// A whole number, of this at least.
    Count(u64),
    Number,
    /// A whole number, or a list of them.
    Codes,
    /// Statuses and classes of them.
    Statuses,
    /// Anything, with templates in its texts.
    Body,
    /// Anything, as it is.
    Json,
}

/// A key, what it holds, and whether it must be there.
pub struct Field {
    pub key: &'static str,
    pub shape: Shape,
    pub is_needed: bool,
}

const fn field(key: &'static str, shape: Shape) -> Field {
    Field { key, shape, is_needed: false }
}

const fn needed(key: &'static str, shape: Shape) -> Field {
    Field { key, shape, is_needed: true }
}

static EXEC: [Field; 7] = [
    field("command", Shape::Text(Spot::Line)),
    field("argv", Shape::Texts(Spot::Plain)),
    field("shell", Shape::Word(&["bash", "sh", "pwsh", "cmd", "none"])),
    field("cwd", Shape::Text(Spot::Plain)),
    field("env", Shape::Table(Spot::Variable)),
    field("input", Shape::Text(Spot::Plain)),
    field("successExitCodes", Shape::Codes),
];

static HTTP: [Field; 9] = [
    field("method", Shape::Word(&["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"])),
    needed("url", Shape::Text(Spot::Url)),
    field("headers", Shape::Table(Spot::Header)),
    field("body", Shape::Body),
    field("expectedStatus", Shape::Statuses),
    field("maxResponseBytes", Shape::Count(1)),
    field("followRedirects", Shape::Count(0)),
    field("timeoutMs", Shape::Count(1)),
    field("retry", Shape::Word(&["auto", "always", "never"])),
];

static AI: [Field; 8] = [
    needed("provider", Shape::Text(Spot::Plain)),
    needed("prompt", Shape::Text(Spot::Plain)),
    field("system", Shape::Text(Spot::Plain)),
    field("model", Shape::Text(Spot::Plain)),
    field("maxTokens", Shape::Count(1)),
    field("temperature", Shape::Number),
    field("schema", Shape::Json),
    field("mock", Shape::Json),
];

static SKILL: [Field; 5] = [
    needed("skill", Shape::Text(Spot::Plain)),
    field("action", Shape::Text(Spot::Plain)),
    field("params", Shape::Body),
    field("harness", Shape::Text(Spot::Plain)),
    field("model", Shape::Text(Spot::Plain)),
];

static AGENT: [Field; 3] = [
    needed("prompt", Shape::Text(Spot::Plain)),
    field("harness", Shape::Text(Spot::Plain)),
    field("model", Shape::Text(Spot::Plain)),
];

/// What that worker can be told.
pub fn fields(worker: Worker) -> &'static [Field] {
    match worker {
        Worker::Exec => &EXEC,
        Worker::Http => &HTTP,
        Worker::Ai => &AI,
        Worker::Skill => &SKILL,
        Worker::Agent => &AGENT,
    }
}

/// The fields of that worker by their names.
pub fn names(worker: Worker) -> Vec<String> {
    fields(worker).iter().map(|field| field.key.to_owned()).collect()
}
