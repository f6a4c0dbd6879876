//! A stage for one scripted agent: a folder of its own, an environment, a clock that stands still.

#![allow(dead_code, reason = "each test file uses its own part of the stage")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agents_scripted_agent::{Io, Options, StreamKind, run};
use serde_json::Value;

/// 2026-11-21T10:37:04.512Z
pub const NOW_MS: u64 = 1_795_257_424_512;
pub const NOW: &str = "2026-11-21T10:37:04.512Z";
pub const SESSION: &str = "aaaaaaaa-1111-4222-8333-444444444444";

pub const FAKE_AGENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/agents");

pub struct Stage {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
    args: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Played {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Stage {
    /// Every run has the same session.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            env: BTreeMap::new(),
            args: vec!["--session-id".to_owned(), SESSION.to_owned()],
        }
    }

    pub fn with_args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    pub fn job(&mut self, assignment: &str, job_type: &str, job: &str) {
        self.set("AGENTS_ASSIGNMENT_ID", assignment);
        self.set("AGENTS_JOB_TYPE", job_type);
        self.set("AGENTS_JOB_ID", job);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn cwd(&self) -> &Path {
        self.folder.path()
    }

    /// Plays these steps for whatever job.
    pub fn steps(&self, stream: StreamKind, steps: &Value) -> Played {
        self.script(stream, &serde_json::json!({"otherwise": steps}).to_string())
    }

    pub fn script(&self, stream: StreamKind, script: &str) -> Played {
        self.asked(stream, script, "say hello")
    }

    pub fn asked(&self, stream: StreamKind, script: &str, prompt: &str) -> Played {
        let file = self.path("script.json");
        std::fs::write(&file, script).unwrap();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let io = Io {
            stdin: &mut prompt.as_bytes(),
            stdout: &mut stdout,
            stderr: &mut stderr,
            env: &|name| self.env.get(name).cloned(),
            now_ms: &|| NOW_MS,
            cwd: self.cwd(),
        };
        let code = run(Options { stream, script: file, args: self.args.clone() }, io);
        Played { code, stdout, stderr: String::from_utf8(stderr).unwrap() }
    }
}

impl Played {
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// Every line as JSON.
    pub fn events(&self) -> Vec<Value> {
        events(&self.text())
    }
}

pub fn events(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A recorded stream.
pub fn capture(name: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name);
    events(&std::fs::read_to_string(file).unwrap())
}
