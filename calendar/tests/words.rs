//! What people read for patterns, everyday ones and odd ones.

use agents_calendar::{Pattern, Zone};

const SENTENCES: [(&str, &str); 80] = [
    ("0 9 * * MON,WED,FRI", "every Monday, Wednesday and Friday at 09:00"),
    ("0 9 * * 1-5", "every weekday at 09:00"),
    ("*/15 * * * *", "every 15 minutes"),
    ("30 23 L * *", "on the last day of every month at 23:30"),
    ("0 9 * * TUE#2", "on the second Tuesday of every month at 09:00"),
    ("0 9,17 * * *", "every day at 09:00 and 17:00"),
    ("@hourly", "every hour"),
    ("@daily", "every day at 00:00"),
    ("@midnight", "every day at 00:00"),
    ("@weekly", "every Sunday at 00:00"),
    ("@monthly", "on the 1st of every month at 00:00"),
    ("@yearly", "on the 1st of January at 00:00"),
    ("@annually", "on the 1st of January at 00:00"),
    ("* * * * *", "every minute"),
    ("*/1 * * * *", "every minute"),
    ("*/2 * * * *", "every 2 minutes"),
    ("*/30 * * * *", "every 30 minutes"),
    ("0,30 * * * *", "every 30 minutes"),
    ("0 * * * *", "every hour"),
    ("5 * * * *", "at 5 minutes past every hour"),
    ("1 * * * *", "at 1 minute past every hour"),
    ("5,20 * * * *", "at 5 and 20 minutes past every hour"),
    ("*/7 * * * *", "every 7 minutes from 0 to 56 past every hour"),
    ("10-20 * * * *", "every minute from 10 to 20 past every hour"),
    ("5-55/10 * * * *", "every 10 minutes from 5 to 55 past every hour"),
    ("0 */2 * * *", "every 2 hours"),
    ("30 */2 * * *", "every day, every 2 hours from 00:30 to 22:30"),
    ("0 */3 * * 1-5", "every weekday, every 3 hours"),
    ("0 1-23/2 * * *", "every day, every 2 hours from 01:00 to 23:00"),
    ("0 */6 * * *", "every day at 00:00, 06:00, 12:00 and 18:00"),
    ("0 9-17 * * 1-5", "every weekday, every hour from 09:00 to 17:00"),
    ("*/15 9-17 * * MON-FRI", "every weekday, every 15 minutes from 09:00 to 17:45"),
    ("*/15 9 * * *", "every day at 09:00, 09:15, 09:30 and 09:45"),
    ("* 9 * * *", "every day, every minute from 09:00 to 09:59"),
    ("* 9,13 * * *", "every day, every minute of the hours 9 and 13"),
    ("5,20 9-17 * * *", "every day, at 5 and 20 minutes past every hour from 9 to 17"),
    ("5,20,40 9,13,20 * * *", "every day, at 5, 20 and 40 minutes past the hours 9, 13 and 20"),
    ("*/7 8-10 * * *", "every day, every 7 minutes from 0 to 56 past every hour from 8 to 10"),
    ("0 0 1 * *", "on the 1st of every month at 00:00"),
    ("0 0 1,15 * *", "on the 1st and 15th of every month at 00:00"),
    ("0 0 1-7 * *", "on the 1st to the 7th of every month at 00:00"),
    ("0 0 1-3 * *", "on the 1st, 2nd and 3rd of every month at 00:00"),
    ("0 0 */2 * *", "on every 2nd day from the 1st to the 31st of every month at 00:00"),
    ("0 0 1-31/7 * *", "on every 7th day from the 1st to the 29th of every month at 00:00"),
    ("0 0 LW * *", "on the last weekday of every month at 00:00"),
    ("0 0 15W * *", "on the weekday nearest the 15th of every month at 00:00"),
    ("0 0 L,15 * *", "on the 15th and the last day of every month at 00:00"),
    ("0 0 1 1 *", "on the 1st of January at 00:00"),
    ("0 0 25 12 *", "on the 25th of December at 00:00"),
    ("0 0 29 2 *", "on the 29th of February at 00:00"),
    ("0 0 1 */3 *", "on the 1st of January, April, July and October at 00:00"),
    ("0 0 1 3-10 *", "on the 1st of every month from March to October at 00:00"),
    ("0 0 * 5 *", "every day in May at 00:00"),
    ("0 12 * 1,7 MON", "every Monday in January and July at 12:00"),
    ("0 9 * * SAT,SUN", "every Saturday and Sunday at 09:00"),
    ("0 9 * * SUN", "every Sunday at 09:00"),
    ("0 9 * * 7", "every Sunday at 09:00"),
    ("0 9 * * 0-6", "every day at 09:00"),
    ("0 9 * * MON-SAT", "every Monday, Tuesday, Wednesday, Thursday, Friday and Saturday at 09:00"),
    ("0 9 * * FRIL", "on the last Friday of every month at 09:00"),
    ("0 9 * * FRI#L", "on the last Friday of every month at 09:00"),
    ("0 9 * * MON#1,WED#3", "on the first Monday and the third Wednesday of every month at 09:00"),
    ("0 9 * * MON,TUE#2", "every Monday and on the second Tuesday of every month at 09:00"),
    ("0 9 * * THU#4", "on the fourth Thursday of every month at 09:00"),
    ("0 9 * 11 THU#4", "on the fourth Thursday of November at 09:00"),
    ("0 0 13 * FRI", "on the 13th of every month and also every Friday at 00:00"),
    ("0 0 1 * MON-FRI", "on the 1st of every month and also every weekday at 00:00"),
    ("0 0 1-31 * FRI", "every day at 00:00"),
    ("0 0 13 * *", "on the 13th of every month at 00:00"),
    (
        "0 0 */2 * MON",
        "on every 2nd day from the 1st to the 31st of every month, if it is a Monday, at 00:00",
    ),
    (
        "0 0 13 * */2",
        "on the 13th of every month, if it is a Tuesday, Thursday, Saturday or Sunday, at 00:00",
    ),
    (
        "0 0 */10 * MON-FRI",
        "on every 10th day from the 1st to the 31st of every month, if it is a Monday to Friday, at 00:00",
    ),
    (
        "0 0 */10 * TUE#2,MON",
        "on every 10th day from the 1st to the 31st of every month, if it is a Monday or the second Tuesday of the month, at 00:00",
    ),
    ("0 0 1 1 MON", "on the 1st of January and also every Monday in January at 00:00"),
    ("*/10 * 1 * *", "on the 1st of every month, every 10 minutes"),
    ("*/10 * * 1 *", "every day in January, every 10 minutes"),
    ("0 0,6,12,18 * * 1", "every Monday at 00:00, 06:00, 12:00 and 18:00"),
    ("59 23 31 12 *", "on the 31st of December at 23:59"),
    ("0 22,23 2,3,22 * *", "on the 2nd, 3rd and 22nd of every month at 22:00 and 23:00"),
    ("0 9-9 * JAN-MAR MON-FRI/2", "every Monday, Wednesday and Friday from January to March at 09:00"),
];

#[test]
fn cron_patterns_are_told_in_words() {
    let told: Vec<(&str, String)> = SENTENCES
        .iter()
        .map(|(pattern, _)| (*pattern, Pattern::cron(pattern).unwrap().in_words(&Zone::utc())))
        .collect();
    let expected: Vec<(&str, String)> =
        SENTENCES.iter().map(|(pattern, sentence)| (*pattern, (*sentence).to_owned())).collect();
    assert_eq!(told, expected);
}

#[test]
fn the_zone_is_named_where_a_clock_counts() {
    let berlin = Zone::parse("europe/berlin").unwrap();
    let told = |pattern: Pattern, zone: &Zone| pattern.in_words_with_zone(zone);
    let once = || Pattern::once("2026-12-24 18:00", &berlin).unwrap();
    assert_eq!(
        told(Pattern::cron("0 9 * * 1-5").unwrap(), &berlin),
        "every weekday at 09:00, Europe/Berlin time"
    );
    assert_eq!(told(Pattern::cron("@daily").unwrap(), &Zone::utc()), "every day at 00:00, UTC");
    assert_eq!(told(Pattern::interval("90m").unwrap(), &berlin), "every 90 minutes");
    assert_eq!(told(once(), &berlin), "once, on Thursday, 24 December 2026 at 18:00, Europe/Berlin time");
    assert_eq!(told(once(), &Zone::utc()), "once, on Thursday, 24 December 2026 at 17:00, UTC");
}

#[test]
fn intervals_are_told_in_the_largest_unit_that_fits() {
    let told = ["1s", "90s", "60s", "15m", "PT1H30M", "1h", "2 hours", "1d", "1w"]
        .map(|text| Pattern::interval(text).unwrap().in_words(&Zone::utc()));
    let expected = [
        "every second",
        "every 90 seconds",
        "every minute",
        "every 15 minutes",
        "every 90 minutes",
        "every hour",
        "every 2 hours",
        "every 24 hours",
        "every 168 hours",
    ];
    assert_eq!(told, expected);
}
