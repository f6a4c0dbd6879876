//! The part of a sentence that tells the days.

use crate::cron::Cron;
use crate::term::{Term, Terms};

use super::{distance, list};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const NTHS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// So many days of a month are named one by one, if they could be told as a range.
const NAMED: usize = 3;

/// The days on which something is due.
pub(super) struct Days {
    /// `None`: every day of the month.
    of_month: Option<Terms>,
    /// `None`: every day of the week.
    of_week: Option<Terms>,
    /// The numbers of the months. Empty: every month.
    months: Vec<u8>,
    /// Whether a day must be both.
    needs_both: bool,
}

impl Days {
    pub fn of(cron: &Cron) -> Days {
        let months = if cron.month.is_full() { Vec::new() } else { cron.month.values() };
        let limits = |terms: &Terms| Some(terms.clone()).filter(|terms| !terms.is_full());
        let (of_month, of_week) = (limits(&cron.day_of_month), limits(&cron.day_of_week));
        let needs_both = cron.needs_both_days();
        if !needs_both && (of_month.is_none() || of_week.is_none()) {
            // Either is enough, and one of them is every day.
            return Days { of_month: None, of_week: None, months, needs_both };
        }
        Days { of_month, of_week, months, needs_both }
    }

    /// Whether it is due on each day of the year.
    pub fn is_every_day(&self) -> bool {
        self.of_month.is_none() && self.of_week.is_none() && self.months.is_empty()
    }

    /// `every day`, `every Monday in May`, `on the 1st and 15th of every month`.
    pub fn phrase(&self) -> String {
        let (of_months, in_months) = self.month_names();
        match (&self.of_month, &self.of_week) {
            (None, None) => format!("every day{in_months}"),
            (None, Some(week)) => weekdays(week, &of_months, &in_months),
            (Some(month), None) => format!("on {} of {of_months}", days_of_month(month)),
            (Some(month), Some(week)) if self.needs_both => {
                format!("on {} of {of_months}, if it is {},", days_of_month(month), condition(week))
            }
            (Some(month), Some(week)) => {
                let week = weekdays(week, &of_months, &in_months);
                format!("on {} of {of_months} and also {week}", days_of_month(month))
            }
        }
    }

    /// The months behind "of", and behind a day: `May` and ` in May`.
    fn month_names(&self) -> (String, String) {
        let names: Vec<String> = self.months.iter().map(|month| name(&MONTHS, month - 1)).collect();
        match &names[..] {
            [] => ("every month".to_owned(), String::new()),
            [first, _, .., last] if distance(&self.months) == Some(1) => {
                let span = format!("from {first} to {last}");
                (format!("every month {span}"), format!(" {span}"))
            }
            _ => (list(&names), format!(" in {}", list(&names))),
        }
    }
}

/// `the 1st and 15th`, `the 1st to the 7th`, `the last day`.
fn days_of_month(terms: &Terms) -> String {
    let values = terms.values();
    let mut parts: Vec<String> = match (&values[..], distance(&values)) {
        ([], _) => Vec::new(),
        ([first, .., last], Some(1)) if values.len() > NAMED => {
            vec![format!("the {} to the {}", ordinal(*first), ordinal(*last))]
        }
        ([first, .., last], Some(step)) if values.len() > NAMED => {
            vec![format!(
                "every {} day from the {} to the {}",
                ordinal(step),
                ordinal(*first),
                ordinal(*last)
            )]
        }
        (_, _) => {
            let ordinals: Vec<String> = values.iter().map(|day| ordinal(*day)).collect();
            vec![format!("the {}", list(&ordinals))]
        }
    };
    parts.extend(terms.special().filter_map(|term| match term {
        Term::LastDay => Some("the last day".to_owned()),
        Term::LastWorkday => Some("the last weekday".to_owned()),
        Term::NearestWorkday(day) => Some(format!("the weekday nearest the {}", ordinal(day))),
        Term::Span { .. } | Term::Nth { .. } | Term::LastOf(_) => None,
    }));
    list(&parts)
}

/// `every Monday and Friday in May`, `on the second Tuesday of every month`.
fn weekdays(terms: &Terms, of_months: &str, in_months: &str) -> String {
    let mut parts = Vec::new();
    let plain = terms.values();
    if !plain.is_empty() {
        parts.push(format!("every {}{in_months}", plain_weekdays(&plain, "weekday")));
    }
    let nths = nth_weekdays(terms);
    if !nths.is_empty() {
        parts.push(format!("on {} of {of_months}", list(&nths)));
    }
    list(&parts)
}

/// `a Monday or Friday`, `the second Tuesday of the month`: what a day must be.
fn condition(terms: &Terms) -> String {
    let plain = terms.values();
    let nths = nth_weekdays(terms).into_iter().map(|nth| format!("{nth} of the month"));
    let plain = if plain.is_empty() { None } else { Some(plain_weekdays(&plain, "Monday to Friday")) };
    let plain = plain.map(|names| format!("a {}", names.replace(" and ", " or ")));
    plain.into_iter().chain(nths).collect::<Vec<_>>().join(" or ")
}

/// The names from Monday on; `workday` for Monday to Friday.
fn plain_weekdays(values: &[u8], workday: &str) -> String {
    if values == [1, 2, 3, 4, 5] {
        return workday.to_owned();
    }
    let mut values = values.to_vec();
    values.sort_unstable_by_key(|weekday| (weekday + 6) % 7);
    list(&values.iter().map(|weekday| name(&WEEKDAYS, *weekday)).collect::<Vec<_>>())
}

/// `the second Tuesday`, `the last Friday`.
fn nth_weekdays(terms: &Terms) -> Vec<String> {
    let phrase = |term| match term {
        Term::Nth { weekday, nth } => {
            Some(format!("the {} {}", name(&NTHS, nth - 1), name(&WEEKDAYS, weekday)))
        }
        Term::LastOf(weekday) => Some(format!("the last {}", name(&WEEKDAYS, weekday))),
        Term::Span { .. } | Term::LastDay | Term::LastWorkday | Term::NearestWorkday(_) => None,
    };
    terms.special().filter_map(phrase).collect()
}

/// `1st`, `2nd`, `3rd`, `4th`, `11th`, `21st`.
fn ordinal(number: u8) -> String {
    let ending = match (number % 10, number % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn name(names: &[&str], index: u8) -> String {
    names.get(usize::from(index)).copied().unwrap_or_default().to_owned()
}
