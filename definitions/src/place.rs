//! How data looks where it stands: as it is, in a header, in a URL, in JSON, in a shell's line.

use std::collections::BTreeMap;

use agents_domain::secret;
use agents_harnesses::exec::Shell;
use serde_json::{Map, Value};

use crate::template::Rendered;
use crate::{json_text, quoting, url_text};

/// Where a text of a definition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Nobody reads anything into it: an argument, a prompt, standard input.
    Plain,
    /// Secrets are put into it later: a variable's value.
    Variable,
    Header,
    Url,
    /// The body of a request.
    Body,
    /// A line of shell.
    Line,
}

/// Data can't stand where it does, or can't be what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPlace {
    pub message: String,
    pub hint: String,
}

impl BadPlace {
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// What a placed line of shell refers to: variables and their values, in the whole definition.
pub type Args = BTreeMap<String, String>;

/// A text with its data in it.
pub fn text(rendered: &Rendered, spot: Spot) -> Result<String, BadPlace> {
    match spot {
        Spot::Plain => Ok(rendered.with(&|datum| datum.text.clone())),
        Spot::Variable => Ok(rendered.with(&|datum| secret::escape(&datum.text))),
        Spot::Header => {
            let is_bad = |c: char| c.is_control() && c != '\t';
            if rendered.data.iter().any(|datum| datum.text.contains(is_bad)) {
                return Err(BadPlace::new(
                    "a value with a line break or a control character can't stand in a header",
                    "a header is one line; send such a value in the body",
                ));
            }
            Ok(rendered.with(&|datum| secret::escape(&datum.text)))
        }
        Spot::Url => url_text::place(rendered),
        Spot::Body => json_text::place(rendered),
        Spot::Line => Ok(rendered.with(&|datum| datum.text.clone())),
    }
}

/// A line of shell, with references to variables in it; these are added to `args`.
pub fn line(rendered: &Rendered, shell: Shell, args: &mut Args) -> Result<String, BadPlace> {
    let first = args.len() + 1;
    let placed = quoting::place(&rendered.pieces(), shell, first)?;
    for (number, datum) in rendered.data.iter().enumerate() {
        quoting::check_value(&datum.text, shell)?;
        args.insert(quoting::variable(first + number), datum.text.clone());
    }
    Ok(placed)
}

/// A value of a JSON body: a text that is nothing but one expression is what that comes to, and keeps its type.
pub fn json(rendered: &Rendered) -> Value {
    match rendered.only() {
        Some(datum) => escaped(&datum.json),
        None => Value::String(rendered.with(&|datum| secret::escape(&datum.text))),
    }
}

fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(secret::escape(text)),
        Value::Array(values) => Value::Array(values.iter().map(escaped).collect()),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(key, value)| (key.clone(), escaped(value))).collect::<Map<_, _>>(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
