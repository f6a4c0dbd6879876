//! Spans of time as people write them.

/// A span of time, in milliseconds: `90s`, `1h30m`, `1500`.
pub fn milliseconds(text: &str) -> Result<u64, String> {
    let wrong = || "use 90s, 30m, 2h, 1h30m, or a number of milliseconds above 0".to_owned();
    let text = text.trim();
    let mut total: u64 = 0;
    let mut rest = text;
    if let Ok(number) = text.parse::<u64>() {
        (total, rest) = (number, "");
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let factor: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = next;
    }
    // The store keeps signed numbers.
    if total == 0 || i64::try_from(total).is_err() { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_time_is_read_with_units_and_without() {
        let check =
            |text: &str, expected: Option<u64>| assert_eq!(milliseconds(text).ok(), expected, "{text}");
        check("90s", Some(90_000));
        check("30m", Some(1_800_000));
        check("1h30m", Some(5_400_000));
        check("2d", Some(172_800_000));
        check("250ms", Some(250));
        check("1500", Some(1500));
        for wrong in
            ["", "0", "0s", "-1s", "1.5h", "h", "5 m", "30x", "99999999999999999999", "9999999999999999h"]
        {
            check(wrong, None);
        }
    }
}
