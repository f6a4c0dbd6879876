//! How many tests have passed, by the closing lines of common test runners. For people: what counts is the exit code.

use super::TestCounts;

/// Reads the output of a check line by line. Runners that come one after the other are added up.
#[derive(Debug, Default)]
pub struct Tally {
    /// By closing lines that say it all.
    sum: TestCounts,
    has_sum: bool,
    /// Closing lines of runners that take several lines for it.
    lines: TestCounts,
    has_lines: bool,
    /// Single tests and packages of `go test`.
    go_tests: TestCounts,
    go_packages: TestCounts,
    /// What `Ran n tests` of Python's unittest says, until the line that says how they went.
    ran: Option<u32>,
}

impl Tally {
    /// Takes note of a line.
    pub fn line(&mut self, line: &str) {
        // No closing line is longer, and a long line is not worth the time.
        if !(2..500).contains(&line.len()) {
            return;
        }
        let plain = without_colors(line);
        let line = plain.trim_end();
        let read = [cargo, nextest, dotnet, maven, jest, vitest, pytest];
        if let Some(found) = read.iter().find_map(|read| read(line)) {
            add(&mut self.sum, found);
            self.has_sum = true;
        } else if let Some(found) = mocha(line).or_else(|| node(line)) {
            add(&mut self.lines, found);
            self.has_lines = true;
        } else if let Some(found) = go_test(line) {
            add(&mut self.go_tests, found);
        } else if let Some(found) = go_package(line) {
            add(&mut self.go_packages, found);
        } else {
            self.unittest(line);
        }
    }

    /// What was counted. `None`: nothing that is known was printed.
    pub fn counts(&self) -> Option<TestCounts> {
        let mut all = TestCounts::default();
        add(&mut all, self.sum);
        add(&mut all, self.lines);
        let nothing = TestCounts::default();
        let go = if self.go_tests == nothing { self.go_packages } else { self.go_tests };
        add(&mut all, go);
        (self.has_sum || self.has_lines || go != nothing).then_some(all)
    }

    /// `Ran 3 tests in 0.001s`, and below it `OK`, `OK (skipped=1)` or `FAILED (failures=1, errors=1)`.
    fn unittest(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("Ran ") {
            let mut words = rest.split(' ');
            let count = words.next().and_then(|count| count.parse().ok());
            self.ran = count.filter(|_| words.next().is_some_and(|word| word.starts_with("test")));
            return;
        }
        let Some(rest) = line.strip_prefix("OK").or_else(|| line.strip_prefix("FAILED (")) else { return };
        let Some(ran) = self.ran.take() else { return };
        let of = |name: &str| {
            let (_, after) = rest.split_once(name)?;
            leading_number(after)
        };
        let failed = of("failures=").unwrap_or(0).saturating_add(of("errors=").unwrap_or(0));
        let skipped = of("skipped=").unwrap_or(0);
        let passed = ran.saturating_sub(failed).saturating_sub(skipped);
        add(&mut self.sum, TestCounts { passed, failed, skipped });
        self.has_sum = true;
    }
}

fn add(to: &mut TestCounts, more: TestCounts) {
    to.passed = to.passed.saturating_add(more.passed);
    to.failed = to.failed.saturating_add(more.failed);
    to.skipped = to.skipped.saturating_add(more.skipped);
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.38s`
fn cargo(line: &str) -> Option<TestCounts> {
    let (_, counts) = line.trim_start().strip_prefix("test result: ")?.split_once(". ")?;
    let of = |name| number_before(counts, ';', name);
    Some(TestCounts { passed: of("passed")?, failed: of("failed")?, skipped: of("ignored").unwrap_or(0) })
}

/// `Summary [   0.012s] 3 tests run: 2 passed (1 slow), 1 failed, 1 timed out, 1 skipped`
fn nextest(line: &str) -> Option<TestCounts> {
    let (_, after) = line.trim_start().strip_prefix("Summary [")?.split_once("run: ")?;
    let of = |name| number_before(after, ',', name).unwrap_or(0);
    let failed = ["failed", "timed", "exec", "leak-failed"].into_iter().map(of).fold(0, u32::saturating_add);
    Some(TestCounts { passed: number_before(after, ',', "passed")?, failed, skipped: of("skipped") })
}

/// `===== 3 passed, 1 failed, 2 skipped, 1 xfailed, 1 error in 0.12s =====`, or without the bars when it is quiet.
fn pytest(line: &str) -> Option<TestCounts> {
    const KNOWN: [&str; 9] =
        ["passed", "failed", "skipped", "xfailed", "xpassed", "error", "errors", "deselected", "warning"];
    let (counts, time) = line.trim_matches(|c| c == '=' || c == ' ').rsplit_once(" in ")?;
    let seconds = time.split(' ').next()?.strip_suffix('s')?;
    seconds.parse::<f64>().ok()?;
    if counts == "no tests ran" {
        return Some(TestCounts::default());
    }
    let is_known = |part: &str| {
        let (count, word) = part.split_once(' ')?;
        let known = KNOWN.contains(&word) || word == "warnings" || word.starts_with("subtests ");
        (known && count.parse::<u32>().is_ok()).then_some(())
    };
    if !counts.split(", ").all(|part| is_known(part).is_some()) {
        return None;
    }
    let sum = |names: &[&str]| {
        names.iter().fold(0u32, |sum, name| sum.saturating_add(number_before(counts, ',', name).unwrap_or(0)))
    };
    Some(TestCounts {
        passed: sum(&["passed", "xpassed"]),
        failed: sum(&["failed", "error", "errors"]),
        skipped: sum(&["skipped", "xfailed", "deselected"]),
    })
}

/// `Tests:       1 failed, 1 skipped, 2 passed, 4 total`
fn jest(line: &str) -> Option<TestCounts> {
    let counts = line.strip_prefix("Tests:")?.trim_start();
    let of = |name| number_before(counts, ',', name).unwrap_or(0);
    number_before(counts, ',', "total")?;
    Some(TestCounts {
        passed: of("passed"),
        failed: of("failed"),
        skipped: of("skipped").saturating_add(of("todo")),
    })
}

/// `      Tests  1 failed | 2 passed | 1 skipped (4)`
fn vitest(line: &str) -> Option<TestCounts> {
    let counts = line.trim_start().strip_prefix("Tests  ")?;
    let (counts, _) = counts.rsplit_once(" (")?;
    let of = |name| number_before(counts, '|', name);
    let known = [of("passed"), of("failed"), of("skipped"), of("todo")];
    known.iter().any(Option::is_some).then(|| {
        let [passed, failed, skipped, todo] = known.map(Option::unwrap_or_default);
        TestCounts { passed, failed, skipped: skipped.saturating_add(todo) }
    })
}

/// `  12 passing (34ms)`, `  2 pending`, `  1 failing`
fn mocha(line: &str) -> Option<TestCounts> {
    let (count, rest) = line.strip_prefix("  ")?.split_once(' ')?;
    let count = count.parse().ok()?;
    let word = rest.split(' ').next()?;
    match word {
        "passing" if rest.ends_with(')') => Some(TestCounts { passed: count, ..TestCounts::default() }),
        "failing" if rest == word => Some(TestCounts { failed: count, ..TestCounts::default() }),
        "pending" if rest == word => Some(TestCounts { skipped: count, ..TestCounts::default() }),
        _ => None,
    }
}

/// `# pass 3` in TAP, `ℹ pass 3` in the other form of `node --test`.
fn node(line: &str) -> Option<TestCounts> {
    let (word, count) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?.split_once(' ')?;
    let count = count.parse().ok()?;
    match word {
        "pass" => Some(TestCounts { passed: count, ..TestCounts::default() }),
        "fail" | "cancelled" => Some(TestCounts { failed: count, ..TestCounts::default() }),
        "skipped" | "todo" => Some(TestCounts { skipped: count, ..TestCounts::default() }),
        _ => None,
    }
}

/// `--- FAIL: TestParse (0.00s)`, of `go test -v`. Parts of a test are indented, and are counted with it.
fn go_test(line: &str) -> Option<TestCounts> {
    let (word, rest) = line.strip_prefix("--- ")?.split_once(": ")?;
    if !rest.ends_with("s)") {
        return None;
    }
    one_of(word, ["PASS", "FAIL", "SKIP"])
}

/// `ok`, `FAIL` or `?`, a tab, the package, a tab, and its time or `[no test files]`.
fn go_package(line: &str) -> Option<TestCounts> {
    let mut parts = line.split('\t');
    let word = parts.next()?.trim_end();
    // A last line that says only FAIL sums up the others.
    parts.next().filter(|package| !package.trim().is_empty())?;
    parts.next()?;
    one_of(word, ["ok", "FAIL", "?"])
}

fn one_of(word: &str, [passed, failed, skipped]: [&str; 3]) -> Option<TestCounts> {
    let one = |is: bool| u32::from(is);
    let found = TestCounts {
        passed: one(word == passed),
        failed: one(word == failed),
        skipped: one(word == skipped),
    };
    (found != TestCounts::default()).then_some(found)
}

/// `[INFO] Tests run: 10, Failures: 1, Errors: 0, Skipped: 2`. Lines of single classes also say how long they took.
fn maven(line: &str) -> Option<TestCounts> {
    let (_, counts) = line.split_once("Tests run: ")?;
    if counts.contains("Time elapsed") || counts.contains(" in ") {
        return None;
    }
    let of = |name: &str| {
        let (_, after) = counts.split_once(name)?;
        leading_number(after)
    };
    let (run, skipped) = (leading_number(counts)?, of("Skipped: ").unwrap_or(0));
    let failed = of("Failures: ")?.saturating_add(of("Errors: ")?);
    Some(TestCounts { passed: run.saturating_sub(failed).saturating_sub(skipped), failed, skipped })
}

/// `Passed!  - Failed:     0, Passed:     5, Skipped:     1, Total:     6, Duration: 11 ms - x.dll (net8.0)`, or
/// `Test summary: total: 6, failed: 0, succeeded: 5, skipped: 1, duration: 1.2s`
fn dotnet(line: &str) -> Option<TestCounts> {
    let of = |names: [&str; 3]| {
        let find = |name: &str| {
            let (_, after) = line.split_once(name)?;
            leading_number(after.trim_start())
        };
        let [passed, failed, skipped] = names.map(find);
        Some(TestCounts { passed: passed?, failed: failed?, skipped: skipped? })
    };
    if line.starts_with("Passed!  - ") || line.starts_with("Failed!  - ") {
        return of([" Passed:", " Failed:", " Skipped:"]);
    }
    line.trim_start()
        .starts_with("Test summary: total:")
        .then(|| of([" succeeded:", " failed:", " skipped:"]))?
}

/// Of `3 passed, 1 failed`, the number whose word is this one.
fn number_before(counts: &str, separator: char, name: &str) -> Option<u32> {
    counts.split(separator).find_map(|part| {
        let (number, word) = part.trim().split_once(' ')?;
        (word.split(' ').next() == Some(name)).then(|| number.parse().ok())?
    })
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The line without the sequences that color it.
fn without_colors(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next() == Some('[') {
                chars.by_ref().find(|c| c.is_ascii_alphabetic());
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(output: &str) -> Option<(u32, u32, u32)> {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.line(line));
        tally.counts().map(|counts| (counts.passed, counts.failed, counts.skipped))
    }

    #[test]
    fn the_closing_lines_of_common_runners_are_read() {
        let check =
            |output: &str, expected: (u32, u32, u32)| assert_eq!(counts(output), Some(expected), "{output}");
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.38s",
            (12, 0, 1),
        );
        check(
            "test result: ok. 2 passed; 0 failed; 0 ignored\ntest result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured",
            (3, 2, 0),
        );
        check("     Summary [   0.012s] 4 tests run: 3 passed, 1 failed, 2 skipped", (3, 1, 2));
        check(
            "     Summary [   8.700s] 9/20 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 0 skipped",
            (7, 2, 0),
        );
        check(
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.004s] \u{1b}[1m1\u{1b}[0m test run: \u{1b}[1m1\u{1b}[0m passed, 0 skipped",
            (1, 0, 0),
        );
        check("======= 1 failed, 3 passed, 2 skipped, 1 xfailed, 1 error in 0.12s =======", (3, 2, 3));
        check(
            "\u{1b}[32m===== \u{1b}[32m\u{1b}[1m10 passed\u{1b}[0m\u{1b}[32m, 2 warnings\u{1b}[0m in 61.03s (0:01:01) =====",
            (10, 0, 0),
        );
        check("3 passed in 0.01s", (3, 0, 0));
        check("===== no tests ran in 0.00s =====", (0, 0, 0));
        check(
            "Test Suites: 1 failed, 1 passed, 2 total\nTests:       1 failed, 1 skipped, 2 todo, 3 passed, 7 total",
            (3, 1, 3),
        );
        check(
            " Test Files  1 failed | 3 passed (4)\n      Tests  1 failed | 22 passed | 2 skipped (25)",
            (22, 1, 2),
        );
        check("      Tests  5 passed (5)", (5, 0, 0));
        check("  12 passing (34ms)\n  2 pending\n  1 failing\n\n  1) adds:", (12, 1, 2));
        check(
            "TAP version 13\n# tests 5\n# suites 0\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n# duration_ms 44",
            (3, 1, 1),
        );
        check("ℹ tests 2\nℹ pass 2\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0", (2, 0, 0));
        check(
            "=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/x (0.00s)\n--- FAIL: TestB (0.01s)\n--- SKIP: TestC (0.00s)\nFAIL\nFAIL\texample.com/a\t0.003s\nFAIL",
            (1, 1, 1),
        );
        check(
            "ok  \texample.com/a\t0.003s\nFAIL\texample.com/b\t0.1s\n?   \texample.com/c\t[no test files]\nok  \texample.com/d\t(cached)",
            (2, 1, 1),
        );
        check(
            "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.05 s -- in a.BTest\n[INFO] Results:\n[ERROR] Tests run: 10, Failures: 1, Errors: 2, Skipped: 3",
            (4, 3, 3),
        );
        check(
            "Passed!  - Failed:     0, Passed:     5, Skipped:     1, Total:     6, Duration: 11 ms - x.dll (net8.0)",
            (5, 0, 1),
        );
        check(
            "Failed!  - Failed:     2, Passed:     5, Skipped:     0, Total:     7, Duration: 1 s - x.dll (net8.0)",
            (5, 2, 0),
        );
        check("Test summary: total: 6, failed: 1, succeeded: 4, skipped: 1, duration: 1.2s", (4, 1, 1));
        check("Ran 4 tests in 0.001s\n\nOK (skipped=1)", (3, 0, 1));
        check("Ran 6 tests in 0.001s\n\nFAILED (failures=1, errors=2)", (3, 3, 0));
    }

    #[test]
    fn what_is_no_closing_line_counts_nothing() {
        for output in [
            "",
            "12 passed the exam in 3s",
            "Compiling agents v0.1.0 in 3s",
            "error: 2 tests failed",
            "I ran the tests: 12 passing",
            "--- FAIL: not a test",
            "OK",
            "Tests run well",
            "Tests:",
            "FAIL",
            "# pass the salt",
        ] {
            assert_eq!(counts(output), None, "{output}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_harm(line in ".*", words in "(Tests run: |Ran |Tests  |Passed!  - |--- PASS: |Summary \\[)?[0-9 ,:;|()a-zä.=]*") {
            let mut tally = Tally::default();
            tally.line(&line);
            tally.line(&words);
            tally.counts();
        }
    }
}
