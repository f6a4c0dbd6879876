//! JSON lines as Claude Code prints them with `--output-format stream-json` (2.1.329, and the older form, whose
//! result has `cost_usd` and no `is_error`).

use std::borrow::Cow;
use std::fmt;

use agents_domain::usage::TokenUsage;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::ending::sum;
use crate::json::{Count, Loose, Text, wire};

wire! {
    /// One line; which fields are there depends on `kind` and `subtype`.
    Line {
        kind = "type": Text<'a>,
        subtype = "subtype": Text<'a>,
        session_id = "session_id": Text<'a>,
        /// Of `system/init`.
        model = "model": Loose<'a>,
        claude_code_version = "claude_code_version": Text<'a>,
        /// Not null: a sub-agent speaks.
        parent_tool_use_id = "parent_tool_use_id": Text<'a>,
        /// Of `assistant` and `user`; words in `system/permission_denied`.
        message = "message": Body<'a>,
        /// Of a synthetic `assistant` that tells of an API error, and of `system/api_retry`.
        error = "error": Loose<'a>,
        is_api_error_message = "is_api_error_message": bool,
        api_error_status = "api_error_status": Count,
        api_error = "api_error": Text<'a>,
        /// Of `result`.
        is_error = "is_error": bool,
        result = "result": Text<'a>,
        errors = "errors": Vec<Loose<'a>>,
        num_turns = "num_turns": Count,
        stop_reason = "stop_reason": Text<'a>,
        terminal_reason = "terminal_reason": Text<'a>,
        startup_failure_reason = "startup_failure_reason": Text<'a>,
        /// US dollars, the session's total.
        total_cost_usd = "total_cost_usd": f64,
        /// The same in the older form.
        cost_usd = "cost_usd": f64,
        /// Of the turn, sub-agents not counted.
        usage = "usage": Usage<'a>,
        /// Of the turn, sub-agents counted.
        model_usage = "model_usage_since_last_result": ModelUsage,
        structured_output = "structured_output": &'a RawValue,
        /// Of `system/api_retry`.
        attempt = "attempt": Count,
        max_retries = "max_retries": Count,
        retry_delay_ms = "retry_delay_ms": Count,
        error_status = "error_status": Count,
        rate_limit_info = "rate_limit_info": RateLimit<'a>,
        /// Of `system/permission_denied`.
        tool_name = "tool_name": Text<'a>,
        /// Of `system/informational` and others.
        content = "content": Loose<'a>,
        /// Of `system/model_fallback`.
        fallback_model = "fallback_model": Text<'a>,
    }
}

wire! {
    /// A message of the conversation, or a piece of one.
    Message {
        id = "id": Text<'a>,
        content = "content": Content<'a>,
        usage = "usage": Usage<'a>,
    }
}

wire! {
    /// A block of a message; which fields are there depends on `kind`.
    Block {
        kind = "type": Text<'a>,
        text = "text": Text<'a>,
        thinking = "thinking": Text<'a>,
        id = "id": Text<'a>,
        name = "name": Text<'a>,
        input = "input": &'a RawValue,
        tool_use_id = "tool_use_id": Text<'a>,
        /// Words or blocks, of a tool's answer.
        content = "content": &'a RawValue,
        is_error = "is_error": bool,
    }
}

wire! {
    /// Tokens. What was read from the cache and written to it is not part of `input_tokens`.
    Usage {
        input_tokens = "input_tokens": Count,
        cache_creation_input_tokens = "cache_creation_input_tokens": Count,
        cache_read_input_tokens = "cache_read_input_tokens": Count,
        output_tokens = "output_tokens": Count,
        output_tokens_details = "output_tokens_details": OutputDetails<'a>,
    }
}

wire! {
    /// What the output tokens were spent on.
    OutputDetails { thinking_tokens = "thinking_tokens": Count, }
}

wire! {
    /// Tokens of one model in `model_usage_since_last_result`.
    OneModelUsage {
        input_tokens = "inputTokens": Count,
        cache_creation = "cacheCreationInputTokens": Count,
        cache_read = "cacheReadInputTokens": Count,
        output_tokens = "outputTokens": Count,
        thinking_tokens = "thinkingTokens": Count,
    }
}

wire! {
    /// What a `rate_limit_event` tells.
    RateLimit {
        status = "status": Text<'a>,
        /// Seconds since the epoch.
        resets_at = "resetsAt": Count,
        kind = "rateLimitType": Text<'a>,
    }
}

/// `message`: an object in `assistant` and `user`, words in `system/permission_denied`.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    Words(Cow<'a, str>),
    Message(Box<Message<'a>>),
}

/// `content`: words, or blocks.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Words(Cow<'a, str>),
    Blocks(Vec<Block<'a>>),
}

/// The sum over the models of `model_usage_since_last_result`.
#[derive(Debug)]
pub(crate) struct ModelUsage(pub(crate) TokenUsage);

impl Usage<'_> {
    /// In the form that is the same for every CLI.
    pub(crate) fn tokens(&self) -> TokenUsage {
        let cached = count(self.cache_read_input_tokens);
        let written = count(self.cache_creation_input_tokens);
        TokenUsage {
            input: count(self.input_tokens).saturating_add(written).saturating_add(cached),
            cached,
            written,
            output: count(self.output_tokens),
            reasoning: self
                .output_tokens_details
                .as_ref()
                .and_then(|details| details.thinking_tokens)
                .map(|count| count.0),
        }
    }
}

impl OneModelUsage<'_> {
    fn tokens(&self) -> TokenUsage {
        let cached = count(self.cache_read);
        let written = count(self.cache_creation);
        TokenUsage {
            input: count(self.input_tokens).saturating_add(written).saturating_add(cached),
            cached,
            written,
            output: count(self.output_tokens),
            reasoning: self.thinking_tokens.map(|count| count.0),
        }
    }
}

fn count(count: Option<Count>) -> u64 {
    count.unwrap_or_default().0
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Body<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message or words")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Body<'de>, E> {
                Ok(Body::Words(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Body<'de>, E> {
                Ok(Body::Words(Cow::Owned(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Body<'de>, A::Error> {
                Message::deserialize(MapAccessDeserializer::new(map))
                    .map(|message| Body::Message(Box::new(message)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("words or blocks")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Content<'de>, E> {
                Ok(Content::Words(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Content<'de>, E> {
                Ok(Content::Words(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content<'de>, A::Error> {
                let mut blocks = Vec::with_capacity(1);
                while let Some(block) = seq.next_element()? {
                    blocks.push(block);
                }
                Ok(Content::Blocks(blocks))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for ModelUsage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Models;

        impl<'de> Visitor<'de> for Models {
            type Value = ModelUsage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of models")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ModelUsage, A::Error> {
                let mut total = TokenUsage::default();
                while let Some((_, model)) = map.next_entry::<IgnoredAny, OneModelUsage<'de>>()? {
                    total = sum(total, model.tokens());
                }
                Ok(ModelUsage(total))
            }
        }

        deserializer.deserialize_map(Models)
    }
}
