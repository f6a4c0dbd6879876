//! How long a server asks to be left alone, by the headers of its answer.

use std::time::Duration;

use agents_domain::timestamp::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use ureq::http::HeaderMap;

/// When to ask again, by what the servers of all providers say.
pub(crate) fn resets_at(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(now.after(Duration::from_millis(millis)));
    }
    if let Some(at) = text("retry-after").and_then(|text| retry_after(text, now)) {
        return Some(at);
    }
    let is_empty = |name: String| text(&name).is_some_and(|left| left == "0");
    let anthropic = ["requests", "tokens", "input-tokens", "output-tokens"].into_iter().filter_map(|what| {
        let at = text(&format!("anthropic-ratelimit-{what}-reset"))?.parse::<jiff::Timestamp>().ok()?;
        is_empty(format!("anthropic-ratelimit-{what}-remaining"))
            .then(|| Timestamp::from_millis(at.as_millisecond()))
    });
    let openai = ["requests", "tokens"].into_iter().filter_map(|what| {
        let span = span(text(&format!("x-ratelimit-reset-{what}"))?)?;
        is_empty(format!("x-ratelimit-remaining-{what}")).then(|| now.after(span))
    });
    anthropic.chain(openai).max()
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok().map(|span| now.after(span));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_millis(date.as_millisecond()))
}

/// A span as OpenAI and Gemini write it: `1s`, `6m0s`, `20ms`, `1h2m3.5s`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
        let (unit, seconds) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total += Duration::try_from_secs_f64(number * seconds).ok()?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn check(headers: &[(&str, &str)], expected_millis: Option<i64>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name.parse::<ureq::http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        let after = resets_at(&map, NOW).map(|at| at.as_millis() - NOW.as_millis());
        assert_eq!(after, expected_millis, "{headers:?}");
    }

    #[test]
    fn what_each_provider_says_of_its_limit_is_understood() {
        check(&[("retry-after", "30")], Some(30_000));
        check(&[("retry-after", "1.5"), ("retry-after-ms", "700")], Some(700));
        check(&[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")], Some(60_000));
        check(&[("retry-after", "soon")], None);
        check(
            &[
                ("anthropic-ratelimit-requests-remaining", "0"),
                ("anthropic-ratelimit-requests-reset", "2023-11-14T22:13:50Z"),
                ("anthropic-ratelimit-tokens-remaining", "900"),
                ("anthropic-ratelimit-tokens-reset", "2023-11-14T23:13:50Z"),
            ],
            Some(30_000),
        );
        let openai = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0.5s")];
        check(&openai, Some(360_500));
        check(&[], None);
    }

    #[test]
    fn a_span_is_the_sum_of_its_parts() {
        assert_eq!(span("1h2m3s"), Some(Duration::from_secs(3723)));
        assert_eq!(span("20ms"), Some(Duration::from_millis(20)));
        for bad in ["", "5", "x", "1y", "1s1"] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
