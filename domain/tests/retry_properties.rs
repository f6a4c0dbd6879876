//! The retry policy, whatever it is asked: its table of cases stands beside it, and this is what no case may break.

use std::time::Duration;

use agents_domain::outcome::OutcomeClass;
use agents_domain::retry::{Next, TRANSIENT_RETRIES, Try, next};
use agents_domain::timestamp::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

/// No job waits longer: a reset time further away is not believed.
const LONGEST_PARK: Duration = Duration::from_secs(8 * 24 * 3600);
/// No wait before a counted try is longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

const LIMITS: [OutcomeClass; 2] = [OutcomeClass::RateLimit, OutcomeClass::UsageLimit];
const TRANSIENT: [OutcomeClass; 3] =
    [OutcomeClass::Overloaded, OutcomeClass::ServerError, OutcomeClass::Network];

/// Any moment, the absurd ones too.
fn moment() -> impl Strategy<Value = Timestamp> {
    let sane = 1_700_000_000_000i64..2_000_000_000_000;
    prop_oneof![
        4 => sane.prop_map(Timestamp::from_millis),
        1 => any::<i64>().prop_map(Timestamp::from_millis),
        1 => select(vec![i64::MIN, -1, 0, 1, i64::MAX]).prop_map(Timestamp::from_millis),
    ]
}

fn tries() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0u32..6, 1 => any::<u32>()]
}

fn any_try() -> impl Strategy<Value = Try> {
    let class = select(&OutcomeClass::ALL[..]);
    (class, tries(), prop::option::of(moment()), moment(), any::<u64>()).prop_map(
        |(class, earlier_tries, resets_at, now, jitter)| Try { class, earlier_tries, resets_at, now, jitter },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_success_completes_and_only_a_cancel_cancels(ended in any_try()) {
        prop_assert_eq!(next(&ended) == Next::Complete, ended.class == OutcomeClass::Success);
        prop_assert_eq!(next(&ended) == Next::Cancel, ended.class == OutcomeClass::Cancelled);
    }

    #[test]
    fn no_wait_is_in_the_past_or_without_end(ended in any_try()) {
        let (at, longest) = match next(&ended) {
            Next::Retry { at, counted: _ } => (at, LONGEST_BACKOFF),
            Next::CoolDown { until } => (until, LONGEST_PARK),
            Next::Complete | Next::Block | Next::Fail | Next::Cancel => return Ok(()),
        };
        prop_assert!(ended.now <= at && at <= ended.now.after(longest), "{:?}", at);
    }

    #[test]
    fn a_limit_cools_its_harness_down_until_it_is_over(
        ended in any_try(),
        class in select(&LIMITS[..]),
    ) {
        let ended = Try { class, ..ended };
        let Next::CoolDown { until: at } = next(&ended) else {
            return Err(TestCaseError::fail(format!("{:?}", next(&ended))));
        };
        let is_believed = |at: &Timestamp| *at < ended.now.after(LONGEST_PARK);
        if let Some(resets_at) = ended.resets_at.filter(is_believed) {
            prop_assert!(at >= resets_at, "{:?} is before the limit is over", at);
        }
    }

    #[test]
    fn a_try_that_counts_is_followed_by_at_most_so_many(ended in any_try()) {
        if let Next::Retry { counted: true, .. } = next(&ended) {
            prop_assert!(ended.earlier_tries < TRANSIENT_RETRIES);
        }
    }

    /// What a job goes through whose every attempt ends anyhow, each at the time that the policy gave.
    #[test]
    fn no_sequence_of_ends_gives_a_job_more_tries(ends in prop::collection::vec(any_try(), 1..60)) {
        let mut tries = 0;
        let mut now = ends[0].now;
        for ended in ends {
            match next(&Try { earlier_tries: tries, now, ..ended }) {
                Next::Retry { at, counted } => {
                    tries += u32::from(counted);
                    now = at;
                }
                Next::CoolDown { until } => now = until,
                Next::Block => {}
                Next::Complete | Next::Fail | Next::Cancel => break,
            }
        }
        prop_assert!(tries <= TRANSIENT_RETRIES, "{} tries", tries);
    }

    #[test]
    fn trouble_at_the_provider_is_waited_out_longer_each_time(
        ended in any_try(),
        class in select(&TRANSIENT[..]),
        earlier_tries in 0..TRANSIENT_RETRIES - 1,
    ) {
        let now = Timestamp::from_seconds(1_800_000_000);
        let wait = |earlier_tries| {
            // What the server itself asks for is no backoff, and may be the longest one each time.
            let next = next(&Try { class, earlier_tries, now, resets_at: None, ..ended });
            let Next::Retry { at, counted: true } = next else { panic!("{next:?}") };
            at.since(now)
        };
        prop_assert!(!wait(earlier_tries).is_zero());
        prop_assert!(wait(earlier_tries) < wait(earlier_tries + 1));
    }

    #[test]
    fn jitter_moves_a_wait_and_decides_nothing(ended in any_try(), jitter in any::<u64>()) {
        let kind = |ended: &Try| match next(ended) {
            Next::Retry { counted, .. } => format!("retry, counted: {counted}"),
            Next::CoolDown { .. } => "cool down".to_owned(),
            other @ (Next::Complete | Next::Block | Next::Fail | Next::Cancel) => format!("{other:?}"),
        };
        prop_assert_eq!(kind(&ended), kind(&Try { jitter, ..ended }));
    }
}
