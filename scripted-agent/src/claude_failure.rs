//! How Claude Code's stream ends, well or not: the data of its last events, without the state of the stream. The
//! texts are those of the recorded runs; the reader of the real CLI sorts them by the fields, not by the words.

use serde_json::{Value, json};

use crate::civil::Civil;
use crate::failure::Failure;
use crate::wire::{Line, UnhappyEnd};

/// How many retries are printed. The CLI's own default is 10, which takes it minutes; the events are the same.
pub(crate) const RETRIES: u32 = 2;

/// The limit in force when a script does not say how long it lasts.
const USUAL_RESET_SECONDS: u64 = 3600;

/// The end of a turn.
#[derive(Debug)]
pub(crate) struct Ending {
    pub subtype: &'static str,
    pub is_error: bool,
    pub stop_reason: &'static str,
    pub terminal_reason: &'static str,
    pub api: ApiError,
    pub result: Option<String>,
    pub structured: Option<Value>,
    pub errors: Option<String>,
}

/// What the API said, in three fields that come and go together with `result`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ApiError {
    pub status: Option<u16>,
    pub kind: Option<&'static str>,
    pub name: Option<&'static str>,
}

/// A failure that stands on the wire as a message of the model and as the result.
#[derive(Debug)]
pub(crate) struct ApiFailure {
    pub text: String,
    pub error: &'static str,
    pub api: ApiError,
    pub stop_reason: &'static str,
    pub terminal_reason: &'static str,
    /// The name of the error in `api_retry` events, for what the CLI retries.
    pub retried_as: Option<&'static str>,
    pub rate_limit_info: Option<Value>,
    /// The model did answer, and what it said is paid for.
    pub is_paid: bool,
}

impl Ending {
    pub(crate) fn success(text: String) -> Self {
        Self {
            subtype: "success",
            is_error: false,
            stop_reason: "end_turn",
            terminal_reason: "completed",
            api: ApiError::default(),
            result: Some(text),
            structured: None,
            errors: None,
        }
    }

    pub(crate) fn structured(value: Value) -> Self {
        Self { stop_reason: "tool_use", structured: Some(value.clone()), ..Self::success(value.to_string()) }
    }

    pub(crate) fn turn_limit(turns: u64) -> Self {
        let error = format!("Reached maximum number of turns ({})", turns.saturating_sub(1));
        Self::policy_stop("error_max_turns", "max_turns", error)
    }

    pub(crate) fn budget_limit() -> Self {
        let error = "Reached maximum budget ($0.05)".to_owned();
        Self::policy_stop("error_max_budget_usd", "budget_exhausted", error)
    }

    fn policy_stop(subtype: &'static str, terminal_reason: &'static str, error: String) -> Self {
        Self {
            subtype,
            is_error: true,
            stop_reason: "tool_use",
            terminal_reason,
            api: ApiError::default(),
            result: None,
            structured: None,
            errors: Some(error),
        }
    }
}

impl ApiFailure {
    /// A failure without a status, which ends the turn with `api_error` and is not retried.
    fn plain(error: &'static str, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            error,
            api: ApiError::default(),
            stop_reason: "stop_sequence",
            terminal_reason: "api_error",
            retried_as: None,
            rate_limit_info: None,
            is_paid: false,
        }
    }

    fn status(mut self, status: u16, kind: &'static str) -> Self {
        self.api.status = Some(status);
        self.api.kind = Some(kind);
        self
    }

    fn named(mut self, name: &'static str) -> Self {
        self.api.name = Some(name);
        self
    }

    fn retried(mut self, error: &'static str) -> Self {
        self.retried_as = Some(error);
        self
    }

    /// The result that follows. An error of the API stands in a result of subtype `success`: the CLI did its part.
    pub(crate) fn ending(&self) -> Ending {
        Ending {
            subtype: "success",
            is_error: true,
            stop_reason: self.stop_reason,
            terminal_reason: self.terminal_reason,
            api: self.api,
            result: Some(self.text.clone()),
            structured: None,
            errors: None,
        }
    }
}

/// The failure as the API's word, if it is one.
pub(crate) fn of_api(end: &UnhappyEnd, model: &str, now_ms: u64) -> Option<ApiFailure> {
    let plain = ApiFailure::plain;
    let failure = match end.failure {
        Failure::Overloaded => {
            let text = "API Error: Repeated 529 Overloaded errors. The API is at capacity — this is usually temporary. \
                        Try again in a moment.";
            plain("server_error", text).status(529, "overloaded_error").retried("overloaded")
        }
        Failure::ServerError => {
            let text = "API Error: 500 Internal server error. This is a server-side issue, usually temporary — try \
                        again in a moment.";
            plain("server_error", text).status(500, "api_error").retried("server_error")
        }
        Failure::Network => {
            let text =
                "API Error: Connection refused — a firewall or proxy may be blocking it (ECONNREFUSED)";
            plain("server_error", text).named("connection_failed").retried("unknown")
        }
        Failure::RateLimit => {
            let text = "API Error: Request rejected (429) · This request would exceed your organization's rate limit \
                        of 50,000 input tokens per minute.";
            plain("rate_limit", text).status(429, "rate_limit_error").retried("rate_limit")
        }
        Failure::UsageLimit => usage_limit(end.resets_in_seconds, now_ms),
        Failure::Auth => plain("authentication_failed", "Invalid API key · Fix external API key")
            .status(401, "authentication_error")
            .retried("authentication_failed"),
        Failure::Billing => {
            plain("billing_error", "Credit balance is too low").status(400, "invalid_request_error")
        }
        Failure::ModelUnavailable => {
            let text = format!(
                "There's an issue with the selected model ({model}). It may not exist or you may not have access to \
                 it. Run --model to pick a different model."
            );
            plain("model_not_found", &text).status(404, "not_found_error")
        }
        Failure::ContextOverflow => {
            let text = "Prompt is too long · the request is ~1203456 tokens (limit 1000000)";
            let failure = plain("invalid_request", text).status(400, "invalid_request_error");
            ApiFailure { terminal_reason: "prompt_too_long", ..failure }
        }
        Failure::Refusal => {
            let text = "API Error: Opus 5.5's safeguards flagged this message \
                        (https://www.anthropic.com/legal/aup). This sometimes happens with safe, normal \
                        conversations. Claude Code can't respond to this message with Opus 5.5.";
            ApiFailure { stop_reason: "refusal", is_paid: true, ..plain("invalid_request", text) }
        }
        Failure::OutputLimit => {
            let text = "API Error: Claude's response exceeded the 128000 output token maximum. To configure this \
                        behavior, set the CLAUDE_CODE_MAX_OUTPUT_TOKENS environment variable.";
            let failure = plain("max_output_tokens", text).named("max_output_tokens");
            ApiFailure { is_paid: true, ..failure }
        }
        Failure::InvalidRequest => plain("unknown", "API Error: 400 messages.0: something is wrong")
            .status(400, "invalid_request_error"),
        Failure::TurnLimit
        | Failure::BudgetLimit
        | Failure::SessionUnknown
        | Failure::CliRejected
        | Failure::Untrusted
        | Failure::Interrupted
        | Failure::NoResult
        | Failure::EmptyAnswer
        | Failure::Contradiction => return None,
    };
    Some(failure)
}

/// A subscription's limit: told by an event of its own with the moment of the reset, in seconds.
fn usage_limit(resets_in_seconds: Option<u64>, now_ms: u64) -> ApiFailure {
    let resets_at = now_ms / 1000 + resets_in_seconds.unwrap_or(USUAL_RESET_SECONDS);
    let clock = Civil::of(resets_at * 1000).clock().replace(' ', "").to_lowercase();
    let text = format!("You've hit your session limit · resets {clock} (UTC)");
    let window = json!({"utilization": 1.0, "resetsAt": resets_at, "status": "rejected"});
    let info = json!({
        "status": "rejected", "resetsAt": resets_at, "rateLimitType": "five_hour", "utilization": 1.0,
        "isUsingOverage": false, "unifiedWindows": {"five_hour": window},
    });
    let failure =
        ApiFailure::plain("rate_limit", &text).status(429, "rate_limit_error").named("usage_limit_reached");
    ApiFailure { rate_limit_info: Some(info), ..failure }
}

/// The message that the CLI puts in the model's place.
pub(crate) fn synthetic_message(failure: &ApiFailure) -> Value {
    json!({
        "diagnostics": null, "id": "00000000-0000-4000-9000-000000000001", "container": null,
        "model": "<synthetic>", "role": "assistant", "stop_details": null, "stop_reason": failure.stop_reason,
        "stop_sequence": "", "type": "message",
        "usage": {
            "output_tokens_details": null, "input_tokens": 0, "output_tokens": 0,
            "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}, "service_tier": null,
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
            "inference_geo": null, "iterations": null, "speed": null, "fallback_credit": null,
        },
        "content": [{"type": "text", "text": failure.text}], "context_management": null,
    })
}

/// The only event of a run that was to continue a session that is not there.
pub(crate) fn session_unknown(text: &str, session_id: &str, uuid: &str, usage: Value) -> Line {
    Line::of("result")
        .with("subtype", "error_during_execution")
        .with("duration_ms", 0)
        .with("duration_api_ms", 0)
        .with("is_error", true)
        .with("num_turns", 0)
        .with("stop_reason", Value::Null)
        .with("session_id", session_id)
        .with("total_cost_usd", 0)
        .with("usage", usage)
        .with("modelUsage", json!({}))
        .with("permission_denials", json!([]))
        .with("uuid", uuid)
        .with("errors", json!([text]))
        .with("result_index", 0)
}

/// The statistics of a turn without sub-agents.
pub(crate) fn no_subagents() -> Value {
    json!({
        "spawned": 0, "requested": {"background": 0, "foreground": 0, "unset": 0}, "started_in_background": 0,
        "max_depth": 0, "spawned_by_subagents": 0, "completed": 0, "failed": 0,
        "killed": {"parent": 0, "user": 0, "system": 0},
        "refused": {"depth_limit": 0, "concurrency_limit": 0, "budget": 0}, "by_type": {},
    })
}
