//! One line of a call.

use std::collections::BTreeMap;

use agents_domain::usage::TokenUsage;
use serde::{Deserialize, Serialize};

/// One line of a call. `Result` and `Failed` are the ends; the last one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Saying {
    /// What is about to be asked, and whom.
    Start {
        target: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// A server has answered.
    Response {
        status: u16,
        headers: BTreeMap<String, String>,
        /// Of the body: how many there were in all, kept or not.
        bytes: u64,
    },
    /// A piece of the answer.
    Text { text: String },
    /// A piece of the reasoning that the model shows.
    Thinking { text: String },
    /// Tokens so far.
    Usage { usage: Tokens },
    /// Something to know that is no failure.
    Notice { text: String },
    /// The answer.
    Result {
        text: String,
        /// The answer as JSON text, if a schema was asked for; it has been held against it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        structured: Option<String>,
    },
    /// There is no answer.
    Failed {
        /// The name of the outcome class.
        class: String,
        text: String,
        /// When the limit is over, in milliseconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resets_at: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fix: Option<String>,
    },
}

impl Saying {
    /// The names on the wire.
    pub(crate) const KINDS: [&'static str; 8] =
        ["start", "response", "text", "thinking", "usage", "notice", "result", "failed"];

    /// Whether the call has ended with it.
    pub fn is_end(&self) -> bool {
        match self {
            Saying::Result { .. } | Saying::Failed { .. } => true,
            Saying::Start { .. }
            | Saying::Response { .. }
            | Saying::Text { .. }
            | Saying::Thinking { .. }
            | Saying::Usage { .. }
            | Saying::Notice { .. } => false,
        }
    }
}

/// Tokens, as [`TokenUsage`] counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tokens {
    pub input: u64,
    pub cached: u64,
    pub written: u64,
    pub output: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
}

impl Tokens {
    /// For the wire.
    pub fn new(usage: TokenUsage) -> Self {
        let TokenUsage { input, cached, written, output, reasoning } = usage;
        Self { input, cached, written, output, reasoning }
    }

    /// As everywhere else.
    pub fn usage(self) -> TokenUsage {
        let Self { input, cached, written, output, reasoning } = self;
        TokenUsage { input, cached, written, output, reasoning }
    }
}
