//! Server-sent events, as all the APIs stream (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::io::{self, BufRead, BufReader, Read};

use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_harnesses::call::Saying;
use serde_json::Value;
use ureq::Body;

use super::{Piece, Take, Told};
use crate::Stop;
use crate::voice::Voice;

/// The longest event, in bytes.
const EVENT_BYTES: u64 = 4 << 20;
/// The longest answer, in bytes: what an attempt keeps of one.
const ANSWER_BYTES: usize = 1 << 20;

/// Reads a stream to its end, and says what comes as it comes.
pub(super) fn read(body: &mut Body, take: Take, voice: &mut Voice<'_>) -> Result<Told, Stop> {
    let mut told = Told::default();
    let mut reader = BufReader::new(body.as_reader());
    let mut data = String::new();
    while !told.is_over && told.failure.is_none() {
        let line = match next_line(&mut reader) {
            Ok(Some(line)) => line,
            Ok(None) => {
                event(&mut data, take, &mut told, voice)?;
                break;
            }
            Err(error) => {
                // What has come so far may have been all.
                voice.say(Saying::Notice { text: format!("the stream broke off: {error}") })?;
                break;
            }
        };
        if line.is_empty() {
            event(&mut data, take, &mut told, voice)?;
        } else if let Some(more) = line.strip_prefix("data:") {
            if !data.is_empty() {
                data.push('\n');
            }
            data.push_str(more.strip_prefix(' ').unwrap_or(more));
            if data.len() as u64 > EVENT_BYTES {
                return Err(too_long("an event").into());
            }
        }
    }
    Ok(told)
}

/// The next line without its end; `None` at the end of the stream.
fn next_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.by_ref().take(EVENT_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') && line.len() as u64 >= EVENT_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

fn event(data: &mut String, take: Take, told: &mut Told, voice: &mut Voice<'_>) -> Result<(), Stop> {
    let event = std::mem::take(data);
    match event.trim() {
        "" => return Ok(()),
        "[DONE]" => {
            told.is_over = true;
            return Ok(());
        }
        _ => {}
    }
    let Ok(event) = serde_json::from_str::<Value>(&event) else {
        let shown = event[..event.floor_char_boundary(200)].to_owned();
        return Ok(voice.say(Saying::Notice { text: format!("an event is no JSON: {shown}") })?);
    };
    for piece in take(&event, told) {
        match piece {
            Piece::Thinking(text) => voice.say(Saying::Thinking { text })?,
            Piece::Text(text) => {
                told.text.push_str(&text);
                if told.text.len() > ANSWER_BYTES {
                    return Err(too_long("the answer").into());
                }
                voice.say_piece(&text)?;
            }
        }
    }
    Ok(())
}

fn too_long(what: &str) -> Outcome {
    Outcome::failure(OutcomeClass::OutputOverflow, format!("{what} is longer than is kept"))
}
