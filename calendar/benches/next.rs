//! What the next due time costs: ours beside croner alone, for the same patterns, zones and starts, in turns. Croner is
//! used as it normally is: with chrono-tz, asked for the occurrence after a `DateTime<Tz>`. Ours takes a moment and gives
//! one, with the rule for daylight saving time, start and end. Each figure is the fastest of the rounds: what else the machine
//! does only adds.
//!
//! `cargo bench -p agents-calendar --bench next -- [due times a round] [rounds]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

use std::hint::black_box;
use std::str::FromStr;
use std::time::Instant;

use agents_calendar::{Pattern, Timetable, Zone};
use agents_domain::timestamp::Timestamp;
use chrono::TimeZone;
use chrono_tz::Tz;

/// Ours may cost so much more than croner alone.
const GOAL: f64 = 1.2;

const PATTERNS: [&str; 8] = [
    "* * * * *",
    "*/15 * * * *",
    "0 * * * *",
    "0 9 * * 1-5",
    "30 2 * * *",
    "30 23 L * *",
    "0 9 * * 2#2",
    "0 0 29 2 *",
];
const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

/// Nanoseconds for each of `n` due times, one after the other.
fn ours(pattern: &str, zone: &str, n: u32) -> f64 {
    let start = Timestamp::from_seconds(START);
    let table = Timetable::new(Pattern::cron(pattern).unwrap(), Zone::parse(zone).unwrap(), start);
    let began = Instant::now();
    let mut at = start;
    for _ in 0..n {
        at = table.next_after(black_box(at)).unwrap();
    }
    black_box(at);
    began.elapsed().as_secs_f64() * 1e9 / f64::from(n)
}

fn croner_alone(pattern: &str, zone: &str, n: u32) -> f64 {
    let cron = croner::Cron::from_str(pattern).unwrap();
    let mut at = Tz::from_str(zone).unwrap().timestamp_opt(START, 0).unwrap();
    let began = Instant::now();
    for _ in 0..n {
        at = cron.find_next_occurrence(black_box(&at), false).unwrap();
    }
    black_box(at);
    began.elapsed().as_secs_f64() * 1e9 / f64::from(n)
}

/// Nanoseconds for reading one pattern, by ours and by croner. Ours also proves that the pattern comes at all.
fn reading(pattern: &str, rounds: u32) -> [f64; 2] {
    let took = |began: Instant| began.elapsed().as_secs_f64() * 1e9;
    let (mut ours, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let began = Instant::now();
        black_box(Pattern::cron(black_box(pattern)).unwrap());
        ours.push(took(began));
        let began = Instant::now();
        black_box(croner::Cron::from_str(black_box(pattern)).unwrap());
        alone.push(took(began));
    }
    [fastest(ours), fastest(alone)]
}

fn fastest(figures: Vec<f64>) -> f64 {
    figures.into_iter().fold(f64::INFINITY, f64::min)
}

fn main() {
    let numbers: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let n = numbers.first().copied().unwrap_or(300);
    let rounds = numbers.get(1).copied().unwrap_or(50);
    println!("{:<16} {:<22} {:>10} {:>10} {:>8}", "pattern", "zone", "croner ns", "ours ns", "ratio");
    let mut ratios = Vec::new();
    for pattern in PATTERNS {
        for zone in ZONES {
            // No pattern may run over the years that both know well.
            let n = if pattern.ends_with("29 2 *") { n.min(100) } else { n };
            let (mut alone, mut with_us) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                alone.push(croner_alone(pattern, zone, n));
                with_us.push(ours(pattern, zone, n));
            }
            let (alone, with_us) = (fastest(alone), fastest(with_us));
            let ratio = with_us / alone;
            ratios.push(ratio);
            println!("{pattern:<16} {zone:<22} {alone:>10.0} {with_us:>10.0} {ratio:>8.2}");
        }
    }
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let [ours, alone] = reading("*/15 9-17 * * MON-FRI", rounds);
    println!("reading a pattern: croner {alone:.0} ns, ours {ours:.0} ns");
    println!(
        "geometric mean {mean:.2}, worst {worst:.2}, goal {GOAL}: {}",
        if worst <= GOAL { "met" } else { "missed" }
    );
}
