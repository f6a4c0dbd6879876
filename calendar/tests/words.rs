//! What people read for patterns, everyday ones and odd ones.

use agents_calendar::{Pattern, Zone};

const SENTENCES: [(&str, &str); 0] = [];

#[test]
fn cron_patterns_are_told_in_words() {
    let told: Vec<(&str, String)> = SENTENCES
        .iter()
        .map(|(pattern, _)| (*pattern, Pattern::cron(pattern).unwrap().in_words(&Zone::utc())))
        .collect();
    let expected: Vec<(&str, String)> =
        SENTENCES.iter().map(|(pattern, sentence)| (*pattern, (*sentence).to_owned())).collect();
    assert_eq!(told, expected);
}

#[test]
fn the_zone_is_named_where_a_clock_counts() {
    let berlin = Zone::parse("europe/berlin").unwrap();
    let told = |pattern: Pattern, zone: &Zone| pattern.in_words_with_zone(zone);
    let once = || Pattern::once("2026-12-24 18:00", &berlin).unwrap();
    assert_eq!(
        told(Pattern::cron("0 9 * * 1-5").unwrap(), &berlin),
        "every weekday at 09:00, Europe/Berlin time"
    );
    assert_eq!(told(Pattern::cron("@daily").unwrap(), &Zone::utc()), "every day at 00:00, UTC");
    assert_eq!(told(Pattern::interval("90m").unwrap(), &berlin), "every 90 minutes");
    assert_eq!(told(once(), &berlin), "once, on Thursday, 24 December 2026 at 18:00, Europe/Berlin time");
    assert_eq!(told(once(), &Zone::utc()), "once, on Thursday, 24 December 2026 at 17:00, UTC");
}

#[test]
fn intervals_are_told_in_the_largest_unit_that_fits() {
    let told = ["1s", "90s", "60s", "15m", "PT1H30M", "1h", "2 hours", "1d", "1w"]
        .map(|text| Pattern::interval(text).unwrap().in_words(&Zone::utc()));
    let expected = [
        "every second",
        "every 90 seconds",
        "every minute",
        "every 15 minutes",
        "every 90 minutes",
        "every hour",
        "every 2 hours",
        "every 24 hours",
        "every 168 hours",
    ];
    assert_eq!(told, expected);
}
