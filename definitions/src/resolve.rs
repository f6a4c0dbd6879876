//! From a definition and what it is given to what its worker is told.

use std::collections::BTreeMap;

use agents_domain::limits::LimitChange;
use agents_harnesses::SpecError;
use agents_harnesses::ai::AiSpec;
use agents_harnesses::exec::{ExecSpec, Shell};
use agents_harnesses::http::HttpSpec;
use agents_harnesses::skill::SkillSpec;
use minijinja::Value as Known;
use serde_json::{Map, Value, json};

use crate::definition::{Definition, Worker};
use crate::place::{self, Args, BadPlace, Spot};
use crate::shape::{self, Shape};
use crate::template::{self, Rendered, Renderer};

/// What a run is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// All its params, as [`crate::accept`] gives them.
    pub params: Map<String, Value>,
    pub input: Option<Value>,
    /// The day, as `2026-11-21`.
    pub today: String,
    /// The moment, as RFC 3339 writes it.
    pub now: String,
}

/// What a run's job is: its worker's spec, and who does it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    pub title: String,
    pub worker: Worker,
    /// `None`: the harness that does jobs which name none.
    pub harness: Option<String>,
    pub model: Option<String>,
    /// The spec as JSON; of an agent, the prompt.
    pub context: String,
    pub timeout_ms: Option<u64>,
    pub limits: Vec<LimitChange>,
}

/// What is wrong, and under which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Dotted, from the worker's own keys on.
    pub path: String,
    /// The line of the text, from 1; 0: it is not known.
    pub line: usize,
    pub message: String,
    pub hint: String,
    pub is_certain: bool,
}

/// Resolves a definition. Each problem is one line.
pub fn resolve(definition: &Definition, given: &Given) -> Result<Resolved, Vec<String>> {
    let renderer = Renderer::new(names(given));
    resolve_with(definition, &renderer, false).map_err(|wrong| {
        let worker = definition.worker.as_str();
        wrong
            .iter()
            .map(|wrong| format!("{worker}.{}: {}: {}", wrong.path, wrong.message, wrong.hint))
            .collect()
    })
}

/// Resolves what a worker is told with names of the caller's own, such as a workflow's. Each problem is one line.
pub fn resolve_named(
    worker: Worker,
    config: &Map<String, Value>,
    names: Known,
) -> Result<Resolved, Vec<String>> {
    let definition = Definition {
        name: worker.as_str().to_owned(),
        description: None,
        worker,
        config: config.clone(),
        params: Vec::new(),
        limits: Vec::new(),
        timeout_ms: None,
    };
    let renderer = Renderer::new(names);
    let mut filling = Filling { refuses_none: true, ..Filling::new(&definition, &renderer, false) };
    filling.resolved(&definition).map_err(|wrong| {
        let line =
            |wrong: &Wrong| format!("{}.{}: {}: {}", worker.as_str(), wrong.path, wrong.message, wrong.hint);
        wrong.iter().map(line).collect()
    })
}

/// Renders a text that is no part of a definition: its data is put in as it is.
pub fn render_text(text: &str, given: &Given) -> Result<String, String> {
    let params: Vec<String> = given.params.keys().cloned().collect();
    let wrong = template::check_names(text, &params);
    if let Some(first) = wrong.first() {
        return Err(format!("line {}: {}: {}", first.line, first.message, first.hint));
    }
    let rendered = Renderer::new(names(given)).render(text);
    let rendered = rendered.map_err(|bad| format!("line {}: {}: {}", bad.line, bad.message, bad.hint))?;
    Ok(rendered.with(&|datum| datum.text.clone()))
}

fn names(given: &Given) -> Known {
    let mut names: BTreeMap<&'static str, Known> = BTreeMap::from([
        ("params", template::value_of(&Value::Object(given.params.clone()))),
        ("today", Known::from(given.today.clone())),
        ("now", Known::from(given.now.clone())),
    ]);
    names.extend(given.input.as_ref().map(|input| ("input", template::value_of(input))));
    Known::from(names)
}

/// Resolves with values that are known already. `is_trial`: some of them are samples.
pub(crate) fn resolve_with(
    definition: &Definition,
    renderer: &Renderer,
    is_trial: bool,
) -> Result<Resolved, Vec<Wrong>> {
    Filling::new(definition, renderer, is_trial).resolved(definition)
}

fn of_spec(error: SpecError) -> Wrong {
    Wrong {
        path: error.field,
        line: 0,
        message: error.why,
        hint: "docs/definitions.md lists what it can be told".to_owned(),
        is_certain: true,
    }
}

fn shell(definition: &Definition) -> Shell {
    match definition.config.get("shell").and_then(Value::as_str) {
        Some("bash") => Shell::Bash,
        Some("pwsh") => Shell::Pwsh,
        Some("cmd") => Shell::Cmd,
        Some("none") => Shell::None,
        Some(_) | None => Shell::Sh,
    }
}

struct Filling<'a> {
    renderer: &'a Renderer,
    is_trial: bool,
    /// A value that is none may not stand in a line of shell: `rm -r {{ folder }}/x` would mean something else.
    refuses_none: bool,
    shell: Shell,
    args: Args,
    wrong: Vec<Wrong>,
}

impl<'a> Filling<'a> {
    fn new(definition: &Definition, renderer: &'a Renderer, is_trial: bool) -> Self {
        let shell = shell(definition);
        Self { renderer, is_trial, refuses_none: false, shell, args: Args::new(), wrong: Vec::new() }
    }

    fn resolved(&mut self, definition: &Definition) -> Result<Resolved, Vec<Wrong>> {
        let mut told = Map::new();
        for field in shape::fields(definition.worker) {
            if let Some(value) = definition.config.get(field.key) {
                told.insert(field.key.to_owned(), self.value(field.key, field.shape, value));
            }
        }
        let mut wrong = std::mem::take(&mut self.wrong);
        // On trial a sample stands where a text is wrong, and the rest is looked at too.
        if !wrong.is_empty() && !self.is_trial {
            return Err(wrong);
        }
        let job = match job(definition.worker, told, std::mem::take(&mut self.args)) {
            Ok(job) if wrong.is_empty() => job,
            Ok(_) => return Err(wrong),
            Err(errors) => {
                wrong.extend(errors.into_iter().map(of_spec));
                return Err(wrong);
            }
        };
        Ok(Resolved {
            title: definition.title(),
            worker: definition.worker,
            harness: job.harness,
            model: job.model,
            context: job.context,
            timeout_ms: definition.timeout_ms,
            limits: definition.limits.clone(),
        })
    }

    fn value(&mut self, path: &str, shape: Shape, value: &Value) -> Value {
        match (shape, value) {
            (Shape::Text(spot) | Shape::Texts(spot) | Shape::Table(spot), Value::String(text)) => {
                Value::String(self.text(path, text, spot))
            }
            (Shape::Texts(_) | Shape::Table(_) | Shape::Body, Value::Array(values)) => {
                let each = |(number, value)| self.value(&format!("{path}.{number}"), inner(shape), value);
                Value::Array(values.iter().enumerate().map(each).collect())
            }
            (Shape::Texts(_) | Shape::Table(_) | Shape::Body, Value::Object(fields)) => {
                let each = |(key, value): (&String, &Value)| {
                    (key.clone(), self.value(&format!("{path}.{key}"), inner(shape), value))
                };
                Value::Object(fields.iter().map(each).collect())
            }
            // A body that is a text; one inside of a body is a value of JSON.
            (Shape::Body, Value::String(text)) if !path.contains('.') => {
                Value::String(self.text(path, text, Spot::Body))
            }
            (Shape::Body, Value::String(text)) => {
                self.rendered(path, text).map_or(Value::Null, |rendered| place::json(&rendered))
            }
            _ => value.clone(),
        }
    }

    fn rendered(&mut self, path: &str, text: &str) -> Option<Rendered> {
        match self.renderer.render(text) {
            Ok(rendered) => Some(rendered),
            // With samples, only what is wrong with any value is.
            Err(bad) if self.is_trial && !bad.is_certain => None,
            Err(bad) => {
                let (line, message, hint) = (bad.line, bad.message, bad.hint);
                self.wrong.push(Wrong {
                    path: path.to_owned(),
                    line,
                    message,
                    hint,
                    is_certain: bad.is_certain,
                });
                None
            }
        }
    }

    /// An empty text stands for one that is wrong.
    fn text(&mut self, path: &str, text: &str, spot: Spot) -> String {
        let Some(rendered) = self.rendered(path, text) else { return sample(spot) };
        if self.is_trial && spot == Spot::Url && rendered.text.starts_with('\0') {
            return sample(spot);
        }
        let is_none = |datum: &template::Datum| datum.json.is_null();
        let placed = match spot {
            Spot::Line if self.refuses_none && rendered.data.iter().any(is_none) => Err(BadPlace::new(
                "a value that is none stands in a command",
                "say what holds without it: {{ … | default(\"…\", true) }}",
            )),
            Spot::Line => place::line(&rendered, self.shell, &mut self.args),
            Spot::Plain | Spot::Variable | Spot::Header | Spot::Url | Spot::Body => {
                place::text(&rendered, spot)
            }
        };
        placed.unwrap_or_else(|bad| {
            let (message, hint) = (bad.message, bad.hint);
            self.wrong.push(Wrong { path: path.to_owned(), line: 0, message, hint, is_certain: true });
            sample(spot)
        })
    }
}

fn sample(spot: Spot) -> String {
    if spot == Spot::Url { "http://sample/".to_owned() } else { "sample".to_owned() }
}

/// The shape of what is inside.
fn inner(shape: Shape) -> Shape {
    if let Shape::Texts(spot) | Shape::Table(spot) = shape { Shape::Text(spot) } else { shape }
}

struct Job {
    harness: Option<String>,
    model: Option<String>,
    context: String,
}

fn job(worker: Worker, mut told: Map<String, Value>, args: Args) -> Result<Job, Vec<SpecError>> {
    let text = |told: &mut Map<String, Value>, key: &str| match told.remove(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
        Some(_) | None => None,
    };
    let of_harness =
        |name: &str, context: String| Job { harness: Some(name.to_owned()), model: None, context };
    match worker {
        Worker::Exec => {
            if !args.is_empty() {
                told.insert("args".to_owned(), json!(args));
            }
            let context = Value::Object(told).to_string();
            ExecSpec::read_all(&context)?;
            Ok(of_harness("exec", context))
        }
        Worker::Http => {
            let context = Value::Object(told).to_string();
            HttpSpec::read_all(&context)?;
            Ok(of_harness("http", context))
        }
        Worker::Ai => {
            let context = Value::Object(told).to_string();
            let spec = AiSpec::read_all(&context)?;
            Ok(Job { model: spec.model.clone(), ..of_harness(&spec.harness(), context) })
        }
        Worker::Skill => {
            let context = Value::Object(told).to_string();
            let spec: SkillSpec = serde_json::from_str(&context)
                .map_err(|_| vec![SpecError::new("skill", "params", "it is a map: { name: value }")])?;
            Ok(Job { harness: spec.harness, model: spec.model, context })
        }
        Worker::Agent => {
            let (harness, model) = (text(&mut told, "harness"), text(&mut told, "model"));
            let prompt = text(&mut told, "prompt")
                .ok_or_else(|| vec![SpecError::new("agent", "prompt", "it is empty")])?;
            Ok(Job { harness, model, context: prompt })
        }
    }
}
