//! What may start a workflow, and what it is told then.

use agents_definitions::node::{Content, Key, Node};
use agents_definitions::{At, Param};
use serde_json::{Map, Value};

use super::{Reading, Top};
use crate::workflow::{Trigger, Workflow};

const TYPES: [&str; 4] = ["cli", "schedule", "webhook", "event"];

impl<'a> Reading<'a> {
    /// The params of the workflow and of its triggers, and the triggers.
    pub(super) fn params(&mut self, top: &Top<'a>, workflow: &mut Workflow) {
        if let Some(node) = top.params {
            let declared = self.declared_params(node);
            self.merge(node.at, declared, workflow);
        }
        let Some(node) = top.triggers else { return };
        for node in self.sheet.list(node, "triggers", "write - type: cli") {
            let entries = self.sheet.parts.entries(node, "triggers");
            workflow.triggers.extend(self.trigger(node, entries));
            let params = entries.iter().find(|(key, _)| key.name == "params").map(|(_, node)| node);
            let is_cli = entries.iter().any(|(key, node)| key.name == "type" && node.json() == "cli");
            if let Some(node) = params.filter(|node| is_cli || matches!(node.content, Content::List(_))) {
                let declared = self.declared_params(node);
                self.merge(node.at, declared, workflow);
            }
        }
    }

    /// Params by name, or as a list with names.
    fn declared_params(&mut self, node: &Node) -> Vec<Param> {
        let Content::List(nodes) = &node.content else { return self.sheet.parts.params(node) };
        let mut entries: Vec<(Key, Node)> = Vec::new();
        for node in nodes {
            let param = self.sheet.parts.entries(node, "params");
            let Some((_, name)) = param.iter().find(|(key, _)| key.name == "name") else {
                self.sheet.problem(node.at, "one of the params has no name", "add - name: …");
                continue;
            };
            let Some(text) = self.sheet.parts.text(name, "name") else { continue };
            let others = param.iter().filter(|(key, _)| key.name != "name").cloned().map(any_json).collect();
            let key = Key { at: name.at, name: text };
            if entries.iter().any(|(known, _)| known.name == key.name) {
                let message = format!("`{}` is declared for the second time", key.name);
                self.sheet.problem(key.at, message, "keep one of them");
                continue;
            }
            entries.push((key, Node { at: node.at, raw: None, content: Content::Map(others) }));
        }
        self.sheet.parts.params(&Node { at: node.at, raw: None, content: Content::Map(entries) })
    }

    fn merge(&mut self, at: At, declared: Vec<Param>, workflow: &mut Workflow) {
        for param in declared {
            match workflow.params.iter().find(|known| known.name == param.name) {
                Some(known) if *known == param => {}
                Some(known) => {
                    let message = format!("param `{}` is declared twice, and differently", known.name);
                    self.sheet.problem(at, message, "declare it once, under `params` of the workflow");
                }
                None => workflow.params.push(param),
            }
        }
    }

    fn trigger(&mut self, node: &Node, entries: &'a [(Key, Node)]) -> Option<Trigger> {
        let kind = entries.iter().find(|(key, _)| key.name == "type").map(|(_, node)| node);
        let Some(kind) = kind else {
            self.sheet.problem(node.at, "`type` is missing", "add type: cli, schedule, webhook or event");
            return None;
        };
        let kind = self.sheet.parts.word("type", &TYPES, kind)?;
        let known: &[&str] = match kind.as_str() {
            "cli" => &["type", "command", "params"],
            "schedule" => &["type", "cron", "every", "zone", "params"],
            "webhook" => &["type", "path", "params"],
            _ => &["type", "event", "filter", "params"],
        };
        let mut texts = Map::new();
        let mut params = Map::new();
        for (key, value) in entries {
            match key.name.as_str() {
                "type" => {}
                "params" => {
                    if let Value::Object(given) = value.json() {
                        params = given;
                    }
                }
                name if known.contains(&name) => {
                    let text = self.sheet.parts.text(value, name);
                    texts.extend(text.map(|text| (name.to_owned(), Value::String(text))));
                }
                _ => self.sheet.unknown(key, known),
            }
        }
        self.trigger_of(node, &kind, texts, params)
    }

    fn trigger_of(
        &mut self,
        node: &Node,
        kind: &str,
        mut texts: Map<String, Value>,
        params: Map<String, Value>,
    ) -> Option<Trigger> {
        let mut text = |name: &str| match texts.remove(name) {
            Some(Value::String(text)) => Some(text),
            Some(_) | None => None,
        };
        match kind {
            "cli" => Some(Trigger::Cli { command: text("command") }),
            "schedule" => {
                let (cron, every, zone) = (text("cron"), text("every"), text("zone"));
                if cron.is_some() == every.is_some() {
                    let message = "a schedule has either `cron` or `every`";
                    self.sheet.problem(node.at, message, "write cron: \"0 9 * * 1-5\", or every: 2h");
                }
                Some(Trigger::Schedule { cron, every, zone, params })
            }
            "webhook" => {
                let path = text("path");
                if path.is_none() {
                    self.sheet.problem(node.at, "`path` is missing", "write path: deploy");
                }
                Some(Trigger::Webhook { path: path?, params })
            }
            _ => {
                let event = text("event");
                if event.is_none() {
                    self.sheet.problem(node.at, "`event` is missing", "write event: job.failed");
                }
                Some(Trigger::Event { event: event?, filter: text("filter"), params })
            }
        }
    }
}

/// Lists and objects are JSON to a param.
fn any_json((key, mut node): (Key, Node)) -> (Key, Node) {
    let is_json = matches!(node.json().as_str(), Some("array" | "object" | "any"));
    if key.name == "type" && is_json {
        node.content = Content::Text("json".to_owned());
    }
    (key, node)
}
