//! The reading of a definition's parts, for files that are made of them: workflows and modules.

use serde_json::{Map, Value};

use super::{Reader, each_text};
use crate::definition::{Definition, Worker};
use crate::node::{Key, Node};
use crate::param::Param;
use crate::problem::{At, Problem};
use crate::resolve::{self, Wrong};
use crate::shape;
use crate::span;
use crate::template::{Anything, Renderer};

/// Reads parts, and keeps what is wrong with them.
#[derive(Debug)]
pub struct Parts {
    reader: Reader,
}

impl Default for Parts {
    fn default() -> Self {
        Self { reader: Reader { problems: Vec::new(), wrong_keys: Vec::new() } }
    }
}

impl Parts {
    /// Notes a problem.
    pub fn problem(&mut self, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.reader.problem(at, message, hint);
    }

    /// Notes problems.
    pub fn add(&mut self, problems: Vec<Problem>) {
        self.reader.problems.extend(problems);
    }

    /// How many problems there are so far.
    pub fn count(&self) -> usize {
        self.reader.problems.len()
    }

    /// All that is wrong.
    pub fn into_problems(self) -> Vec<Problem> {
        self.reader.problems
    }

    /// Notes a key that nobody knows.
    pub fn unknown(&mut self, key: &Key, known: &[String]) {
        self.reader.unknown(key, known);
    }

    /// The entries of a map; none of what is no map, which is a problem.
    pub fn entries<'a>(&mut self, node: &'a Node, what: &str) -> &'a [(Key, Node)] {
        self.reader.entries(node, what)
    }

    /// A text; a number or a boolean is one as it is written.
    pub fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        self.reader.text(node, what)
    }

    /// One of these words.
    pub fn word(&mut self, what: &str, words: &[&str], node: &Node) -> Option<String> {
        self.reader.word(what, words, node).and_then(|word| word.as_str().map(str::to_owned))
    }

    /// A span of time, in milliseconds.
    pub fn span(&mut self, node: &Node, what: &str) -> Option<u64> {
        let text = self.reader.text(node, what)?;
        let wrong = |why| self.reader.problem(node.at, format!("`{text}` is no time"), why);
        span::milliseconds(&text).map_err(wrong).ok()
    }

    /// Params by name.
    pub fn params(&mut self, node: &Node) -> Vec<Param> {
        self.reader.params(node)
    }

    /// Limits, as in a definition.
    pub fn limits(&mut self, node: &Node) -> Vec<agents_domain::limits::LimitChange> {
        self.reader.limits(node)
    }

    /// What a worker is told.
    pub fn config(&mut self, worker: Worker, node: &Node) -> Map<String, Value> {
        self.reader.config(worker, node)
    }
}

/// The keys of what a worker is told.
pub fn keys(worker: Worker) -> Vec<String> {
    shape::names(worker)
}

/// Those of them that must be there.
pub fn needed_keys(worker: Worker) -> Vec<String> {
    shape::fields(worker).iter().filter(|field| field.is_needed).map(|field| field.key.to_owned()).collect()
}

/// A value that everything can be asked of: it stands for what nobody knows yet.
pub fn anything() -> minijinja::Value {
    minijinja::Value::from_object(Anything)
}

/// What is wrong with a text, and in which of its lines, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadText {
    pub line: usize,
    pub message: String,
    pub hint: String,
}

/// Tries templates with sample values, and says what is wrong whatever the values are.
#[allow(missing_debug_implementations, reason = "an environment has nothing to show")]
pub struct Trial {
    renderer: Renderer,
}

impl Trial {
    /// With these values.
    pub fn new(names: minijinja::Value) -> Self {
        Self { renderer: Renderer::new(names) }
    }

    /// What is wrong with a text alone.
    pub fn text(&self, text: &str) -> Option<BadText> {
        let bad = self.renderer.render(text).err().filter(|bad| bad.is_certain)?;
        Some(BadText { line: bad.line, message: bad.message, hint: bad.hint })
    }

    /// What is wrong with what a worker is told. `node`: where it stands; `config` may be changed from what stands there.
    pub fn config(&self, worker: Worker, config: &Map<String, Value>, node: &Node) -> Vec<Problem> {
        let mut problems = secrets(worker, node);
        if !problems.is_empty() {
            return problems;
        }
        let definition = Definition {
            name: String::new(),
            description: None,
            worker,
            config: config.clone(),
            params: Vec::new(),
            limits: Vec::new(),
            timeout_ms: None,
        };
        let wrong = resolve::resolve_with(&definition, &self.renderer, true).err().unwrap_or_default();
        let problem = |wrong: Wrong| {
            let at = node.place_of(&wrong.path);
            Problem::new(At { line: at.line + wrong.line.saturating_sub(1), ..at }, wrong.message, wrong.hint)
        };
        problems.extend(wrong.into_iter().map(problem));
        problems
    }
}

/// Secrets in a command, which everybody who lists processes would see.
fn secrets(worker: Worker, node: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    each_text(node, "", &mut |path, node, text| {
        if worker == Worker::Exec && !path.starts_with("env") && text.contains("${secret:") {
            problems.push(Problem::new(node.at, super::SECRET_SEEN, super::SECRET_HINT));
        }
    });
    problems
}
