//! `${NAME}` in the strings of a script, replaced from the environment. Only names of upper-case letters, digits
//! and `_` count, so the `${1:-x}` of a shell script that a step writes stays as it is.

use serde_json::Value;

/// A name without a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`${{{name}}}` is not set in the environment; write `$${{{name}}}` for the text itself")]
pub(crate) struct Unset {
    name: String,
}

/// The text with its variables replaced; `$${NAME}` is the text `${NAME}`.
pub(crate) fn filled(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Unset> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let Some(name) = name_at(from) else {
            out.push_str(before);
            out.push_str("${");
            rest = &from[2..];
            continue;
        };
        let whole = &from[..name.len() + 3];
        match before.strip_suffix('$') {
            Some(before) => {
                out.push_str(before);
                out.push_str(whole);
            }
            None => {
                out.push_str(before);
                out.push_str(&env(name).ok_or_else(|| Unset { name: name.to_owned() })?);
            }
        }
        rest = &from[whole.len()..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The same for every string within a JSON value.
pub(crate) fn filled_value(value: &Value, env: &dyn Fn(&str) -> Option<String>) -> Result<Value, Unset> {
    Ok(match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::String(filled(text, env)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled_value(item, env)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, field)| Ok((key.clone(), filled_value(field, env)?)))
                .collect::<Result<_, Unset>>()?,
        ),
    })
}

/// The name of the variable that `text`, which begins with `${`, begins with.
fn name_at(text: &str) -> Option<&str> {
    let name = text.get(2..)?.split_once('}')?.0;
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') && name.chars().all(good)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn env(name: &str) -> Option<String> {
        (name == "AGENTS_ASSIGNMENT_ID").then(|| "a1".to_owned())
    }

    #[test]
    fn only_upper_case_names_in_braces_are_replaced() {
        let check = |text: &str, expected: &str| assert_eq!(filled(text, &env).unwrap(), expected);
        check("no variable", "no variable");
        check("<${AGENTS_ASSIGNMENT_ID}|${AGENTS_ASSIGNMENT_ID}>", "<a1|a1>");
        check("${1:-world} ${name} $AGENTS_ASSIGNMENT_ID ${", "${1:-world} ${name} $AGENTS_ASSIGNMENT_ID ${");
        check("$${AGENTS_ASSIGNMENT_ID} $${NOT_SET}", "${AGENTS_ASSIGNMENT_ID} ${NOT_SET}");
    }

    #[test]
    fn a_name_without_a_value_is_an_error_that_says_what_to_write() {
        assert_eq!(
            filled("a ${NOT_SET}", &env).unwrap_err().to_string(),
            "`${NOT_SET}` is not set in the environment; write `$${NOT_SET}` for the text itself"
        );
    }

    #[test]
    fn strings_anywhere_in_a_json_value_are_filled() {
        let value =
            json!({"a": ["${AGENTS_ASSIGNMENT_ID}", 1, {"b": "x ${AGENTS_ASSIGNMENT_ID}"}], "c": null});
        assert_eq!(filled_value(&value, &env).unwrap(), json!({"a": ["a1", 1, {"b": "x a1"}], "c": null}));
    }
}
