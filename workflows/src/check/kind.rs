//! Types of data: what a definition may call them, and which fits which.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::workflow::Kind;

/// The names of types in a file.
pub const NAMES: [&str; 8] = ["string", "number", "integer", "boolean", "object", "array", "any", "json"];

impl Kind {
    /// The type of that name, without more about it.
    pub fn from_name(name: &str) -> Option<Kind> {
        Some(match name {
            "string" => Kind::String,
            "number" => Kind::Number,
            "integer" => Kind::Integer,
            "boolean" => Kind::Boolean,
            "object" => Kind::Object(BTreeMap::new()),
            "array" => Kind::Array(Box::new(Kind::Any)),
            "any" | "json" => Kind::Any,
            _ => return None,
        })
    }

    /// The name in a file.
    pub fn as_str(&self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::String => "string",
            Kind::Number => "number",
            Kind::Integer => "integer",
            Kind::Boolean => "boolean",
            Kind::Object(_) => "object",
            Kind::Array(_) => "array",
        }
    }

    /// The type of a value.
    pub fn of(value: &Value) -> Kind {
        match value {
            Value::Null => Kind::Any,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(number) if number.is_f64() => Kind::Number,
            Value::Number(_) => Kind::Integer,
            Value::String(_) => Kind::String,
            Value::Array(_) => Kind::Array(Box::new(Kind::Any)),
            Value::Object(fields) => {
                Kind::Object(fields.iter().map(|(name, value)| (name.clone(), Kind::of(value))).collect())
            }
        }
    }

    /// Whether a value of this type may be one of `wanted`. What isn't known fits.
    pub fn may_be(&self, wanted: &Kind) -> bool {
        match (self, wanted) {
            (Kind::Any, _) | (_, Kind::Any) => true,
            (Kind::Integer | Kind::Number, Kind::Number) => true,
            (Kind::Object(has), Kind::Object(wants)) => {
                wants.iter().all(|(name, want)| has.get(name).is_none_or(|has| has.may_be(want)))
            }
            (Kind::Array(has), Kind::Array(wants)) => has.may_be(wants),
            (
                Kind::String
                | Kind::Number
                | Kind::Integer
                | Kind::Boolean
                | Kind::Object(_)
                | Kind::Array(_),
                _,
            ) => self.as_str() == wanted.as_str(),
        }
    }

    /// Both of them, where one says more than the other.
    pub fn or(self, other: Kind) -> Kind {
        if self == other { self } else { Kind::Any }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Any => "anything",
            Kind::String => "a text",
            Kind::Number => "a number",
            Kind::Integer => "a whole number",
            Kind::Boolean => "true or false",
            Kind::Object(_) => "an object",
            Kind::Array(_) => "a list",
        })
    }
}
