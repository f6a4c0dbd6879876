//! A time zone of the IANA database, by name.

use agents_domain::timestamp::Timestamp;
use jiff::tz::TimeZone;

use crate::moment::{self, MomentError};

/// How alike two names must be to be taken for one another, from 0 to 1.
const ALIKE: f64 = 0.7;

/// A time zone and the name under which it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A name that no zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a time zone: {hint}")]
pub struct ZoneError {
    name: String,
    hint: String,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// The zone of that IANA name; case does not matter.
    pub fn parse(name: &str) -> Result<Zone, ZoneError> {
        let name = name.trim();
        match TimeZone::get(name) {
            Ok(rules) => Ok(Zone { name: rules.iana_name().unwrap_or(name).to_owned(), rules }),
            Err(_) => Err(ZoneError { name: name.to_owned(), hint: hint(name) }),
        }
    }

    /// The name, such as `Europe/Berlin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The moment as that zone's clocks show it, with offset and zone, for people.
    pub fn show(&self, moment: Timestamp) -> String {
        match jiff::Timestamp::from_millisecond(moment.as_millis()) {
            Ok(instant) => instant.to_zoned(self.rules.clone()).to_string(),
            Err(_) => moment.to_string(),
        }
    }

    /// A moment as people write a start or an end: RFC 3339, or a civil time or day of this zone. A day is its first
    /// moment; a time that does not exist is the first one after the gap, one that comes twice the first of the two.
    pub fn moment(&self, text: &str) -> Result<Timestamp, MomentError> {
        moment::at_or_day(text, self)
    }

    /// Whether the zone's clocks never show that civil time, because they are set forward over it. What is no civil time is
    /// always shown.
    pub fn skips(&self, text: &str) -> bool {
        moment::is_in_gap(text, self)
    }

    pub(crate) fn rules(&self) -> &TimeZone {
        &self.rules
    }
}

/// The name that was probably meant. The last part of a name counts too: people write `Berlin`.
fn hint(name: &str) -> String {
    let wanted = name.to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let city = known.rsplit('/').next().unwrap_or(&known);
        let whole = strsim::normalized_damerau_levenshtein(&wanted, &known);
        whole.max(strsim::normalized_damerau_levenshtein(&wanted.replace(' ', "_"), city))
    };
    let nearest = jiff::tz::db()
        .available()
        .map(|known| (likeness(known.as_str()), known.to_string()))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    match nearest {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => "write an IANA name, such as `Europe/Berlin`, `America/New_York` or `UTC`".to_owned(),
    }
}
