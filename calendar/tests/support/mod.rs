//! Random cron patterns with their meaning, zones whose clocks were changed in every way there is, and starts near
//! those changes. The meaning is kept as sets, so that no reader of patterns is needed to know what is due.

#![allow(dead_code, reason = "each test uses its part of this")]

use std::collections::BTreeSet;

use agents_domain::timestamp::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Ordinary zones; changes at midnight (Sao Paulo, Beirut, Havana, Santiago, Asuncion, Amman), of half an hour (Lord
/// Howe, Pyongyang, Caracas), a quarter (Kathmandu), two hours (Troll), a day (Apia, Kwajalein), 44:30 minutes (Monrovia),
/// at one minute past midnight (St. John's), around Ramadan (Casablanca), backwards (Dublin), at 2:45 (Chatham).
pub const ZONES: [&str; 26] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Lisbon",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Santiago",
    "America/Asuncion",
    "America/Caracas",
    "Asia/Beirut",
    "Asia/Amman",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/Monrovia",
    "Antarctica/Troll",
    "Antarctica/Casey",
];

/// 1970 to 2037.
pub const YEARS: std::ops::Range<i64> = 0..2_145_916_800;

/// One field: its text and the values it stands for.
#[derive(Debug, Clone)]
pub struct Field {
    pub text: String,
    pub values: BTreeSet<u8>,
}

/// A pattern: its text and what it means.
#[derive(Debug, Clone)]
pub struct Meaning {
    pub text: String,
    pub fields: [Field; 5],
}

impl Meaning {
    /// Vixie's rule: both days must match if one of the fields begins with a star.
    pub fn matches(&self, civil: DateTime) -> bool {
        let has = |field: usize, value: i8| self.fields[field].values.contains(&value.unsigned_abs());
        let (by_month, by_week) = (has(2, civil.day()), has(4, civil.weekday().to_sunday_zero_offset()));
        let is_starred = |field: usize| self.fields[field].text.starts_with('*');
        let is_day = if is_starred(2) || is_starred(4) { by_month && by_week } else { by_month || by_week };
        has(0, civil.minute()) && has(1, civil.hour()) && has(3, civil.month()) && is_day
    }

    /// Whether its minutes or hours begin with a star.
    pub fn is_rhythm(&self) -> bool {
        self.fields[..2].iter().any(|field| field.text.starts_with('*'))
    }
}

/// A pattern, a zone, and a moment to begin at.
#[derive(Debug, Clone)]
pub struct Case {
    pub meaning: Meaning,
    pub zone: &'static str,
    /// Seconds since the epoch.
    pub start: i64,
}

impl Case {
    pub fn start(&self) -> Timestamp {
        Timestamp::from_seconds(self.start)
    }
}

/// The same cases in every run.
pub fn cases(n: usize, seed: u8) -> Vec<Case> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..n).map(|_| case().new_tree(&mut runner).unwrap().current()).collect()
}

pub fn case() -> impl Strategy<Value = Case> {
    (
        meaning(),
        prop::sample::select(ZONES.to_vec()),
        any::<prop::sample::Index>(),
        YEARS,
        0..4_u8,
        0..100_000_i64,
    )
        .prop_map(|(meaning, zone, edge, anywhere, nearness, offset)| {
            let edges = edges(zone);
            let before = match nearness {
                0 => None,
                1 => Some(offset),
                2 => Some(offset % 7_200),
                _ => Some(offset % 7_200 - 3_600),
            };
            let start = match before {
                Some(before) if !edges.is_empty() => edges[edge.index(edges.len())] - before,
                _ => anywhere,
            };
            Case { meaning, zone, start: start.max(0) }
        })
}

/// When the zone's clocks are changed, 1970 to 2037.
pub fn edges(zone: &str) -> Vec<i64> {
    let first = jiff::Timestamp::from_second(YEARS.start).unwrap();
    let zone = TimeZone::get(zone).unwrap();
    let moments = zone.following(first).map(|change| change.timestamp().as_second());
    moments.take_while(|moment| *moment < YEARS.end).collect()
}

fn meaning() -> impl Strategy<Value = Meaning> {
    let minute = prop_oneof![2 => Just(star(0, 59, 1)), 3 => starred(0, 59), 6 => plain(0, 59)];
    let hour =
        prop_oneof![3 => Just(star(0, 23, 1)), 2 => starred(0, 23), 7 => plain(0, 23), 3 => plain(0, 4)];
    let day = prop_oneof![6 => Just(star(1, 31, 1)), 1 => starred(1, 31), 3 => plain(1, 31)];
    let month = prop_oneof![6 => Just(star(1, 12, 1)), 1 => starred(1, 12), 2 => plain(1, 12)];
    let weekday = prop_oneof![6 => Just(star(0, 6, 1)), 1 => starred(0, 6), 3 => plain(0, 6)];
    (minute, hour, day, month, weekday).prop_map(|(minute, hour, day, month, weekday)| {
        let fields = [minute, hour, day, month, weekday];
        let text = fields.clone().map(|field| field.text).join(" ");
        Meaning { text, fields }
    })
}

fn star(min: u8, max: u8, step: u8) -> Field {
    let text = if step == 1 { "*".to_owned() } else { format!("*/{step}") };
    Field { text, values: (min..=max).step_by(usize::from(step)).collect() }
}

fn starred(min: u8, max: u8) -> impl Strategy<Value = Field> {
    (1..=max).prop_map(move |step| {
        let field = star(min, max, step);
        if step == 1 { Field { text: "*/1".to_owned(), ..field } } else { field }
    })
}

/// One to three values, ranges and ranges with steps.
fn plain(min: u8, max: u8) -> impl Strategy<Value = Field> {
    let value = (min..=max).prop_map(|value| (value.to_string(), value, value, 1));
    // Not `5-5/3`: cronsim takes it for `5/3`, which it reads as `5-59/3`, and which is refused here.
    let range = (min..max, min..=max, 1..8_u8).prop_map(move |(one, other, step)| {
        let (from, to) = if one == other { (one, one + 1) } else { (one.min(other), one.max(other)) };
        let text = if step == 1 { format!("{from}-{to}") } else { format!("{from}-{to}/{step}") };
        (text, from, to, step)
    });
    prop::collection::vec(prop_oneof![3 => value, 1 => range], 1..4).prop_map(|parts| {
        let text = parts.iter().map(|(text, ..)| text.clone()).collect::<Vec<_>>().join(",");
        let values =
            parts.iter().flat_map(|(_, from, to, step)| (*from..=*to).step_by(usize::from(*step))).collect();
        Field { text, values }
    })
}
