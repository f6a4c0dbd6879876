//! Modules: actions that steps can name, each a worker with typed inputs and outputs.

use std::collections::BTreeMap;

use agents_definitions::node::{Content, Key, Node};
use agents_definitions::{Problems, Worker, name_problem};

use crate::check::scope::Here;
use crate::read::sheet::Sheet;
use crate::read::{self, agent};
use crate::workflow::{Action, Kind, Module, Output};

/// Modules by name, each with the text that it was read from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Modules {
    modules: BTreeMap<String, (Module, String)>,
}

impl Modules {
    /// Adds one; it takes the place of one of that name.
    pub fn insert(&mut self, module: Module, text: impl Into<String>) {
        self.modules.insert(module.name.clone(), (module, text.into()));
    }

    /// Reads one and adds it.
    pub fn read(&mut self, text: &str, source: &str, name: &str) -> Result<(), Problems> {
        let module = read_module(text, source, name)?;
        self.insert(module, text);
        Ok(())
    }

    /// The module of that name.
    pub fn get(&self, name: &str) -> Option<&Module> {
        self.modules.get(name).map(|(module, _)| module)
    }

    /// The text of the module of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.modules.get(name).map(|(_, text)| text.as_str())
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.modules.keys().cloned().collect()
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Module> {
        self.modules.values().map(|(module, _)| module)
    }
}

pub(crate) const KEYS: [&str; 4] = ["module", "version", "description", "actions"];
pub(crate) const ACTION_KEYS: [&str; 11] = [
    "name",
    "description",
    "inputs",
    "outputs",
    "exec",
    "http",
    "ai",
    "skill",
    "agent",
    "timeout",
    "failsRun",
];

/// Reads the module that `text` is. `source` is what people call it, `name` what it must be called.
pub fn read_module(text: &str, source: &str, name: &str) -> Result<Module, Problems> {
    let (text, node) = read::parse(text, source)?;
    let mut sheet = Sheet::new(text);
    let module = module(&mut sheet, &node, name);
    let problems = sheet.parts.into_problems();
    match module {
        Some(module) if problems.is_empty() => Ok(module),
        Some(_) | None => Err(Problems::new(source, text, problems)),
    }
}

fn module(sheet: &mut Sheet<'_>, node: &Node, name: &str) -> Option<Module> {
    let Content::Map(entries) = &node.content else {
        let message = format!("a module is a map of keys, and this is {}", node.kind());
        sheet.problem(node.at, message, "it begins like this: module: testing");
        return None;
    };
    let mut module =
        Module { name: name.to_owned(), version: "1".to_owned(), description: None, actions: Vec::new() };
    let mut has_actions = false;
    sheet
        .expect(["inputs", "run", "workflow", "error", "input", "today", "now", "answer"].map(str::to_owned));
    for (key, value) in entries {
        match key.name.as_str() {
            "module" => {
                let said = sheet.parts.text(value, "module").unwrap_or_default();
                if let Some(why) = name_problem(&said) {
                    sheet.problem(value.at, why.replace("definition", "module"), "for example: testing");
                } else if said != name {
                    let message = format!("it is called `{said}` here and `{name}` outside");
                    sheet.problem(value.at, message, "give both the same name");
                }
            }
            "version" => module.version = sheet.parts.text(value, "version").unwrap_or_default(),
            "description" => module.description = sheet.parts.text(value, "description"),
            "actions" => {
                has_actions = true;
                module.actions = actions(sheet, value);
            }
            _ => sheet.unknown(key, &KEYS),
        }
    }
    if !has_actions {
        sheet.problem(node.at, "a module needs `actions`", "add actions: with - name: …");
    }
    Some(module)
}

fn actions(sheet: &mut Sheet<'_>, node: &Node) -> Vec<Action> {
    let nodes = sheet.list(node, "actions", "write - name: run-tests");
    let mut actions: Vec<Action> = Vec::new();
    for node in nodes {
        let action = action(sheet, node);
        if !action.name.is_empty() && actions.iter().any(|known| known.name == action.name) {
            let message = format!("there is an action `{}` already", action.name);
            sheet.problem(node.place_of("name"), message, "give each action a name of its own");
        }
        actions.push(action);
    }
    actions
}

fn action(sheet: &mut Sheet<'_>, node: &Node) -> Action {
    let entries = sheet.parts.entries(node, "actions");
    let mut action = Action {
        name: String::new(),
        description: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        worker: Worker::Exec,
        config: serde_json::Map::new(),
        job_type: None,
        timeout_ms: None,
        fails_run: false,
    };
    let mut outputs = Vec::new();
    let mut workers: Vec<(Worker, &Key, &Node)> = Vec::new();
    for (key, value) in entries {
        match key.name.as_str() {
            "name" => {
                action.name = sheet.parts.text(value, "name").unwrap_or_default();
                if let Some(why) = name_problem(&action.name) {
                    sheet.problem(
                        value.at,
                        why.replace("a definition", "an action"),
                        "for example: run-tests",
                    );
                }
            }
            "description" => action.description = sheet.parts.text(value, "description"),
            "inputs" => action.inputs = sheet.inputs(value),
            "outputs" => outputs = sheet.outputs(value),
            "timeout" => action.timeout_ms = sheet.parts.span(value, "timeout"),
            "failsRun" => action.fails_run = sheet.flag(value, "failsRun").unwrap_or(false),
            other => match Worker::from_name(other) {
                Some(worker) => workers.push((worker, key, value)),
                None => sheet.unknown(key, &ACTION_KEYS),
            },
        }
    }
    if !entries.iter().any(|(key, _)| key.name == "name") {
        sheet.problem(node.at, "an action needs a `name`", "add - name: …");
    }
    let inputs = action.input_kinds();
    let here = Here { inputs: Some(&inputs), ..Here::default() };
    if let Some((worker, config)) = one_worker(sheet, node, &workers) {
        action.worker = worker;
        (action.config, action.job_type) = agent::told(sheet, worker, config, here);
    }
    action.outputs = outputs.into_iter().map(|read| sheet.output_value(read, here)).collect::<Vec<Output>>();
    action
}

fn one_worker<'n>(
    sheet: &mut Sheet<'_>,
    node: &Node,
    workers: &[(Worker, &Key, &'n Node)],
) -> Option<(Worker, &'n Node)> {
    match workers {
        [(worker, _, config)] => Some((*worker, config)),
        [] => {
            let hint =
                "add one of exec, http, ai, skill, agent: for example exec: { command: \"make test\" }";
            sheet.problem(node.at, "nothing says what does the action", hint);
            None
        }
        [(first, ..), (_, key, _), ..] => {
            let message = format!("it has `{}` already", first.as_str());
            sheet.problem(key.at, message, "an action has one worker; write a second action");
            None
        }
    }
}

impl Module {
    /// The action of that name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }
}

impl Action {
    /// The types of its inputs, by name.
    pub fn input_kinds(&self) -> BTreeMap<String, Kind> {
        self.inputs.iter().map(|field| (field.name.clone(), field.kind.clone())).collect()
    }
}
