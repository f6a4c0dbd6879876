//! Due times in examples: what happens when clocks are changed, on days that few patterns meet, with a beginning and an
//! end, and after a long sleep.

#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use agents_calendar::{Pattern, Timetable, Zone};
use agents_domain::schedule::DueTimes;
use agents_domain::timestamp::Timestamp;

fn moment(text: &str) -> Timestamp {
    Zone::utc().moment(text).unwrap()
}

fn table(pattern: Pattern, zone: &str) -> Timetable {
    Timetable::new(pattern, Zone::parse(zone).unwrap(), moment("2026-01-01"))
}

fn cron(pattern: &str, zone: &str) -> Timetable {
    table(Pattern::cron(pattern).unwrap(), zone)
}

/// The next due times after a civil time of the zone, as its clocks show them, to the minute and with the offset.
fn next(pattern: &str, zone: &str, after: &str, n: usize) -> Vec<String> {
    let table = cron(pattern, zone);
    let after = table.zone().moment(after).unwrap();
    let short = |due: &Timestamp| {
        table
            .zone()
            .show(*due)
            .split('[')
            .next()
            .unwrap_or_default()
            .replace(":00+", "+")
            .replace(":00-", "-")
    };
    table.preview(after, n).iter().map(short).collect()
}

#[test]
fn a_time_that_does_not_exist_is_due_once_right_after_the_gap() {
    let check = |pattern, zone, after, expected: &[&str]| {
        assert_eq!(next(pattern, zone, after, expected.len()), expected, "{pattern} in {zone}");
    };
    let berlin = "Europe/Berlin";
    check("30 2 * * *", berlin, "2026-03-28 12:00", &["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]);
    check(
        "0,20,40 2 * * *",
        berlin,
        "2026-03-28 12:00",
        &["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"],
    );
    check("30 2,3 * * *", berlin, "2026-03-28 12:00", &["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]);
    check(
        "0 0 * * *",
        "America/Sao_Paulo",
        "2018-11-03 12:00",
        &["2018-11-04T01:00-02:00", "2018-11-05T00:00-02:00"],
    );
    check(
        "0 0 * * *",
        "Asia/Beirut",
        "2025-03-29 12:00",
        &["2025-03-30T01:00+03:00", "2025-03-31T00:00+03:00"],
    );
    check(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-03 12:00",
        &["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
    );
    check(
        "0 9 * * *",
        "Pacific/Apia",
        "2011-12-29 12:00",
        &["2011-12-31T00:00+14:00", "2011-12-31T09:00+14:00"],
    );
    check(
        "0 9 * * *",
        "Pacific/Kwajalein",
        "1993-08-20 12:00",
        &["1993-08-22T00:00+12:00", "1993-08-22T09:00+12:00"],
    );
    check(
        "10 0 * * *",
        "Africa/Monrovia",
        "1972-01-06 12:00",
        &["1972-01-07T00:45+00:00", "1972-01-08T00:10+00:00"],
    );
}

#[test]
fn a_time_that_comes_twice_is_due_the_first_time_only() {
    let check = |pattern, zone, after, expected: &[&str]| {
        assert_eq!(next(pattern, zone, after, expected.len()), expected, "{pattern} in {zone}");
    };
    check(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24 12:00",
        &["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
    );
    check(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-04 12:00",
        &["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"],
    );
    check("30 2 * * *", "Europe/Berlin", "2026-10-25T02:10:00+01:00", &["2026-10-26T02:30+01:00"]);
}

#[test]
fn a_rhythm_goes_by_what_clocks_show() {
    let check = |pattern, zone, after, expected: &[&str]| {
        assert_eq!(next(pattern, zone, after, expected.len()), expected, "{pattern} in {zone}");
    };
    let berlin = "Europe/Berlin";
    check("0 * * * *", berlin, "2026-03-29 00:30", &["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"]);
    check(
        "30 * * * *",
        berlin,
        "2026-10-25 01:59",
        &["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"],
    );
    check("30 */2 * * *", berlin, "2026-03-29 00:45", &["2026-03-29T04:30+02:00", "2026-03-29T06:30+02:00"]);
    check("*/30 2 * * *", berlin, "2026-03-29 00:45", &["2026-03-30T02:00+02:00", "2026-03-30T02:30+02:00"]);
}

#[test]
fn rare_days_are_found() {
    let check = |pattern, after, expected: &[&str]| {
        assert_eq!(next(pattern, "UTC", after, expected.len()), expected, "{pattern}");
    };
    check("0 0 29 2 *", "2026-01-01", &["2028-02-29T00:00+00:00", "2032-02-29T00:00+00:00"]);
    check("0 0 29 2 *", "2096-03-01", &["2104-02-29T00:00+00:00"]);
    check("0 0 * 2 MON#5", "2026-01-01", &["2044-02-29T00:00+00:00", "2072-02-29T00:00+00:00"]);
    check("0 0 L 2 *", "2027-01-01", &["2027-02-28T00:00+00:00", "2028-02-29T00:00+00:00"]);
    check("0 0 LW * *", "2026-01-01", &["2026-01-30T00:00+00:00", "2026-02-27T00:00+00:00"]);
    check("0 0 1W,15W * *", "2026-08-01", &["2026-08-03T00:00+00:00", "2026-08-14T00:00+00:00"]);
    check("0 9 * * TUE#2", "2026-01-01", &["2026-01-13T09:00+00:00", "2026-02-10T09:00+00:00"]);
    check("0 9 * * FRIL", "2026-01-01", &["2026-01-30T09:00+00:00", "2026-02-27T09:00+00:00"]);
    check("0 9 * * SUN#1", "2026-01-01", &["2026-01-04T09:00+00:00", "2026-02-01T09:00+00:00"]);
    check(
        "0 0 13 * FRI",
        "2026-02-06 12:00",
        &["2026-02-13T00:00+00:00", "2026-02-20T00:00+00:00", "2026-02-27T00:00+00:00"],
    );
    check("0 0 */13 * FRI", "2026-01-01", &["2026-02-27T00:00+00:00", "2026-03-27T00:00+00:00"]);
    check("@weekly", "2026-01-01", &["2026-01-04T00:00+00:00", "2026-01-11T00:00+00:00"]);
}

#[test]
fn an_interval_is_counted_from_its_anchor_whatever_clocks_show() {
    let every = |text: &str| table(Pattern::interval(text).unwrap(), "Europe/Berlin");
    let created = moment("2026-01-01");
    assert_eq!(
        every("90m").preview(created, 2),
        [moment("2026-01-01T01:30:00Z"), moment("2026-01-01T03:00:00Z")]
    );
    assert_eq!(every("1d").next_after(moment("2026-06-01T00:00:00Z")), Some(moment("2026-06-02T00:00:00Z")));
    let started = every("1d")
        .between(Some(moment("2026-03-28T08:00:00Z")), Some(moment("2026-03-30T08:00:00Z")))
        .unwrap();
    assert_eq!(started.preview(created, 9), [moment("2026-03-28T08:00:00Z"), moment("2026-03-29T08:00:00Z")]);
}

#[test]
fn the_start_is_inside_and_the_end_outside() {
    let (start, end) = (moment("2026-05-04 09:00"), moment("2026-05-06 09:00"));
    let daily = cron("0 9 * * *", "UTC").between(Some(start), Some(end)).unwrap();
    let due = [start, moment("2026-05-05 09:00")];
    assert_eq!(daily.preview(moment("2026-01-01"), 9), due);
    assert_eq!(
        daily.due_between(moment("2026-01-01"), moment("2027-01-01"), 9),
        DueTimes { total: 2, latest: due.to_vec() }
    );
    assert_eq!(daily.next_after(moment("2026-05-05 09:00")), None);
}

#[test]
fn once_is_due_once() {
    let at = |text: &str| {
        table(Pattern::once(text, &Zone::parse("Europe/Berlin").unwrap()).unwrap(), "Europe/Berlin")
    };
    let due = moment("2026-12-24T17:00:00Z");
    for text in ["2026-12-24 18:00", "2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00Z"] {
        assert_eq!(at(text).preview(moment("2026-01-01"), 3), [due]);
    }
    assert_eq!(at("2026-03-29 02:30").preview(moment("2026-01-01"), 3), [moment("2026-03-29T01:00:00Z")]);
    assert_eq!(at("2026-10-25 02:30").preview(moment("2026-01-01"), 3), [moment("2026-10-25T00:30:00Z")]);
    assert_eq!(at("2026-12-24 18:00").next_after(due), None);
}

#[test]
fn after_a_sleep_all_are_counted_and_the_latest_are_at_hand() {
    let (slept, woke) = (moment("2026-03-25T12:00:30Z"), moment("2026-04-01T12:00:30Z"));
    let check = |table: &Timetable, after: Timestamp, until: Timestamp| {
        let mut all = table.preview(after, 20_000);
        all.retain(|due| *due <= until);
        let total = all.len() as u64;
        for cap in [0, 1, 10, 1000] {
            let latest = all[all.len().saturating_sub(cap)..].to_vec();
            assert_eq!(table.due_between(after, until, cap), DueTimes { total, latest }, "{table:?}, {cap}");
        }
    };
    for pattern in ["* * * * *", "*/15 9-17 * * 1-5", "30 2 * * *", "0 0 29 2 *", "7 * 1 * FRIL"] {
        check(&cron(pattern, "Europe/Berlin"), slept, woke);
        check(&cron(pattern, "UTC"), woke, slept);
    }
    check(&table(Pattern::interval("7m").unwrap(), "UTC"), slept, woke);
    check(&table(Pattern::Once(moment("2026-03-31")), "UTC"), slept, woke);
}

#[test]
fn a_century_of_minutes_is_counted_without_walking_through_it() {
    let (from, until) = (moment("2026-01-01"), moment("2126-01-01"));
    let due = cron("* * * * *", "UTC").due_between(from, until, 1);
    // 100 years with 24 leap days.
    assert_eq!(due, DueTimes { total: 36_524 * 24 * 60, latest: vec![until] });
}

#[test]
fn a_moment_between_two_seconds_loses_nothing() {
    let due = moment("2026-05-04T09:00:00Z");
    let just = |millis: i64| Timestamp::from_millis(due.as_millis() + millis);
    let daily = cron("0 9 * * *", "UTC");
    assert_eq!(daily.next_after(just(-1)), Some(due));
    assert_eq!(daily.next_after(just(0)), Some(moment("2026-05-05T09:00:00Z")));
    assert_eq!(daily.due_between(just(-1), just(0), 9).latest, [due]);
    assert_eq!(daily.due_between(just(0), just(1), 9).total, 0);
}
