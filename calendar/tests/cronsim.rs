//! The due times of random patterns beside those of cronsim, an independent implementation in Python that models the
//! cron of Debian with its rule for daylight saving time.

#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use agents_calendar::{Pattern, Timetable, Zone};
use jiff::SignedDuration;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use support::Case;

const CASES: usize = 2000;
const DUE_TIMES: usize = 30;

/// What cronsim says, in the order of the cases.
#[allow(clippy::disallowed_methods, reason = "this test asks another program, the product does not")]
fn ask(cases: &[Case]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed: PathBuf = root.parent().unwrap().join(".tools").join("cronsim");
    assert!(installed.join("cronsim").is_dir(), "cronsim is not installed: run .ci/install-cronsim");
    let mut python = Command::new("python3")
        .arg("-E")
        .arg("-s")
        .arg("-c")
        .arg(format!(
            "import runpy, sys; sys.path.insert(0, {:?}); runpy.run_path({:?}, run_name='__main__')",
            installed.display().to_string(),
            root.join("tests/support/ask_cronsim.py").display().to_string()
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is on PATH; see .ci/install-cronsim");
    let mut questions = python.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            for Case { meaning, zone, start } in cases {
                let question =
                    json!({ "pattern": meaning.text, "zone": zone, "start": start, "count": DUE_TIMES });
                writeln!(questions, "{question}").unwrap();
            }
        });
        python.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "python ended with {}", output.status);
    let answers = String::from_utf8(output.stdout).unwrap();
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Changes of the clocks at which cronsim goes astray with a pattern whose minutes or hours begin with a star: those
/// that are not by whole hours or not at a whole hour (it steps by hours that have passed, or sets the minute to 0, and
/// so comes to stand where it should not: at Lord Howe it finds 12:30 for `* */12 * * *`), and those that skip or
/// repeat a midnight (it begins each day at 00:00: it yields that time though it does not exist, or goes round for ever). What is right there, the test
/// `clock_walk` decides.
fn hard_changes(zone: &str) -> Vec<i64> {
    let rules = TimeZone::get(zone).unwrap();
    let is_hard = |moment: &i64| {
        let change = jiff::Timestamp::from_second(*moment).unwrap();
        let (before, after) = (rules.to_offset(change - SECOND), rules.to_offset(change));
        let (from, last) = (before.to_datetime(change), after.to_datetime(change - SECOND));
        let shift = after.seconds() - before.seconds();
        let skips_midnight = shift > 0 && (from.time() == Time::midnight() || from.date() < last.date());
        let repeats_midnight = shift < 0 && last.date() < from.date();
        shift % 3600 != 0 || from.minute() != 0 || from.second() != 0 || skips_midnight || repeats_midnight
    };
    support::edges(zone).into_iter().filter(is_hard).collect()
}

/// Both sequences as far as both go, without what lies near a change at which cronsim goes astray.
fn comparable(case: &Case, theirs: &[i64], ours: &[i64]) -> [Vec<i64>; 2] {
    let hard = if case.meaning.is_rhythm() { hard_changes(case.zone) } else { Vec::new() };
    let end = theirs.last().copied().unwrap_or(i64::MAX).min(ours.last().copied().unwrap_or(i64::MAX));
    let keep = |due: &i64| {
        // In the second half of a repeated time cronsim begins with the first half again, which is over.
        *due > case.start && *due <= end && !hard.iter().any(|change| (*due - change).abs() <= NEAR)
    };
    [theirs, ours].map(|due| due.iter().copied().filter(keep).collect())
}

/// A day and a bit, in seconds.
const NEAR: i64 = 25 * 3600;
const SECOND: SignedDuration = SignedDuration::from_secs(1);

#[test]
fn due_times_are_those_of_cronsim() {
    let cases = support::cases(CASES, 1);
    let answers = ask(&cases);
    assert_eq!(answers.len(), cases.len());
    let mut compared = 0;
    for (case, answer) in cases.iter().zip(&answers) {
        let theirs: Vec<i64> = answer["due"]
            .as_array()
            .map(|due| due.iter().map(|due| due[0].as_i64().unwrap()).collect())
            .unwrap_or_default();
        let Ok(pattern) = Pattern::cron(&case.meaning.text) else {
            assert_eq!(theirs, Vec::<i64>::new(), "`{}` is refused", case.meaning.text);
            continue;
        };
        assert_eq!(answer.get("refused"), None, "`{}` is refused there", case.meaning.text);
        let table = Timetable::new(pattern, Zone::parse(case.zone).unwrap(), case.start());
        let ours = table
            .preview(case.start(), DUE_TIMES)
            .iter()
            .map(|due| due.as_millis() / 1000)
            .collect::<Vec<_>>();
        let [their_part, our_part] = comparable(case, &theirs, &ours);
        assert_eq!(our_part, their_part, "{case:?}");
        compared += our_part.len();
    }
    assert!(compared > CASES * DUE_TIMES * 3 / 4, "only {compared} due times were compared");
}
