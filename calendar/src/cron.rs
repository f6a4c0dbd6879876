//! A cron pattern of five fields: read, and asked for the civil times that it means. Which civil time is which
//! moment is the business of `dst`.

use croner::parser::{CronParser, Seconds, Year};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

use crate::cron_error::CronError;
use crate::field::Field;
use crate::term::Terms;

/// The names for patterns that Vixie cron knows, without `@reboot`.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A pattern that comes at least once in the calendar's cycle is found from here.
const FIRST_LOOK: DateTime = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// What daylight saving time does to a pattern: see the module `dst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DstRule {
    /// Times of a day: none is lost, none comes twice.
    FixedTimes,
    /// A rhythm: whatever the wall clock shows, when it shows it.
    Rhythm,
}

/// A cron pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    text: String,
    pub(crate) minute: Terms,
    pub(crate) hour: Terms,
    pub(crate) day_of_month: Terms,
    pub(crate) month: Terms,
    pub(crate) day_of_week: Terms,
    /// Which civil times match. It is given the normalized fields only, so that there is one reading of a pattern.
    matcher: croner::Cron,
}

impl Cron {
    /// Reads a pattern: five fields, or a name such as `@daily`.
    pub fn parse(text: &str) -> Result<Cron, CronError> {
        let nickname = text.trim();
        if nickname.starts_with('@') {
            let expanded = expand(nickname)?;
            return Ok(Cron { text: nickname.to_ascii_lowercase(), ..Cron::parse(expanded)? });
        }
        let [minute, hour, day_of_month, month, day_of_week] = fields(text)?;
        let starred = day_of_month.starred || day_of_week.starred;
        let normalized =
            [&minute, &hour, &day_of_month, &month, &day_of_week].map(Terms::normalized).join(" ");
        let never = || CronError::NeverComes { text: text.trim().to_owned() };
        let matcher = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .dom_and_dow(starred)
            .build()
            .parse(&normalized)
            .map_err(|_| never())?;
        let written = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cron = Cron { text: written, minute, hour, day_of_month, month, day_of_week, matcher };
        if cron.at_or_after(FIRST_LOOK).is_some() { Ok(cron) } else { Err(never()) }
    }

    /// The pattern as it was written, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first civil minute that matches, not before `from`.
    pub(crate) fn at_or_after(&self, from: DateTime) -> Option<DateTime> {
        self.matcher.find_next_occurrence(&from, true).ok()
    }

    /// The first civil minute that matches, after `civil`. The search begins at the next whole minute: between minutes
    /// croner would look at each second.
    pub(crate) fn after(&self, civil: DateTime) -> Option<DateTime> {
        let minute = civil.with().second(0).subsec_nanosecond(0).build().ok()?;
        self.at_or_after(minute.checked_add(MINUTE).ok()?)
    }

    /// Whether something is due on that day.
    pub(crate) fn matches_day(&self, date: Date) -> bool {
        let weekday = croner::Weekday::from_days_from_sunday(
            date.weekday().to_sunday_zero_offset().unsigned_abs().into(),
        );
        let (month, day) = (date.month().unsigned_abs().into(), date.day().unsigned_abs().into());
        let pattern = &self.matcher.pattern;
        pattern.month_match(month).unwrap_or(false)
            && pattern.day_match(date.year().into(), month, day, weekday).unwrap_or(false)
    }

    /// Whether both the day of month and the day of week must match. Vixie cron's rule: both if one of the two
    /// fields begins with `*` (so `*/2` counts as a star), else either is enough.
    pub(crate) fn needs_both_days(&self) -> bool {
        self.day_of_month.starred || self.day_of_week.starred
    }

    pub(crate) fn dst_rule(&self) -> DstRule {
        if self.minute.starred || self.hour.starred { DstRule::Rhythm } else { DstRule::FixedTimes }
    }
}

fn expand(nickname: &str) -> Result<&'static str, CronError> {
    let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(nickname));
    let hint = if nickname.eq_ignore_ascii_case("@reboot") {
        "a schedule has times, and a start of the machine is none; start it from the machine's own startup"
    } else {
        "known are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"
    };
    known.map(|(_, pattern)| *pattern).ok_or_else(|| CronError::Nickname { name: nickname.to_owned(), hint })
}

fn fields(text: &str) -> Result<[Terms; 5], CronError> {
    let words = words_with_columns(text);
    let hint = match words.len() {
        0 => return Err(CronError::Empty),
        5 => "",
        6 | 7 => {
            "there is no field for seconds or years, so take it out; for less than a minute use an interval"
        }
        _ => "write each field, `*` for any value, such as `0 9 * * MON-FRI`",
    };
    let [minute, hour, day_of_month, month, day_of_week] = words[..] else {
        return Err(CronError::FieldCount { text: text.trim().to_owned(), found: words.len(), hint });
    };
    let read = |field, (column, word)| Terms::parse(field, word, column);
    Ok([
        read(Field::Minute, minute)?,
        read(Field::Hour, hour)?,
        read(Field::DayOfMonth, day_of_month)?,
        read(Field::Month, month)?,
        read(Field::DayOfWeek, day_of_week)?,
    ])
}

/// The words of a text, each with its column, counted in characters from 1.
fn words_with_columns(text: &str) -> Vec<(usize, &str)> {
    let column = |word: &str| {
        let offset = word.as_ptr() as usize - text.as_ptr() as usize;
        text[..offset].chars().count() + 1
    };
    text.split_whitespace().map(|word| (column(word), word)).collect()
}
