//! What follows from the end of an attempt for its job: one pure function of the outcome and what was tried.

use std::time::Duration;

use crate::outcome::OutcomeClass;
use crate::timestamp::Timestamp;

/// How often a job is tried again after trouble at the provider or on the way to it.
pub const TRANSIENT_RETRIES: u32 = 3;
/// How often a job is tried again after an end that says nothing of the work.
pub const UNCLEAR_RETRIES: u32 = 1;
/// The first wait before another try; it doubles each time.
const BACKOFF_FIRST: Duration = Duration::from_secs(30);
/// No wait before another try is longer.
const BACKOFF_LONGEST: Duration = Duration::from_secs(600);
/// The wait after a short rate limit that came without a time.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);
/// The wait after a usage limit that came without a time.
const USAGE_LIMIT_WAIT: Duration = Duration::from_secs(15 * 60);
/// Added to a reset time: the provider's clock is not ours.
const RESET_MARGIN: Duration = Duration::from_secs(5);
/// A reset time further away than this is not believed; the job looks again then.
const LONGEST_PARK: Duration = Duration::from_secs(8 * 24 * 3600);

/// What follows for the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Complete,
    /// It is pending again; `counted` says whether this was one of its tries.
    Retry { at: Timestamp, counted: bool },
    /// It is pending again, and the assignment is blocked until a person has mended something.
    Block,
    /// It has failed; the director decides.
    Fail,
    /// It was ended on purpose.
    Cancel,
}

/// What the policy looks at.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    pub class: OutcomeClass,
    /// Counted tries of the job before this one.
    pub earlier_tries: u32,
    pub resets_at: Option<Timestamp>,
    pub now: Timestamp,
    /// Any number; spreads retries that would otherwise fall on the same moment.
    pub jitter: u64,
}

/// What follows from the end of an attempt for its job.
pub fn next(ended: &Try) -> Next {
    match ended.class {
        OutcomeClass::Success => Next::Complete,
        OutcomeClass::Overloaded | OutcomeClass::ServerError | OutcomeClass::Network => {
            counted_retry(ended, TRANSIENT_RETRIES, backoff(ended))
        }
        OutcomeClass::RateLimit => park(ended, RATE_LIMIT_WAIT),
        OutcomeClass::UsageLimit => park(ended, USAGE_LIMIT_WAIT),
        OutcomeClass::Auth
        | OutcomeClass::Billing
        | OutcomeClass::ModelUnavailable
        | OutcomeClass::CliMissing
        | OutcomeClass::CliRejected
        | OutcomeClass::Untrusted
        | OutcomeClass::RunnerError => Next::Block,
        OutcomeClass::ContextOverflow
        | OutcomeClass::SessionUnknown
        | OutcomeClass::Crashed
        | OutcomeClass::StartTimeout
        | OutcomeClass::SilenceTimeout
        | OutcomeClass::NoResult
        | OutcomeClass::EmptyAnswer
        | OutcomeClass::Contradiction => counted_retry(ended, UNCLEAR_RETRIES, Duration::ZERO),
        OutcomeClass::Lost => counted_retry(ended, TRANSIENT_RETRIES, Duration::ZERO),
        OutcomeClass::Stopped => Next::Retry { at: ended.now, counted: false },
        OutcomeClass::Cancelled => Next::Cancel,
        OutcomeClass::TurnLimit
        | OutcomeClass::BudgetLimit
        | OutcomeClass::Refusal
        | OutcomeClass::OutputLimit
        | OutcomeClass::InvalidRequest
        | OutcomeClass::Interrupted
        | OutcomeClass::Timeout
        | OutcomeClass::OutputOverflow
        | OutcomeClass::BadAnswer
        | OutcomeClass::Unclassified => Next::Fail,
    }
}

fn counted_retry(ended: &Try, most: u32, wait: Duration) -> Next {
    if ended.earlier_tries < most {
        Next::Retry { at: ended.now.after(wait), counted: true }
    } else {
        Next::Fail
    }
}

/// Half of the doubled wait is fixed and half is drawn, so that retries spread without ever being immediate.
fn backoff(ended: &Try) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << ended.earlier_tries.min(16)).min(BACKOFF_LONGEST);
    let half = doubled / 2;
    let drawn = half.as_millis() as u64 * (ended.jitter % 1000) / 1000;
    half + Duration::from_millis(drawn)
}

fn park(ended: &Try, unknown: Duration) -> Next {
    let wait = match ended.resets_at {
        Some(resets_at) => (resets_at.since(ended.now) + RESET_MARGIN).min(LONGEST_PARK),
        None => unknown,
    };
    Next::Retry { at: ended.now.after(wait), counted: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn check(class: OutcomeClass, earlier_tries: u32, expected: Next) {
        let ended = Try { class, earlier_tries, resets_at: None, now: NOW, jitter: 500 };
        assert_eq!(next(&ended), expected, "{class} after {earlier_tries}");
    }

    fn retry(seconds_times_10: i64, counted: bool) -> Next {
        Next::Retry { at: Timestamp::from_millis(NOW.as_millis() + seconds_times_10 * 100), counted }
    }

    #[test]
    fn trouble_at_the_provider_is_tried_again_with_growing_waits_and_then_fails() {
        for class in [OutcomeClass::Overloaded, OutcomeClass::ServerError, OutcomeClass::Network] {
            check(class, 0, retry(225, true));
            check(class, 1, retry(450, true));
            check(class, 2, retry(900, true));
            check(class, 3, Next::Fail);
        }
    }

    #[test]
    fn a_limit_parks_the_job_without_counting_a_try() {
        check(OutcomeClass::RateLimit, 9, retry(600, false));
        check(OutcomeClass::UsageLimit, 9, retry(9000, false));
        let resets_at = Some(NOW.after(Duration::from_secs(3600)));
        let ended = Try { class: OutcomeClass::UsageLimit, earlier_tries: 0, resets_at, now: NOW, jitter: 0 };
        assert_eq!(next(&ended), retry(36050, false));
    }

    #[test]
    fn a_reset_time_in_the_past_or_absurdly_far_away_does_no_harm() {
        let at = |resets_at| Try {
            class: OutcomeClass::UsageLimit,
            earlier_tries: 0,
            resets_at,
            now: NOW,
            jitter: 0,
        };
        assert_eq!(next(&at(Some(Timestamp::from_millis(0)))), retry(50, false));
        assert_eq!(next(&at(Some(Timestamp::from_millis(i64::MAX)))), retry(8 * 24 * 36000, false));
    }

    #[test]
    fn an_end_that_says_nothing_of_the_work_is_tried_once_more() {
        for class in [OutcomeClass::NoResult, OutcomeClass::Crashed, OutcomeClass::ContextOverflow] {
            check(class, 0, retry(0, true));
            check(class, 1, Next::Fail);
        }
    }

    #[test]
    fn what_only_a_person_can_mend_blocks() {
        for class in
            [OutcomeClass::Auth, OutcomeClass::Billing, OutcomeClass::CliMissing, OutcomeClass::Untrusted]
        {
            check(class, 0, Next::Block);
        }
    }

    #[test]
    fn only_success_completes_a_job() {
        for class in OutcomeClass::ALL {
            let ended = Try { class, earlier_tries: 0, resets_at: None, now: NOW, jitter: 0 };
            assert_eq!(next(&ended) == Next::Complete, class == OutcomeClass::Success, "{class}");
        }
    }
}
