//! What the end of a run of Gemini means: its terminal event, its exit code (an HTTP status modulo 256, or one of
//! its own) and what its own retries write to standard error.

use std::time::Duration;

use agents_domain::harness::{ProcessEnd, StreamEnd};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Timestamp;

use super::wait::Wait;
use super::wire::ApiError;
use crate::ending::{
    Mending, Tally, class_of_status, explain, settle_nothing, settle_rejected, settle_success, with_fix,
};
use crate::json::words;
use crate::kept::Kept;
use crate::reset_time::span_after;

/// From this wait on, a limit is a quota's and no short one.
pub(super) const QUOTA_WAIT: Duration = Duration::from_secs(120);

/// What a stream said of its own end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    pub(super) terminal: Option<Terminal>,
    pub(super) last_error: Option<String>,
    pub(super) last_warning: Option<String>,
    pub(super) unreadable_result: bool,
    pub(super) saw_line: bool,
    /// What standard error has told so far, if anybody listened.
    pub(super) wait: Wait,
}

/// The `result` line.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) is_error: bool,
    pub(super) error_kind: String,
    pub(super) message: String,
}

/// What mends Gemini CLI.
const MENDING: Mending = Mending {
    name: "gemini",
    install: super::INSTALL,
    home: "~/.gemini",
    fixes: &[
        (OutcomeClass::Auth, "set GEMINI_API_KEY to a valid key, or run `gemini` once and log in with /auth"),
        (
            OutcomeClass::Billing,
            "add credit to the Google account, or set GEMINI_API_KEY to a key of another one",
        ),
        (
            OutcomeClass::ModelUnavailable,
            "set harnesses.gemini.model in the config to another model, for example gemini-2.5-pro",
        ),
        (
            OutcomeClass::Untrusted,
            "add --skip-trust to harnesses.gemini.args in the config, or run `gemini` once in the folder and trust it",
        ),
        (OutcomeClass::ContextOverflow, "start a new session with a shorter prompt"),
    ],
};

/// What the run came to.
pub(super) fn classify(ending: Ending, answer: Kept, tally: &Tally, end: &StreamEnd<'_>) -> Outcome {
    if ending.unreadable_result {
        return Outcome::failure(OutcomeClass::Contradiction, "the result line of Gemini could not be read");
    }
    let outcome = match ending.terminal {
        Some(terminal) if terminal.is_error => failed(terminal, ending.last_error, end),
        Some(_) => succeeded(answer, ending.last_warning, end),
        None => unfinished(&ending, tally, end),
    };
    with_fix(&MENDING, outcome)
}

/// A `result` of success. The loop detection ends a run with it too, which is no success: the work was stopped.
fn succeeded(answer: Kept, warning: Option<String>, end: &StreamEnd<'_>) -> Outcome {
    match warning.filter(|warning| warning.contains("Loop detected")) {
        Some(warning) => {
            Outcome::failure(OutcomeClass::TurnLimit, format!("Gemini stopped its work: {warning}"))
        }
        None => settle_success(answer.into_text(), end),
    }
}

/// A `result` of error.
fn failed(terminal: Terminal, last_error: Option<String>, end: &StreamEnd<'_>) -> Outcome {
    let said =
        if terminal.message.is_empty() { last_error.clone().unwrap_or_default() } else { terminal.message };
    let (class, resets_at) = class_of(&said, &terminal.error_kind, end);
    let text = if said.trim().is_empty() { "Gemini failed and did not say why".to_owned() } else { said };
    Outcome::failure(class, text).with_reset(resets_at)
}

fn class_of(said: &str, kind: &str, end: &StreamEnd<'_>) -> (OutcomeClass, Option<Timestamp>) {
    let says = |words: &str| said.contains(words);
    if kind == "FatalTurnLimitedError" || end.process == ProcessEnd::Exited(53) {
        return (OutcomeClass::TurnLimit, None);
    }
    if kind == "FatalAuthenticationError" || end.process == ProcessEnd::Exited(41) {
        return (OutcomeClass::Auth, None);
    }
    let api = said.strip_prefix("[API Error: ").and_then(|rest| rest.rsplit_once(']')).map(|(json, _)| json);
    let api = api.and_then(|json| serde_json::from_str::<ApiError<'_>>(json).ok()).and_then(|api| api.error);
    let reason_is = |reason: &str| {
        let details = api.as_ref().and_then(|api| api.details.as_deref()).unwrap_or_default();
        details.iter().any(|detail| words(&detail.reason) == Some(reason))
    };
    if reason_is("API_KEY_INVALID") || says("API key not valid") {
        return (OutcomeClass::Auth, None);
    }
    let code =
        api.as_ref().and_then(|api| api.code).map(|code| code.0).or_else(|| status_of_exit(end.process));
    if code == Some(429) {
        return class_of_429(said, end);
    }
    let class = class_of_message(said).or_else(|| match code {
        Some(404) => Some(OutcomeClass::ModelUnavailable),
        Some(code) => class_of_status(code),
        None => None,
    });
    (class.unwrap_or(OutcomeClass::Unclassified), None)
}

/// The HTTP status behind an exit code: Node keeps its lowest eight bits. Only those that were seen; a 404 ends
/// with 1.
fn status_of_exit(process: ProcessEnd) -> Option<u64> {
    const STATUSES: [u64; 8] = [400, 401, 403, 429, 500, 502, 503, 504];
    let ProcessEnd::Exited(code) = process else { return None };
    STATUSES.into_iter().find(|status| i32::try_from(status % 256) == Ok(code))
}

/// A 429: a short limit, or a quota that is over for the day or until a time that is told.
fn class_of_429(said: &str, end: &StreamEnd<'_>) -> (OutcomeClass, Option<Timestamp>) {
    let span =
        ["reset after ", "retry after ", "retry in "].iter().find_map(|before| span_after(said, before));
    let resets_at = span.map(|span| end.at.after(span));
    let is_long = span.is_some_and(|span| span >= QUOTA_WAIT);
    if said.contains("daily quota") || said.contains("exhausted your capacity") || is_long {
        (OutcomeClass::UsageLimit, resets_at)
    } else {
        (OutcomeClass::RateLimit, resets_at)
    }
}

/// What Gemini's words mean where no code tells it.
fn class_of_message(said: &str) -> Option<OutcomeClass> {
    const MESSAGES: [(&str, OutcomeClass); 11] = [
        ("exceeds the maximum number of tokens", OutcomeClass::ContextOverflow),
        ("is not found for API version", OutcomeClass::ModelUnavailable),
        ("model is overloaded", OutcomeClass::Overloaded),
        ("fetch failed", OutcomeClass::Network),
        ("API Error: terminated", OutcomeClass::Network),
        ("ECONN", OutcomeClass::Network),
        ("ETIMEDOUT", OutcomeClass::Network),
        ("socket hang up", OutcomeClass::Network),
        ("returned an empty response", OutcomeClass::EmptyAnswer),
        // The stream of the answer broke off at the provider.
        ("stream ended without a finish reason", OutcomeClass::ServerError),
        ("stream ended with empty response", OutcomeClass::EmptyAnswer),
    ];
    MESSAGES.iter().find(|(words, _)| said.contains(words)).map(|(_, class)| *class)
}

/// A run without `result`. Interrupted runs exit with 0 and can't be told from others.
fn unfinished(ending: &Ending, tally: &Tally, end: &StreamEnd<'_>) -> Outcome {
    if let Some(outcome) = ending.wait.outcome().or_else(|| Wait::told_by(end).outcome()) {
        return outcome;
    }
    let ProcessEnd::Exited(code) = end.process else { return settle_nothing(tally, end) };
    let said = explain(end.stderr_tail);
    let class = match code {
        0 => None,
        41 => Some(OutcomeClass::Auth),
        42 if said.contains("resuming session") || said.contains("starting session") => {
            Some(OutcomeClass::SessionUnknown)
        }
        42 | 44 | 52 => Some(OutcomeClass::CliRejected),
        53 => Some(OutcomeClass::TurnLimit),
        55 => Some(OutcomeClass::Untrusted),
        130 => Some(OutcomeClass::Interrupted),
        _ if !ending.saw_line => match status_of_exit(end.process) {
            Some(429) => Some(OutcomeClass::RateLimit),
            Some(status) => class_of_status(status),
            None => return settle_rejected(&MENDING, end),
        },
        _ => None,
    };
    match class {
        Some(class) if said.is_empty() => Outcome::failure(class, format!("Gemini exited with {code}")),
        Some(class) => Outcome::failure(class, said),
        None => {
            let mut outcome = settle_nothing(tally, end);
            if tally.unknown_lines > 0 && code == 0 {
                outcome
                    .text
                    .push_str("; its last line was cut, which happens when its output goes to a pipe");
            }
            outcome
        }
    }
}
