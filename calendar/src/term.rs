//! One field of a cron pattern, read: the parts between its commas and what they stand for. Strict, so that whatever
//! is accepted means the same to every reader of the pattern.

use crate::cron_error::CronError;
use crate::field::Field;

/// What stands between two commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    /// `*`, `*/2`, `9`, `9-17`, `9-17/2`: from, to (which may be 7 for Sunday), step.
    Span { from: u8, to: u8, step: u8 },
    /// `L`: the last day of the month.
    LastDay,
    /// `LW`: the last Monday to Friday of the month.
    LastWorkday,
    /// `15W`: the Monday to Friday nearest that day, in the same month.
    NearestWorkday(u8),
    /// `TUE#2`: a weekday's nth in the month.
    Nth { weekday: u8, nth: u8 },
    /// `FRIL`, `FRI#L`: the last such weekday of the month.
    LastOf(u8),
}

/// One field, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    field: Field,
    terms: Vec<Term>,
    /// Whether the text begins with `*`: what Vixie cron looks at, both for the days and for daylight saving time.
    pub starred: bool,
    /// Whether the text is `*`.
    is_star: bool,
}

impl Terms {
    /// Reads a field that begins at `column` of the pattern.
    pub fn parse(field: Field, text: &str, column: usize) -> Result<Terms, CronError> {
        let mut terms = Vec::new();
        let mut at = column;
        for part in text.split(',') {
            let term = Part { field, text: part }.parse().map_err(|problem| CronError::Field {
                field,
                part: if part.is_empty() { text } else { part }.to_owned(),
                column: if part.is_empty() { column } else { at },
                problem,
            })?;
            terms.push(term);
            at += part.chars().count() + 1;
        }
        let both_lasts = terms.contains(&Term::LastDay) && terms.contains(&Term::LastWorkday);
        if both_lasts {
            let problem = "`L` and `LW` can't stand in one field: make two schedules".to_owned();
            return Err(CronError::Field { field, part: text.to_owned(), column, problem });
        }
        Ok(Terms { field, terms, starred: text.starts_with('*'), is_star: text == "*" })
    }

    /// The terms other than plain values.
    pub fn special(&self) -> impl Iterator<Item = Term> + '_ {
        self.terms.iter().copied().filter(|term| !matches!(term, Term::Span { .. }))
    }

    /// The plain values, ascending, each once; Sunday is 0.
    pub fn values(&self) -> Vec<u8> {
        let mut values = Vec::new();
        for term in &self.terms {
            if let Term::Span { from, to, step } = *term {
                let sunday_is_zero =
                    |value| if self.field == Field::DayOfWeek && value == 7 { 0 } else { value };
                values.extend((from..=to).step_by(usize::from(step)).map(sunday_is_zero));
            }
        }
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Whether every value matches.
    pub fn is_full(&self) -> bool {
        self.values().len() == usize::from(self.field.max() - self.field.min()) + 1
    }

    /// The same as numbers and without ranges, steps and names: there is one way only to read it.
    pub fn normalized(&self) -> String {
        if self.is_star {
            return "*".to_owned();
        }
        let special = self.special().map(|term| match term {
            Term::Span { .. } => String::new(),
            Term::LastDay => "L".to_owned(),
            Term::LastWorkday => "LW".to_owned(),
            Term::NearestWorkday(day) => format!("{day}W"),
            Term::Nth { weekday, nth } => format!("{weekday}#{nth}"),
            Term::LastOf(weekday) => format!("{weekday}#L"),
        });
        let parts: Vec<String> = self.values().iter().map(u8::to_string).chain(special).collect();
        parts.join(",")
    }
}

/// One part of a field while it is read. Errors are what is wrong and what to do, without the place.
struct Part<'a> {
    field: Field,
    text: &'a str,
}

impl Part<'_> {
    fn parse(&self) -> Result<Term, String> {
        let text = self.text;
        if text.is_empty() {
            return Err(
                "there is nothing between two commas, or a comma at an end: take the comma out".to_owned()
            );
        }
        if text == "?" {
            return Err("`?` is not known here: write `*`".to_owned());
        }
        match self.field {
            Field::DayOfMonth => {
                if let Some(term) = self.special_day()? {
                    return Ok(term);
                }
            }
            Field::DayOfWeek => {
                if let Some(term) = self.special_weekday()? {
                    return Ok(term);
                }
            }
            Field::Minute | Field::Hour | Field::Month => {}
        }
        self.span()
    }

    /// `L`, `LW`, `15W`.
    fn special_day(&self) -> Result<Option<Term>, String> {
        let text = self.text.to_ascii_uppercase();
        if text == "L" {
            return Ok(Some(Term::LastDay));
        }
        if text == "LW" {
            return Ok(Some(Term::LastWorkday));
        }
        if text.starts_with("L-") {
            return Err("days before the last are not known: write `L`, `LW`, or days 1 to 31".to_owned());
        }
        match text.strip_suffix('W') {
            Some(day) => self.value(day).map(|day| Some(Term::NearestWorkday(day))),
            None => Ok(None),
        }
    }

    /// `TUE#2`, `FRIL`, `FRI#L`.
    fn special_weekday(&self) -> Result<Option<Term>, String> {
        let text = self.text.to_ascii_uppercase();
        if text == "L" {
            return Err("`L` needs a weekday before it, such as `FRIL` for the last Friday".to_owned());
        }
        let sunday_is_zero = |weekday: u8| weekday % 7;
        if let Some((weekday, nth)) = text.split_once('#') {
            if weekday.contains(['-', '/', '*']) {
                return Err(
                    "`#` follows one weekday: write each with its own, such as `MON#2,TUE#2`".to_owned()
                );
            }
            let weekday = sunday_is_zero(self.value(weekday)?);
            if nth == "L" {
                return Ok(Some(Term::LastOf(weekday)));
            }
            return match nth.parse::<u8>() {
                Ok(nth @ 1..=5) if self.text.ends_with(|last: char| last.is_ascii_digit()) => {
                    Ok(Some(Term::Nth { weekday, nth }))
                }
                Ok(_) | Err(_) => Err("behind `#` stands 1 to 5, or L for the last of the month".to_owned()),
            };
        }
        match text.strip_suffix('L') {
            Some(weekday) => self.value(weekday).map(|weekday| Some(Term::LastOf(sunday_is_zero(weekday)))),
            None => Ok(None),
        }
    }

    /// A value, a range or a star, each with or without a step.
    fn span(&self) -> Result<Term, String> {
        let (base, step) = match self.text.split_once('/') {
            None => (self.text, None),
            Some((base, step)) => (base, Some(self.step(step)?)),
        };
        if base == "*" {
            return Ok(Term::Span { from: self.field.min(), to: self.field.max(), step: step.unwrap_or(1) });
        }
        let Some((from, to)) = base.split_once('-') else {
            let value = self.value(base)?;
            return match step {
                None => Ok(Term::Span { from: value, to: value, step: 1 }),
                Some(step) => Err(format!(
                    "a step needs a range or `*` before it: write `{base}-{}/{step}`",
                    self.field.max()
                )),
            };
        };
        let (first, mut last) = (self.value(from)?, self.value(to)?);
        // As the end of a range Sunday is the last day of the week, as its beginning the first.
        if self.field == Field::DayOfWeek && last == 0 && first > 0 && to.eq_ignore_ascii_case("SUN") {
            last = 7;
        }
        if first > last {
            return Err(format!(
                "the range runs backwards: write `{from}-{},{}-{to}`",
                self.field.max(),
                self.field.min()
            ));
        }
        Ok(Term::Span { from: first, to: last, step: step.unwrap_or(1) })
    }

    /// A step is at least 1. A step beyond the field's end is allowed, as it is in Vixie cron: only the first value
    /// is left.
    fn step(&self, text: &str) -> Result<u8, String> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u8>() {
            Ok(0) => Err("a step of 0 never moves: write 1 or more".to_owned()),
            Ok(step) if is_number => Ok(step),
            Ok(_) | Err(_) => Err(format!("behind `/` stands a step, a number from 1 to {}", u8::MAX)),
        }
    }

    /// A number or a name.
    fn value(&self, text: &str) -> Result<u8, String> {
        let named = self.field.names().iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(position) = named {
            return Ok(u8::try_from(position).unwrap_or(u8::MAX).saturating_add(self.field.min()));
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let known = self.field.min()..=self.field.greatest_written();
        text.parse::<u8>()
            .ok()
            .filter(|value| is_number && known.contains(value))
            .ok_or_else(|| self.field.allowed().to_owned())
    }
}
