//! References to secrets in texts: `${secret:NAME}`. What is stored, shown and logged has the reference; the value is put
//! in by the one process that needs it, out of its own environment.
//!
//! Data (a parameter, an event) must never become a reference: whoever puts data into a text that is resolved later writes
//! [`escape`]d data. Nothing here reads an environment.

use std::fmt;

/// How a reference begins.
const BEGIN: &str = "${secret:";
/// What stands for one `$` that is data.
const DOLLAR: &str = "${dollar}";
/// What stands for one `{` that is data.
const BRACE: &str = "${brace}";
/// The longest name, in bytes.
const NAME_MAX: usize = 128;

/// The name of a secret: the name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// The name, if an environment variable can be called so.
    pub fn new(text: &str) -> Result<Self, BadReference> {
        if is_variable(text) && text.len() <= NAME_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadReference { found: format!("{BEGIN}{text}}}") })
        }
    }

    /// The name of the variable.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference that has no end or names what can be no variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is no reference to a secret: write ${{secret:NAME}}, and NAME is an environment variable of letters, digits \
     and `_`"
)]
pub struct BadReference {
    pub found: String,
}

/// Why a text could not be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error(transparent)]
    Bad(#[from] BadReference),
    #[error("the secret {0} is not set")]
    Missing(SecretName),
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Secret(SecretName),
}

/// Whether an environment variable can be called so: letters, digits and `_`, and no digit first.
pub fn is_variable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// The secrets that a text refers to, each once, in their order.
pub fn references(text: &str) -> Result<Vec<SecretName>, BadReference> {
    let mut names = Vec::new();
    for piece in pieces(text)? {
        if let Piece::Secret(name) = piece
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// The text with the values in it, and data as it was before it was [`escape`]d.
pub fn resolve(text: &str, value: &dyn Fn(&SecretName) -> Option<String>) -> Result<String, SecretError> {
    let mut resolved = String::with_capacity(text.len());
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => resolved.push_str(text),
            Piece::Secret(name) => match value(&name) {
                Some(value) => resolved.push_str(&value),
                None => return Err(SecretError::Missing(name)),
            },
        }
    }
    Ok(resolved)
}

/// Data as it must stand in a text that is resolved later: whatever is in it, and whatever stands beside it, it is no
/// reference and completes none.
pub fn escape(data: &str) -> String {
    let mut escaped = String::with_capacity(data.len());
    // A text before it may end in `$`.
    let rest = match data.strip_prefix('{') {
        Some(rest) => {
            escaped.push_str(BRACE);
            rest
        }
        None => data,
    };
    escaped.push_str(&rest.replace('$', DOLLAR));
    escaped
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, BadReference> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        pieces.push(Piece::Text(&rest[..at]));
        rest = &rest[at..];
        rest = if let Some(after) = rest.strip_prefix(DOLLAR) {
            pieces.push(Piece::Text("$"));
            after
        } else if let Some(after) = rest.strip_prefix(BRACE) {
            pieces.push(Piece::Text("{"));
            after
        } else if let Some(after) = rest.strip_prefix(BEGIN) {
            let bad = || BadReference { found: rest.chars().take(60).collect() };
            let (name, after) = after.split_once('}').ok_or_else(bad)?;
            pieces.push(Piece::Secret(SecretName::new(name)?));
            after
        } else {
            pieces.push(Piece::Text(&rest[..2]));
            &rest[2..]
        };
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(name: &SecretName) -> Option<String> {
        (name.as_str() != "NONE").then(|| format!("<{name}>"))
    }

    #[test]
    fn a_reference_becomes_its_value_and_everything_else_stays() {
        let check = |text: &str, expected: &str| assert_eq!(resolve(text, &named).as_deref(), Ok(expected));
        check("Bearer ${secret:TOKEN}!", "Bearer <TOKEN>!");
        check("${secret:A}${secret:B}", "<A><B>");
        check("$HOME ${HOME} $${x} $", "$HOME ${HOME} $${x} $");
        check("$${secret:A}", "$<A>");
        check("", "");
    }

    #[test]
    fn a_reference_that_is_none_and_a_secret_that_is_not_there_are_named() {
        let error = |text: &str| resolve(text, &named).unwrap_err().to_string();
        assert_eq!(error("x ${secret:NONE}"), "the secret NONE is not set");
        for text in ["${secret:", "${secret:}", "${secret:a-b}", "${secret:1A}", "${secret:${secret:A}}"] {
            assert!(error(text).starts_with("`${secret:"), "{text}: {}", error(text));
        }
    }

    #[test]
    fn a_text_tells_each_of_its_secrets_once() {
        let names = references("${secret:B} ${secret:A} ${secret:B}").unwrap();
        assert_eq!(names.iter().map(SecretName::as_str).collect::<Vec<_>>(), ["B", "A"]);
    }

    proptest! {
        /// Texts of a definition with data between them: however the data is cut and whatever it says.
        #[test]
        fn data_is_never_a_reference_and_comes_back_as_it_was(
            data in prop::collection::vec(r"(\$|\{|\}|secret:|dollar|brace|A){0,6}", 1..5),
            before in prop::sample::select(vec!["", "$", "costs $", "a"]),
        ) {
            let text: String = data.iter().map(|data| escape(data)).collect();
            prop_assert_eq!(references(&format!("{before}{text}")).map(|names| names.len()), Ok(0));
            prop_assert_eq!(resolve(&format!("{before}{text}"), &named), Ok(format!("{before}{}", data.concat())));
        }
    }
}
