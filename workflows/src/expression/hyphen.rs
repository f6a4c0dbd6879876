//! Ids with hyphens: `steps.fix-tests.outputs.x` is a subtraction to the language, so inside of expressions it becomes
//! `steps["fix-tests"].outputs.x`. Only ids that are there are replaced.

use serde_json::{Map, Value};

/// The ids that need it, the longest first.
pub(crate) struct Hyphens {
    ids: Vec<String>,
}

impl Hyphens {
    /// Of these ids.
    pub(crate) fn new<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        let mut ids: Vec<String> = ids.filter(|id| id.contains('-')).map(str::to_owned).collect();
        ids.sort_by_key(|id| std::cmp::Reverse(id.len()));
        Self { ids }
    }

    /// In the expressions of a text.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut done = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((begin, end)) = opening(rest).filter(|_| !self.ids.is_empty()) {
            // A part without its end is an error that the language names.
            let Some(length) = rest[begin..].find(end) else { break };
            let (part, after) = rest.split_at(begin + length + end.len());
            done.push_str(&part[..begin]);
            done.push_str(&self.inside(&part[begin..]));
            rest = after;
        }
        done.push_str(rest);
        done
    }

    /// In an expression, with or without its braces.
    pub(crate) fn expression(&self, text: &str) -> String {
        if opening(text).is_some() { self.text(text) } else { self.inside(text) }
    }

    fn inside(&self, expression: &str) -> String {
        if self.ids.is_empty() {
            return expression.to_owned();
        }
        let mut done = String::with_capacity(expression.len());
        let mut rest = expression;
        while let Some(at) = rest.find("steps.") {
            let before = rest[..at].chars().next_back().or_else(|| done.chars().next_back());
            let (head, tail) = rest.split_at(at + "steps.".len());
            let is_name = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
            let found = self.ids.iter().find(|id| {
                tail.strip_prefix(id.as_str()).is_some_and(|after| {
                    !after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-')
                })
            });
            match found.filter(|_| is_name) {
                Some(id) => {
                    done.push_str(&head[..head.len() - 1]);
                    done.push_str(&format!("[\"{id}\"]"));
                    rest = &tail[id.len()..];
                }
                None => {
                    done.push_str(head);
                    rest = tail;
                }
            }
        }
        done.push_str(rest);
        done
    }

    /// In all texts of a value.
    pub(crate) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => Value::Array(values.iter().map(|value| self.value(value)).collect()),
            Value::Object(fields) => Value::Object(self.map(fields)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// In all texts of these values.
    pub(crate) fn map(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        fields.iter().map(|(key, value)| (key.clone(), self.value(value))).collect()
    }
}

/// Where the first part that is evaluated begins, and how it ends.
fn opening(text: &str) -> Option<(usize, &'static str)> {
    let print = text.find("{{").map(|at| (at, "}}"));
    let block = text.find("{%").map(|at| (at, "%}"));
    match (print, block) {
        (Some(print), Some(block)) => Some(if print.0 < block.0 { print } else { block }),
        (print, block) => print.or(block),
    }
}
