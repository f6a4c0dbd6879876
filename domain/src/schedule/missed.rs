//! Which due times are still fired when a runner comes late: after a sleep, a crash, or because none was running.

use std::time::Duration;

use crate::timestamp::Timestamp;

use super::due::DueTimes;

/// A due time is on time for so long: a runner looks every 30 s at least, and a busy one may be later. Older ones were
/// missed.
pub const GRACE: Duration = Duration::from_secs(60);

/// What a schedule wants of due times that were missed. Those on time are fired whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedPolicy {
    /// The latest `cap` of them are fired, the oldest of these first.
    Catchup {
        /// At most so many.
        cap: u32,
        /// Only those that are not older than this. `None`: however old.
        window: Option<Duration>,
    },
    /// The latest of them is fired.
    Last,
    /// None is fired.
    Skip,
}

/// What is done with the due times since the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// These are fired, the oldest first.
    pub fire: Vec<Timestamp>,
    /// So many of them had been missed.
    pub late: u64,
    /// So many missed ones are not fired.
    pub passed_over: u64,
    /// What a person is told when something is passed over.
    pub notice: Option<String>,
}

impl MissedPolicy {
    /// The name in files and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            MissedPolicy::Catchup { .. } => "catchup",
            MissedPolicy::Last => "last",
            MissedPolicy::Skip => "skip",
        }
    }

    /// How many of the latest due times `rule` must be given: those that may be on time (one a second at most), and
    /// those that may be fired late.
    pub fn wanted(self, grace: Duration) -> usize {
        let on_time = usize::try_from(grace.as_secs()).unwrap_or(usize::MAX).saturating_add(1);
        let late = match self {
            MissedPolicy::Catchup { cap, .. } => usize::try_from(cap).unwrap_or(usize::MAX),
            MissedPolicy::Last => 1,
            MissedPolicy::Skip => 0,
        };
        on_time.saturating_add(late)
    }

    /// Decides what is fired at `now` of what was due after `since` (the last due time that was decided, or the
    /// schedule's creation). A due time is missed if it was due earlier than `now` less `grace`.
    pub fn rule(self, due: &DueTimes, since: Timestamp, now: Timestamp, grace: Duration) -> Ruling {
        let is_late = |due: &&Timestamp| now.since(**due) > grace;
        let on_time = due.latest.iter().skip_while(is_late).copied();
        let late: Vec<Timestamp> = due.latest.iter().take_while(is_late).copied().collect();
        let on_time: Vec<Timestamp> = on_time.collect();
        let missed = due.total.saturating_sub(count(&on_time));
        let chosen = match self {
            MissedPolicy::Catchup { cap, window } => {
                let young = |due: &&Timestamp| window.is_none_or(|window| now.since(**due) <= window);
                let young: Vec<Timestamp> = late.iter().filter(young).copied().collect();
                latest(&young, usize::try_from(cap).unwrap_or(usize::MAX)).to_vec()
            }
            MissedPolicy::Last => latest(&late, 1).to_vec(),
            MissedPolicy::Skip => Vec::new(),
        };
        let late = count(&chosen);
        let passed_over = missed.saturating_sub(late);
        let notice = (passed_over > 0).then(|| self.notice(passed_over, missed, since));
        Ruling { fire: chosen.into_iter().chain(on_time).collect(), late, passed_over, notice }
    }

    fn notice(self, passed_over: u64, missed: u64, since: Timestamp) -> String {
        let (passed_over, of) = (grouped(passed_over), grouped(missed));
        let limits = match self {
            MissedPolicy::Catchup { cap, window: None } => format!(": cap {cap}"),
            MissedPolicy::Catchup { cap, window: Some(window) } => {
                format!(": cap {cap}, window {}", in_words(window))
            }
            MissedPolicy::Last | MissedPolicy::Skip => String::new(),
        };
        format!(
            "{}: {passed_over} of {of} missed due times since {since} were passed over{limits}",
            self.as_str()
        )
    }
}

fn count(times: &[Timestamp]) -> u64 {
    u64::try_from(times.len()).unwrap_or(u64::MAX)
}

fn latest(times: &[Timestamp], at_most: usize) -> &[Timestamp] {
    &times[times.len().saturating_sub(at_most)..]
}

/// `1443` as `1,443`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// In the largest unit that divides it.
fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    [(86_400, "d"), (3600, "h"), (60, "m")]
        .into_iter()
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit))
        .map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60;
    const NOW: Timestamp = Timestamp::from_seconds(1_000_000 * MINUTE);
    const DAY: Duration = Duration::from_secs(86_400);

    fn minutes_ago(minutes: i64) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() - minutes * MINUTE * 1000)
    }

    /// Due each minute for the last `total` minutes, `now` too.
    fn each_minute(total: i64) -> DueTimes {
        DueTimes { total: total.unsigned_abs(), latest: (0..total).rev().map(minutes_ago).collect() }
    }

    #[test]
    fn the_policy_decides_what_was_missed_and_not_what_is_on_time() {
        let catchup = |cap, window| MissedPolicy::Catchup { cap, window };
        let since = minutes_ago(1445);
        let said = |words: &str, limits: &str| {
            Some(format!("{words} missed due times since {since} were passed over{limits}"))
        };
        let check =
            |policy: MissedPolicy, total: i64, fired: &[i64], passed_over: u64, notice: Option<String>| {
                let ruling = policy.rule(&each_minute(total), since, NOW, GRACE);
                let fire: Vec<Timestamp> = fired.iter().copied().map(minutes_ago).collect();
                let late = fired.iter().filter(|minutes| **minutes > 1).count() as u64;
                assert_eq!(ruling, Ruling { fire, late, passed_over, notice }, "{policy:?}, {total} due");
            };
        let all = [MissedPolicy::Skip, MissedPolicy::Last, catchup(10, None)];
        for policy in all {
            check(policy, 0, &[], 0, None);
            check(policy, 1, &[0], 0, None);
            check(policy, 2, &[1, 0], 0, None);
        }
        check(MissedPolicy::Skip, 3, &[1, 0], 1, said("skip: 1 of 1", ""));
        check(MissedPolicy::Last, 3, &[2, 1, 0], 0, None);
        check(MissedPolicy::Last, 1445, &[2, 1, 0], 1442, said("last: 1,442 of 1,443", ""));
        check(catchup(10, None), 12, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 0, None);
        check(catchup(2, None), 1445, &[3, 2, 1, 0], 1441, said("catchup: 1,441 of 1,443", ": cap 2"));
        check(
            catchup(10, Some(Duration::from_secs(180))),
            6,
            &[3, 2, 1, 0],
            2,
            said("catchup: 2 of 4", ": cap 10, window 3m"),
        );
        check(catchup(0, Some(DAY)), 3, &[1, 0], 1, said("catchup: 1 of 1", ": cap 0, window 1d"));
    }

    #[test]
    fn the_latest_are_enough_however_many_there_were() {
        let policy = MissedPolicy::Catchup { cap: 10, window: None };
        let all = each_minute(100_000);
        let latest = all.latest[all.latest.len() - policy.wanted(GRACE)..].to_vec();
        let cut = DueTimes { total: all.total, latest };
        assert_eq!(
            policy.rule(&cut, minutes_ago(0), NOW, GRACE),
            policy.rule(&all, minutes_ago(0), NOW, GRACE)
        );
    }

    #[test]
    fn what_is_due_later_than_now_is_on_time() {
        let due = DueTimes { total: 1, latest: vec![NOW.after(DAY)] };
        let ruling = MissedPolicy::Skip.rule(&due, minutes_ago(5), NOW, GRACE);
        assert_eq!(ruling, Ruling { fire: due.latest, late: 0, passed_over: 0, notice: None });
    }

    proptest! {
        #[test]
        fn nothing_is_lost_nothing_is_doubled_and_the_limits_hold(
            ages in prop::collection::btree_set(0_i64..10_000, 0..60),
            cap in 0_u32..20,
            window in prop::option::of(0_u64..10_000),
            kind in 0..3,
        ) {
            let due: Vec<Timestamp> =
                ages.iter().rev().map(|age| Timestamp::from_millis(NOW.as_millis() - age * 1000)).collect();
            let window = window.map(Duration::from_secs);
            let policy = match kind {
                0 => MissedPolicy::Skip,
                1 => MissedPolicy::Last,
                _ => MissedPolicy::Catchup { cap, window },
            };
            let total = due.len() as u64;
            let ruling = policy.rule(&DueTimes { total, latest: due.clone() }, minutes_ago(999), NOW, GRACE);
            let on_time = due.iter().filter(|due| NOW.since(**due) <= GRACE).count() as u64;

            prop_assert!(ruling.fire.is_sorted_by(|a, b| a < b));
            prop_assert!(ruling.fire.iter().all(|fired| due.contains(fired)));
            prop_assert_eq!(ruling.fire.len() as u64, ruling.late + on_time);
            prop_assert_eq!(ruling.late + on_time + ruling.passed_over, total);
            prop_assert_eq!(ruling.notice.is_some(), ruling.passed_over > 0);
            // What is fired is the newest: nothing newer than a fired one is passed over.
            prop_assert_eq!(&due[due.len() - ruling.fire.len()..], &ruling.fire[..]);
            match policy {
                MissedPolicy::Skip => prop_assert_eq!(ruling.late, 0),
                MissedPolicy::Last => prop_assert_eq!(ruling.late, (total - on_time).min(1)),
                MissedPolicy::Catchup { cap, window } => {
                    prop_assert!(ruling.late <= u64::from(cap));
                    let is_young = |due: &Timestamp| window.is_none_or(|window| NOW.since(*due) <= window);
                    prop_assert!(ruling.fire.iter().all(|due| is_young(due) || NOW.since(*due) <= GRACE));
                }
            }
        }
    }
}
