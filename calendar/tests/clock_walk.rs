//! The due times around every kind of change of the clocks beside what the definition says, minute by minute: a walk
//! through all moments that looks at what the zone's clocks show, without any search.

#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod support;

use std::collections::BTreeSet;

use agents_calendar::{Pattern, Timetable, Zone};
use agents_domain::timestamp::Timestamp;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use support::Case;

const CASES: usize = 400;
/// How far is walked, in seconds.
const SPAN: i64 = 26 * 3600;
/// Clocks are looked at so often, in seconds: since 1970 no zone's clocks have differed by less.
const LOOK: i64 = 30;

/// What is due after the case's start and up to `SPAN` later, by definition.
fn by_definition(case: &Case) -> Vec<i64> {
    let rules = TimeZone::get(case.zone).unwrap();
    let shown =
        |second: i64| -> DateTime { rules.to_datetime(jiff::Timestamp::from_second(second).unwrap()) };
    let a_look_later = |civil: DateTime| civil.checked_add(SignedDuration::from_secs(LOOK)).unwrap();
    // What the clocks showed since long before, to know what is shown for a second time, and what was skipped.
    let mut seen: BTreeSet<DateTime> = BTreeSet::new();
    let mut latest: Option<DateTime> = None;
    let mut is_owed = false;
    let mut due = Vec::new();
    let first_look = (case.start - SPAN).div_euclid(LOOK) * LOOK;
    for second in (first_look..=case.start + SPAN).step_by(30) {
        let civil = shown(second);
        if let Some(before) = latest {
            let mut skipped = a_look_later(before);
            while skipped < civil {
                is_owed |= skipped.second() == 0 && case.meaning.matches(skipped);
                skipped = a_look_later(skipped);
            }
        }
        latest = Some(civil);
        if civil.second() != 0 {
            continue;
        }
        let is_first = seen.insert(civil);
        let is_due = if case.meaning.is_rhythm() {
            case.meaning.matches(civil)
        } else {
            is_owed || is_first && case.meaning.matches(civil)
        };
        is_owed = false;
        if is_due && second > case.start {
            due.push(second);
        }
    }
    due
}

#[test]
fn due_times_are_what_the_definition_says() {
    let mut near_changes = 0;
    for case in support::cases(CASES, 2) {
        let changes = support::edges(case.zone);
        let is_near = |change: &i64| (case.start - SPAN..case.start + SPAN).contains(change);
        if !changes.iter().any(is_near) {
            continue;
        }
        near_changes += 1;
        let Ok(pattern) = Pattern::cron(&case.meaning.text) else { continue };
        let table = Timetable::new(pattern, Zone::parse(case.zone).unwrap(), case.start());
        let until = Timestamp::from_seconds(case.start + SPAN);
        let due = table.due_between(case.start(), until, usize::MAX);
        let found: Vec<i64> = due.latest.iter().map(|due| due.as_millis() / 1000).collect();
        assert_eq!(found, by_definition(&case), "{case:?}");
        assert_eq!(due.total, found.len() as u64, "{case:?}");
    }
    assert!(near_changes > CASES / 2, "only {near_changes} cases were near a change");
}
