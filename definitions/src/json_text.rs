//! A body that is written as a text. If it looks like JSON, data in it is JSON data: inside of a string it is escaped, and
//! elsewhere it is a value.

use agents_domain::secret;

use crate::place::BadPlace;
use crate::template::{Datum, Piece, Rendered};

/// The text with its data in it.
pub fn place(rendered: &Rendered) -> Result<String, BadPlace> {
    let is_json = rendered.text.trim_start().starts_with(['{', '[', '"']);
    if !is_json {
        return Ok(rendered.with(&|datum| secret::escape(&datum.text)));
    }
    let mut text = String::with_capacity(rendered.text.len());
    let (mut is_inside, mut is_escaped) = (false, false);
    for piece in rendered.pieces() {
        match piece {
            Piece::Mark(_) if is_escaped => {
                return Err(BadPlace::new(
                    "an expression follows a `\\` in the JSON of the body",
                    "write the body as a YAML map, or leave the `\\` out",
                ));
            }
            Piece::Mark(number) => {
                let datum = &rendered.data[number];
                text.push_str(&secret::escape(&json(datum, is_inside)));
            }
            Piece::Char(c) => {
                text.push(c);
                is_inside ^= c == '"' && !is_escaped;
                is_escaped = c == '\\' && is_inside && !is_escaped;
            }
        }
    }
    Ok(text)
}

fn json(datum: &Datum, is_inside: bool) -> String {
    let whole = if datum.is_json_text && !is_inside { datum.text.clone() } else { datum.json.to_string() };
    match (is_inside, &datum.json) {
        (false, _) => whole,
        (true, serde_json::Value::String(_)) => whole[1..whole.len() - 1].to_owned(),
        (true, _) => {
            let quoted = serde_json::Value::String(datum.text.clone()).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
    }
}
