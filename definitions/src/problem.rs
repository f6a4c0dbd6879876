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
    lines: Vec<String>,
}

impl std::error::Error for Problems {}

impl Problems {
    /// Those of a text; each line that one is about is kept with it.
    pub fn new(source: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.at);
        problems.dedup();
        let all: Vec<&str> = text.lines().collect();
        let lines = problems.iter().map(|problem| line(&all, problem.at.line)).collect();
        Self { source: source.to_owned(), problems, lines }
    }

    /// The line that a problem is about, by the problem's number.
    pub fn line(&self, number: usize) -> &str {
        self.lines.get(number).map_or("", String::as_str)
    }
}

fn line(lines: &[&str], number: usize) -> String {
    let line = lines.get(number.saturating_sub(1)).copied().unwrap_or_default();
    line.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
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
                let caret = column.min(shown.chars().count() + 1);
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
