//! Tests that are skipped and were not.

use super::test_code::{Language, is_test_file};
use super::{Sighting, name};
use crate::evidence::Guard;
use crate::evidence::patch::{LineKind, Patch};

pub(super) fn look(patch: &Patch<'_>) -> Vec<Sighting> {
    let mut seen = Vec::new();
    for file in &patch.files {
        let language = Language::of(file.path());
        let is_skip = |text: &str| !language.is_comment(text) && skips(language, file.path(), text);
        let removed = file.of_kind(LineKind::Removed).filter(|line| is_skip(line.text)).count();
        // What was skipped before, and has moved or says more now, is skipped no more than before.
        for line in file.of_kind(LineKind::Added).filter(|line| is_skip(line.text)).skip(removed) {
            seen.push(Sighting {
                guard: Guard::SkipsAdded,
                file: Some(file.path().to_owned()),
                line: Some(line.number),
                text: format!("a test is skipped that was not: {}", name(line.text)),
            });
        }
    }
    seen
}

fn skips(language: Language, path: &str, line: &str) -> bool {
    let line = line.trim();
    let has = |marks: &[&str]| marks.iter().any(|mark| line.contains(mark));
    let begins = |marks: &[&str]| marks.iter().any(|mark| line.starts_with(mark));
    match language {
        Language::Rust => begins(&["#[ignore"]) || (begins(&["#[cfg_attr("]) && line.contains("ignore")),
        Language::Python => {
            begins(&[
                "@pytest.mark.skip",
                "@pytest.mark.xfail",
                "@unittest.skip",
                "@unittest.expectedFailure",
                "@skip",
            ]) || has(&[
                "pytest.skip(",
                "pytest.xfail(",
                "self.skipTest(",
                "pytest.mark.skip",
                "pytest.mark.xfail",
            ])
        }
        Language::Go => begins(&["t.Skip(", "t.Skipf(", "t.SkipNow(", "b.Skip("]),
        Language::Script => {
            let subjects = ["it", "test", "describe", "context", "suite", "specify"];
            let is_marked = subjects.iter().any(|subject| {
                ["skip", "only", "todo", "fixme", "failing"].iter().any(|what| {
                    let mark = format!("{subject}.{what}");
                    let after =
                        line.split_once(&mark).filter(|(before, _)| !before.ends_with(char::is_alphanumeric));
                    after.is_some_and(|(_, rest)| rest.starts_with(['(', '.', '`']))
                })
            });
            is_marked || begins(&["xit(", "xtest(", "xdescribe(", "fit(", "fdescribe(", "this.skip("])
        }
        Language::Jvm => begins(&["@Disabled", "@Ignore"]),
        Language::Dotnet => begins(&["[Ignore"]) || (line.starts_with('[') && has(&["Skip =", "Skip="])),
        Language::Ruby => {
            is_test_file(path)
                && (begins(&["xit ", "xdescribe ", "xcontext ", "skip ", "pending "])
                    || ["skip", "pending"].contains(&line))
        }
        Language::Php => has(&["markTestSkipped(", "markTestIncomplete("]),
        Language::Swift => has(&["XCTSkip("]),
        Language::Elixir => begins(&["@tag :skip", "@tag skip:", "@moduletag :skip"]),
        Language::C => has(&["GTEST_SKIP(", "DISABLED_"]) && is_test_file(path),
        Language::Shell => path.ends_with(".bats") && (line == "skip" || line.starts_with("skip ")),
        Language::Other => false,
    }
}
