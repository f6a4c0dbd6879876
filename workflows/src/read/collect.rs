//! Finds all steps of a file, those of loops' bodies too, before any of them is read: so that each can name each.

use std::collections::BTreeMap;

use agents_definitions::At;
use agents_definitions::node::{Content, Key, Node};

use super::{RESERVED, Reading, STEPS_MAX};
use crate::workflow::{Action, Kind, Output, StepIndex};

/// The longest id of a step, in bytes.
const ID_MAX: usize = 64;

/// The keys that say what a step does.
pub(crate) const DOES: [&str; 14] = [
    "agent",
    "exec",
    "ai",
    "skill",
    "http",
    "module",
    "condition",
    "switch",
    "loop",
    "forEach",
    "delay",
    "approval",
    "assignment",
    "workflow",
];

/// A step as it stands in the file.
pub(super) struct Raw<'a> {
    pub id: String,
    pub at: At,
    pub entries: &'a [(Key, Node)],
    pub parent: Option<StepIndex>,
    /// The following step of the same list.
    pub next: Option<StepIndex>,
    pub doing: Option<(&'a Key, &'a Node)>,
    /// Of a loop: the first step of its body.
    pub body: Option<StepIndex>,
    /// The action of a module that it names.
    pub action: Option<&'a Action>,
    /// What it declares; expressions are not read yet.
    pub outputs: Vec<super::field::ReadOutput<'a>>,
}

impl<'a> Raw<'a> {
    pub fn entry(&self, name: &str) -> Option<(&'a Key, &'a Node)> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, node)| (key, node))
    }

    pub fn node(&self, name: &str) -> Option<&'a Node> {
        self.entry(name).map(|(_, node)| node)
    }

    pub fn does(&self) -> &'a str {
        self.doing.map_or("", |(key, _)| key.name.as_str())
    }
}

impl<'a> Reading<'a> {
    /// Collects the steps of a list, and gives the first one.
    pub(super) fn collect(&mut self, node: &'a Node, parent: Option<StepIndex>) -> Option<StepIndex> {
        let Content::List(nodes) = &node.content else {
            let message = format!("`steps` is a list, and this is {}", node.kind());
            self.sheet.problem(node.at, message, "write - id: build");
            self.is_whole = false;
            return None;
        };
        if nodes.is_empty() {
            self.sheet.problem(node.at, "there are no steps", "add - id: build, and what it does");
            self.is_whole = false;
        }
        let (mut first, mut before) = (None, None::<StepIndex>);
        for node in nodes {
            if self.raw.len() >= STEPS_MAX {
                let message = format!("there are more than {STEPS_MAX} steps");
                self.sheet.problem(node.at, message, "make several workflows of it, or a loop");
                self.is_whole = false;
                return first;
            }
            let Some(index) = self.collect_step(node, parent) else {
                self.is_whole = false;
                continue;
            };
            first = first.or(Some(index));
            if let Some(before) = before {
                self.raw[before].next = Some(index);
            }
            before = Some(index);
            self.collect_body(index, node.at);
        }
        first
    }

    fn collect_step(&mut self, node: &'a Node, parent: Option<StepIndex>) -> Option<StepIndex> {
        let Content::Map(entries) = &node.content else {
            let message = format!("a step is a map of keys, and this is {}", node.kind());
            self.sheet.problem(node.at, message, "write - id: build, and what it does");
            return None;
        };
        let index = self.raw.len();
        let does: Vec<(&Key, &Node)> = entries
            .iter()
            .filter(|(key, _)| DOES.contains(&key.name.as_str()))
            .map(|(key, node)| (key, node))
            .collect();
        let mut raw = Raw {
            id: String::new(),
            at: node.at,
            entries,
            parent,
            next: None,
            doing: does.first().copied(),
            body: None,
            action: None,
            outputs: Vec::new(),
        };
        match raw.node("id") {
            Some(id) => self.id(id, &mut raw, index),
            None => {
                self.sheet.problem(
                    node.at,
                    "a step needs an `id`",
                    "add id: a name, by which other steps lead to it",
                );
                self.is_whole = false;
            }
        }
        match does.as_slice() {
            [_] => {}
            [] => {
                let hint = format!("add one of {}", DOES.join(", "));
                self.sheet.problem(node.at, "nothing says what the step does", hint);
            }
            [(first, _), (second, _), ..] => {
                let message = format!("the step has `{}` already", first.name);
                self.sheet.problem(second.at, message, "a step does one thing; write a second step");
            }
        }
        if let Some(outputs) = raw.node("outputs") {
            raw.outputs = self.sheet.outputs(outputs);
        }
        self.raw.push(raw);
        self.find_action(index);
        Some(index)
    }

    fn id(&mut self, node: &Node, raw: &mut Raw<'_>, index: StepIndex) {
        let before = self.sheet.parts.count();
        raw.id = self.sheet.parts.text(node, "id").unwrap_or_default();
        raw.at = node.at;
        let begins_well = raw.id.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if RESERVED.iter().any(|(word, _)| *word == raw.id) {
            let message =
                format!("`{}` can't be the id of a step: as a target it means something else", raw.id);
            self.sheet.problem(node.at, message, "for example: finish");
        } else if !(begins_well && raw.id.chars().all(is_fit) && raw.id.len() <= ID_MAX)
            && before == self.sheet.parts.count()
        {
            let message = format!("`{}` can't be the id of a step", raw.id);
            let hint = format!("use 1 to {ID_MAX} letters, digits, `-` or `_`, beginning with a letter");
            self.sheet.problem(node.at, message, hint);
        } else if let Some(first) = self.sheet.scope.steps.get(&raw.id) {
            let message = format!("there is a step `{}` already", raw.id);
            let hint =
                format!("the first one is in line {}; give each an id of its own", self.raw[*first].at.line);
            self.sheet.problem(node.at, message, hint);
        } else {
            self.sheet.scope.steps.insert(raw.id.clone(), index);
        }
        self.is_whole &= before == self.sheet.parts.count();
    }

    fn collect_body(&mut self, index: StepIndex, at: At) {
        let raw = &self.raw[index];
        if !matches!(raw.does(), "loop" | "forEach") {
            return;
        }
        let inner = raw.doing.and_then(|(_, node)| match &node.content {
            Content::Map(entries) => entries.iter().find(|(key, _)| key.name == "steps"),
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                None
            }
        });
        match (raw.entry("steps"), inner) {
            (Some(_), Some((key, _))) => {
                self.sheet.problem(key.at, "the loop has `steps` already", "write its body once");
                self.is_whole = false;
            }
            (Some((_, node)), None) | (None, Some((_, node))) => {
                let body = self.collect(node, Some(index));
                self.raw[index].body = body;
            }
            (None, None) => {
                self.sheet.problem(at, "a loop needs `steps`", "add steps: what is done each time");
                self.is_whole = false;
            }
        }
    }

    /// The outputs of its action, and those that it declares itself: of both, the step's word holds where both fit.
    pub(super) fn all_outputs(&self, index: StepIndex) -> Vec<Output> {
        let raw = &self.raw[index];
        let mut outputs = raw.action.map(|action| action.outputs.clone()).unwrap_or_default();
        for read in &raw.outputs {
            let name = &read.output.field.name;
            match outputs.iter_mut().find(|known| known.field.name == *name) {
                Some(known) => {
                    let is_said = read.output.from != crate::workflow::From::Answer;
                    let from = if is_said { read.output.from.clone() } else { known.from.clone() };
                    *known = Output { field: read.output.field.clone(), from };
                }
                None => outputs.push(read.output.clone()),
            }
        }
        outputs
    }

    pub(super) fn output_kinds(&self, index: StepIndex) -> Option<BTreeMap<String, Kind>> {
        let outputs = self.all_outputs(index);
        // What another workflow puts out is its own business.
        if outputs.is_empty() && self.raw[index].does() == "workflow" {
            return None;
        }
        let mut kinds: BTreeMap<String, Kind> =
            outputs.into_iter().map(|output| (output.field.name, output.field.kind)).collect();
        if self.raw[index].does() == "approval" {
            let said = [("approved", Kind::Boolean), ("by", Kind::String), ("comment", Kind::Any)];
            kinds.extend(said.map(|(name, kind)| (name.to_owned(), kind)));
        }
        Some(kinds)
    }
}
