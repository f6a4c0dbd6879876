//! JSON lines as `codex exec --json` prints them (0.169.0).

use std::borrow::Cow;
use std::fmt;

use agents_domain::usage::TokenUsage;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Count, Text, wire};

wire! {
    /// One line; which fields are there depends on `kind`.
    Line {
        kind = "type": Text<'a>,
        /// Of `thread.started`; also the session's id.
        thread_id = "thread_id": Text<'a>,
        /// Of `item.started`, `item.updated` and `item.completed`.
        item = "item": Item<'a>,
        /// Of `turn.completed`.
        usage = "usage": Usage<'a>,
        /// Of `turn.failed`.
        error = "error": Failure<'a>,
        /// Of `error`.
        message = "message": Text<'a>,
    }
}

wire! {
    /// A thing that happened in a turn; which fields are there depends on `kind`. A web search has two keys `id`.
    Item {
        id = "id": Text<'a>,
        kind = "type": Text<'a>,
        text = "text": Text<'a>,
        message = "message": Text<'a>,
        status = "status": Text<'a>,
        /// Of `command_execution`.
        command = "command": &'a RawValue,
        aggregated_output = "aggregated_output": Text<'a>,
        /// Of `file_change`.
        changes = "changes": &'a RawValue,
        /// Of `mcp_tool_call`.
        server = "server": Text<'a>,
        tool = "tool": Text<'a>,
        arguments = "arguments": &'a RawValue,
        result = "result": &'a RawValue,
        error = "error": Failure<'a>,
        /// Of `web_search`.
        query = "query": &'a RawValue,
    }
}

wire! {
    /// Tokens of the whole thread. What was read from the cache is part of `input_tokens`.
    Usage {
        input_tokens = "input_tokens": Count,
        cached_input_tokens = "cached_input_tokens": Count,
        cache_write_input_tokens = "cache_write_input_tokens": Count,
        output_tokens = "output_tokens": Count,
        reasoning_output_tokens = "reasoning_output_tokens": Count,
    }
}

wire! {
    /// The object form of an error.
    FailureBody { message = "message": Text<'a>, }
}

/// What went wrong, in words.
#[derive(Debug)]
pub(crate) struct Failure<'a>(pub(crate) Cow<'a, str>);

impl Usage<'_> {
    /// In the form that is the same for every CLI.
    pub(crate) fn tokens(&self) -> TokenUsage {
        let count = |count: Option<Count>| count.unwrap_or_default().0;
        TokenUsage {
            input: count(self.input_tokens),
            cached: count(self.cached_input_tokens),
            written: count(self.cache_write_input_tokens),
            output: count(self.output_tokens),
            reasoning: self.reasoning_output_tokens.map(|count| count.0),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Failure<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Failure<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an error or words")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Failure<'de>, E> {
                Ok(Failure(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Failure<'de>, E> {
                Ok(Failure(Cow::Owned(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Failure<'de>, A::Error> {
                let body = FailureBody::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Failure(body.message.map_or(Cow::Borrowed(""), |message| message.0)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
