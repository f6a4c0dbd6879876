//! Tests and assertions that are gone. One that has moved, or has another name, is not gone.

use std::collections::HashMap;

use super::test_code::{Language, Test, is_assertion, is_test_file, tests_of};
use super::{Sighting, names};
use crate::evidence::Guard;
use crate::evidence::patch::{FileChange, LineKind, Patch};

pub(super) fn look(patch: &Patch<'_>) -> Vec<Sighting> {
    let mut lost: Vec<Vec<Test>> = patch.files.iter().map(|file| tests_of(file, LineKind::Removed)).collect();
    let mut new: Vec<Vec<Test>> = patch.files.iter().map(|file| tests_of(file, LineKind::Added)).collect();
    forget_moved(&mut lost, &mut new);
    let asserted = assertions(patch);
    let mut seen = Vec::new();
    for ((file, lost), (new, fewer)) in patch.files.iter().zip(&lost).zip(new.iter().zip(asserted)) {
        let text = if lost.len() > new.len() {
            let gone: Vec<String> = lost.iter().map(|test| test.name.clone()).collect();
            let renamed = if new.is_empty() { String::new() } else { format!(", and {} new", new.len()) };
            let what = if file.is_deleted() { "a file with tests is gone" } else { "tests are gone" };
            format!("{what}: {}{renamed}", names(&gone))
        } else if is_gone_unread(file) {
            "a file of tests is gone".to_owned()
        } else if fewer > 0 {
            format!("{fewer} assertion(s) fewer than before")
        } else {
            continue;
        };
        let line = lost.first().map(|test| test.line).filter(|_| !file.is_deleted());
        seen.push(Sighting { guard: Guard::TestsDeleted, file: Some(file.path().to_owned()), line, text });
    }
    seen
}

/// Takes away what is there again under the same name, wherever.
fn forget_moved(lost: &mut [Vec<Test>], new: &mut [Vec<Test>]) {
    let mut there: HashMap<String, usize> = HashMap::new();
    for test in new.iter().flatten() {
        *there.entry(test.name.clone()).or_default() += 1;
    }
    let mut moved: HashMap<String, usize> = HashMap::new();
    for tests in lost {
        tests.retain(|test| {
            let is_there = there.get_mut(&test.name).filter(|count| **count > 0).map(|count| *count -= 1);
            if is_there.is_some() {
                *moved.entry(test.name.clone()).or_default() += 1;
            }
            is_there.is_none()
        });
    }
    for tests in new {
        tests.retain(|test| {
            moved.get_mut(&test.name).filter(|count| **count > 0).map(|count| *count -= 1).is_none()
        });
    }
}

/// A whole file of tests whose tests nobody here can tell apart. What says nothing that could be lost is none.
fn is_gone_unread(file: &FileChange<'_>) -> bool {
    let has_tests = !tests_of(file, LineKind::Removed).is_empty();
    let has_assertion = || file.of_kind(LineKind::Removed).any(|line| is_assertion(line.text));
    file.is_deleted() && is_test_file(file.path()) && !has_tests && has_assertion()
}

/// How many assertions fewer each file has than before. Those that are the same elsewhere have moved.
fn assertions(patch: &Patch<'_>) -> Vec<usize> {
    let mut elsewhere: HashMap<&str, usize> = HashMap::new();
    for line in patch.files.iter().flat_map(|file| file.of_kind(LineKind::Added)) {
        *elsewhere.entry(line.text.trim()).or_default() += 1;
    }
    let fewer = |file: &FileChange<'_>| {
        let language = Language::of(file.path());
        let counts = |kind: LineKind, elsewhere: &mut dyn FnMut(&str) -> bool| {
            let mut is_test = is_test_file(file.path());
            let is_named = is_test;
            let mut count = 0;
            for line in &file.lines {
                if line.kind == LineKind::Section && !is_named {
                    is_test = is_tests_module(line.text);
                } else if is_tests_module(line.text) {
                    is_test = true;
                }
                let counts = line.kind == kind && is_test && !language.is_comment(line.text);
                if counts && is_assertion(line.text) && !elsewhere(line.text.trim()) {
                    count += 1;
                }
            }
            count
        };
        let mut is_elsewhere = |text: &str| {
            elsewhere.get_mut(text).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
        };
        let removed: usize = counts(LineKind::Removed, &mut is_elsewhere);
        // What has only moved was taken from both.
        let added: usize = counts(LineKind::Added, &mut |text| {
            file.of_kind(LineKind::Removed).any(|line| line.text.trim() == text)
        });
        removed.saturating_sub(added)
    };
    let mut fewer = fewer;
    patch.files.iter().map(&mut fewer).collect()
}

/// Where Rust keeps the tests of a file.
fn is_tests_module(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("mod tests") || line.starts_with("#[cfg(test)]")
}
