//! What is refused, and what people are told: the field, the place in the text, and what to do.

use agents_calendar::{Cron, Interval, Pattern, Timetable, Zone};
use agents_domain::timestamp::Timestamp;

const HOURS: &str = "hours are 0 to 23";
const WEEKDAYS: &str =
    "days of the week are 0 to 7 (0 and 7 are Sunday) or SUN to SAT, `TUE#2` and `FRIL` (the last)";
const DAYS: &str = "days of the month are 1 to 31, `L` (the last), `LW` and `15W`";
const STEPS: &str = "behind `/` stands a step, a number from 1 to 255";

#[test]
fn a_bad_field_is_named_with_its_place() {
    let check = |pattern: &str, place: &str, problem: &str| {
        assert_eq!(Cron::parse(pattern).unwrap_err().to_string(), format!("cron field {place}: {problem}"));
    };
    check("60 * * * *", "1 (minute), `60` at column 1", "minutes are 0 to 59");
    check("0 25 * * *", "2 (hour), `25` at column 3", HOURS);
    check("  0\t 9,25 * * *", "2 (hour), `25` at column 8", HOURS);
    check("0 -1 * * *", "2 (hour), `-1` at column 3", HOURS);
    check("0 +9 * * *", "2 (hour), `+9` at column 3", HOURS);
    check("0 9:30 * * *", "2 (hour), `9:30` at column 3", HOURS);
    check("0 9 0 * *", "3 (day of month), `0` at column 5", DAYS);
    check("0 9 32W * *", "3 (day of month), `32W` at column 5", DAYS);
    check("0 9 * 13 *", "4 (month), `13` at column 7", "months are 1 to 12 or JAN to DEC");
    check("0 9 * JANUARY *", "4 (month), `JANUARY` at column 7", "months are 1 to 12 or JAN to DEC");
    check("0 9 * * 8", "5 (day of week), `8` at column 9", WEEKDAYS);
    check("0 9 * * mon,fry", "5 (day of week), `fry` at column 13", WEEKDAYS);
    check("0 9 * * ü", "5 (day of week), `ü` at column 9", WEEKDAYS);
    check("*/0 * * * *", "1 (minute), `*/0` at column 1", "a step of 0 never moves: write 1 or more");
    check("*/x * * * *", "1 (minute), `*/x` at column 1", STEPS);
    check("*/5/5 * * * *", "1 (minute), `*/5/5` at column 1", STEPS);
    check(
        "5/15 * * * *",
        "1 (minute), `5/15` at column 1",
        "a step needs a range or `*` before it: write `5-59/15`",
    );
    check("0 22-2 * * *", "2 (hour), `22-2` at column 3", "the range runs backwards: write `22-23,0-2`");
    check(
        "0 9 * * FRI-MON",
        "5 (day of week), `FRI-MON` at column 9",
        "the range runs backwards: write `FRI-6,0-MON`",
    );
    check(
        "0 9,, * * *",
        "2 (hour), `9,,` at column 3",
        "there is nothing between two commas, or a comma at an end: take the comma out",
    );
    check("0 9 ? * *", "3 (day of month), `?` at column 5", "`?` is not known here: write `*`");
    check(
        "0 9 L-3 * *",
        "3 (day of month), `L-3` at column 5",
        "days before the last are not known: write `L`, `LW`, or days 1 to 31",
    );
    check(
        "0 9 L,LW * *",
        "3 (day of month), `L,LW` at column 5",
        "`L` and `LW` can't stand in one field: make two schedules",
    );
    check(
        "0 9 * * L",
        "5 (day of week), `L` at column 9",
        "`L` needs a weekday before it, such as `FRIL` for the last Friday",
    );
    check(
        "0 9 * * TUE#6",
        "5 (day of week), `TUE#6` at column 9",
        "behind `#` stands 1 to 5, or L for the last of the month",
    );
    check(
        "0 9 * * MON-FRI#2",
        "5 (day of week), `MON-FRI#2` at column 9",
        "`#` follows one weekday: write each with its own, such as `MON#2,TUE#2`",
    );
    check("0 9L * * *", "2 (hour), `9L` at column 3", HOURS);
}

#[test]
fn a_pattern_as_a_whole_is_refused_with_what_to_do() {
    let check = |pattern: &str, said: &str| assert_eq!(Cron::parse(pattern).unwrap_err().to_string(), said);
    let fields = "a cron pattern has 5 fields (minute, hour, day of month, month, day of week)";
    check(
        " ",
        "the cron pattern is empty: write five fields (minute, hour, day of month, month, day of week), such as `0 9 * * MON-FRI`",
    );
    check(
        "0 0 9 * * *",
        &format!(
            "{fields}, `0 0 9 * * *` has 6: there is no field for seconds or years, so take it out; for less than a minute use an interval"
        ),
    );
    check(
        "0 9 * *",
        &format!("{fields}, `0 9 * *` has 4: write each field, `*` for any value, such as `0 9 * * MON-FRI`"),
    );
    check(
        "@reboot",
        "`@reboot` is not a cron name: a schedule has times, and a start of the machine is none; start it from the machine's own startup",
    );
    check(
        "@dayly",
        "`@dayly` is not a cron name: known are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually",
    );
}

#[test]
fn a_pattern_that_never_comes_is_refused() {
    for pattern in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31W 2 *", "0 0 30,31 2 */2"] {
        let said = format!(
            "`{pattern}` never comes: no such day is in any year; change the day of month, the month or the day of week"
        );
        assert_eq!(Cron::parse(pattern).unwrap_err().to_string(), said);
    }
    for rare in ["0 0 29 2 *", "0 0 31 2 MON", "0 0 * 2 MON#5", "0 0 */28 2 SUN"] {
        assert_eq!(Cron::parse(rare).map(|cron| cron.as_str().to_owned()), Ok(rare.to_owned()));
    }
}

#[test]
fn a_bad_zone_is_answered_with_the_nearest() {
    let check = |name: &str, hint: &str| {
        assert_eq!(
            Zone::parse(name).unwrap_err().to_string(),
            format!("`{name}` is not a time zone: {hint}")
        );
    };
    check("Europe/Belrin", "did you mean `Europe/Berlin`?");
    check("new york", "did you mean `America/New_York`?");
    check("Mars/Olympus_Mons", "write an IANA name, such as `Europe/Berlin`, `America/New_York` or `UTC`");
    check("", "write an IANA name, such as `Europe/Berlin`, `America/New_York` or `UTC`");
    assert_eq!(Zone::parse(" asia/tokyo ").unwrap().name(), "Asia/Tokyo");
}

#[test]
fn a_bad_interval_says_what_one_is() {
    let check = |text: &str, said: &str| assert_eq!(Interval::parse(text).unwrap_err().to_string(), said);
    let range = "can't be an interval: it must be whole seconds, at least 1 and at most 100 years";
    for text in ["0s", "-5m", "500ms", "1.5s", "1000000000000s"] {
        check(text, &format!("`{text}` {range}"));
    }
    for text in ["", "15", "soon", "P"] {
        check(
            text,
            &format!(
                "`{text}` is not an interval: write a number with a unit, such as `90s`, `15m`, `2h`, `1d` or `PT1H30M`"
            ),
        );
    }
    check(
        "1mo",
        "`1mo` can't be an interval: months and years differ in length; use a cron pattern, such as `0 9 1 * *`",
    );
}

#[test]
fn a_bad_moment_and_dates_that_leave_nothing_are_refused() {
    let berlin = Zone::parse("Europe/Berlin").unwrap();
    let once = |text: &str| Pattern::once(text, &berlin);
    assert_eq!(
        once("tomorrow").unwrap_err().to_string(),
        "`tomorrow` is not a time: write `2026-12-24T18:00:00Z`, `2026-12-24T18:00:00+01:00`, or `2026-12-24 18:00` in the schedule's zone"
    );
    assert_eq!(
        once("2026-12-24").unwrap_err().to_string(),
        "`2026-12-24` is a day: say the time too, such as `2026-12-24 09:00`"
    );
    let at = |text: &str| Some(berlin.moment(text).unwrap());
    let table = |pattern: Pattern| Timetable::new(pattern, berlin.clone(), Timestamp::from_seconds(0));
    assert_eq!(
        table(Pattern::cron("@daily").unwrap())
            .between(at("2026-12-24"), at("2026-12-24"))
            .unwrap_err()
            .to_string(),
        "the end 2026-12-24T00:00:00+01:00[Europe/Berlin] is not after the start 2026-12-24T00:00:00+01:00[Europe/Berlin]: give a later end, or none"
    );
    assert_eq!(
        table(once("2026-12-24 18:00").unwrap())
            .between(None, at("2026-12-24 18:00"))
            .unwrap_err()
            .to_string(),
        "2026-12-24T18:00:00+01:00[Europe/Berlin], the only time, is not between start and end: leave start and end out"
    );
}
