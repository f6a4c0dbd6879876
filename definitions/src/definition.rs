//! A definition: a job that can be run again.

use agents_domain::limits::LimitChange;
use serde_json::{Map, Value};

use crate::param::{Param, param_named};

/// The longest name, in bytes.
pub const NAME_MAX: usize = 64;

/// What does a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    Exec,
    Http,
    Ai,
    Skill,
    Agent,
}

impl Worker {
    /// Every worker, in the order of the docs.
    pub const ALL: [Worker; 5] = [Worker::Exec, Worker::Http, Worker::Ai, Worker::Skill, Worker::Agent];

    /// The key of a definition, and the name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Worker::Exec => "exec",
            Worker::Http => "http",
            Worker::Ai => "ai",
            Worker::Skill => "skill",
            Worker::Agent => "agent",
        }
    }

    /// The worker of that name.
    pub fn from_name(name: &str) -> Option<Worker> {
        Self::ALL.into_iter().find(|worker| worker.as_str() == name)
    }
}

/// A job that can be run again. It was checked when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub name: String,
    pub description: Option<String>,
    pub worker: Worker,
    /// What the worker is told, with the templates in it.
    pub config: Map<String, Value>,
    pub params: Vec<Param>,
    /// What it may use, where that differs from the configuration.
    pub limits: Vec<LimitChange>,
    /// How long an attempt may take. `None`: as the configuration says.
    pub timeout_ms: Option<u64>,
}

impl Definition {
    /// The param of that name, or what is wrong with the name.
    pub fn param(&self, name: &str) -> Result<&Param, String> {
        param_named(&self.params, name)
    }

    /// What a list of runs calls its runs.
    pub fn title(&self) -> String {
        match self.description.as_deref().and_then(|text| text.lines().next()) {
            Some(line) if !line.trim().is_empty() => format!("{}: {}", self.name, line.trim()),
            Some(_) | None => format!("run {}", self.name),
        }
    }
}

/// What is wrong with the name of a definition, if anything: it is a part of file names and of command lines.
pub fn name_problem(name: &str) -> Option<String> {
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if begins_well && name.chars().all(is_fit) && name.len() <= NAME_MAX {
        return None;
    }
    Some(format!(
        "`{name}` can't be the name of a definition: use 1 to {NAME_MAX} lower-case letters, digits, `-`, `_` or `.`, beginning \
         with a letter or digit"
    ))
}
