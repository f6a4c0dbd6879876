//! Types of data: whether a value has one, what a text means as one, and samples.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::expression::named;
use crate::workflow::Kind;

/// Whether a value is of that type; the error names the value by `name`.
pub(crate) fn checked(kind: &Kind, value: &Value, name: &str) -> Result<(), String> {
    match (kind, value) {
        (Kind::Any, _)
        | (Kind::String, Value::String(_))
        | (Kind::Number, Value::Number(_))
        | (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Integer, Value::Number(number))
            if number.as_f64().is_some_and(|number| number.fract() == 0.0) =>
        {
            Ok(())
        }
        (Kind::Array(kind), Value::Array(values)) => values
            .iter()
            .enumerate()
            .try_for_each(|(at, value)| checked(kind, value, &format!("{name}[{at}]"))),
        (Kind::Object(fields), Value::Object(values)) => fields_checked(fields, values, name),
        _ => Err(format!("{name} must be {}, and it is {}", wanted(kind), named(value))),
    }
}

/// A property that is not there is no mistake: only what is there must fit.
fn fields_checked(
    fields: &BTreeMap<String, Kind>,
    values: &Map<String, Value>,
    name: &str,
) -> Result<(), String> {
    for (key, kind) in fields {
        if let Some(value) = values.get(key).filter(|value| !value.is_null()) {
            checked(kind, value, &format!("{name}.{key}"))?;
        }
    }
    Ok(())
}

/// A type in a message.
pub(crate) fn wanted(kind: &Kind) -> &'static str {
    match kind {
        Kind::Any => "anything",
        Kind::String => "a text",
        Kind::Number => "a number",
        Kind::Integer => "a whole number",
        Kind::Boolean => "true or false",
        Kind::Object(_) => "an object",
        Kind::Array(_) => "a list",
    }
}

/// What a text means where that type is wanted: JSON of the type, else the text itself.
pub(crate) fn of_text(kind: &Kind, text: &str) -> Value {
    if *kind == Kind::String {
        // A text in quotes is a text too.
        let quoted =
            text.trim().strip_prefix('"').and_then(|_| serde_json::from_str::<String>(text.trim()).ok());
        return Value::String(quoted.unwrap_or_else(|| text.to_owned()));
    }
    match serde_json::from_str::<Value>(text.trim()) {
        Ok(value) if checked(kind, &value, "").is_ok() => value,
        Ok(_) | Err(_) => Value::String(text.to_owned()),
    }
}

/// A value of that type.
pub(crate) fn sample(kind: &Kind) -> Value {
    match kind {
        Kind::Any | Kind::String => json!("sample"),
        Kind::Number | Kind::Integer => json!(1),
        Kind::Boolean => json!(true),
        Kind::Object(fields) => {
            Value::Object(fields.iter().map(|(name, kind)| (name.clone(), sample(kind))).collect())
        }
        Kind::Array(kind) => Value::Array(vec![sample(kind)]),
    }
}
