//! A file while it is read: what is wrong so far, and what its expressions may name.

use std::collections::BTreeMap;

use agents_definitions::node::{Content, Key, Node};
use agents_definitions::parts::{self, Parts, Trial};
use agents_definitions::{At, Worker};
use serde_json::{Map, Value};

use crate::check::scope::{Here, Scope};
use crate::check::text;
use crate::workflow::{Kind, StepIndex};

/// Whose expressions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    Nobody,
    /// Before the step begins.
    Entering(StepIndex),
    /// When it ends.
    Leaving(StepIndex),
    /// When the run ends.
    Ending,
}

/// An expression names a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub user: User,
    pub step: StepIndex,
    pub at: At,
}

/// A file while it is read.
#[allow(missing_debug_implementations, reason = "a trial has nothing to show")]
pub struct Sheet<'a> {
    pub parts: Parts,
    pub scope: Scope,
    pub user: User,
    pub uses: Vec<Use>,
    trial: Trial,
    lines: Vec<&'a str>,
}

impl<'a> Sheet<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            parts: Parts::default(),
            scope: Scope::default(),
            user: User::Nobody,
            uses: Vec::new(),
            trial: Trial::new(minijinja::Value::UNDEFINED),
            lines: text.lines().collect(),
        }
    }

    /// Tries expressions with these names from now on, each of which may be anything.
    pub fn expect(&mut self, names: impl IntoIterator<Item = String>) {
        let names: BTreeMap<String, minijinja::Value> =
            names.into_iter().map(|name| (name, parts::anything())).collect();
        self.trial = Trial::new(minijinja::Value::from(names));
    }

    pub fn problem(&mut self, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.parts.problem(at, message, hint);
    }

    /// Notes a key that nobody knows.
    pub fn unknown(&mut self, key: &Key, known: &[&str]) {
        let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
        self.parts.unknown(key, &known);
    }

    /// A whole number.
    pub fn count(&mut self, node: &Node, what: &str, least: u32) -> Option<u32> {
        let number = node.json().as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| *number >= least);
        if number.is_none() {
            let message = format!("`{what}` is a whole number, {least} or more");
            self.problem(node.at, message, "write a number without quotes");
        }
        number
    }

    /// True or false.
    pub fn flag(&mut self, node: &Node, what: &str) -> Option<bool> {
        let flag = node.json().as_bool();
        if flag.is_none() {
            self.problem(node.at, format!("`{what}` is true or false"), format!("write {what}: true"));
        }
        flag
    }

    /// The elements of a list; none of what is no list, which is a problem.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str, example: &str) -> &'n [Node] {
        if let Content::List(nodes) = &node.content {
            return nodes;
        }
        self.problem(node.at, format!("`{what}` is a list, and this is {}", node.kind()), example);
        &[]
    }

    /// A text with expressions, as the engine evaluates it, and the type that it comes to.
    pub fn template(&mut self, node: &Node, text: &str, here: Here<'_>) -> (String, Kind) {
        let before = self.parts.count();
        let (text, kind) = self.names(node, text, here);
        if self.parts.count() == before
            && let Some(bad) = self.trial.text(&text)
        {
            let at = self.at_line(node, bad.line);
            self.problem(at, bad.message, bad.hint);
        }
        (text, kind)
    }

    /// As `template`, but only its names are checked.
    fn names(&mut self, node: &Node, text: &str, here: Here<'_>) -> (String, Kind) {
        if !text::is_template(text) {
            return (text.to_owned(), Kind::String);
        }
        let checked = text::check(text, &self.scope, here);
        for unknown in checked.unknown {
            let at = self.place(node, text, unknown.at);
            self.problem(at, unknown.message, unknown.hint);
        }
        for (step, at) in checked.steps {
            let at = self.place(node, text, at);
            self.uses.push(Use { user: self.user, step, at });
        }
        (checked.text, checked.kind)
    }

    /// A value with expressions in its texts.
    pub fn value(&mut self, node: &Node, here: Here<'_>) -> (Value, Kind) {
        match &node.content {
            Content::Text(text) => {
                let (text, kind) = self.template(node, text, here);
                (Value::String(text), kind)
            }
            Content::List(nodes) => {
                let values = nodes.iter().map(|node| self.value(node, here));
                let (values, kinds): (Vec<Value>, Vec<Kind>) = values.unzip();
                let of = kinds.into_iter().reduce(Kind::or).unwrap_or(Kind::Any);
                (Value::Array(values), Kind::Array(Box::new(of)))
            }
            Content::Map(entries) => {
                let (mut values, mut kinds) = (Map::new(), BTreeMap::new());
                for (key, node) in entries {
                    let (value, kind) = self.value(node, here);
                    values.insert(key.name.clone(), value);
                    kinds.insert(key.name.clone(), kind);
                }
                (Value::Object(values), Kind::Object(kinds))
            }
            Content::Null | Content::Bool(_) | Content::Number(_) => {
                let value = node.json();
                let kind = Kind::of(&value);
                (value, kind)
            }
        }
    }

    /// One expression: braces around it may be left out.
    pub fn expression(&mut self, node: &Node, what: &str, here: Here<'_>) -> Option<(String, Kind)> {
        let text = match &node.content {
            Content::List(_) => node.json().to_string(),
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::Map(_) => {
                self.parts.text(node, what)?
            }
        };
        let text = text.trim();
        if text.is_empty() {
            self.problem(node.at, format!("`{what}` is empty"), "write an expression: \"{{ params.x }}\"");
            return None;
        }
        let text = if text::is_template(text) { text.to_owned() } else { format!("{{{{ {text} }}}}") };
        Some(self.template(node, &text, here))
    }

    /// An expression that comes to true or false.
    pub fn condition(&mut self, node: &Node, what: &str, here: Here<'_>) -> Option<String> {
        let (text, kind) = self.expression(node, what, here)?;
        if !kind.may_be(&Kind::Boolean) {
            let message = format!("`{what}` must come to true or false, and this is {kind}");
            self.problem(node.at, message, "compare it: \"{{ steps.a.outputs.count > 0 }}\"");
        }
        Some(text)
    }

    /// What a worker is told.
    pub fn config(&mut self, worker: Worker, node: &Node, here: Here<'_>) -> Map<String, Value> {
        let before = self.parts.count();
        let mut config = self.parts.config(worker, node);
        if let Content::Map(entries) = &node.content {
            for (key, node) in entries {
                // These are taken as they are.
                let is_plain = worker == Worker::Ai && matches!(key.name.as_str(), "schema" | "mock");
                if let Some(value) = config.get_mut(&key.name).filter(|_| !is_plain) {
                    self.names_in(value, node, here);
                }
            }
        }
        if self.parts.count() == before {
            let problems = self.trial.config(worker, &config, node);
            self.parts.add(problems);
        }
        config
    }

    fn names_in(&mut self, value: &mut Value, node: &Node, here: Here<'_>) {
        match (value, &node.content) {
            (Value::String(text), Content::Text(_)) => *text = self.names(node, text, here).0,
            (Value::Array(values), Content::List(nodes)) => {
                for (value, node) in values.iter_mut().zip(nodes) {
                    self.names_in(value, node, here);
                }
            }
            (Value::Object(fields), Content::Map(entries)) => {
                for (key, node) in entries {
                    if let Some(value) = fields.get_mut(&key.name) {
                        self.names_in(value, node, here);
                    }
                }
            }
            _ => {}
        }
    }

    fn at_line(&self, node: &Node, line: usize) -> At {
        At { line: node.at.line + line.max(1) - 1, column: if line > 1 { 1 } else { node.at.column } }
    }

    /// Where the word at this byte of a node's text stands in the file.
    fn place(&self, node: &Node, text: &str, at: usize) -> At {
        let line = text[..at].matches('\n').count();
        let start = text[..at].rfind('\n').map_or(0, |found| found + 1);
        let rest = &text[at..];
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        let word = &rest[..length];
        let shown = self.lines.get(node.at.line + line - 1).copied().unwrap_or_default();
        let indent = if line == 0 { node.at.column - 1 } else { 0 };
        let from = shown.char_indices().nth(indent).map_or(shown.len(), |(byte, _)| byte);
        let nth = text[start..at].matches(word).count();
        let found = shown[from..].match_indices(word).nth(nth).filter(|_| !word.is_empty());
        match found {
            Some((byte, _)) => {
                At { line: node.at.line + line, column: shown[..from + byte].chars().count() + 1 }
            }
            None => self.at_line(node, line + 1),
        }
    }
}
