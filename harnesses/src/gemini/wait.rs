//! The wait before another try that Gemini announces, on standard error only. When a limit's reset is known it sleeps
//! until then, for hours and without a word:
//!
//! ```text
//! Attempt 1 failed: You have exhausted your capacity on this model. Your quota will reset after 3h22m.
//! Suggested retry after 12120s.. Retrying after 13423351ms...
//! ```

use std::time::Duration;

use agents_domain::harness::StreamEnd;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Timestamp;

use super::ending::QUOTA_WAIT;
use crate::kept::{MESSAGE_BYTES, head};
use crate::reset_time::span_after;

/// From this wait on it is not waited for. Its own backoff ends at 36 s.
const LONG: Duration = Duration::from_secs(60);

/// What was announced last.
#[derive(Debug, Default)]
pub(super) struct Wait {
    /// Why it tries again, in the words of the failure.
    failure: String,
    announced: Option<Announced>,
}

#[derive(Debug)]
struct Announced {
    span: Duration,
    /// When the limit is over. What the provider names is that; the wait has the CLI's own margin on top.
    over: Timestamp,
}

impl Wait {
    /// What the end of standard error tells, of a run in which nobody listened to it.
    pub(super) fn told_by(end: &StreamEnd<'_>) -> Self {
        let mut wait = Self::default();
        end.stderr_tail.lines().for_each(|line| wait.hear(line, end.at));
        wait
    }

    /// Takes a line of standard error.
    pub(super) fn hear(&mut self, line: &str, at: Timestamp) {
        let is_failure = line.starts_with("Attempt ");
        if is_failure {
            self.failure = head(line, MESSAGE_BYTES).to_owned();
        }
        if !is_failure && !line.starts_with("Suggested retry after ") {
            return;
        }
        if let Some(span) = span_after(line, "Retrying after ") {
            let told = span_after(&self.failure, "reset after ").unwrap_or(span);
            self.announced = Some(Announced { span, over: at.after(told) });
        }
    }

    /// Whether it is longer than any backoff.
    pub(super) fn is_long(&self) -> bool {
        self.announced.as_ref().is_some_and(|announced| announced.span >= LONG)
    }

    /// What a run that was ended in such a wait came to.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        let announced = self.announced.as_ref().filter(|_| self.is_long())?;
        let class =
            if announced.span >= QUOTA_WAIT { OutcomeClass::UsageLimit } else { OutcomeClass::RateLimit };
        Some(Outcome::failure(class, self.failure.clone()).with_reset(Some(announced.over)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn check(lines: &[&str], expected: Option<(OutcomeClass, u64)>) {
        let mut wait = Wait::default();
        lines.iter().for_each(|line| wait.hear(line, NOW));
        let outcome = wait.outcome();
        let seen =
            outcome.as_ref().map(|it| (it.class, it.resets_at.map_or(0, |at| at.since(NOW).as_secs())));
        assert_eq!((seen, wait.is_long()), (expected, expected.is_some()), "{lines:?}");
        assert!(outcome.is_none_or(|it| it.text.starts_with("Attempt ")));
    }

    #[test]
    fn a_wait_that_is_longer_than_any_backoff_is_a_limit_until_its_reset() {
        let failed = "Attempt 1 failed: no capacity. Your quota will reset after 3h22m.";
        let long = "Suggested retry after 12120s.. Retrying after 13423351ms...";
        check(&[failed, long], Some((OutcomeClass::UsageLimit, 12_120)));
        check(&["Attempt 1 failed: no. Retrying after 61000ms..."], Some((OutcomeClass::RateLimit, 61)));
        check(&["Attempt 1 failed: no. Retrying after 35116ms..."], None);
        check(&[failed, long, "Attempt 2 failed: no. Retrying after 5744ms..."], None);
        check(&[failed], None);
        check(&["the agent says: Retrying after 13423351ms..."], None);
        check(&["Attempt 1 failed: no. Retrying after forever"], None);
    }
}
