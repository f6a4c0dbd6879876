//! Texts that are no templates, put where templates are read.

use agents_definitions::{At, Problem};

/// Whether a template would read anything into it.
pub fn has_marks(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// The text as a template that comes to it. What ends a raw block can't be in one.
pub fn escape(text: &str, at: At) -> Result<String, Problem> {
    if !has_marks(text) {
        return Ok(text.to_owned());
    }
    if text.contains("endraw") {
        let message = "this text has `endraw` and template marks in it, and can't be kept as it is";
        return Err(Problem::new(at, message, "put the command into a script and call that"));
    }
    Ok(format!("{{% raw %}}{text}{{% endraw %}}"))
}
