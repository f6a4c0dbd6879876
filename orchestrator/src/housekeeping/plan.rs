//! What is to go, decided from facts alone.

use std::time::Duration;

use agents_domain::namespace::Namespace;
use agents_domain::retention::Keep;
use agents_domain::timestamp::Timestamp;
use agents_domain::upkeep::AttemptStanding;

/// A folder that the store knows nothing of stays at least so long: whatever made it may still be at work.
const UNKNOWN_STAYS: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a folder goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its assignment was closed long enough ago.
    Old,
    /// The store has no such attempt.
    Unknown,
}

impl Why {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Old => "old",
            Why::Unknown => "unknown",
        }
    }
}

/// What is true of the store and the data folder as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct House {
    pub now: Timestamp,
    /// The namespace that is asked for; `None`: all of them.
    pub only: Option<Namespace>,
    /// Whether the database lies in the data folder. A database elsewhere may be one of several that share it.
    pub store_is_here: bool,
    /// When the store was first used. `None`: it never was.
    pub first_used_at: Option<Timestamp>,
    /// How long what another store has left here is kept.
    pub unknown_logs: Keep,
}

/// Whether the folder of an attempt that the store knows goes. That of one that runs, or whose assignment is active or
/// blocked, never does.
pub(super) fn known(standing: &AttemptStanding, keep: Keep, house: &House) -> bool {
    let is_asked_for = house.only.as_ref().is_none_or(|only| *only == standing.namespace);
    match (standing.ended_at, standing.closed_at) {
        (Some(ended_at), Some(closed_at)) => is_asked_for && keep.is_over(ended_at.max(closed_at), house.now),
        (Some(_) | None, Some(_) | None) => false,
    }
}

/// Why a blob goes, last kept at that moment, that is named by the runs of these attempts: when none of them is kept any
/// longer, each with how long that is. A young one may be about to be named by one more.
pub(super) fn blob(
    modified: Timestamp,
    of: &[(&AttemptStanding, Option<Keep>)],
    house: &House,
) -> Option<Why> {
    if of.is_empty() {
        return unknown(modified, house).then_some(Why::Unknown);
    }
    let is_over = |(standing, keep): &(&AttemptStanding, Option<Keep>)| {
        keep.is_some_and(|keep| known(standing, keep, house))
    };
    (Keep::For(UNKNOWN_STAYS).is_over(modified, house.now) && of.iter().all(is_over)).then_some(Why::Old)
}

/// Whether a folder goes that the store does not know, last written to at that moment.
///
/// One from before the store's first use was left by another store: the one that was deleted or damaged, whose logs may
/// be all that is left of it. It is kept as long as logs are.
pub(super) fn unknown(modified: Timestamp, house: &House) -> bool {
    if house.only.is_some() || !house.store_is_here {
        return false;
    }
    let is_of_this_store = house.first_used_at.is_some_and(|first| first <= modified);
    let keep = if is_of_this_store { Keep::For(UNKNOWN_STAYS) } else { house.unknown_logs };
    Keep::For(UNKNOWN_STAYS).is_over(modified, house.now) && keep.is_over(modified, house.now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agents_domain::id::AttemptId;
    use uuid::Uuid;

    const DAY: i64 = 24 * 60 * 60;
    const NOW: i64 = 1000 * DAY;

    fn days_ago(days: i64) -> Timestamp {
        Timestamp::from_seconds(NOW - days * DAY)
    }

    fn house() -> House {
        House {
            now: Timestamp::from_seconds(NOW),
            only: None,
            store_is_here: true,
            first_used_at: Some(days_ago(100)),
            unknown_logs: Keep::days(30),
        }
    }

    fn standing(ended: Option<i64>, closed: Option<i64>) -> AttemptStanding {
        AttemptStanding {
            attempt: AttemptId::new(Uuid::nil()),
            namespace: Namespace::new("shop").unwrap(),
            workspace: "/shop".to_owned(),
            ended_at: ended.map(days_ago),
            closed_at: closed.map(days_ago),
        }
    }

    #[test]
    fn logs_go_when_their_assignment_has_been_closed_for_long_enough() {
        let check = |ended, closed, goes| {
            assert_eq!(
                known(&standing(ended, closed), Keep::days(30), &house()),
                goes,
                "{ended:?} {closed:?}"
            );
        };
        check(Some(40), Some(31), true);
        check(Some(40), Some(30), true);
        check(Some(40), Some(29), false);
        check(Some(20), Some(31), false);
        check(Some(400), None, false);
        check(None, Some(400), false);
        check(None, None, false);
        assert!(!known(&standing(Some(999), Some(999)), Keep::Forever, &house()));
    }

    #[test]
    fn only_the_namespace_that_is_asked_for_is_touched() {
        let of = |name: &str| House { only: Some(Namespace::new(name).unwrap()), ..house() };
        let old = standing(Some(40), Some(40));
        assert!(known(&old, Keep::days(30), &of("shop")));
        assert!(!known(&old, Keep::days(30), &of("other")));
        assert!(!unknown(days_ago(400), &of("shop")));
    }

    #[test]
    fn a_blob_goes_when_no_run_that_is_kept_has_its_output_in_it() {
        let (old, young) = (standing(Some(40), Some(40)), standing(Some(3), Some(3)));
        let keep = Some(Keep::days(30));
        let check = |days, of: &[(&AttemptStanding, Option<Keep>)], why| {
            assert_eq!(blob(days_ago(days), of, &house()), why, "{days} {of:?}");
        };
        check(40, &[(&old, keep), (&old, keep)], Some(Why::Old));
        check(40, &[(&old, keep), (&young, keep)], None);
        check(40, &[(&old, keep), (&standing(Some(40), None), keep)], None);
        check(40, &[(&old, keep), (&old, None)], None);
        check(0, &[(&old, keep)], None);
        check(2, &[], Some(Why::Unknown));
        check(0, &[], None);
    }

    #[test]
    fn a_folder_that_the_store_does_not_know_goes_after_a_day_if_it_can_be_of_no_other_store() {
        assert!(unknown(days_ago(2), &house()));
        assert!(!unknown(Timestamp::from_seconds(NOW - DAY + 1), &house()));
        assert!(!unknown(days_ago(-1), &house()), "the clock was set back");
        let elsewhere = House { store_is_here: false, ..house() };
        assert!(!unknown(days_ago(400), &elsewhere));
    }

    #[test]
    fn what_a_deleted_or_truncated_database_has_left_is_kept_as_long_as_logs_are() {
        let new = House { first_used_at: Some(days_ago(1)), ..house() };
        assert!(!unknown(days_ago(29), &new));
        assert!(unknown(days_ago(30), &new));
        let unused = House { first_used_at: None, ..house() };
        assert!(!unknown(days_ago(29), &unused));
        let forever = House { unknown_logs: Keep::Forever, ..unused };
        assert!(!unknown(days_ago(900), &forever));
    }
}
