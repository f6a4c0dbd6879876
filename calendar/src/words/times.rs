//! The part of a sentence that tells the times of a day.

use crate::cron::Cron;

use super::{distance, list};

/// So many times are named one by one.
const NAMED: usize = 6;

/// The times of a day, in words.
pub(super) enum Times {
    /// `09:00 and 17:00`: stands behind "at".
    At(String),
    /// `every 15 minutes`: from midnight to midnight without a break.
    AllDay(String),
    /// `every 15 minutes from 09:00 to 17:45`.
    PartOfDay(String),
}

impl Times {
    pub fn of(cron: &Cron) -> Times {
        let (minutes, hours) = (cron.minute.values(), cron.hour.values());
        if minutes.len() * hours.len() <= NAMED {
            return Times::At(named(&hours, &minutes));
        }
        let is_every_hour = hours.len() == 24;
        let last = *minutes.last().unwrap_or(&0);
        match (even(&minutes), is_every_hour) {
            (Some(rhythm), true) => Times::AllDay(rhythm),
            (Some(rhythm), false) if is_run(&hours) => Times::PartOfDay(format!(
                "{rhythm} from {} to {}",
                clock(hours[0], 0),
                clock(hours[hours.len() - 1], last)
            )),
            (Some(rhythm), false) => Times::PartOfDay(format!("{rhythm} of {}", in_hours(&hours))),
            (None, _) => hourly(&hours, &minutes),
        }
    }
}

/// Times whose minutes are not evenly spread over the hour.
fn hourly(hours: &[u8], minutes: &[u8]) -> Times {
    let is_every_hour = hours.len() == 24;
    let ([minute], Some(step)) = (minutes, distance(hours)) else {
        let phrase = format!("{} past {}", past(minutes), in_hours(hours));
        return if is_every_hour { Times::AllDay(phrase) } else { Times::PartOfDay(phrase) };
    };
    let rhythm = if step == 1 { "every hour".to_owned() } else { format!("every {step} hours") };
    let goes_round = 24 % step == 0 && hours.len() == usize::from(24 / step);
    match (goes_round && *minute == 0, is_every_hour) {
        (true, _) if hours[0] == 0 => Times::AllDay(rhythm),
        (_, true) => Times::AllDay(format!("{} past every hour", past(minutes))),
        (_, false) => {
            let last = hours[hours.len() - 1];
            Times::PartOfDay(format!(
                "{rhythm} from {} to {}",
                clock(hours[0], *minute),
                clock(last, *minute)
            ))
        }
    }
}

/// `every minute`, `every 15 minutes`: where the distance is kept from one hour to the next, beginning at 0.
fn even(minutes: &[u8]) -> Option<String> {
    if let [0, 30] = minutes {
        return Some("every 30 minutes".to_owned());
    }
    let step =
        distance(minutes).filter(|step| minutes[0] == 0 && usize::from(*step) * minutes.len() == 60)?;
    Some(if step == 1 { "every minute".to_owned() } else { format!("every {step} minutes") })
}

/// `at 5 and 20 minutes`, `every 7 minutes from 0 to 56`: stands before "past".
fn past(minutes: &[u8]) -> String {
    let numbers: Vec<String> = minutes.iter().map(u8::to_string).collect();
    match (minutes, distance(minutes)) {
        ([1], _) => "at 1 minute".to_owned(),
        (_, Some(step)) if minutes.len() > 3 => {
            let rhythm = if step == 1 { "every minute".to_owned() } else { format!("every {step} minutes") };
            format!("{rhythm} from {} to {}", minutes[0], minutes[minutes.len() - 1])
        }
        (_, _) => format!("at {} minutes", list(&numbers)),
    }
}

/// `every hour`, `every hour from 9 to 17`, `the hours 9, 13 and 20`.
fn in_hours(hours: &[u8]) -> String {
    let numbers: Vec<String> = hours.iter().map(u8::to_string).collect();
    match hours {
        [hour] => format!("the hour {hour}"),
        [first, .., last] if is_run(hours) && hours.len() > 2 => {
            if hours.len() == 24 {
                "every hour".to_owned()
            } else {
                format!("every hour from {first} to {last}")
            }
        }
        _ => format!("the hours {}", list(&numbers)),
    }
}

/// Without a gap between the first and the last.
fn is_run(values: &[u8]) -> bool {
    values.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

fn named(hours: &[u8], minutes: &[u8]) -> String {
    let times: Vec<String> =
        hours.iter().flat_map(|hour| minutes.iter().map(|minute| clock(*hour, *minute))).collect();
    list(&times)
}

fn clock(hour: u8, minute: u8) -> String {
    format!("{hour:02}:{minute:02}")
}
