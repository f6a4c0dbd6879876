//! Loops: what they go over, their bounds, and the names that their bodies may use.

use agents_definitions::node::{Content, Key, Node};
use agents_domain::secret;
use agents_domain::usage::MicroUsd;

use super::Reading;
use crate::check::path;
use crate::check::scope::Here;
use crate::workflow::{Does, Kind, Loop, LoopKind, StepIndex};

/// The keys of a `loop`.
pub(crate) const LOOP_KEYS: [&str; 10] = [
    "while",
    "until",
    "times",
    "maxIterations",
    "timeout",
    "maxCost",
    "delay",
    "onBound",
    "onBreak",
    "steps",
];
/// The keys of a `forEach` that is written as a map.
pub(crate) const EACH_KEYS: [&str; 9] =
    ["items", "as", "maxIterations", "timeout", "maxCost", "delay", "onBound", "onBreak", "steps"];

/// What an element is called if nothing is said.
const ITEM: &str = "item";

/// Names that have a meaning already.
const TAKEN: [&str; 12] = [
    "params", "steps", "trigger", "run", "workflow", "error", "input", "inputs", "today", "now", "answer",
    "index",
];

impl<'a> Reading<'a> {
    /// Notes the names of the loop that a step is, before its body is read.
    pub(super) fn enter_loop(&mut self, index: StepIndex) {
        let mut locals = self.outer_locals(index);
        if matches!(self.raw[index].does(), "loop" | "forEach") {
            locals.push(("index".to_owned(), Kind::Integer));
            locals.extend(self.item_name(index).map(|name| (name, Kind::Any)));
        }
        self.locals.push(locals);
    }

    /// The names of the loops around a step.
    pub(super) fn outer_locals(&self, index: StepIndex) -> Vec<(String, Kind)> {
        self.raw[index].parent.and_then(|parent| self.locals.get(parent)).cloned().unwrap_or_default()
    }

    /// What the elements of a loop are called.
    pub(super) fn item_name(&self, index: StepIndex) -> Option<String> {
        let raw = &self.raw[index];
        if raw.does() != "forEach" {
            return None;
        }
        let name = self.key_of_loop(index, "as").and_then(|(_, node)| match &node.content {
            Content::Text(text) => Some(text.clone()),
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::List(_) | Content::Map(_) => {
                None
            }
        });
        Some(name.unwrap_or_else(|| ITEM.to_owned()))
    }

    /// A key of the loop, inside of it or beside it.
    fn key_of_loop(&self, index: StepIndex, name: &str) -> Option<(&'a Key, &'a Node)> {
        let raw = &self.raw[index];
        let inner = raw.doing.and_then(|(_, node)| match &node.content {
            Content::Map(entries) => {
                entries.iter().find(|(key, _)| key.name == name).map(|(key, node)| (key, node))
            }
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                None
            }
        });
        inner.or_else(|| raw.entry(name))
    }

    pub(super) fn looped(&mut self, index: StepIndex, here: Here<'_>) -> Option<Does> {
        let (key, node) = self.raw[index].doing?;
        let is_each = key.name == "forEach";
        if let Content::Map(entries) = &node.content {
            let known: &[&str] = if is_each { &EACH_KEYS } else { &LOOP_KEYS };
            for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
                self.sheet.unknown(key, known);
            }
        } else if !is_each {
            let message = format!("`loop` is a map of keys, and this is {}", node.kind());
            self.sheet.problem(node.at, message, "write loop: { until: \"{{ … }}\", maxIterations: 5 }");
        }
        let kind = if is_each { self.each(index, node, here) } else { self.kind_of_loop(index, node, here) };
        let max_iterations = self.key_of_loop(index, "maxIterations");
        let timeout = self.key_of_loop(index, "timeout");
        let max_cost = self.key_of_loop(index, "maxCost");
        let inner = |name: &str| match &node.content {
            Content::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                None
            }
        };
        let delay = inner("delay");
        let on_bound = self.key_of_loop(index, "onBound");
        let on_break = self.key_of_loop(index, "onBreak");
        let is_bounded = max_iterations.or(timeout).or(max_cost).is_some();
        if matches!(kind, Some(LoopKind::While { .. } | LoopKind::Until { .. })) && !is_bounded {
            let hint = "add maxIterations: 10, a timeout, or maxCost in US dollars";
            self.sheet.problem(node.at, "the loop has no bound", hint);
        }
        let looped = Loop {
            kind: kind?,
            body: self.raw[index].body?,
            max_iterations: max_iterations.and_then(|(_, node)| self.sheet.count(node, "maxIterations", 1)),
            timeout_ms: timeout.and_then(|(_, node)| self.sheet.parts.span(node, "timeout")),
            max_cost_micro_usd: max_cost.and_then(|(_, node)| self.cost(node)),
            delay_ms: delay.and_then(|node| self.sheet.parts.span(node, "delay")),
            on_bound: on_bound.and_then(|(_, node)| self.target(index, node, "onBound")),
            on_break: on_break.and_then(|(_, node)| self.target(index, node, "onBreak")),
        };
        Some(Does::Loop(Box::new(looped)))
    }

    fn cost(&mut self, node: &Node) -> Option<u64> {
        let dollars = node.json().as_f64().and_then(MicroUsd::from_dollars);
        let cost = dollars.and_then(|cost| u64::try_from(cost.as_micros()).ok()).filter(|cost| *cost > 0);
        if cost.is_none() {
            self.sheet.problem(
                node.at,
                "`maxCost` is a number above 0",
                "it is in US dollars: maxCost: 2.50",
            );
        }
        cost
    }

    fn each(&mut self, index: StepIndex, node: &'a Node, here: Here<'_>) -> Option<LoopKind> {
        let items = match &node.content {
            Content::Map(entries) => {
                self.require(node, entries, "items", "write items: \"{{ … }}\"");
                entries.iter().find(|(key, _)| key.name == "items").map(|(_, node)| node)?
            }
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                node
            }
        };
        let name = self.item_name(index)?;
        if let Some((_, node)) = self.key_of_loop(index, "as") {
            if !secret::is_variable(&name) || path::is_word(&name) {
                let message = format!("`{name}` can't be the name of an element");
                self.sheet.problem(
                    node.at,
                    message,
                    "use letters, digits and `_`, so that expressions can name it",
                );
            } else if TAKEN.contains(&name.as_str()) {
                let message = format!("`{name}` means something else already");
                self.sheet.problem(node.at, message, "for example: as: file");
            }
        }
        let (items, kind) = self.sheet.expression(items, "forEach", here)?;
        match kind {
            Kind::Array(of) => {
                if let Some(local) = self.locals[index].last_mut() {
                    local.1 = *of;
                }
            }
            Kind::Any => {}
            Kind::String | Kind::Number | Kind::Integer | Kind::Boolean | Kind::Object(_) => {
                let message = format!("`forEach` goes over a list, and this is {kind}");
                self.sheet.problem(node.at, message, "name an output that is declared as an array");
            }
        }
        Some(LoopKind::ForEach { items, name })
    }

    fn kind_of_loop(&mut self, index: StepIndex, node: &'a Node, here: Here<'_>) -> Option<LoopKind> {
        let Content::Map(entries) = &node.content else { return None };
        let mut kinds = Vec::new();
        for (key, node) in entries {
            let kind = match key.name.as_str() {
                "while" => {
                    self.sheet.condition(node, "while", here).map(|condition| LoopKind::While { condition })
                }
                "until" => {
                    let user = self.sheet.user;
                    self.sheet.user = super::sheet::User::Leaving(index);
                    let condition = self.sheet.condition(node, "until", here);
                    self.sheet.user = user;
                    condition.map(|condition| LoopKind::Until { condition })
                }
                "times" => self.sheet.count(node, "times", 1).map(|count| LoopKind::Times { count }),
                _ => continue,
            };
            kinds.push((key, kind));
        }
        match kinds.len() {
            0 => {
                let hint = "add while, until or times; for the elements of a list write forEach";
                self.sheet.problem(node.at, "nothing says how long the loop goes on", hint);
            }
            1 => {}
            _ => {
                let message = format!("the loop has `{}` already", kinds[0].0.name);
                self.sheet.problem(kinds[1].0.at, message, "keep one of while, until and times");
            }
        }
        kinds.into_iter().next().and_then(|(_, kind)| kind)
    }
}
