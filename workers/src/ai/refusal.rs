//! What a provider's answer of an error means: by its own name for it where there is one, else by its status.

use std::io::Read;

use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Timestamp;
use agents_harnesses::ai::{Api, ModelCall};
use serde_json::Value;
use ureq::{Body, http};

use super::text;
use crate::wait;

/// How much of an error is read.
const ERROR_BYTES: u64 = 64 << 10;
/// How much of it is shown where it is no JSON.
const SHOWN: usize = 2 << 10;
/// From this wait on, a limit is a quota's and no short one.
const QUOTA_WAIT: std::time::Duration = std::time::Duration::from_secs(600);

/// What it means that the provider has answered so.
pub(super) fn of(call: &ModelCall, response: &mut http::Response<Body>, now: Timestamp) -> Outcome {
    let status = u64::from(response.status().as_u16());
    let mut body = Vec::new();
    // What is there of it is enough; the status counts in any case.
    if response.body_mut().as_reader().take(ERROR_BYTES).read_to_end(&mut body).is_err() {
        body.clear();
    }
    let shown = String::from_utf8_lossy(&body);
    let json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    // Gemini answers a stream with a list.
    let json = json.get(0).unwrap_or(&json);
    let error = &json["error"];
    let said = error.as_str().or(error["message"].as_str()).unwrap_or_else(|| shown.trim());
    let class = match call.provider.api {
        Api::Anthropic => match text(&error["type"]) {
            "" => class_of_status(status, said),
            kind => class_of_anthropic(kind, said),
        },
        Api::Gemini => class_of_gemini(status, error, said),
        Api::Openai | Api::Mock => {
            let code = error["code"].as_str().or(error["type"].as_str()).unwrap_or_default();
            class_of_openai(status, code, said)
        }
    };
    let resets_at = wait::resets_at(response.headers(), now).or_else(|| retry_delay(error, now));
    let is_long = resets_at.is_some_and(|at| at.since(now) >= QUOTA_WAIT);
    let class = if class == OutcomeClass::RateLimit && is_long { OutcomeClass::UsageLimit } else { class };
    let said = &said[..said.floor_char_boundary(SHOWN)];
    let outcome = Outcome::failure(class, format!("{} answered {status}: {said}", call.provider.name));
    with_fix(call, outcome.with_reset(resets_at))
}

fn with_fix(call: &ModelCall, outcome: Outcome) -> Outcome {
    let name = &call.provider.name;
    let fix = if outcome.class == OutcomeClass::Auth {
        match call.provider.key_name() {
            Some(key) => format!("set {key} in the environment of the runner to a valid key"),
            None => format!("name its key: aiProviders.{name}.apiKey in the config"),
        }
    } else if outcome.class == OutcomeClass::Billing {
        "add credit to the account, or use a key of another one".to_owned()
    } else if outcome.class == OutcomeClass::ModelUnavailable {
        format!("name another model than {}", call.model)
    } else {
        return outcome;
    };
    outcome.with_fix(fix)
}

pub(super) fn class_of_anthropic(kind: &str, said: &str) -> OutcomeClass {
    match kind {
        "authentication_error" | "permission_error" => OutcomeClass::Auth,
        "billing_error" => OutcomeClass::Billing,
        "not_found_error" => OutcomeClass::ModelUnavailable,
        "rate_limit_error" => OutcomeClass::RateLimit,
        "overloaded_error" => OutcomeClass::Overloaded,
        "request_too_large" => OutcomeClass::ContextOverflow,
        "timeout_error" | "api_error" => OutcomeClass::ServerError,
        "invalid_request_error" if said.contains("credit balance is too low") => OutcomeClass::Billing,
        "invalid_request_error" => class_of_status(400, said),
        _ => OutcomeClass::Unclassified,
    }
}

pub(super) fn class_of_openai(status: u64, code: &str, said: &str) -> OutcomeClass {
    match code {
        "invalid_api_key" | "invalid_authentication" => OutcomeClass::Auth,
        "insufficient_quota" | "billing_hard_limit_reached" => OutcomeClass::Billing,
        "model_not_found" => OutcomeClass::ModelUnavailable,
        "context_length_exceeded" | "exceed_context_size_error" => OutcomeClass::ContextOverflow,
        "rate_limit_exceeded" => OutcomeClass::RateLimit,
        "content_policy_violation" | "content_filter" => OutcomeClass::Refusal,
        _ => class_of_status(status, said),
    }
}

pub(super) fn class_of_gemini(status: u64, error: &Value, said: &str) -> OutcomeClass {
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has_reason = |reason: &str| details.iter().any(|detail| detail["reason"] == reason);
    if has_reason("API_KEY_INVALID") || said.contains("API key not valid") {
        return OutcomeClass::Auth;
    }
    let is_daily = |detail: &Value| {
        let violations = detail["violations"].as_array().map(Vec::as_slice).unwrap_or_default();
        violations.iter().any(|violation| text(&violation["quotaId"]).contains("PerDay"))
    };
    if status == 429 && details.iter().any(is_daily) {
        return OutcomeClass::UsageLimit;
    }
    class_of_status(status, said)
}

fn class_of_status(status: u64, said: &str) -> OutcomeClass {
    const TOO_LONG: [&str; 5] = [
        "prompt is too long",
        "maximum context length",
        "exceeds the maximum number of tokens",
        "exceeds the available context size",
        "context length",
    ];
    match status {
        400 | 413 | 422 if TOO_LONG.iter().any(|words| said.contains(words)) => OutcomeClass::ContextOverflow,
        413 => OutcomeClass::ContextOverflow,
        401 | 403 => OutcomeClass::Auth,
        402 => OutcomeClass::Billing,
        404 => OutcomeClass::ModelUnavailable,
        408 => OutcomeClass::Network,
        429 => OutcomeClass::RateLimit,
        503 | 529 => OutcomeClass::Overloaded,
        500..=599 => OutcomeClass::ServerError,
        400..=499 => OutcomeClass::InvalidRequest,
        _ => OutcomeClass::Unclassified,
    }
}

/// The wait that Gemini names in the body.
fn retry_delay(error: &Value, now: Timestamp) -> Option<Timestamp> {
    let details = error["details"].as_array()?;
    let delay = details.iter().find_map(|detail| detail["retryDelay"].as_str())?;
    Some(now.after(wait::span(delay)?))
}
