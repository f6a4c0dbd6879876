//! Reads a definition from YAML, and finds everything in it that is wrong.

mod limits;
mod params;
pub mod parts;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::definition::{Definition, Worker, name_problem};
use crate::node::{self, Content, Key, Node};
use crate::param::{Param, ParamType};
use crate::problem::{At, Problem, Problems};
use crate::resolve::{self, Wrong};
use crate::shape::{self, Shape};
use crate::template::{self, Anything, Renderer};
use crate::{span, suggestion};

/// The most bytes of a definition.
const BYTES_MAX: usize = 256 << 10;

/// The keys besides those of the workers.
const KEYS: [&str; 5] = ["name", "description", "params", "limits", "timeout"];

const SECRET_SEEN: &str = "a secret here would be seen by everybody who lists processes, or kept in a file";
const SECRET_HINT: &str =
    "set a variable to it, env: { TOKEN: \"${secret:NAME}\" }, and use $TOKEN in a command for a shell";

/// Reads the definition that `text` is. `source` is what people call it, `name` what it is called unless it says so itself.
pub fn read(text: &str, source: &str, name: &str) -> Result<Definition, Problems> {
    let all = |problems| Problems::new(source, text, problems);
    if text.len() > BYTES_MAX {
        let at = At { line: 1, column: 1 };
        return Err(all(vec![Problem::new(
            at,
            "it is larger than 256 KiB",
            "keep data in files of its own",
        )]));
    }
    let node = node::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(all)?;
    let mut reader = Reader { problems: Vec::new(), wrong_keys: Vec::new() };
    let read = reader.definition(&node, name);
    let Reader { mut problems, wrong_keys } = reader;
    match read {
        Some((definition, config)) => {
            problems.extend(check(&definition, config, wrong_keys));
            if problems.is_empty() { Ok(definition) } else { Err(all(problems)) }
        }
        None => Err(all(problems)),
    }
}

/// What is wrong with the templates, and with what they come to for sample values. `wrong_keys`: those of the worker that
/// something was said of already.
fn check(definition: &Definition, config: &Node, mut wrong_keys: Vec<String>) -> Vec<Problem> {
    let has_wrong_form = !wrong_keys.is_empty();
    let params: Vec<String> = definition.params.iter().map(|param| param.name.clone()).collect();
    let mut problems = Vec::new();
    let mut check_text = |path: &str, node: &Node, text: &str| {
        let is_exec = definition.worker == Worker::Exec && !path.starts_with("env");
        if is_exec && text.contains("${secret:") {
            wrong_keys.push(path.to_owned());
            problems.push(Problem::new(node.at, SECRET_SEEN, SECRET_HINT));
        }
        for bad in template::check_names(text, &params) {
            wrong_keys.push(path.to_owned());
            problems.push(Problem::new(line_in(node, bad.line), bad.message, bad.hint));
        }
    };
    each_text(config, "", &mut check_text);
    let wrong = resolve::resolve_with(definition, &Renderer::new(samples(definition)), true)
        .err()
        .unwrap_or_default();
    let problem = |wrong: Wrong| {
        let at = config.place_of(&wrong.path);
        Problem::new(At { line: at.line + wrong.line.saturating_sub(1), ..at }, wrong.message, wrong.hint)
    };
    let keys = if let Content::Map(entries) = &config.content { entries.as_slice() } else { &[] };
    let is_news = |wrong: &Wrong| {
        let key = wrong.path.split('.').next().unwrap_or_default();
        // How a line is read depends on the shell.
        let follows = matches!(key, "command" | "argv") && wrong_keys.iter().any(|wrong| wrong == "shell");
        let is_there = keys.iter().any(|(known, _)| known.name == key);
        !follows && !wrong_keys.iter().any(|wrong| wrong == key) && (is_there || !has_wrong_form)
    };
    problems.extend(wrong.into_iter().filter(is_news).map(problem));
    problems
}

fn line_in(node: &Node, line: usize) -> At {
    At { line: node.at.line + line - 1, column: if line > 1 { 1 } else { node.at.column } }
}

fn each_text(node: &Node, path: &str, check: &mut dyn FnMut(&str, &Node, &str)) {
    match &node.content {
        Content::Text(text) => check(path, node, text),
        Content::List(nodes) => nodes.iter().for_each(|node| each_text(node, path, check)),
        Content::Map(entries) => {
            for (key, node) in entries {
                let path = if path.is_empty() { key.name.clone() } else { path.to_owned() };
                each_text(node, &path, check);
            }
        }
        Content::Null | Content::Bool(_) | Content::Number(_) => {}
    }
}

/// Values to try a definition with: defaults, first choices, or something of the type.
fn samples(definition: &Definition) -> minijinja::Value {
    use minijinja::Value as Known;
    let sample = |param: &Param| match (param.default.as_ref().or(param.choices.first()), param.kind) {
        (Some(value), _) => template::value_of(value),
        (None, ParamType::String) => Known::from("sample"),
        (None, ParamType::Number) => Known::from(1.5),
        (None, ParamType::Integer) => Known::from(1),
        (None, ParamType::Boolean) => Known::from(true),
        (None, ParamType::Json) => Known::from_object(Anything),
    };
    let params: BTreeMap<String, Known> =
        definition.params.iter().map(|param| (param.name.clone(), sample(param))).collect();
    Known::from(BTreeMap::from([
        ("params", Known::from(params)),
        ("input", Known::from_object(Anything)),
        ("today", Known::from("2026-01-31")),
        ("now", Known::from("2026-01-31T09:00:00Z")),
    ]))
}

#[derive(Debug)]
struct Reader {
    problems: Vec<Problem>,
    /// Keys of the worker that something was said of.
    wrong_keys: Vec<String>,
}

impl Reader {
    fn problem(&mut self, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(at, message, hint));
    }

    /// The definition and what its worker is told; none if that can't be known.
    fn definition<'a>(&mut self, node: &'a Node, name: &str) -> Option<(Definition, &'a Node)> {
        let Content::Map(entries) = &node.content else {
            let hint = "it begins like this: exec: { command: \"make test\" }";
            self.problem(
                node.at,
                format!("a definition is a map of keys, and this is {}", node.kind()),
                hint,
            );
            return None;
        };
        let mut definition = Definition {
            name: name.to_owned(),
            description: None,
            worker: Worker::Exec,
            config: Map::new(),
            params: Vec::new(),
            limits: Vec::new(),
            timeout_ms: None,
        };
        let mut workers: Vec<(Worker, &Key, &Node)> = Vec::new();
        for (key, value) in entries {
            match key.name.as_str() {
                "name" => self.name(&mut definition, value),
                "description" => definition.description = self.text(value, "description"),
                "params" => definition.params = self.params(value),
                "limits" => definition.limits = self.limits(value),
                "timeout" => definition.timeout_ms = self.timeout(value),
                other => match Worker::from_name(other) {
                    Some(worker) => workers.push((worker, key, value)),
                    None => self.unknown(key, &known_keys()),
                },
            }
        }
        let (worker, config) = self.worker(node, &workers)?;
        (definition.worker, definition.config) = (worker, self.config(worker, config));
        Some((definition, config))
    }

    fn name(&mut self, definition: &mut Definition, value: &Node) {
        let Some(name) = self.text(value, "name") else { return };
        if let Some(why) = name_problem(&name) {
            self.problem(value.at, why, "for example: nightly-backup");
        } else if !definition.name.is_empty() && definition.name != name {
            let message = format!("it is called `{name}` here and `{}` outside", definition.name);
            self.problem(value.at, message, "leave `name` out, or give both the same");
        }
        definition.name = name;
    }

    fn worker<'a>(
        &mut self,
        node: &Node,
        workers: &[(Worker, &'a Key, &'a Node)],
    ) -> Option<(Worker, &'a Node)> {
        match workers {
            [(worker, _, config)] => Some((*worker, config)),
            [] => {
                let hint =
                    "add one of exec, http, ai, skill, agent: for example exec: { command: \"make test\" }";
                self.problem(node.at, "nothing says what does the job", hint);
                None
            }
            [(first, ..), rest @ ..] => {
                for (_, key, _) in rest {
                    let message = format!("it has `{}` already", first.as_str());
                    self.problem(key.at, message, "a definition has one worker; write a second definition");
                }
                None
            }
        }
    }

    fn unknown(&mut self, key: &Key, known: &[String]) {
        let hint = suggestion::did_you_mean(&key.name, known, "known here are");
        self.problem(key.at, format!("unknown key `{}`", key.name), hint);
    }

    fn entries<'a>(&mut self, node: &'a Node, what: &str) -> &'a [(Key, Node)] {
        match &node.content {
            Content::Map(entries) => entries,
            Content::Null => &[],
            Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                self.problem(
                    node.at,
                    format!("`{what}` is a map of keys, and this is {}", node.kind()),
                    "write key: value",
                );
                &[]
            }
        }
    }

    /// A text; a number or a boolean is one as it is written.
    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match (&node.content, &node.raw) {
            (Content::Text(text), _) => Some(text.clone()),
            (Content::Bool(_) | Content::Number(_), Some(raw)) => Some(raw.clone()),
            _ => {
                let hint =
                    "write a text; one that is empty is \"\", and one with `{` or `: ` in it needs quotes";
                self.problem(node.at, format!("`{what}` is a text, and this is {}", node.kind()), hint);
                None
            }
        }
    }

    fn timeout(&mut self, node: &Node) -> Option<u64> {
        let text = self.text(node, "timeout")?;
        span::milliseconds(&text)
            .map_err(|why| self.problem(node.at, format!("`{text}` is no time"), why))
            .ok()
    }

    fn config(&mut self, worker: Worker, node: &Node) -> Map<String, Value> {
        let known = shape::names(worker);
        let mut config = Map::new();
        let entries = self.entries(node, worker.as_str());
        for (key, value) in entries {
            let before = self.problems.len();
            match shape::fields(worker).iter().find(|field| field.key == key.name) {
                Some(field) => {
                    config.extend(
                        self.value(&key.name, field.shape, value).map(|value| (key.name.clone(), value)),
                    );
                }
                None => self.unknown(key, &known),
            }
            if self.problems.len() > before {
                self.wrong_keys.push(key.name.clone());
            }
        }
        for field in shape::fields(worker).iter().filter(|field| field.is_needed) {
            if !entries.iter().any(|(key, _)| key.name == field.key) {
                self.wrong_keys.push(field.key.to_owned());
                let message = format!("`{}` needs `{}`", worker.as_str(), field.key);
                self.problem(node.at, message, format!("add {}: …", field.key));
            }
        }
        config
    }

    fn value(&mut self, name: &str, shape: Shape, node: &Node) -> Option<Value> {
        match shape {
            Shape::Text(_) => self.text(node, name).map(Value::String),
            Shape::Texts(_) => self.list(name, node),
            Shape::Table(_) => {
                let entries = self.entries(node, name);
                let texts = entries.iter().filter_map(|(key, value)| {
                    Some((key.name.clone(), Value::String(self.text(value, &key.name)?)))
                });
                Some(Value::Object(texts.collect()))
            }
            Shape::Word(words) => self.word(name, words, node),
            Shape::Count(least) => {
                let count = node.json().as_u64().filter(|count| *count >= least);
                if count.is_none() {
                    self.problem(
                        node.at,
                        format!("`{name}` is a whole number, {least} or more"),
                        "write a number without quotes",
                    );
                }
                count.map(Value::from)
            }
            Shape::Number => {
                let value = node.json();
                if !value.is_number() {
                    self.problem(node.at, format!("`{name}` is a number"), "write a number without quotes");
                }
                Some(value)
            }
            Shape::Codes | Shape::Statuses => {
                let value = node.json();
                Some(if value.is_array() { value } else { Value::Array(vec![value]) })
            }
            Shape::Body | Shape::Json => Some(node.json()),
        }
    }

    fn list(&mut self, name: &str, node: &Node) -> Option<Value> {
        let Content::List(nodes) = &node.content else {
            let hint = "write a list: [\"program\", \"argument\"]";
            self.problem(node.at, format!("`{name}` is a list of texts, and this is {}", node.kind()), hint);
            return None;
        };
        Some(Value::Array(nodes.iter().filter_map(|node| self.text(node, name)).map(Value::String).collect()))
    }

    fn word(&mut self, name: &str, words: &[&str], node: &Node) -> Option<Value> {
        let text = self.text(node, name)?;
        let known: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        if known.contains(&text) {
            return Some(Value::String(text));
        }
        let hint = suggestion::did_you_mean(&text, &known, "use");
        self.problem(node.at, format!("`{name}` can't be `{text}`"), hint);
        None
    }
}

fn known_keys() -> Vec<String> {
    KEYS.into_iter().chain(Worker::ALL.map(Worker::as_str)).map(str::to_owned).collect()
}
