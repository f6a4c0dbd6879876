//! No text makes the reader panic: neither any text, nor one of the good and broken examples with pieces of it changed.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use agents_workflows::{Modules, read, read_module, read_snapshot_parts};

/// How long each target runs as a plain test.
const SHORT_RUN: Duration = Duration::from_secs(2);

/// What is put in at places of a text.
const PIECES: [&str; 20] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "'",
    "\"",
    "steps.",
    "-",
    "ü",
    "\n  ",
    ": ",
    "*a",
    "&a ",
    "next",
    "\\",
    "[",
    "}",
    "{% raw %}",
    "\u{feff}",
];

fn examples() -> Vec<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files =
        ["good", "broken", "modules"].into_iter().flat_map(|name| fs::read_dir(tests.join(name)).unwrap());
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths.into_iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Reads it as everything, and shows what is said.
fn try_all(text: &str) {
    let modules = Modules::default();
    if let Err(problems) = read(text, "x.yaml", "x", &modules) {
        assert!(!problems.problems.is_empty(), "refused without a reason: {text}");
        assert!(!problems.to_string().is_empty());
    }
    if let Err(problems) = read_module(text, "x.yaml", "x") {
        assert!(!problems.problems.is_empty(), "refused without a reason: {text}");
    }
    assert!(read_snapshot_parts(text).is_err(), "{text} is no snapshot");
}

#[test]
fn no_text_makes_the_reader_panic() {
    bolero::check!().with_test_time(SHORT_RUN).with_type::<String>().for_each(|text| try_all(text));
}

#[test]
fn no_change_to_an_example_makes_the_reader_panic() {
    let examples = examples();
    bolero::check!().with_test_time(SHORT_RUN).with_type::<(u16, Vec<(u16, u8, u8)>)>().for_each(
        |(which, changes)| {
            let mut text: Vec<char> = examples[usize::from(*which) % examples.len()].chars().collect();
            for (at, removed, piece) in changes.iter().take(8) {
                let at = usize::from(*at) % (text.len() + 1);
                let end = (at + usize::from(*removed) % 6).min(text.len());
                text.splice(at..end, PIECES[usize::from(*piece) % PIECES.len()].chars());
            }
            try_all(&text.into_iter().collect::<String>());
        },
    );
}
