//! JSON lines as Gemini CLI prints them with `--output-format stream-json` (0.61.0).

use agents_domain::usage::TokenUsage;
use serde_json::value::RawValue;

use crate::json::{Count, Loose, Text, wire};

wire! {
    /// One line; which fields are there depends on `kind`.
    Line {
        kind = "type": Text<'a>,
        /// Of `init`.
        session_id = "session_id": Text<'a>,
        model = "model": Text<'a>,
        /// Of `message`.
        role = "role": Text<'a>,
        content = "content": Loose<'a>,
        delta = "delta": bool,
        /// Of `tool_use` and `tool_result`.
        tool_name = "tool_name": Text<'a>,
        tool_id = "tool_id": Text<'a>,
        parameters = "parameters": &'a RawValue,
        status = "status": Text<'a>,
        output = "output": Loose<'a>,
        /// Of `tool_result` and `result`.
        error = "error": Failure<'a>,
        /// Of `error`.
        severity = "severity": Text<'a>,
        message = "message": Loose<'a>,
        /// Of `result`.
        stats = "stats": Stats<'a>,
    }
}

wire! {
    /// What went wrong with a tool or with the run.
    Failure {
        kind = "type": Text<'a>,
        message = "message": Text<'a>,
    }
}

wire! {
    /// Tokens of this process. What was read from the cache is part of `input_tokens`; reasoning is counted in
    /// `total_tokens` only.
    Stats {
        total_tokens = "total_tokens": Count,
        input_tokens = "input_tokens": Count,
        output_tokens = "output_tokens": Count,
        cached = "cached": Count,
    }
}

wire! {
    /// An error of the API, which stands as text inside of the message of a result.
    ApiError { error = "error": ApiErrorBody<'a>, }
}

wire! {
    /// The inside of [`ApiError`].
    ApiErrorBody {
        code = "code": Count,
        message = "message": Text<'a>,
        details = "details": Vec<ApiErrorDetail<'a>>,
    }
}

wire! {
    /// A detail of an error of the API; which fields are there depends on its `@type`.
    ApiErrorDetail {
        reason = "reason": Text<'a>,
        /// A span like `12120s`.
        retry_delay = "retryDelay": Text<'a>,
    }
}

impl Stats<'_> {
    /// In the form that is the same for every CLI.
    pub(crate) fn tokens(&self) -> TokenUsage {
        let count = |count: Option<Count>| count.unwrap_or_default().0;
        let (input, answer) = (count(self.input_tokens), count(self.output_tokens));
        let reasoning = count(self.total_tokens).saturating_sub(input).saturating_sub(answer);
        TokenUsage {
            input,
            cached: count(self.cached),
            // It does not tell.
            written: 0,
            output: answer.saturating_add(reasoning),
            reasoning: (reasoning > 0).then_some(reasoning),
        }
    }
}
