//! The hidden commands behind `http` and `ai`, as real processes against a real server: what they send, what they say, and
//! what every failure is called.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod ai;
mod ai_failures;
mod http;
mod redirects;
mod server;

use serde_json::Value;
use support::World;

/// What a call has said, line by line.
#[derive(Debug)]
pub struct Said {
    pub lines: Vec<Value>,
    pub raw: String,
}

impl Said {
    /// The last line.
    pub fn end(&self) -> &Value {
        self.lines.last().unwrap()
    }

    /// The line of that type.
    pub fn line(&self, kind: &str) -> &Value {
        let found = self.lines.iter().find(|line| line["type"] == kind);
        found.unwrap_or_else(|| panic!("no `{kind}` in {}", self.raw))
    }

    /// The class of a failure; `result` for an answer.
    pub fn class(&self) -> &str {
        let end = self.end();
        end["class"].as_str().or(end["type"].as_str()).unwrap()
    }
}

/// Lets the hidden command make a call, with these variables.
pub fn call(command: &str, asked: &Value, env: &[(&str, &str)]) -> Said {
    let world = World::new();
    let mut run = world.agents(&[command]).stdin(asked.to_string());
    for (name, value) in env {
        run = run.env(name, value);
    }
    let raw = run.ok().stdout;
    let lines = raw.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Said { lines, raw }
}
