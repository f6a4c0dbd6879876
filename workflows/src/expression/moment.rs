//! The day and the moment that expressions name, in a time zone, and moments that people write.

use agents_domain::timestamp::Timestamp;
use jiff::tz::TimeZone;

/// The day as `2026-11-21`, and the moment as RFC 3339 writes it. A zone that this machine doesn't know is UTC.
pub(crate) fn moment(at: Timestamp, zone: Option<&str>) -> (String, String) {
    let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let told = moment.to_zoned(zone);
    let offset = if told.offset().is_zero() { "Z".to_owned() } else { told.strftime("%:z").to_string() };
    (told.strftime("%Y-%m-%d").to_string(), format!("{}{offset}", told.strftime("%Y-%m-%dT%H:%M:%S")))
}

/// A moment in RFC 3339, or without an offset in that zone.
pub(crate) fn parse(text: &str, zone: Option<&str>) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_millis(moment.as_millisecond()));
    }
    let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let civil: jiff::civil::DateTime = text.parse().map_err(|_| {
        format!("`{}` is no moment: write 2026-11-21T18:00:00Z, or 2026-11-21T18:00", super::shown(text))
    })?;
    let moment = civil.to_zoned(zone).map_err(|error| error.to_string())?;
    Ok(Timestamp::from_millis(moment.timestamp().as_millisecond()))
}
