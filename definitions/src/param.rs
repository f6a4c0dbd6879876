//! Params: what a definition can be told when it is run, and whether what it is told fits.

use serde_json::{Map, Value};

use crate::suggestion;

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    String,
    Number,
    Integer,
    Boolean,
    /// Anything.
    Json,
}

impl ParamType {
    /// Every type, in the order of the docs.
    pub const ALL: [ParamType; 5] =
        [ParamType::String, ParamType::Number, ParamType::Integer, ParamType::Boolean, ParamType::Json];

    /// The name in a definition.
    pub fn as_str(self) -> &'static str {
        match self {
            ParamType::String => "string",
            ParamType::Number => "number",
            ParamType::Integer => "integer",
            ParamType::Boolean => "boolean",
            ParamType::Json => "json",
        }
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<ParamType> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            ParamType::String => value.is_string(),
            ParamType::Number => value.is_number(),
            ParamType::Integer => value.is_i64() || value.is_u64(),
            ParamType::Boolean => value.is_boolean(),
            ParamType::Json => true,
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            ParamType::String => "a text",
            ParamType::Number => "a number",
            ParamType::Integer => "a whole number",
            ParamType::Boolean => "true or false",
            ParamType::Json => "JSON",
        }
    }
}

/// One param of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    pub name: String,
    pub kind: ParamType,
    pub description: Option<String>,
    /// Its value where none is given.
    pub default: Option<Value>,
    /// A run without it is refused.
    pub is_required: bool,
    /// Empty: anything of its type.
    pub choices: Vec<Value>,
}

impl Param {
    /// The value that a text of the command line means; the error says where it is no JSON and must be. What does not fit is
    /// a text, and refused as one.
    pub fn value_of_text(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            ParamType::String => Ok(Value::String(text.to_owned())),
            ParamType::Number | ParamType::Integer | ParamType::Boolean => Ok(self.fitting(text)),
            ParamType::Json => serde_json::from_str(text).map_err(|error| {
                format!("param `{}` must be JSON, and {} is not: {error}", self.name, shown_text(text))
            }),
        }
    }

    fn fitting(&self, text: &str) -> Value {
        let parsed = serde_json::from_str(text).ok().filter(|value| self.kind.fits(value));
        parsed.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    /// Why it can't have that value.
    pub fn refusal(&self, value: &Value) -> Option<String> {
        if !self.kind.fits(value) {
            return Some(format!(
                "param `{}` must be {}, and {} is not",
                self.name,
                self.kind.wanted(),
                shown(value)
            ));
        }
        if text_has_nul(value) {
            return Some(format!("param `{}` has a NUL character, which no program can be given", self.name));
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            let choices: Vec<String> = self.choices.iter().map(shown).collect();
            return Some(format!(
                "param `{}` can't be {}: use {}",
                self.name,
                shown(value),
                choices.join(", ")
            ));
        }
        None
    }
}

fn text_has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(text_has_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || text_has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value in a message.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| shown_text(&value.to_string()), shown_text)
}

fn shown_text(text: &str) -> String {
    let short: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let dots = if text.chars().count() > 60 { "…" } else { "" };
    format!("`{short}{dots}`")
}

/// All params with their values, defaults filled in; or everything that is wrong with what was given.
pub fn accept(params: &[Param], given: &Map<String, Value>) -> Result<Map<String, Value>, Vec<String>> {
    let mut problems = Vec::new();
    let known: Vec<String> = params.iter().map(|param| param.name.clone()).collect();
    for name in given.keys().filter(|name| !known.contains(name)) {
        let hint = if known.is_empty() {
            "it has none".to_owned()
        } else {
            suggestion::did_you_mean(name, &known, "its params are")
        };
        problems.push(format!("there is no param `{name}`: {hint}"));
    }
    let mut values = Map::new();
    for param in params {
        let value =
            match given.get(&param.name).filter(|value| !value.is_null() || param.kind == ParamType::Json) {
                Some(value) => from_text(param, value),
                None if param.is_required => {
                    let wanted = param.kind.wanted();
                    problems.push(format!(
                        "param `{}` is missing: give {wanted}, --param {}=…",
                        param.name, param.name
                    ));
                    continue;
                }
                None => param.default.clone().unwrap_or(Value::Null),
            };
        if given.contains_key(&param.name) && !value.is_null() {
            problems.extend(param.refusal(&value));
        }
        values.insert(param.name.clone(), value);
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// The param of that name, or what is wrong with the name.
pub fn param_named<'a>(params: &'a [Param], name: &str) -> Result<&'a Param, String> {
    let known: Vec<String> = params.iter().map(|param| param.name.clone()).collect();
    params.iter().find(|param| param.name == name).ok_or_else(|| {
        let hint = match known.is_empty() {
            true => "it has none".to_owned(),
            false => suggestion::did_you_mean(name, &known, "its params are"),
        };
        format!("there is no param `{name}`: {hint}")
    })
}

/// A number or a boolean may be given as a text: what an event or a schedule maps is one.
fn from_text(param: &Param, value: &Value) -> Value {
    match (param.kind, value) {
        (ParamType::Number | ParamType::Integer | ParamType::Boolean, Value::String(text)) => {
            param.fitting(text.trim())
        }
        _ => value.clone(),
    }
}
