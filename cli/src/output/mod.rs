//! Everything that the program prints goes through here: the human form, the JSON form, errors.
//!
//! A reader that goes away early (`agents jobs | head`) is a quiet end, not an error.

pub mod agent_event;
pub mod assignment;
pub mod budget;
pub mod cooldown;
pub mod evidence;
pub mod gc;
pub mod happening;
pub mod import;
pub mod job;
pub mod json;
pub mod queue;
pub mod run;
pub mod schedule;
pub mod subscription;
pub mod table;
pub mod text;
pub mod time;
pub mod webhook;
pub mod workflow;
pub mod worktree;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::failure::Failure;

/// The width that is taken when nothing says how wide the terminal is.
const DEFAULT_WIDTH: usize = 80;

/// The narrowest width that lines are cut to; below it they wrap.
const MIN_WIDTH: usize = 40;

/// In which form a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Human,
    Json,
}

/// Prints what commands say.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    pub form: Form,
}

impl Printer {
    /// Prints the one or the other form of an answer; only the one that is wanted is made.
    pub fn answer<V: Serialize>(
        self,
        json: impl FnOnce() -> V,
        human: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.form {
            Form::Json => self.json(&json()),
            Form::Human => self.text(&human()),
        }
    }

    /// Prints one JSON value on standard output.
    pub fn json<V: Serialize>(self, value: &V) -> Result<(), Failure> {
        let mut text =
            serde_json::to_string_pretty(value).map_err(|error| Failure::failed("making JSON", error))?;
        text.push('\n');
        write_to(io::stdout(), &text).map_err(|error| Failure::output(&error))
    }

    /// Prints one JSON value on a line of its own, for whoever reads them as they come.
    pub fn json_line<V: Serialize>(self, value: &V) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::failed("making JSON", error))?;
        write_to(io::stdout(), &format!("{text}\n")).map_err(|error| Failure::output(&error))
    }

    /// Prints text on standard output, without its colors where they are not wanted.
    pub fn text(self, text: &str) -> Result<(), Failure> {
        write_to(anstream::AutoStream::auto(io::stdout()), text).map_err(|error| Failure::output(&error))
    }

    /// Says something beside the answer, on standard error. In JSON form such things are in the answer itself.
    pub fn warning(self, text: &str) {
        if self.form == Form::Human {
            let line = format!("{}warning:{} {text}\n", text::YELLOW, text::RESET);
            say(&line);
        }
    }

    /// Says what is being done, on standard error, to a person.
    pub fn note(self, text: &str) {
        if self.form == Form::Human {
            say(&format!("{}{text}{}\n", text::DIM, text::RESET));
        }
    }

    /// Shows a person at a terminal how far it is, in one line that the next one overwrites; an empty one takes it away.
    pub fn progress(self, text: &str) {
        if self.form == Form::Human && io::IsTerminal::is_terminal(&io::stderr()) {
            say(&format!("\r{}{text}{}\x1b[K", text::DIM, text::RESET));
        }
    }

    /// Prints why the command failed, on standard error.
    pub fn failure(self, failure: &Failure) {
        match self.form {
            Form::Json => {
                let view = json::ErrorView::new(failure);
                // The view holds only strings, which can always be written as JSON.
                let text = serde_json::to_string(&view).unwrap_or_default();
                say(&format!("{text}\n"));
            }
            Form::Human => say(&human_failure(failure)),
        }
    }
}

fn human_failure(failure: &Failure) -> String {
    let mut shown = format!("{}error:{} {}\n", text::RED, text::RESET, failure.message);
    for hint in &failure.hints {
        shown.push_str(&format!("  {}hint:{} {hint}\n", text::CYAN, text::RESET));
    }
    shown
}

/// Writes to standard error. If that is closed too, nobody is left to be told.
fn say(text: &str) {
    drop(write_to(anstream::AutoStream::auto(io::stderr()), text));
}

fn write_to(mut to: impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

/// What tables may take that are cut to the terminal and never for a program: what is piped is whole.
pub fn table_width() -> usize {
    if std::env::var_os("COLUMNS").is_none() && !io::stdout().is_terminal() { usize::MAX } else { width() }
}

/// How many columns a line may have.
pub fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || {
        if !io::stdout().is_terminal() {
            return None;
        }
        crossterm::terminal::window_size().ok().map(|size| usize::from(size.columns))
    };
    let known = told.or_else(asked).filter(|columns| *columns > 0);
    known.unwrap_or(DEFAULT_WIDTH).max(MIN_WIDTH)
}
