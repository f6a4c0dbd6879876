//! Reads the fields of a map one by one, and notes what is wrong with them and which of them nobody has asked for.

use std::collections::BTreeSet;

use agents_definitions::node::{self, Content, Key, Node};
use agents_definitions::{At, Problem, Problems};
use agents_domain::timestamp::Timestamp;
use serde_json::{Map, Value};

use super::SourceFile;

/// The first character of a file.
pub const BEGINNING: At = At { line: 1, column: 1 };

/// A JSON file as a tree with places. JSON is YAML but for a few escapes: such a file is read without places.
pub fn json(file: &SourceFile) -> Result<Node, Problems> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let at = At { line: error.line().max(1), column: error.column().max(1) };
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default().to_owned();
        let hint = "correct it, or take the file away";
        Problems::new(&file.name, text, vec![Problem::new(at, format!("not JSON: {said}"), hint)])
    })?;
    Ok(node::parse(text).unwrap_or_else(|_| without_places(&value)))
}

/// A YAML file as a tree with places.
pub fn yaml(file: &SourceFile) -> Result<Node, Problems> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    node::parse(text).map_err(|problems| Problems::new(&file.name, text, problems))
}

fn without_places(value: &Value) -> Node {
    let content = match value {
        Value::Null => Content::Null,
        Value::Bool(is) => Content::Bool(*is),
        Value::Number(number) => Content::Number(number.clone()),
        Value::String(text) => Content::Text(text.clone()),
        Value::Array(values) => Content::List(values.iter().map(without_places).collect()),
        Value::Object(fields) => {
            let entry = |(name, value): (&String, &Value)| {
                (Key { at: BEGINNING, name: name.clone() }, without_places(value))
            };
            Content::Map(fields.iter().map(entry).collect())
        }
    };
    Node { at: BEGINNING, raw: None, content }
}

/// A map that is being read.
pub struct Fields<'a> {
    /// Where it stands.
    pub at: At,
    entries: &'a [(Key, Node)],
    asked: BTreeSet<&'static str>,
    pub problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Of that map.
    pub fn new(node: &'a Node, what: &str) -> Self {
        let mut problems = Vec::new();
        let entries: &[(Key, Node)] = match &node.content {
            Content::Map(entries) => entries,
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                let message = format!("{what} is a map of fields, and this is {}", node.kind());
                problems.push(Problem::new(node.at, message, "correct it, or take the file away"));
                &[]
            }
        };
        Self { at: node.at, entries, asked: BTreeSet::new(), problems }
    }

    /// The field under the first of these names that has a value.
    pub fn get(&mut self, names: &[&'static str]) -> Option<(&'a Key, &'a Node)> {
        self.asked.extend(names);
        let named = |name: &&str| self.entries.iter().find(|(key, _)| key.name == *name);
        let found =
            names.iter().find_map(|name| named(name).filter(|(_, node)| node.content != Content::Null));
        found.map(|(key, node)| (key, node))
    }

    /// Where the field is, or would be.
    pub fn place(&mut self, names: &[&'static str]) -> At {
        self.get(names).map_or(self.at, |(_, node)| node.at)
    }

    /// Fields that nobody has asked for.
    pub fn unknown(&self) -> Vec<&'a Key> {
        let is_unknown = |key: &&Key| !self.asked.contains(key.name.as_str());
        self.entries.iter().map(|(key, _)| key).filter(is_unknown).collect()
    }

    /// Notes what is wrong.
    pub fn problem(&mut self, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(at, message, hint));
    }

    fn unfit(&mut self, (key, node): (&Key, &Node), wanted: &str) {
        let message = format!("`{}` is {wanted}, and this is {}", key.name, node.kind());
        self.problem(node.at, message, format!("write {wanted}"));
    }

    /// A text; a number is one as it is written.
    pub fn text(&mut self, names: &[&'static str]) -> Option<String> {
        let (key, node) = self.get(names)?;
        match (&node.content, &node.raw) {
            (Content::Text(text), _) => Some(text.clone()),
            (Content::Number(_) | Content::Bool(_), Some(raw)) => Some(raw.clone()),
            _ => {
                self.unfit((key, node), "a text");
                None
            }
        }
    }

    /// A text that must be there and say something.
    pub fn needed(&mut self, names: &[&'static str], hint: &str) -> Option<String> {
        if self.get(names).is_none() {
            let name = names.first().copied().unwrap_or_default();
            self.problem(self.at, format!("`{name}` is missing"), hint);
            return None;
        }
        let text = self.text(names)?;
        if text.trim().is_empty() {
            let at = self.place(names);
            self.problem(at, format!("`{}` is empty", names.first().copied().unwrap_or_default()), hint);
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, names: &[&'static str]) -> Option<bool> {
        let (key, node) = self.get(names)?;
        match node.content {
            Content::Bool(is) => Some(is),
            Content::Null | Content::Number(_) | Content::Text(_) | Content::List(_) | Content::Map(_) => {
                self.unfit((key, node), "true or false");
                None
            }
        }
    }

    /// A whole number that is not negative.
    pub fn count(&mut self, names: &[&'static str]) -> Option<u64> {
        let (key, node) = self.get(names)?;
        let count = node.json().as_u64();
        if count.is_none() {
            self.unfit((key, node), "a whole number");
        }
        count
    }

    /// A map of anything.
    pub fn object(&mut self, names: &[&'static str]) -> Map<String, Value> {
        let Some((key, node)) = self.get(names) else { return Map::new() };
        match node.json() {
            Value::Object(fields) => fields,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.unfit((key, node), "a map");
                Map::new()
            }
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, names: &[&'static str]) -> Vec<String> {
        let Some((key, node)) = self.get(names) else { return Vec::new() };
        let Content::List(nodes) = &node.content else {
            self.unfit((key, node), "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(nodes.len());
        for one in nodes {
            match (&one.content, &one.raw) {
                (Content::Text(text), _) => texts.push(text.clone()),
                (Content::Number(_) | Content::Bool(_), Some(raw)) => texts.push(raw.clone()),
                _ => self.unfit((key, one), "a list of texts"),
            }
        }
        texts
    }

    /// A moment: RFC 3339, or milliseconds since 1970.
    pub fn moment(&mut self, names: &[&'static str]) -> Option<Timestamp> {
        let (key, node) = self.get(names)?;
        let found = match &node.content {
            Content::Number(number) => number.as_i64().map(Timestamp::from_millis),
            Content::Text(text) => {
                let moment: Option<jiff::Timestamp> = text.parse().ok();
                moment.map(|moment| Timestamp::from_millis(moment.as_millisecond()))
            }
            Content::Null | Content::Bool(_) | Content::List(_) | Content::Map(_) => None,
        };
        if found.is_none() {
            let message = format!("`{}` is no time", key.name);
            self.problem(node.at, message, "write it like 2026-01-29T14:52:59Z");
        }
        found
    }
}
