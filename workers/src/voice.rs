//! Says things on standard output, one JSON line each, without any secret.

use std::io::{self, Write};

use agents_harnesses::call::Saying;
use serde_json::Value;

use crate::mask::{Mask, Masked};

/// Keys whose values are names of ours.
const OWN: [&str; 2] = ["type", "class"];

/// Who says things.
pub(crate) struct Voice<'o> {
    out: &'o mut dyn Write,
    pub(crate) mask: Mask,
    text: Masked,
}

impl<'o> Voice<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, mask: Mask::default(), text: Masked::default() }
    }

    /// Says it, and before it what was held back.
    pub(crate) fn say(&mut self, saying: Saying) -> io::Result<()> {
        let rest = self.text.finish();
        if !rest.is_empty() {
            self.print(Saying::Text { text: rest })?;
        }
        self.print(saying)
    }

    /// Says a piece of an answer that comes in pieces.
    pub(crate) fn say_piece(&mut self, piece: &str) -> io::Result<()> {
        match self.text.push(piece, &self.mask) {
            text if text.is_empty() => Ok(()),
            text => self.print(Saying::Text { text }),
        }
    }

    fn print(&mut self, saying: Saying) -> io::Result<()> {
        let mut value = serde_json::to_value(saying).map_err(io::Error::other)?;
        hide(&mut value, &self.mask);
        let mut line = value.to_string();
        line.push('\n');
        self.out.write_all(line.as_bytes())?;
        self.out.flush()
    }
}

fn hide(value: &mut Value, mask: &Mask) {
    match value {
        Value::String(text) => *text = mask.masked(text),
        Value::Array(values) => values.iter_mut().for_each(|value| hide(value, mask)),
        Value::Object(fields) => {
            let said = fields.iter_mut().filter(|(key, _)| !OWN.contains(&key.as_str()));
            said.for_each(|(_, value)| hide(value, mask));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
