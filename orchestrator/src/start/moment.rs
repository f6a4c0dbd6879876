//! The day and the moment that templates name, in a time zone.

use agents_domain::timestamp::Timestamp;
use jiff::tz::TimeZone;

/// The day as `2026-11-21`, and the moment as RFC 3339 writes it.
pub fn told(at: Timestamp, zone: Option<&str>) -> Result<(String, String), String> {
    let zone = match zone {
        None | Some("UTC") => TimeZone::UTC,
        Some(name) => {
            TimeZone::get(name).map_err(|error| format!("there is no time zone `{name}`: {error}"))?
        }
    };
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).map_err(|error| error.to_string())?;
    let told = moment.to_zoned(zone);
    let offset = if told.offset().is_zero() { "Z".to_owned() } else { told.strftime("%:z").to_string() };
    Ok((told.strftime("%Y-%m-%d").to_string(), format!("{}{offset}", told.strftime("%Y-%m-%dT%H:%M:%S"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_its_zone() {
        let at = Timestamp::from_seconds(1_795_302_000);
        let check = |zone: Option<&str>, day: &str, moment: &str| {
            assert_eq!(told(at, zone), Ok((day.to_owned(), moment.to_owned())), "{zone:?}");
        };
        check(None, "2026-11-21", "2026-11-21T23:00:00Z");
        check(Some("UTC"), "2026-11-21", "2026-11-21T23:00:00Z");
        check(Some("Europe/Berlin"), "2026-11-22", "2026-11-22T00:00:00+01:00");
        check(Some("America/New_York"), "2026-11-21", "2026-11-21T18:00:00-05:00");
        assert!(told(at, Some("Mars/Olympus")).is_err_and(|why| why.contains("Mars/Olympus")));
    }
}
