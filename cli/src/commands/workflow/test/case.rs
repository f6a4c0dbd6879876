//! A file of cases, as it is written.

use std::path::{Path, PathBuf};

use agents_definitions::node::{self, Content, Node};
use agents_definitions::{Problem, Problems};
use agents_workflows::Workflow;
use agents_workflows::trial::{Stubs, read_stubs};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::job_input;
use crate::suggestion;

const FILE_KEYS: [&str; 2] = ["workflow", "cases"];
const CASE_KEYS: [&str; 6] = ["name", "params", "input", "trigger", "stubs", "expect"];
const SAMPLE_KEYS: [&str; 4] = ["params", "input", "trigger", "stubs"];
const EXPECT_KEYS: [&str; 5] = ["status", "route", "outputs", "reason", "steps"];

/// A file that was read.
pub struct Source {
    pub path: PathBuf,
    text: String,
    node: Node,
}

/// One case.
#[derive(Debug, Default)]
pub struct Case {
    pub name: String,
    pub line: usize,
    pub params: Map<String, Value>,
    pub input: Option<Value>,
    pub trigger: Option<String>,
    pub stubs: Stubs,
    pub expect: Expect,
}

/// What must come of it; what is not said is not looked at.
#[derive(Debug, Default)]
pub struct Expect {
    pub status: Option<String>,
    /// Ids of steps, or their paths.
    pub route: Option<Vec<String>>,
    /// What the run answers, or some of it.
    pub outputs: Option<Map<String, Value>>,
    /// A part of why it has failed.
    pub reason: Option<String>,
    /// By step: `status`, `class`, `outputs`.
    pub steps: Map<String, Value>,
}

impl Source {
    /// Reads it.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = job_input::file(path, "the cases")?;
        let source = path.display().to_string();
        let node = node::parse(&text)
            .map_err(|problems| Failure::bad_input(Problems::new(&source, &text, problems).to_string()))?;
        Ok(Self { path: path.to_owned(), text, node })
    }

    fn wrong(&self, node: &Node, message: impl Into<String>, hint: impl Into<String>) -> Failure {
        let problem = Problem::new(node.at, message, hint);
        let source = self.path.display().to_string();
        Failure::bad_input(Problems::new(&source, &self.text, vec![problem]).to_string())
    }

    /// The values of a map with these keys.
    fn entries<'n>(&self, node: &'n Node, known: &[&str]) -> Result<Vec<(&'n str, &'n Node)>, Failure> {
        let Content::Map(entries) = &node.content else {
            return Err(self.wrong(
                node,
                format!("a map is needed, and this is {}", node.kind()),
                known.join(", "),
            ));
        };
        for (key, value) in entries {
            if !known.contains(&key.name.as_str()) {
                let known: Vec<String> = known.iter().map(|key| (*key).to_owned()).collect();
                let hint = suggestion::did_you_mean(&key.name, &known, "it has");
                let at = Node { at: key.at, ..value.clone() };
                return Err(self.wrong(&at, format!("there is no key `{}`", key.name), hint));
            }
        }
        Ok(entries.iter().map(|(key, node)| (key.name.as_str(), node)).collect())
    }

    fn text_of(&self, node: &Node, what: &str) -> Result<String, Failure> {
        match (&node.content, &node.raw) {
            (Content::Text(text), _) => Ok(text.clone()),
            (_, Some(raw)) => Ok(raw.clone()),
            (_, None) => {
                Err(self.wrong(node, format!("`{what}` is a text, and this is {}", node.kind()), "quote it"))
            }
        }
    }

    fn object_of(&self, node: &Node, what: &str) -> Result<Map<String, Value>, Failure> {
        if let Value::Object(object) = node.json() {
            return Ok(object);
        }
        let message = format!("`{what}` is a map, and this is {}", node.kind());
        Err(self.wrong(node, message, "name: value"))
    }

    /// The workflow that it is about.
    pub fn workflow(&self) -> Result<String, Failure> {
        let named = self.entries(&self.node, &FILE_KEYS)?.into_iter().find(|(key, _)| *key == "workflow");
        if let Some((_, node)) = named {
            return self.text_of(node, "workflow");
        }
        let stem = self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        Ok(stem.strip_suffix(".test").unwrap_or(stem).to_owned())
    }
}

impl Case {
    /// All of a file.
    pub fn all(source: &Source, workflow: &Workflow) -> Result<Vec<Self>, Failure> {
        let entries = source.entries(&source.node, &FILE_KEYS)?;
        let cases = entries.into_iter().find(|(key, _)| *key == "cases").map(|(_, node)| node);
        let nodes = match cases.map(|node| &node.content) {
            Some(Content::List(nodes)) if !nodes.is_empty() => nodes,
            _ => {
                let hint = "cases: with - name: …, stubs: {…}, expect: {route: […]}";
                return Err(source.wrong(
                    cases.unwrap_or(&source.node),
                    "a file of cases needs `cases`",
                    hint,
                ));
            }
        };
        nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let mut case = Self::read(source, node, (&CASE_KEYS, workflow))?;
                if case.name.is_empty() {
                    case.name = format!("case {}", index + 1);
                }
                Ok(case)
            })
            .collect()
    }

    /// A sample: a case without expectations.
    pub fn sample(source: &Source, workflow: &Workflow) -> Result<Self, Failure> {
        Self::read(source, &source.node, (&SAMPLE_KEYS, workflow))
    }

    fn read(source: &Source, node: &Node, (keys, workflow): (&[&str], &Workflow)) -> Result<Self, Failure> {
        let mut case = Self { line: node.at.line, ..Self::default() };
        for (key, node) in source.entries(node, keys)? {
            match key {
                "name" => case.name = source.text_of(node, key)?,
                "params" => case.params = source.object_of(node, key)?,
                "input" => case.input = Some(node.json()),
                "trigger" => case.trigger = Some(trigger(source, node)?),
                "stubs" => {
                    let stubs = read_stubs(&source.object_of(node, key)?, workflow);
                    case.stubs = stubs.map_err(|problems| {
                        source.wrong(node, problems.join("; "), "stubs: {step: {status: failed}}")
                    })?;
                }
                _ => case.expect = Expect::read(source, node)?,
            }
        }
        Ok(case)
    }
}

fn trigger(source: &Source, node: &Node) -> Result<String, Failure> {
    let name = source.text_of(node, "trigger")?;
    let known = agents_domain::run::TriggerKind::ALL.map(|kind| kind.as_str().to_owned());
    match known.contains(&name) {
        true => Ok(name),
        false => {
            let hint = suggestion::did_you_mean(&name, &known, "there are");
            Err(source.wrong(node, format!("there is no trigger `{name}`"), hint))
        }
    }
}

impl Expect {
    fn read(source: &Source, node: &Node) -> Result<Self, Failure> {
        let mut expect = Self::default();
        for (key, node) in source.entries(node, &EXPECT_KEYS)? {
            match key {
                "status" => {
                    let status = source.text_of(node, key)?;
                    if !["completed", "failed", "cancelled"].contains(&status.as_str()) {
                        let hint = "completed, failed or cancelled";
                        return Err(source.wrong(
                            node,
                            format!("`{status}` is no status of a run's end"),
                            hint,
                        ));
                    }
                    expect.status = Some(status);
                }
                "route" => expect.route = Some(route(source, node)?),
                "outputs" => expect.outputs = Some(source.object_of(node, key)?),
                "reason" => expect.reason = Some(source.text_of(node, key)?),
                _ => expect.steps = steps(source, node)?,
            }
        }
        Ok(expect)
    }
}

fn route(source: &Source, node: &Node) -> Result<Vec<String>, Failure> {
    let Content::List(nodes) = &node.content else {
        return Err(source.wrong(node, "`route` is a list of steps", "route: [build, test]"));
    };
    nodes.iter().map(|node| source.text_of(node, "route")).collect()
}

fn steps(source: &Source, node: &Node) -> Result<Map<String, Value>, Failure> {
    if let Content::Map(entries) = &node.content {
        for (_, node) in entries {
            source.entries(node, &["status", "class", "outputs"])?;
        }
    }
    source.object_of(node, "steps")
}
