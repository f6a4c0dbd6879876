//! One line of a stream: what is common to every CLI that prints JSON lines. Nothing here knows a CLI.
//!
//! The hot path is a single pass from bytes into the CLI's own borrowed struct. Only a line that this cannot
//! read is looked at again: to replace bytes that are no UTF-8, or to say why it was not understood.

use std::borrow::Cow;

use agents_domain::agent_event::{AgentEvent, Unrecognized};
use serde::Deserialize;

use crate::json::{Text, wire};

/// Takes the events of one line.
pub(crate) type Sink<'s, 'a> = &'s mut dyn FnMut(AgentEvent<'a>);

/// A reader of JSON lines of one CLI.
pub(crate) trait JsonLines {
    /// The line as that CLI prints it.
    type Line<'a>: Deserialize<'a>;

    /// Whether the CLI is known to print lines of this type.
    fn is_known(kind: &str) -> bool;

    /// Takes a line that could be read. An error means that its type is one that this reader has never heard of.
    fn take<'a>(&mut self, line: Self::Line<'a>, sink: Sink<'_, 'a>) -> Result<(), UnknownType>;

    /// Takes note of a line that could not be read; `kind` is its type if it is a known one.
    fn unreadable(&mut self, kind: Option<&str>);
}

/// A type of line that this reader has never heard of.
#[derive(Debug)]
pub(crate) struct UnknownType;

wire! {
    /// All that is looked at of a line that could not be read in full.
    Head { kind = "type": Text<'a>, }
}

/// Reads one line and hands its events to `sink`.
pub(crate) fn read_line<'a, R: JsonLines>(reader: &mut R, line: &'a [u8], sink: Sink<'_, 'a>) {
    if line.iter().all(u8::is_ascii_whitespace) {
        return;
    }
    match serde_json::from_slice::<R::Line<'a>>(line) {
        Ok(read) => {
            if reader.take(read, sink).is_err() {
                unrecognized(reader, line, Unrecognized::UnknownType, sink);
            }
        }
        Err(_) => read_again(reader, line, sink),
    }
}

/// The second look at a line that serde_json refused.
fn read_again<'a, R: JsonLines>(reader: &mut R, line: &'a [u8], sink: Sink<'_, 'a>) {
    if let Cow::Owned(repaired) = String::from_utf8_lossy(line)
        && let Ok(read) = serde_json::from_str::<R::Line<'_>>(&repaired)
    {
        if reader.take(read, &mut |event| sink(event.into_owned())).is_err() {
            unrecognized(reader, line, Unrecognized::UnknownType, sink);
        }
        return;
    }
    let text = String::from_utf8_lossy(line);
    let why = match serde_json::from_str::<Head<'_>>(&text) {
        Err(_) => Unrecognized::NotJson,
        Ok(Head { kind: Some(kind), .. }) if R::is_known(&kind.0) => {
            reader.unreadable(Some(&kind.0));
            sink(AgentEvent::Unrecognized {
                line: String::from_utf8_lossy(line),
                why: Unrecognized::BadBody,
            });
            return;
        }
        Ok(_) => Unrecognized::UnknownType,
    };
    unrecognized(reader, line, why, sink);
}

fn unrecognized<'a, R: JsonLines>(reader: &mut R, line: &'a [u8], why: Unrecognized, sink: Sink<'_, 'a>) {
    reader.unreadable(None);
    sink(AgentEvent::Unrecognized { line: String::from_utf8_lossy(line), why });
}
