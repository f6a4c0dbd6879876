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
/// The wait after the machine could not start an agent: somebody must make room first.
const HOST_WAIT: Duration = Duration::from_secs(30);
/// Added to a reset time: the provider's clock is not ours.
const RESET_MARGIN: Duration = Duration::from_secs(5);
/// A reset time further away than this is not believed; the job looks again then.
pub const LONGEST_PARK: Duration = Duration::from_secs(8 * 24 * 3600);

/// What follows for the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Complete,
    /// It is pending again; `counted` says whether this was one of its tries.
    Retry { at: Timestamp, counted: bool },
    /// It is pending again, without having been tried: its harness does nothing for anybody until then.
    CoolDown { until: Timestamp },
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
        OutcomeClass::Overloaded => {
            // What the server asks for, but never a park: the job counts its tries.
            let asked = ended.resets_at.map_or(Duration::ZERO, |at| at.since(ended.now));
            counted_retry(ended, TRANSIENT_RETRIES, backoff(ended).max(asked).min(BACKOFF_LONGEST))
        }
        OutcomeClass::ServerError | OutcomeClass::Network => {
            counted_retry(ended, TRANSIENT_RETRIES, backoff(ended))
        }
        OutcomeClass::RateLimit => cool_down(ended, RATE_LIMIT_WAIT),
        OutcomeClass::UsageLimit => cool_down(ended, USAGE_LIMIT_WAIT),
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
        OutcomeClass::HostTrouble => Next::Retry { at: ended.now.after(HOST_WAIT), counted: false },
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
        | OutcomeClass::OverLimit
        | OutcomeClass::BadAnswer
        | OutcomeClass::CommandFailed
        | OutcomeClass::Unclassified => Next::Fail,
    }
}

/// Whether a job that was to be ready at that moment, after such an end, is ready now. A longer wait than any such end leads
/// to was written by a clock that was ahead of ours: the job does not wait until ours comes there.
pub fn is_ready(ready_at: Timestamp, after: Option<OutcomeClass>, now: Timestamp) -> bool {
    ready_at <= now || ready_at.since(now) > after.map_or(Duration::ZERO, longest_wait)
}

/// How long a job may wait for its next try after such an end.
pub fn longest_wait(after: OutcomeClass) -> Duration {
    match after {
        OutcomeClass::Overloaded | OutcomeClass::ServerError | OutcomeClass::Network => BACKOFF_LONGEST,
        // Its harness waits now, and not the job; an earlier version let the job wait.
        OutcomeClass::RateLimit | OutcomeClass::UsageLimit => LONGEST_PARK,
        OutcomeClass::HostTrouble => HOST_WAIT,
        OutcomeClass::Success
        | OutcomeClass::Auth
        | OutcomeClass::Billing
        | OutcomeClass::ModelUnavailable
        | OutcomeClass::CliMissing
        | OutcomeClass::CliRejected
        | OutcomeClass::Untrusted
        | OutcomeClass::RunnerError
        | OutcomeClass::ContextOverflow
        | OutcomeClass::SessionUnknown
        | OutcomeClass::Crashed
        | OutcomeClass::StartTimeout
        | OutcomeClass::SilenceTimeout
        | OutcomeClass::NoResult
        | OutcomeClass::EmptyAnswer
        | OutcomeClass::Contradiction
        | OutcomeClass::Lost
        | OutcomeClass::Stopped
        | OutcomeClass::Cancelled
        | OutcomeClass::TurnLimit
        | OutcomeClass::BudgetLimit
        | OutcomeClass::Refusal
        | OutcomeClass::OutputLimit
        | OutcomeClass::InvalidRequest
        | OutcomeClass::Interrupted
        | OutcomeClass::Timeout
        | OutcomeClass::OutputOverflow
        | OutcomeClass::OverLimit
        | OutcomeClass::BadAnswer
        | OutcomeClass::CommandFailed
        | OutcomeClass::Unclassified => Duration::ZERO,
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

fn cool_down(ended: &Try, unknown: Duration) -> Next {
    let wait = match ended.resets_at {
        Some(resets_at) => (resets_at.since(ended.now) + RESET_MARGIN).min(LONGEST_PARK),
        None => unknown,
    };
    Next::CoolDown { until: ended.now.after(wait) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    /// What follows, in a form that a table can show.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Then {
        Completes,
        /// Again after so many seconds, as one of its tries.
        Again(u64),
        /// Again at once, and it was no try.
        Anew,
        /// Again after so many seconds, and it was no try.
        Later(u64),
        /// Its harness cools down for so many seconds.
        Cools(u64),
        Blocks,
        Fails,
        Cancels,
    }

    use Then::{Again, Anew, Blocks, Cancels, Completes, Cools, Fails, Later};

    /// Each class with what follows after no earlier try, after one, two and three.
    const TABLE: [(OutcomeClass, [Then; 4]); 37] = [
        (OutcomeClass::Success, [Completes; 4]),
        (OutcomeClass::Overloaded, [Again(15), Again(30), Again(60), Fails]),
        (OutcomeClass::ServerError, [Again(15), Again(30), Again(60), Fails]),
        (OutcomeClass::Network, [Again(15), Again(30), Again(60), Fails]),
        (OutcomeClass::RateLimit, [Cools(60); 4]),
        (OutcomeClass::UsageLimit, [Cools(900); 4]),
        (OutcomeClass::Auth, [Blocks; 4]),
        (OutcomeClass::Billing, [Blocks; 4]),
        (OutcomeClass::ModelUnavailable, [Blocks; 4]),
        (OutcomeClass::ContextOverflow, [Again(0), Fails, Fails, Fails]),
        (OutcomeClass::TurnLimit, [Fails; 4]),
        (OutcomeClass::BudgetLimit, [Fails; 4]),
        (OutcomeClass::Refusal, [Fails; 4]),
        (OutcomeClass::OutputLimit, [Fails; 4]),
        (OutcomeClass::InvalidRequest, [Fails; 4]),
        (OutcomeClass::SessionUnknown, [Again(0), Fails, Fails, Fails]),
        (OutcomeClass::CliMissing, [Blocks; 4]),
        (OutcomeClass::CliRejected, [Blocks; 4]),
        (OutcomeClass::Untrusted, [Blocks; 4]),
        (OutcomeClass::Interrupted, [Fails; 4]),
        (OutcomeClass::Timeout, [Fails; 4]),
        (OutcomeClass::StartTimeout, [Again(0), Fails, Fails, Fails]),
        (OutcomeClass::SilenceTimeout, [Again(0), Fails, Fails, Fails]),
        (OutcomeClass::OutputOverflow, [Fails; 4]),
        (OutcomeClass::OverLimit, [Fails; 4]),
        (OutcomeClass::Cancelled, [Cancels; 4]),
        (OutcomeClass::Stopped, [Anew; 4]),
        (OutcomeClass::Crashed, [Again(0), Fails, Fails, Fails]),
        (OutcomeClass::NoResult, [Again(0), Fails, Fails, Fails]),
        (OutcomeClass::EmptyAnswer, [Again(0), Fails, Fails, Fails]),
        (OutcomeClass::BadAnswer, [Fails; 4]),
        (OutcomeClass::Contradiction, [Again(0), Fails, Fails, Fails]),
        (OutcomeClass::CommandFailed, [Fails; 4]),
        (OutcomeClass::Lost, [Again(0), Again(0), Again(0), Fails]),
        (OutcomeClass::HostTrouble, [Later(30); 4]),
        (OutcomeClass::RunnerError, [Blocks; 4]),
        (OutcomeClass::Unclassified, [Fails; 4]),
    ];

    fn shown(next: Next) -> Then {
        let seconds = |at: Timestamp| at.since(NOW).as_secs();
        match next {
            Next::Complete => Completes,
            Next::Retry { at, counted: true } => Again(seconds(at)),
            Next::Retry { at, counted: false } if at == NOW => Anew,
            Next::Retry { at, counted: false } => Later(seconds(at)),
            Next::CoolDown { until } => Cools(seconds(until)),
            Next::Block => Blocks,
            Next::Fail => Fails,
            Next::Cancel => Cancels,
        }
    }

    fn ended(class: OutcomeClass) -> Try {
        Try { class, earlier_tries: 0, resets_at: None, now: NOW, jitter: 0 }
    }

    #[test]
    fn every_class_has_the_consequence_that_the_table_says() {
        assert_eq!(TABLE.map(|(class, _)| class), OutcomeClass::ALL, "the table is complete and in order");
        for (class, expected) in TABLE {
            for (earlier_tries, expected) in (0..).zip(expected) {
                let next = next(&Try { earlier_tries, ..ended(class) });
                assert_eq!(shown(next), expected, "{class} after {earlier_tries}");
            }
        }
    }

    #[test]
    fn a_class_fails_for_good_at_the_latest_after_its_last_try_or_is_not_counted() {
        for (class, _) in TABLE {
            let next = next(&Try { earlier_tries: u32::MAX, ..ended(class) });
            assert!(!matches!(next, Next::Retry { counted: true, .. }), "{class}");
        }
    }

    #[test]
    fn waits_are_spread_and_never_longer_than_twice_their_shortest() {
        let wait = |earlier_tries, jitter| {
            let class = OutcomeClass::Overloaded;
            let next = next(&Try { earlier_tries, jitter, ..ended(class) });
            let Next::Retry { at, counted: true } = next else { panic!("{next:?}") };
            at.since(NOW).as_millis()
        };
        assert_eq!([0, 500, 999, 1000].map(|jitter| wait(0, jitter)), [15_000, 22_500, 29_985, 15_000]);
        assert_eq!([0, 500].map(|jitter| wait(2, jitter)), [60_000, 90_000]);
        assert!(wait(1, u64::MAX) < 60_000);
    }

    #[test]
    fn no_end_leads_to_a_longer_wait_than_the_longest_one() {
        for (class, _) in TABLE {
            for earlier_tries in 0..4 {
                let next = next(&Try { earlier_tries, jitter: 999, ..ended(class) });
                let wait = match next {
                    Next::Retry { at, counted: _ } => at.since(NOW),
                    Next::CoolDown { until } => until.since(NOW),
                    Next::Complete | Next::Block | Next::Fail | Next::Cancel => Duration::ZERO,
                };
                assert!(wait <= longest_wait(class), "{class}");
            }
        }
    }

    #[test]
    fn a_job_waits_for_its_time_and_not_for_a_clock_that_was_ahead() {
        let after = |seconds| NOW.after(Duration::from_secs(seconds));
        let overloaded = Some(OutcomeClass::Overloaded);
        for (ready_at, class, expected) in [
            (NOW, None, true),
            (NOW, overloaded, true),
            (after(1), None, true),
            (after(1), Some(OutcomeClass::Lost), true),
            (after(1), overloaded, false),
            (after(600), overloaded, false),
            (after(601), overloaded, true),
            (after(3600), Some(OutcomeClass::UsageLimit), false),
            (Timestamp::from_millis(i64::MAX), Some(OutcomeClass::UsageLimit), true),
        ] {
            assert_eq!(is_ready(ready_at, class, NOW), expected, "{class:?} at {ready_at}");
        }
    }

    #[test]
    fn a_limit_is_waited_for_until_the_time_that_was_given() {
        let check = |resets_at: Timestamp, seconds: u64| {
            for class in [OutcomeClass::RateLimit, OutcomeClass::UsageLimit] {
                let next = next(&Try { resets_at: Some(resets_at), ..ended(class) });
                assert_eq!(shown(next), Cools(seconds), "{class} until {resets_at}");
            }
        };
        check(NOW.after(Duration::from_secs(3600)), 3605);
        // In the past, or absurdly far away.
        check(NOW, 5);
        check(Timestamp::from_millis(0), 5);
        check(Timestamp::from_millis(i64::MIN), 5);
        check(Timestamp::from_millis(i64::MAX), 8 * 24 * 3600);
    }

    #[test]
    fn an_overloaded_server_is_given_the_time_that_it_asks_for_up_to_the_longest_backoff() {
        for (asked, expected) in [(0, 15), (10, 15), (40, 40), (600, 600), (3600, 600)] {
            let resets_at = Some(NOW.after(Duration::from_secs(asked)));
            let next = next(&Try { resets_at, ..ended(OutcomeClass::Overloaded) });
            assert_eq!(shown(next), Again(expected), "{asked} s were asked for");
        }
    }

    #[test]
    fn a_reset_time_means_nothing_with_any_other_class() {
        let resets_at = Some(NOW.after(Duration::from_secs(3600)));
        for (class, [expected, ..]) in TABLE {
            if !matches!(class, OutcomeClass::RateLimit | OutcomeClass::UsageLimit | OutcomeClass::Overloaded)
            {
                assert_eq!(shown(next(&Try { resets_at, ..ended(class) })), expected, "{class}");
            }
        }
    }
}
