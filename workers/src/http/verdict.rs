//! What it means that a request has not come to what was expected, and whether it may be sent again.

use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Timestamp;
use agents_harnesses::http::HttpSpec;
use ureq::http::HeaderMap;

use crate::net::Trouble;
use crate::wait;

/// How much of an answer explains a failure, in bytes.
const SHOWN: usize = 2 << 10;

/// There was no answer.
pub(super) fn unanswered(spec: &HttpSpec, trouble: Trouble) -> Outcome {
    let may_have_arrived = trouble.may_have_arrived;
    once(spec, may_have_arrived, trouble.outcome())
}

/// The answer has a status that was not expected.
pub(super) fn unexpected(
    spec: &HttpSpec,
    (status, headers, body): (u16, &HeaderMap, &str),
    now: Timestamp,
) -> Outcome {
    let expected: Vec<String> = spec.expected_status.iter().map(ToString::to_string).collect();
    let body = body.trim();
    let mut text = format!("status {status}, and {} was expected", expected.join(" or "));
    if !body.is_empty() {
        text.push_str(": ");
        text.push_str(&body[..body.floor_char_boundary(SHOWN)]);
    }
    let asks_to_wait = headers.contains_key("retry-after");
    let (class, was_done) = match status {
        401 | 403 | 407 => (OutcomeClass::Auth, false),
        408 => (OutcomeClass::Network, true),
        // It was refused because of its number; another one is wished for.
        429 => (OutcomeClass::Overloaded, false),
        503 => (OutcomeClass::Overloaded, !asks_to_wait),
        500..=599 => (OutcomeClass::ServerError, true),
        400..=499 => (OutcomeClass::InvalidRequest, false),
        _ => (OutcomeClass::BadAnswer, false),
    };
    let outcome = Outcome::failure(class, text);
    if class == OutcomeClass::Auth {
        return outcome.with_fix(
            "see that the credentials in its headers are right; secrets are variables of the runner",
        );
    }
    let asked = (class == OutcomeClass::Overloaded).then(|| wait::resets_at(headers, now)).flatten();
    once(spec, was_done, outcome.with_reset(asked))
}

/// What would be tried again by itself is not, if it may have been done and must not be done twice.
fn once(spec: &HttpSpec, may_be_done: bool, outcome: Outcome) -> Outcome {
    let is_tried_again =
        matches!(outcome.class, OutcomeClass::Network | OutcomeClass::ServerError | OutcomeClass::Overloaded);
    if !is_tried_again || !may_be_done || spec.may_be_sent_again() {
        return outcome;
    }
    let text = format!(
        "{}; a {} is not sent again by itself, since it may have been done",
        outcome.text,
        spec.method.as_str()
    );
    Outcome::failure(OutcomeClass::CommandFailed, text)
        .with_fix("look whether it was done; `retry: always` lets it be sent again by itself")
}
