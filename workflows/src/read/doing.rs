//! What a step does: a worker's job, an action of a module, a fork, a wait, another run.

use std::collections::BTreeMap;

use agents_definitions::node::{Content, Key, Node};
use agents_definitions::{Worker, milliseconds, suggestion};
use serde_json::{Map, Value};

use super::{Reading, agent};
use crate::check::scope::Here;
use crate::check::text::is_template;
use crate::workflow::{Does, Kind, StepIndex, Target, Work};

impl<'a> Reading<'a> {
    /// Finds the action that a step names.
    pub(super) fn find_action(&mut self, index: StepIndex) {
        let raw = &self.raw[index];
        let Some((_, module_node)) = raw.entry("module") else { return };
        let (action_entry, at) = (raw.entry("action"), raw.at);
        let Some(name) = self.sheet.parts.text(module_node, "module") else { return };
        let Some(module) = self.modules.get(&name) else {
            let known = self.modules.names();
            let hint = match known.is_empty() {
                true => "write it: .agents/modules/<name>.yaml".to_owned(),
                false => suggestion::did_you_mean(&name, &known, "modules are"),
            };
            self.sheet.problem(module_node.at, format!("there is no module `{name}`"), hint);
            return;
        };
        let actions: Vec<String> = module.actions.iter().map(|action| action.name.clone()).collect();
        let Some((_, node)) = action_entry else {
            let hint = format!("add action: its actions are: {}", actions.join(", "));
            self.sheet.problem(at, "`action` is missing", hint);
            return;
        };
        let Some(action) = self.sheet.parts.text(node, "action") else { return };
        match module.action(&action) {
            Some(found) => self.raw[index].action = Some(found),
            None => {
                let hint = suggestion::did_you_mean(&action, &actions, "its actions are");
                self.sheet.problem(node.at, format!("module `{name}` has no action `{action}`"), hint);
            }
        }
    }

    /// What the step does. Of what can't be known, something that leads nowhere.
    pub(super) fn does(
        &mut self,
        index: StepIndex,
        inputs: &BTreeMap<String, Kind>,
        locals: &[(String, Kind)],
    ) -> Does {
        let here = Here { locals, ..Here::default() };
        let nothing = Does::Approval { question: String::new() };
        let Some((key, node)) = self.raw[index].doing else { return nothing };
        if let Some(worker) = Worker::from_name(&key.name) {
            let here = Here { inputs: Some(inputs), ..here };
            let (config, job_type) = agent::told(&mut self.sheet, worker, node, here);
            return Does::Work(Box::new(Work { worker, config, job_type, action: None, inputs: Vec::new() }));
        }
        let does = match key.name.as_str() {
            "module" => self.action(index, node),
            "condition" => self.fork_step(index, node, here),
            "switch" => self.switch(index, node, here),
            "loop" | "forEach" => self.looped(index, here),
            "delay" => self.delay(node, here),
            "approval" => {
                let text = self.told(node, ("approval", "question"), here);
                text.map(|question| Does::Approval { question })
            }
            "assignment" => {
                let text = self.told(node, ("assignment", "northStar"), here);
                text.map(|north_star| Does::Assignment { north_star })
            }
            _ => self.other_workflow(node, here),
        };
        self.is_whole &= does.is_some();
        does.unwrap_or(nothing)
    }

    fn action(&mut self, index: StepIndex, node: &Node) -> Option<Does> {
        let action = self.raw[index].action?;
        let module = self.sheet.parts.text(node, "module")?;
        Some(Does::Work(Box::new(Work {
            worker: action.worker,
            config: action.config.clone(),
            job_type: action.job_type.clone(),
            action: Some((module, action.name.clone())),
            inputs: action.inputs.clone(),
        })))
    }

    fn fork_step(&mut self, index: StepIndex, node: &'a Node, here: Here<'_>) -> Option<Does> {
        let (mut when, mut otherwise) = (None, None);
        self.then = None;
        let entries = self.sheet.parts.entries(node, "condition");
        for (key, value) in entries {
            match key.name.as_str() {
                "if" => when = self.sheet.condition(value, "if", here),
                "then" => self.then = self.target(index, value, "then"),
                "else" => otherwise = self.target(index, value, "else"),
                _ => self.sheet.unknown(key, &["if", "then", "else"]),
            }
        }
        self.require(node, entries, "if", "write if: \"{{ … }}\"");
        self.require(node, entries, "then", "say where it goes if the condition is true");
        self.require(
            node,
            entries,
            "else",
            "say where it goes if the condition is false: else: next, or else: end",
        );
        Some(Does::Condition { when: when?, otherwise: otherwise? })
    }

    fn switch(&mut self, index: StepIndex, node: &'a Node, here: Here<'_>) -> Option<Does> {
        let (mut on, mut otherwise, mut read) = (None, None, Vec::new());
        let (mut values, mut has_default) = (None, false);
        let entries = self.sheet.parts.entries(node, "switch");
        for (key, value) in entries {
            match key.name.as_str() {
                "on" => {
                    values = self.values_of(value);
                    on = self.sheet.expression(value, "on", here);
                }
                "cases" => read = self.cases(index, value),
                "default" => {
                    has_default = true;
                    otherwise = self.target(index, value, "default");
                }
                _ => self.sheet.unknown(key, &["on", "cases", "default"]),
            }
        }
        self.require(node, entries, "on", "write on: \"{{ … }}\"");
        self.require(node, entries, "cases", "write cases: { value: step }");
        let (on, kind) = on?;
        if !has_default {
            let values = match kind {
                Kind::Boolean => Some(vec![Value::Bool(true), Value::Bool(false)]),
                Kind::Any
                | Kind::String
                | Kind::Number
                | Kind::Integer
                | Kind::Object(_)
                | Kind::Array(_) => values,
            };
            let is_covered = |value: &Value| read.iter().any(|(case, _)| shown(case) == shown(value));
            match values
                .map(|values| values.into_iter().filter(|value| !is_covered(value)).collect::<Vec<_>>())
            {
                Some(missing) if missing.is_empty() => {}
                Some(missing) => {
                    let missing: Vec<String> =
                        missing.iter().map(|value| format!("`{}`", shown(value))).collect();
                    let message = format!("the switch has no case for {}", missing.join(", "));
                    self.sheet.problem(node.at, message, "add it, or default: where everything else goes");
                }
                None => {
                    let message = "the switch has no `default`, and nobody knows which values may come";
                    self.sheet.problem(node.at, message, "add default: where everything else goes");
                }
            }
        }
        Some(Does::Switch { on, cases: read, otherwise: otherwise.unwrap_or(Target::Fail) })
    }

    /// The values that a param may have, if the expression is nothing but one.
    fn values_of(&self, node: &Node) -> Option<Vec<Value>> {
        let Content::Text(text) = &node.content else { return None };
        let text = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
        let name = text.strip_prefix("params.").or(text.strip_prefix("trigger."))?;
        self.choices.get(name).cloned()
    }

    fn cases(&mut self, index: StepIndex, node: &'a Node) -> Vec<(Value, Target)> {
        let mut cases: Vec<(Value, Target)> = Vec::new();
        let mut add = |reading: &mut Self, at, value: Value, target: Option<Target>| {
            if cases.iter().any(|(known, _)| shown(known) == shown(&value)) {
                let message = format!("there is a case `{}` already", shown(&value));
                reading.sheet.problem(at, message, "keep one of them");
            }
            cases.extend(target.map(|target| (value, target)));
        };
        if let Content::List(nodes) = &node.content {
            for node in nodes {
                let entries = self.sheet.parts.entries(node, "cases");
                let (mut value, mut target) = (None, None);
                for (key, node) in entries {
                    match key.name.as_str() {
                        "value" => value = Some(node.json()),
                        "then" => target = self.target(index, node, "then"),
                        _ => self.sheet.unknown(key, &["value", "then"]),
                    }
                }
                self.require(node, entries, "value", "write value: what is compared");
                self.require(node, entries, "then", "say where it goes");
                if let Some(value) = value {
                    add(self, node.at, value, target);
                }
            }
        } else {
            for (key, node) in self.sheet.parts.entries(node, "cases") {
                let target = self.target(index, node, &key.name);
                add(self, key.at, Value::String(key.name.clone()), target);
            }
        }
        if matches!(&node.content, Content::List(nodes) if nodes.is_empty()) {
            self.sheet.problem(node.at, "the switch has no cases", "write cases: { value: step }");
        }
        cases
    }

    fn delay(&mut self, node: &'a Node, here: Here<'_>) -> Option<Does> {
        let Content::Map(entries) = &node.content else {
            let span = self.wait(node, "delay", here);
            return span.map(|span| Does::Delay { span: Some(span), until: None });
        };
        let (mut span, mut until) = (None, None);
        for (key, value) in entries {
            match key.name.as_str() {
                "for" => span = self.wait(value, "for", here),
                "until" => {
                    let text = self.sheet.parts.text(value, "until")?;
                    until = Some(self.sheet.template(value, &text, here).0);
                }
                _ => self.sheet.unknown(key, &["for", "until"]),
            }
        }
        let said = entries.iter().filter(|(key, _)| matches!(key.name.as_str(), "for" | "until")).count();
        if said != 1 {
            let message = "a delay has either `for` or `until`";
            self.sheet.problem(
                node.at,
                message,
                "write delay: 10m, or delay: { until: \"2026-12-01T09:00:00Z\" }",
            );
        }
        Some(Does::Delay { span, until })
    }

    fn wait(&mut self, node: &Node, what: &str, here: Here<'_>) -> Option<String> {
        let text = self.sheet.parts.text(node, what)?;
        if is_template(&text) {
            return Some(self.sheet.template(node, &text, here).0);
        }
        match milliseconds(&text) {
            Ok(_) => Some(text),
            Err(why) => {
                self.sheet.problem(node.at, format!("`{text}` is no time"), why);
                None
            }
        }
    }

    /// A text, or a map with nothing but it.
    fn told(&mut self, node: &'a Node, (what, name): (&str, &str), here: Here<'_>) -> Option<String> {
        let node = match &node.content {
            Content::Map(entries) => {
                let other = |(key, _): &&(Key, Node)| key.name != name;
                entries.iter().filter(other).for_each(|(key, _)| self.sheet.unknown(key, &[name]));
                self.require(node, entries, name, &format!("write {what}: {{ {name}: … }}"));
                entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)?
            }
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                node
            }
        };
        let text = self.sheet.parts.text(node, name)?;
        if text.trim().is_empty() {
            self.sheet.problem(node.at, format!("`{name}` is empty"), "say what is wanted");
        }
        Some(self.sheet.template(node, &text, here).0)
    }

    fn other_workflow(&mut self, node: &'a Node, here: Here<'_>) -> Option<Does> {
        let (mut name, mut params) = (None, Map::new());
        if let Content::Map(entries) = &node.content {
            self.require(node, entries, "name", "write workflow: { name: … }");
            for (key, value) in entries {
                match key.name.as_str() {
                    "name" => name = Some(value),
                    "params" => {
                        for (key, node) in self.sheet.parts.entries(value, "params") {
                            let (value, _) = self.sheet.value(node, here);
                            self.refuse_secret(node, &value);
                            params.insert(key.name.clone(), value);
                        }
                    }
                    _ => self.sheet.unknown(key, &["name", "params"]),
                }
            }
        } else {
            name = Some(node);
        }
        let node = name?;
        let text = self.sheet.parts.text(node, "name")?;
        let (name, _) = self.sheet.template(node, &text, here);
        if name == self.id {
            let message = "the workflow starts itself, which has no end";
            self.sheet.problem(
                node.at,
                message,
                "write a loop, or lead back to an earlier step with maxVisits",
            );
        }
        Some(Does::Workflow { name, params })
    }
}

/// A value of a case, as the flow compares it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
