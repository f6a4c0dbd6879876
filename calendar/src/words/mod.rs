//! The sentence that tells a pattern to people: `every Monday, Wednesday and Friday at 09:00`. Short where the pattern
//! is an everyday one, and correct for every other: nothing is left out, nothing is rounded.

mod days;
mod times;

use agents_domain::timestamp::Timestamp;

use crate::cron::Cron;
use crate::zone::Zone;

use days::Days;
use times::Times;

/// The sentence for a cron pattern.
pub(crate) fn sentence(cron: &Cron) -> String {
    let times = Times::of(cron);
    let days = Days::of(cron);
    match (&times, days.is_every_day()) {
        (Times::At(times), _) => format!("{} at {times}", days.phrase()),
        (Times::AllDay(rhythm), true) => rhythm.clone(),
        (Times::AllDay(rhythm) | Times::PartOfDay(rhythm), _) => format!("{}, {rhythm}", days.phrase()),
    }
}

/// The sentence for a single moment.
pub(crate) fn once(moment: Timestamp, zone: &Zone) -> String {
    let Ok(instant) = jiff::Timestamp::from_millisecond(moment.as_millis()) else {
        return format!("once, at {moment}");
    };
    let zoned = instant.to_zoned(zone.rules().clone());
    let clock = if zoned.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    format!("once, on {} at {}", zoned.strftime("%A, %-d %B %Y"), zoned.strftime(clock))
}

/// `a`, `a and b`, `a, b and c`.
fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The distance between neighbors, if it is the same for all of at least three ascending values.
fn distance(values: &[u8]) -> Option<u8> {
    let [first, second, _, ..] = values else { return None };
    let step = second - first;
    values.windows(2).all(|pair| pair[1] - pair[0] == step).then_some(step)
}
