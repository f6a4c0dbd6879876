//! What the end of a run of Claude Code means. Only typed fields, the exit code and standard error are looked at;
//! of the words in `result` and `errors` only when the line says that it is an error, since then the CLI wrote them.

use agents_domain::harness::{ProcessEnd, StreamEnd};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Timestamp;
use jiff::tz::TimeZone;

use super::wire::Line;
use crate::ending::{
    Mending, Tally, class_of_status, explain, settle_nothing, settle_rejected, settle_success, with_fix,
};
use crate::json::words;
use crate::kept::{ANSWER_BYTES, Kept, MESSAGE_BYTES};
use crate::reset_time::resets_at;

/// How the older form tells of a usage limit: these words, then the reset time in seconds since the epoch.
const OLD_USAGE_LIMIT: &str = "Claude AI usage limit reached|";

/// From this retry on, credentials that were refused will be refused again. With an API key it would go on for ten
/// retries and 190 s; with a login it gives up by itself after the second one, and may have renewed its token before.
const REFUSALS: u32 = 3;

/// What a stream said of its own end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    pub(super) terminal: Option<Terminal>,
    pub(super) api_failure: Option<ApiFailure>,
    /// A limit was reached; the time at which it is over, if that was told.
    pub(super) rejected: Option<Option<Timestamp>>,
    /// Why the CLI was trying its model again when the stream ended.
    pub(super) last_retry: Option<String>,
    /// How often the provider has refused the credentials since it last answered.
    pub(super) refusals: u32,
    pub(super) interrupted: bool,
    pub(super) unreadable_result: bool,
    /// A turn began after the last `result`.
    pub(super) turn_is_open: bool,
    pub(super) saw_line: bool,
}

impl Ending {
    /// Whether it will go on trying with credentials that the provider does not take.
    pub(super) fn is_refused(&self) -> bool {
        self.refusals >= REFUSALS
    }
}

/// The last `result` line.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) is_error: bool,
    /// The answer, or what the CLI says of the error.
    pub(super) text: Kept,
    pub(super) structured: Option<String>,
    subtype: String,
    stop_reason: String,
    terminal_reason: String,
    startup_failure: Option<String>,
    api_error: Option<String>,
    status: Option<u64>,
}

impl Terminal {
    pub(super) fn of(line: &Line<'_>) -> Self {
        let owned = |text| words(text).unwrap_or_default().to_owned();
        let subtype = owned(&line.subtype);
        // The older form has no `is_error`, or `false` also where the subtype names an error.
        let is_error = match line.is_error {
            Some(is_error) => is_error || !["", "success"].contains(&&*subtype),
            None => subtype != "success",
        };
        let mut text = Kept::new(if is_error { MESSAGE_BYTES } else { ANSWER_BYTES });
        match (words(&line.result), &line.errors) {
            (Some(result), _) => text.set(result),
            (None, Some(errors)) => {
                for error in errors.iter().filter_map(|error| error.0.as_deref()) {
                    text.push(if text.is_blank() { "" } else { "\n" });
                    text.push(error);
                }
            }
            (None, None) => {}
        }
        let structured = line
            .structured_output
            .map(|json| json.get())
            .filter(|json| json.len() <= ANSWER_BYTES)
            .map(str::to_owned);
        Self {
            is_error,
            text,
            structured,
            subtype,
            stop_reason: owned(&line.stop_reason),
            terminal_reason: owned(&line.terminal_reason),
            startup_failure: words(&line.startup_failure_reason).map(str::to_owned),
            api_error: words(&line.api_error).map(str::to_owned),
            status: line.api_error_status.map(|status| status.0),
        }
    }
}

/// What the synthetic `assistant` line says of an API error.
#[derive(Debug)]
pub(super) struct ApiFailure {
    error: String,
    api_error: Option<String>,
    status: Option<u64>,
}

impl ApiFailure {
    /// `None`: the line is no such line.
    pub(super) fn of(line: &Line<'_>) -> Option<Self> {
        let error = line.error.as_ref().and_then(|error| error.0.as_deref());
        if error.is_none() && line.is_api_error_message != Some(true) {
            return None;
        }
        Some(Self {
            error: error.unwrap_or_default().to_owned(),
            api_error: words(&line.api_error).map(str::to_owned),
            status: line.api_error_status.map(|status| status.0),
        })
    }
}

/// What the run came to.
pub(super) fn classify(ending: Ending, tally: &Tally, end: &StreamEnd<'_>, zone: &TimeZone) -> Outcome {
    if ending.unreadable_result {
        return Outcome::failure(
            OutcomeClass::Contradiction,
            "a result line of Claude Code could not be read",
        );
    }
    match ending.terminal {
        Some(terminal) if terminal.is_error => {
            let rejected = ending.rejected;
            failed(terminal, ending.api_failure, rejected, (end.at, zone))
        }
        Some(terminal) if !ending.turn_is_open => {
            let structured = tally.structured.clone();
            let answer = if terminal.text.is_blank() {
                structured.unwrap_or_default()
            } else {
                terminal.text.into_text()
            };
            settle_success(answer, end)
        }
        Some(_) | None => unfinished(&ending, tally, end),
    }
}

/// A `result` that says that it is an error.
fn failed(
    terminal: Terminal,
    failure: Option<ApiFailure>,
    rejected: Option<Option<Timestamp>>,
    (now, zone): (Timestamp, &TimeZone),
) -> Outcome {
    let (class, told) = class_of(&terminal, failure, rejected);
    let said = terminal.text.into_text();
    // The typed time goes first; the words have minutes only.
    let (class, resets_at) = match (class, told) {
        (OutcomeClass::UsageLimit, None) => (class, resets_at(&said, now, zone)),
        (OutcomeClass::RateLimit, None) => match resets_at(&said, now, zone) {
            Some(over) => (OutcomeClass::UsageLimit, Some(over)),
            None => (class, None),
        },
        (_, told) => (class, told),
    };
    let text =
        if said.trim().is_empty() { format!("Claude Code ended with {}", terminal.subtype) } else { said };
    mended(Outcome::failure(class, text).with_reset(resets_at), terminal.startup_failure.as_deref())
}

fn class_of(
    terminal: &Terminal,
    failure: Option<ApiFailure>,
    rejected: Option<Option<Timestamp>>,
) -> (OutcomeClass, Option<Timestamp>) {
    if terminal.startup_failure.is_some() {
        return (OutcomeClass::CliRejected, None);
    }
    if let Some(class) = class_of_reason(terminal) {
        return (class, None);
    }
    let (error, api_error, status) = match failure {
        Some(failure) => (
            failure.error,
            terminal.api_error.clone().or(failure.api_error),
            terminal.status.or(failure.status),
        ),
        None => (String::new(), terminal.api_error.clone(), terminal.status),
    };
    if api_error.as_deref() == Some("usage_limit_reached") {
        return (OutcomeClass::UsageLimit, rejected.flatten());
    }
    if let Some(seconds) = terminal.text.as_str().strip_prefix(OLD_USAGE_LIMIT) {
        return (OutcomeClass::UsageLimit, seconds.trim().parse().ok().map(Timestamp::from_seconds));
    }
    let class = class_of_api_error(api_error.as_deref(), &error, status)
        .or_else(|| class_of_start(terminal.text.as_str()))
        .unwrap_or(OutcomeClass::Unclassified);
    match (class, rejected) {
        (OutcomeClass::RateLimit, Some(resets_at)) => (OutcomeClass::UsageLimit, resets_at),
        (class, _) => (class, None),
    }
}

/// What `subtype`, `stop_reason` and `terminal_reason` tell.
fn class_of_reason(terminal: &Terminal) -> Option<OutcomeClass> {
    match terminal.subtype.as_str() {
        "error_max_turns" => return Some(OutcomeClass::TurnLimit),
        "error_max_budget_usd" => return Some(OutcomeClass::BudgetLimit),
        "error_max_structured_output_retries" => return Some(OutcomeClass::BadAnswer),
        _ => {}
    }
    if terminal.stop_reason == "refusal" {
        return Some(OutcomeClass::Refusal);
    }
    match terminal.terminal_reason.as_str() {
        "prompt_too_long" | "blocking_limit" | "rapid_refill_breaker" => Some(OutcomeClass::ContextOverflow),
        "aborted_tools" | "aborted_streaming" => Some(OutcomeClass::Interrupted),
        "image_error" => Some(OutcomeClass::InvalidRequest),
        "max_turns" => Some(OutcomeClass::TurnLimit),
        "budget_exhausted" => Some(OutcomeClass::BudgetLimit),
        "structured_output_retry_exhausted" => Some(OutcomeClass::BadAnswer),
        _ => None,
    }
}

fn class_of_api_error(api_error: Option<&str>, error: &str, status: Option<u64>) -> Option<OutcomeClass> {
    match api_error {
        Some("connection_failed") => return Some(OutcomeClass::Network),
        Some("max_output_tokens") => return Some(OutcomeClass::OutputLimit),
        Some(_) | None => {}
    }
    match error {
        "billing_error" => return Some(OutcomeClass::Billing),
        "model_not_found" => return Some(OutcomeClass::ModelUnavailable),
        "authentication_failed" => return Some(OutcomeClass::Auth),
        "max_output_tokens" => return Some(OutcomeClass::OutputLimit),
        _ => {}
    }
    match status {
        Some(404) => Some(OutcomeClass::ModelUnavailable),
        // At 529 `error` is `server_error` all the same, so the status goes first.
        Some(status) => class_of_status(status),
        None => match error {
            "rate_limit" => Some(OutcomeClass::RateLimit),
            "invalid_request" => Some(OutcomeClass::InvalidRequest),
            // No status: there was no answer, for example because the time for it was up.
            "server_error" => Some(OutcomeClass::Network),
            _ => None,
        },
    }
}

/// What the CLI's own words at a failed start mean; no typed field tells.
fn class_of_start(said: &str) -> Option<OutcomeClass> {
    let says = |words: &str| said.contains(words);
    if says("No conversation found with session ID")
        || says("--resume requires a valid session")
        || says("is already in use")
    {
        Some(OutcomeClass::SessionUnknown)
    } else if says("Not logged in") || says("Invalid API key") || says("Please run /login") {
        Some(OutcomeClass::Auth)
    } else if says("native binary not installed") {
        Some(OutcomeClass::CliMissing)
    } else {
        None
    }
}

/// A run without a `result` that counts.
fn unfinished(ending: &Ending, tally: &Tally, end: &StreamEnd<'_>) -> Outcome {
    if ending.interrupted {
        return Outcome::failure(OutcomeClass::Interrupted, "Claude Code was interrupted");
    }
    if ending.is_refused() {
        let reason = ending.last_retry.as_deref().unwrap_or("authentication_failed");
        let text = format!("the provider refuses Claude Code's credentials: {reason}");
        return mended(Outcome::failure(OutcomeClass::Auth, text), None);
    }
    match end.process {
        // It catches HUP, INT and TERM, ends its tools and exits with 128 and the signal.
        ProcessEnd::Exited(code @ (129 | 130 | 143)) => Outcome::failure(
            OutcomeClass::Interrupted,
            format!("Claude Code was stopped by signal {}", code - 128),
        ),
        ProcessEnd::Exited(code) if code != 0 && !ending.saw_line => {
            let said = explain(end.stderr_tail);
            match class_of_start(&said) {
                Some(class) => mended(Outcome::failure(class, said), None),
                None => settle_rejected(&MENDING, end),
            }
        }
        ProcessEnd::Exited(_) | ProcessEnd::Signaled(_) | ProcessEnd::Unknown => {
            let mut outcome = settle_nothing(tally, end);
            if let Some(reason) = &ending.last_retry {
                outcome.text.push_str(&format!("; it was trying its model again: {reason}"));
            }
            outcome
        }
    }
}

/// What mends Claude Code.
const MENDING: Mending = Mending {
    name: "claude",
    install: super::INSTALL,
    home: "~/.claude",
    fixes: &[
        (
            OutcomeClass::Auth,
            "claude /login, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token` prints one)",
        ),
        (
            OutcomeClass::Billing,
            "add credit to the account, or set ANTHROPIC_API_KEY to a key of another one",
        ),
        (
            OutcomeClass::ModelUnavailable,
            "set harnesses.claude.model in the config to opus, sonnet, haiku or a full model name",
        ),
        (OutcomeClass::Untrusted, "run `claude` once in the folder and trust it"),
        (OutcomeClass::ContextOverflow, "start a new session with a shorter prompt"),
    ],
};

fn mended(outcome: Outcome, startup_failure: Option<&str>) -> Outcome {
    match startup_failure {
        Some("bypass_root") => outcome.with_fix(
            "run agents as another user than root, or set IS_SANDBOX to 1 in harnesses.claude.env of the config",
        ),
        Some("config_file_invalid") => outcome.with_fix("mv ~/.claude.json ~/.claude.json.broken"),
        Some("cli_version_too_old") => outcome.with_fix("claude update"),
        Some(_) | None => with_fix(&MENDING, outcome),
    }
}
