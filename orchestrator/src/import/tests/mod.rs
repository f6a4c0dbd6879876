//! Whole files in, what they come to out.

mod conductor;
mod crontab;

use agents_definitions::Problems;

use super::{Import, SourceFile};

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

/// `source:line:column: message` of everything that is wrong.
fn places(problems: &[Problems]) -> Vec<String> {
    let of = |file: &Problems| {
        let show = |problem: &agents_definitions::Problem| {
            assert!(problem.hint.is_some(), "{problem:?} does not say what to do");
            format!("{}:{}:{}: {}", file.source, problem.at.line, problem.at.column, problem.message)
        };
        file.problems.iter().map(show).collect::<Vec<_>>()
    };
    problems.iter().flat_map(of).collect()
}

/// `kind source:line what` of every note.
fn notes(import: &Import) -> Vec<String> {
    let show = |note: &super::Note| {
        assert!(!note.why.is_empty(), "{note:?}");
        format!("{} {}:{} {}", note.kind.as_str(), note.source, note.at.line, note.what)
    };
    import.notes.iter().map(show).collect()
}
