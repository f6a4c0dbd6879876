//! What the end of a run of Codex means. A failed turn has one field, a message that Codex or the provider wrote;
//! there is no status, code or reset time beside it, so the message is what is classified.

use agents_domain::harness::{ProcessEnd, StreamEnd};
use agents_domain::outcome::{Outcome, OutcomeClass};
use jiff::tz::TimeZone;

use crate::ending::{
    Mending, Tally, class_of_status, explain, settle_nothing, settle_rejected, settle_success, with_fix,
};
use crate::json::{Text, wire, words};
use crate::kept::Kept;
use crate::reset_time::try_again_at;

/// What a stream said of its own end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    pub(super) terminal: Option<Terminal>,
    /// The last `error` line that was no progress.
    pub(super) last_error: Option<String>,
    pub(super) unreadable_result: bool,
    pub(super) saw_line: bool,
    pub(super) turn_began: bool,
}

/// The last terminal line.
#[derive(Debug)]
pub(super) enum Terminal {
    Completed,
    Failed(String),
}

/// What mends Codex.
const MENDING: Mending = Mending {
    name: "codex",
    install: super::INSTALL,
    home: "~/.codex",
    fixes: &[
        (
            OutcomeClass::Auth,
            "codex login, or set CODEX_API_KEY (OPENAI_API_KEY alone is not used by `codex exec`)",
        ),
        (
            OutcomeClass::Billing,
            "add credit to the OpenAI account, or change to another one: codex logout && codex login",
        ),
        (
            OutcomeClass::ModelUnavailable,
            "set harnesses.codex.model in the config to another model, or leave it out for Codex's default",
        ),
        (OutcomeClass::Untrusted, "git init in the folder, or run `codex` once there and trust it"),
        (OutcomeClass::ContextOverflow, "start a new session with a shorter prompt"),
    ],
};

/// What the run came to.
pub(super) fn classify(
    ending: Ending,
    answer: Kept,
    tally: &Tally,
    end: &StreamEnd<'_>,
    zone: &TimeZone,
) -> Outcome {
    if ending.unreadable_result {
        return Outcome::failure(
            OutcomeClass::Contradiction,
            "the last line of Codex's turn could not be read",
        );
    }
    let outcome = match ending.terminal {
        Some(Terminal::Completed) => settle_success(answer.into_text(), end),
        Some(Terminal::Failed(message)) => {
            let class = class_of(&message);
            let is_limit = class == OutcomeClass::UsageLimit;
            let resets_at = if is_limit { try_again_at(&message, end.at, zone) } else { None };
            let text = if message.trim().is_empty() {
                "Codex failed and did not say why".to_owned()
            } else {
                message
            };
            Outcome::failure(class, text).with_reset(resets_at)
        }
        None => unfinished(&ending, tally, end),
    };
    with_fix(&MENDING, outcome)
}

/// Codex's own words, in the order in which they are looked for. Those that it puts around a message of the provider
/// come first.
const MESSAGES: [(&str, OutcomeClass); 24] = [
    ("hit your usage limit", OutcomeClass::UsageLimit),
    ("Quota exceeded.", OutcomeClass::Billing),
    ("insufficient_quota", OutcomeClass::Billing),
    ("is at capacity", OutcomeClass::Overloaded),
    ("server_is_overloaded", OutcomeClass::Overloaded),
    ("currently experiencing high demand", OutcomeClass::ServerError),
    ("ran out of room in the model's context window", OutcomeClass::ContextOverflow),
    ("context_length_exceeded", OutcomeClass::ContextOverflow),
    ("Input exceeds the maximum length", OutcomeClass::InvalidRequest),
    ("reason: max_output_tokens", OutcomeClass::OutputLimit),
    ("reason: content_filter", OutcomeClass::Refusal),
    ("does not exist or you do not have access", OutcomeClass::ModelUnavailable),
    ("model is not supported when using Codex", OutcomeClass::ModelUnavailable),
    ("model_not_found", OutcomeClass::ModelUnavailable),
    ("Missing environment variable", OutcomeClass::Auth),
    ("could not be refreshed", OutcomeClass::Auth),
    ("Not logged in", OutcomeClass::Auth),
    ("rate limit exceeded", OutcomeClass::RateLimit),
    ("Rate limit reached", OutcomeClass::RateLimit),
    ("invalid_request_error", OutcomeClass::InvalidRequest),
    ("stream disconnected before completion", OutcomeClass::Network),
    ("error sending request", OutcomeClass::Network),
    ("Connection failed", OutcomeClass::Network),
    ("timed out", OutcomeClass::Network),
];

/// The class of the message of a failed turn.
fn class_of(message: &str) -> OutcomeClass {
    // Codex sets typographic quotes: "You’ve", "model's" or "model’s".
    let message = message.replace('’', "'");
    if let Some(class) = class_of_body(&message) {
        return class;
    }
    let status =
        ["unexpected status ", "last status: "].iter().find_map(|before| status_after(&message, before));
    if let Some(class) = status.and_then(class_of_status) {
        return class;
    }
    let found = MESSAGES.iter().find(|(words, _)| message.contains(words));
    found.map_or(OutcomeClass::Unclassified, |(_, class)| *class)
}

wire! {
    /// The provider's answer to a request that it refused, which Codex hands on as it is.
    Refused { error = "error": RefusedError<'a>, }
}

wire! {
    /// The inside of [`Refused`].
    RefusedError {
        kind = "type": Text<'a>,
        code = "code": Text<'a>,
    }
}

fn class_of_body(message: &str) -> Option<OutcomeClass> {
    let refused: Refused<'_> = serde_json::from_str(message).ok()?;
    let error = refused.error?;
    match (words(&error.code), words(&error.kind)) {
        (Some("context_length_exceeded"), _) => Some(OutcomeClass::ContextOverflow),
        (Some("model_not_found"), _) => Some(OutcomeClass::ModelUnavailable),
        (Some("insufficient_quota"), _) => Some(OutcomeClass::Billing),
        (Some("invalid_api_key"), _) => Some(OutcomeClass::Auth),
        (_, Some("invalid_request_error")) => Some(OutcomeClass::InvalidRequest),
        (_, Some("authentication_error")) => Some(OutcomeClass::Auth),
        (_, Some("server_error")) => Some(OutcomeClass::ServerError),
        (_, _) => None,
    }
}

fn status_after(message: &str, before: &str) -> Option<u64> {
    message.split_once(before)?.1.get(..3)?.parse().ok()
}

/// What Codex writes to standard error when it does not start a turn.
const STARTS: [(&str, OutcomeClass); 6] = [
    ("no rollout found for thread id", OutcomeClass::SessionUnknown),
    ("Not inside a trusted directory", OutcomeClass::Untrusted),
    ("Input exceeds the maximum length", OutcomeClass::InvalidRequest),
    ("Missing environment variable", OutcomeClass::Auth),
    ("Not logged in", OutcomeClass::Auth),
    ("Missing optional dependency", OutcomeClass::CliMissing),
];

/// A run without `turn.completed` or `turn.failed`.
fn unfinished(ending: &Ending, tally: &Tally, end: &StreamEnd<'_>) -> Outcome {
    match end.process {
        ProcessEnd::Exited(code) if code != 0 => {
            let said = explain(end.stderr_tail);
            // Once a turn has begun, standard error can hold words of the agent.
            let start = STARTS.iter().find(|(words, _)| !ending.turn_began && said.contains(words));
            if let Some((_, class)) = start {
                return Outcome::failure(*class, said);
            }
            if !ending.saw_line {
                return settle_rejected(&MENDING, end);
            }
            // An interrupted Codex exits with 1 and says nothing: it can't be told from other ends.
            settle_nothing(tally, end)
        }
        ProcessEnd::Exited(_) | ProcessEnd::Signaled(_) | ProcessEnd::Unknown => {
            let mut outcome = settle_nothing(tally, end);
            if let Some(error) = &ending.last_error {
                outcome.text.push_str(&format!("; the last error was: {error}"));
            }
            outcome
        }
    }
}
