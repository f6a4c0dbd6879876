//! What is wrong in a file, and where.

use std::fmt;

/// The longest part of a line that is shown, in characters.
const SHOWN: usize = 160;

/// A place in a text, both from 1; a column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub line: usize,
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub at: At,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Problem {
    /// What is wrong there, and what to do.
    pub fn new(at: At, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: Some(hint.into()) }
    }
}

/// All that is wrong in a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// What people call the file.
    pub source: String,
    pub problems: Vec<Problem>,
    /// The line of each, and the column in what is kept of it.
    lines: Vec<(String, usize)>,
}

impl std::error::Error for Problems {}

impl Problems {
    /// Those of a text; each line that one is about is kept with it.
    pub fn new(source: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.at);
        problems.dedup();
        let all: Vec<&str> = text.lines().collect();
        let lines = problems.iter().map(|problem| line(&all, problem.at)).collect();
        Self { source: source.to_owned(), problems, lines }
    }

    /// The line that a problem is about, by the problem's number.
    pub fn line(&self, number: usize) -> &str {
        self.lines.get(number).map_or("", |(line, _)| line.as_str())
    }
}

/// The line of that place, and the column in it; of a very long one the part around the place.
fn line(lines: &[&str], at: At) -> (String, usize) {
    let line = lines.get(at.line.saturating_sub(1)).copied().unwrap_or_default();
    let length = line.chars().count();
    let column = at.column.clamp(1, length + 1);
    let first = if length <= SHOWN { 0 } else { (column - 1).saturating_sub(SHOWN / 2).min(length - SHOWN) };
    let part = line.chars().skip(first).take(SHOWN).map(|c| if is_steering(c) { ' ' } else { c });
    let begin = if first > 0 { "…" } else { "" };
    let end = if first + SHOWN < length { "…" } else { "" };
    let shown = format!("{begin}{}{end}", part.collect::<String>());
    (shown, column - first + begin.chars().count())
}

/// What must not reach a terminal: control characters, and those that turn the direction of what follows (Unicode's
/// Bidi_Control).
pub fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            let At { line, column } = problem.at;
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{line}:{column}: {}", self.source, problem.message)?;
            let shown = self.line(number);
            if !shown.is_empty() {
                let caret = self.lines.get(number).map_or(1, |(_, caret)| *caret);
                write!(
                    f,
                    "\n  {line} | {shown}\n  {} | {:>caret$}",
                    " ".repeat(line.to_string().len()),
                    "^"
                )?;
            }
            if let Some(hint) = &problem.hint {
                write!(f, "\n  {hint}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_very_long_line_the_part_around_the_mistake_is_shown_with_the_caret_below_it() {
        let text = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let at = At { line: 1, column: 501 };
        let said = Problems::new("f", &text, vec![Problem::new(at, "wrong", "mend it")]).to_string();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "f:1:501: wrong");
        let place = |line: &str, c: char| line.chars().position(|one| one == c);
        assert_eq!(place(lines[1], '!'), place(lines[2], '^'), "{said}");
        assert!(lines[1].chars().count() < 180 && place(lines[1], '!').is_some(), "{said}");
        assert_eq!(line(&["a\u{202e}b"], At { line: 1, column: 9 }), ("a b".to_owned(), 4));
    }
}
