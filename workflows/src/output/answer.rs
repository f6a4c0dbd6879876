//! Values in a worker's text: those that it has set by name, and the JSON that it has answered.

use std::collections::HashMap;

use serde_json::Value;

use crate::workflow::{Kind, Output};

/// Before the name and the value, on a line of its own.
const SET: &str = "::set-output name=";

/// The JSON in a text.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    text: &'a str,
    json: Option<Value>,
}

impl<'a> Answer<'a> {
    /// The whole text, else its last fenced block of JSON, else its last line that is an object.
    pub(crate) fn read(text: &'a str) -> Self {
        let whole = serde_json::from_str(text.trim()).ok();
        let json = whole.or_else(|| fenced(text)).or_else(|| last_line(text));
        Self { text, json }
    }

    /// What an expression means by `answer`.
    pub(crate) fn value(&self) -> Value {
        self.json.clone().unwrap_or_else(|| Value::String(self.text.to_owned()))
    }

    /// That output. `alone`: it is the only one that is declared.
    pub(crate) fn of(&self, output: &Output, alone: bool) -> Option<Value> {
        let json = self.json.as_ref()?;
        let key = json.as_object().and_then(|fields| fields.get(&output.field.name));
        let whole = || match (&output.field.kind, json) {
            (Kind::Object(_) | Kind::Any, Value::Object(_))
            | (Kind::Array(_) | Kind::Any, Value::Array(_))
                if alone =>
            {
                Some(json)
            }
            _ => None,
        };
        key.or_else(whole).cloned()
    }

    /// What is there instead of what was wanted.
    pub(crate) fn about(&self) -> String {
        match &self.json {
            Some(Value::Object(fields)) if fields.is_empty() => "its JSON is an empty object".to_owned(),
            Some(Value::Object(fields)) => {
                let keys: Vec<&str> = fields.keys().take(8).map(String::as_str).collect();
                format!("its JSON has {}", keys.join(", "))
            }
            Some(other) => format!("its JSON is {}", crate::expression::named(other)),
            None if self.text.trim().is_empty() => "it has printed nothing".to_owned(),
            // Workers hand on so much of the end of what they say.
            None if self.text.len() >= 60 * 1024 => {
                "there is no JSON in the last 64 KiB of what it said, and what came before is not looked at"
                    .to_owned()
            }
            None => "there is no JSON in what it said".to_owned(),
        }
    }
}

/// What was set by name; the last one of a name counts.
pub(crate) fn set_values(text: &str) -> HashMap<&str, &str> {
    let line = |line: &'_ str| -> Option<(usize, usize)> {
        let rest = line.trim_start().strip_prefix(SET)?;
        let from = line.len() - rest.len();
        rest.find("::").map(|length| (from, from + length))
    };
    text.lines()
        .filter_map(|all| line(all).map(|(from, to)| (all[from..to].trim(), all[to + 2..].trim_end())))
        .collect()
}

fn fenced(text: &str) -> Option<Value> {
    let mut found = None;
    let mut block: Option<String> = None;
    for line in text.lines() {
        let mark = line.trim();
        match block.as_mut() {
            Some(inside) if mark == "```" => {
                found = serde_json::from_str(inside).ok().or(found);
                block = None;
            }
            Some(inside) => {
                inside.push_str(line);
                inside.push('\n');
            }
            None if mark == "```json" || mark == "```JSON" => block = Some(String::new()),
            None => {}
        }
    }
    found
}

fn last_line(text: &str) -> Option<Value> {
    let is_object = |line: &&str| line.starts_with('{') && line.ends_with('}');
    let mut lines = text.lines().rev().map(str::trim).filter(is_object);
    lines.find_map(|line| serde_json::from_str(line).ok().filter(Value::is_object))
}
