//! Reads a workflow from YAML, and finds everything in it that is wrong.

pub mod agent;
pub(crate) mod collect;
mod doing;
pub(crate) mod field;
mod finish;
pub(crate) mod looping;
mod route;
pub mod sheet;
pub(crate) mod step;
mod trigger;

use std::collections::BTreeMap;

use agents_definitions::node::{self, Content, Key, Node};
use agents_definitions::{At, Param, ParamType, Problem, Problems};
use agents_domain::limits::LimitChange;
use serde_json::Value;

use self::collect::Raw;
use self::sheet::{Sheet, User};
use crate::check::scope::Here;
use crate::module::Modules;
use crate::workflow::{Kind, Priority, Step, Target, Trigger, Workflow, Workspace};

/// The most bytes of a workflow or a module.
const BYTES_MAX: usize = 2 << 20;
/// The most values of one.
const VALUES_MAX: usize = 300_000;
/// The most steps of a workflow.
pub const STEPS_MAX: usize = 5_000;

pub(crate) const KEYS: [&str; 12] = [
    "name",
    "version",
    "description",
    "params",
    "triggers",
    "workspace",
    "priority",
    "limits",
    "timeout",
    "defaults",
    "outputs",
    "steps",
];

/// What holds for steps that don't say it.
pub(crate) const DEFAULT_KEYS: [&str; 4] = ["onSuccess", "onFailure", "timeout", "maxRetries"];

/// Reads the workflow that `text` is. `source` is what people call it, `id` what it is run by: the name of its file.
pub fn read(text: &str, source: &str, id: &str, modules: &Modules) -> Result<Workflow, Problems> {
    let (text, node) = parse(text, source)?;
    let mut reading = Reading::new(text, modules);
    let workflow = reading.workflow(&node, id);
    let problems = reading.sheet.parts.into_problems();
    match workflow {
        Some(workflow) if problems.is_empty() => Ok(workflow),
        Some(_) | None => Err(Problems::new(source, text, problems)),
    }
}

/// The text without a mark at its beginning, and what is in it.
pub(crate) fn parse<'a>(text: &'a str, source: &str) -> Result<(&'a str, Node), Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > BYTES_MAX {
        let at = At { line: 1, column: 1 };
        let problem = Problem::new(at, "it is larger than 2 MiB", "make several workflows of it");
        return Err(Problems::new(source, text, vec![problem]));
    }
    let node = node::parse_up_to(text, VALUES_MAX).map_err(|mut problems| {
        for hint in problems.iter_mut().filter_map(|problem| problem.hint.as_mut()) {
            *hint = hint.replace(
                "docs/definitions.md shows how a definition",
                "docs/workflows.md shows how a workflow",
            );
        }
        Problems::new(source, text, problems)
    })?;
    Ok((text, node))
}

/// What holds for steps that don't say it themselves.
#[derive(Default)]
struct Defaults<'a> {
    on_success: Option<&'a Node>,
    on_failure: Option<&'a Node>,
    timeout_ms: Option<u64>,
    max_retries: Option<u32>,
}

/// A workflow while it is read.
struct Reading<'a> {
    sheet: Sheet<'a>,
    modules: &'a Modules,
    raw: Vec<Raw<'a>>,
    /// By step: names of the loops around it, and those of the loop that it is itself.
    locals: Vec<Vec<(String, Kind)>>,
    defaults: Defaults<'a>,
    id: String,
    /// Where the condition that is read leads if it is true.
    then: Option<Target>,
    /// What a choice of a switch can be known by.
    choices: BTreeMap<String, Vec<Value>>,
    /// Whether each target is a step that is there.
    is_whole: bool,
}

/// The keys of the file, each once.
#[derive(Default)]
struct Top<'a> {
    params: Option<&'a Node>,
    triggers: Option<&'a Node>,
    outputs: Option<&'a Node>,
    steps: Option<&'a Node>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str, modules: &'a Modules) -> Self {
        Self {
            sheet: Sheet::new(text),
            modules,
            raw: Vec::new(),
            locals: Vec::new(),
            defaults: Defaults::default(),
            id: String::new(),
            then: None,
            choices: BTreeMap::new(),
            is_whole: true,
        }
    }

    fn workflow(&mut self, node: &'a Node, id: &str) -> Option<Workflow> {
        let Content::Map(entries) = &node.content else {
            let message = format!("a workflow is a map of keys, and this is {}", node.kind());
            self.sheet.problem(node.at, message, "it begins like this: name: Nightly check");
            return None;
        };
        self.id = id.to_owned();
        let mut workflow = empty(id);
        let top = self.keys(entries, &mut workflow);
        self.params(&top, &mut workflow);
        match top.steps {
            Some(steps) => {
                self.collect(steps, None);
            }
            None => self.sheet.problem(node.at, "a workflow needs `steps`", "add steps: with - id: …"),
        }
        self.declare(&workflow.params);
        workflow.steps = (0..self.raw.len()).map(|index| self.step(index)).collect::<Vec<Step>>();
        if let Some(node) = top.outputs {
            self.sheet.user = User::Ending;
            for (key, node) in self.sheet.parts.entries(node, "outputs") {
                let (value, _) = self.sheet.value(node, Here::default());
                workflow.outputs.insert(key.name.clone(), value);
            }
        }
        self.finish(&mut workflow.steps);
        Some(workflow)
    }

    fn keys(&mut self, entries: &'a [(Key, Node)], workflow: &mut Workflow) -> Top<'a> {
        let mut top = Top::default();
        for (key, value) in entries {
            let parts = &mut self.sheet.parts;
            match key.name.as_str() {
                "name" => workflow.title = parts.text(value, "name").unwrap_or_default(),
                "version" => workflow.version = parts.text(value, "version").unwrap_or_default(),
                "description" => workflow.description = parts.text(value, "description"),
                "params" => top.params = Some(value),
                "triggers" => top.triggers = Some(value),
                "outputs" => top.outputs = Some(value),
                "steps" => top.steps = Some(value),
                "limits" => workflow.limits = parts.limits(value),
                "timeout" => workflow.timeout_ms = parts.span(value, "timeout"),
                "workspace" => {
                    let word = parts.word("workspace", &["auto", "worktree", "shared"], value);
                    workflow.workspace = match word.as_deref() {
                        Some("worktree") => Workspace::Worktree,
                        Some("shared") => Workspace::Shared,
                        Some(_) | None => Workspace::Auto,
                    };
                }
                "priority" => {
                    let word = parts.word("priority", &["immediate", "scheduled", "deferred"], value);
                    workflow.priority = word.map(|word| match word.as_str() {
                        "immediate" => Priority::Immediate,
                        "scheduled" => Priority::Scheduled,
                        _ => Priority::Deferred,
                    });
                }
                "defaults" => self.defaults(value),
                _ => self.sheet.unknown(key, &KEYS),
            }
        }
        top
    }

    fn defaults(&mut self, node: &'a Node) {
        for (key, value) in self.sheet.parts.entries(node, "defaults") {
            match key.name.as_str() {
                "onSuccess" => self.defaults.on_success = Some(value),
                "onFailure" => self.defaults.on_failure = Some(value),
                "timeout" => self.defaults.timeout_ms = self.sheet.parts.span(value, "timeout"),
                "maxRetries" => self.defaults.max_retries = self.sheet.count(value, "maxRetries", 0),
                _ => self.sheet.unknown(key, &DEFAULT_KEYS),
            }
        }
    }

    /// All that expressions may name from now on.
    fn declare(&mut self, params: &[Param]) {
        let kind = |param: &Param| match param.kind {
            ParamType::String => Kind::String,
            ParamType::Number => Kind::Number,
            ParamType::Integer => Kind::Integer,
            ParamType::Boolean => Kind::Boolean,
            ParamType::Json => Kind::Any,
        };
        let kinds = params.iter().map(|param| (param.name.clone(), kind(param))).collect();
        self.sheet.scope.params = Some(kinds);
        self.choices = params
            .iter()
            .filter(|param| !param.choices.is_empty())
            .map(|param| (param.name.clone(), param.choices.clone()))
            .collect();
        let common =
            ["params", "steps", "trigger", "run", "workflow", "error", "input", "inputs", "today", "now"];
        let names = common.map(str::to_owned).into_iter().chain(["index".to_owned(), "answer".to_owned()]);
        let loops: Vec<String> = (0..self.raw.len()).filter_map(|index| self.item_name(index)).collect();
        self.sheet.expect(names.chain(loops));
        self.sheet.scope.outputs = (0..self.raw.len()).map(|index| self.output_kinds(index)).collect();
    }
}

fn empty(id: &str) -> Workflow {
    Workflow {
        id: id.to_owned(),
        title: id.to_owned(),
        version: "1".to_owned(),
        description: None,
        params: Vec::new(),
        triggers: Vec::<Trigger>::new(),
        workspace: Workspace::Auto,
        priority: None,
        limits: Vec::<LimitChange>::new(),
        timeout_ms: None,
        outputs: BTreeMap::new(),
        steps: Vec::new(),
    }
}

/// The words that are targets and no steps.
pub(crate) const RESERVED: [(&str, Option<Target>); 5] = [
    ("end", Some(Target::End)),
    ("fail", Some(Target::Fail)),
    ("break", Some(Target::Break)),
    ("continue", Some(Target::Continue)),
    ("next", None),
];
