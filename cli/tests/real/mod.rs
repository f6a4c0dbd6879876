//! A person's world with one real agent CLI in it: a home folder, a repository called `shop`, the `agents` program
//! and a scripted model server that the CLI takes for its provider. All in a temporary folder, all on loopback.

mod outcomes;
mod permissions;
mod program;
mod provider;
mod refused;
mod tree;
mod workflow;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use agents_scripted_models::{
    Cli, Reply, Scenario, ScriptedModels, ToolCall, extra_args, prepare_home, program as installed,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What only the first prompt of a PM says.
pub const PM_FIRST: &str = "None: you decide on the first one.";
/// What only a later prompt of a PM says.
pub const PM_LATER: &str = "The job that has just ended is";
/// What only the prompt of an implement job says.
pub const ENGINEER: &str = "You are the engineer of one step";
/// What only the prompt of a review job says.
pub const REVIEWER: &str = "You are the reviewer of work";

/// The person's world. Models are served from [`Desk::serve`] on.
pub struct Desk {
    pub cli: Cli,
    program: PathBuf,
    models: Option<ScriptedModels>,
    more: More,
    temp: TempDir,
}

/// What a test adds to the harness's entry in the config.
#[derive(Default)]
struct More {
    args: Vec<String>,
    env: BTreeMap<String, Value>,
    harnesses: BTreeMap<String, Value>,
}

impl Desk {
    /// A desk with the installed CLI; without it the test fails.
    pub fn new(cli: Cli) -> Self {
        let program = installed(cli).unwrap_or_else(|missing| panic!("{missing}"));
        let desk =
            Self { cli, program, models: None, more: More::default(), temp: tempfile::tempdir().unwrap() };
        for folder in ["home", "run", "tmp", "shop/.agents", "shop/.git/objects", "shop/.git/refs"] {
            fs::create_dir_all(desk.path(folder)).unwrap();
        }
        // As little as makes it a repository for git.
        fs::write(desk.path("shop/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        prepare_home(cli, &desk.path("home")).unwrap();
        desk.configure();
        desk
    }

    /// The same with another program in the CLI's place.
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self.configure();
        self
    }

    /// The same with more arguments for the CLI.
    pub fn with_args(mut self, args: &[&str]) -> Self {
        self.more.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// The same with one more variable for the CLI; null takes one away.
    pub fn with_env(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.env.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a CLI that asks its provider once and then gives up.
    pub fn without_retries(self) -> Self {
        const CODEX: [&str; 4] = [
            "-c",
            "model_providers.scripted.request_max_retries=0",
            "-c",
            "model_providers.scripted.stream_max_retries=0",
        ];
        match self.cli {
            Cli::Claude => self.with_env("CLAUDE_CODE_MAX_RETRIES", "0"),
            Cli::Codex => self.with_args(&CODEX),
            Cli::Gemini => {
                let path = self.path("home/.gemini/settings.json");
                let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                settings["general"]["maxAttempts"] = json!(1);
                fs::write(path, settings.to_string()).unwrap();
                self
            }
        }
    }

    /// The same with one more harness in the config.
    pub fn with_harness(mut self, name: &str, entry: Value) -> Self {
        self.more.harnesses.insert(name.to_owned(), entry);
        self.configure();
        self
    }

    /// From now on the CLI's provider says what the scenario says.
    pub fn serve(&mut self, scenario: Scenario) {
        self.models = Some(ScriptedModels::start(scenario).unwrap());
        self.configure();
    }

    pub fn models(&self) -> &ScriptedModels {
        self.models.as_ref().expect("the test has called `serve`")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().canonicalize().unwrap().join(name)
    }

    pub fn repo(&self) -> PathBuf {
        self.path("shop")
    }

    /// The content of a file of the repository, if it is there.
    pub fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.repo().join(name)).ok()
    }

    /// Whether a model was sent this text: by a person, by the product or by a tool of the CLI.
    pub fn has_told_a_model(&self, text: &str) -> bool {
        let json = Value::from(text).to_string();
        let inner = json.trim_matches('"');
        self.models().turns().iter().any(|request| request.body.to_string().contains(inner))
    }

    /// What lies in the top folder of the repository, apart from what was there from the start.
    pub fn new_files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.repo()).unwrap().map(|entry| entry.unwrap().file_name());
        let names = entries.map(|name| name.into_string().unwrap());
        names.filter(|name| ![".agents", ".git"].contains(&name.as_str())).collect()
    }

    fn configure(&self) {
        let base_url = self.models.as_ref().map(ScriptedModels::base_url).unwrap_or_default();
        let mut env = account(self.cli, &base_url);
        env.extend(self.more.env.clone());
        let args = [extra_args(self.cli, &base_url), self.more.args.clone()].concat();
        let entry = json!({
            "command": [self.program],
            "args": args,
            "env": env,
            "model": self.cli.model(),
        });
        let mut harnesses: BTreeMap<String, Value> = self.more.harnesses.clone();
        harnesses.insert(self.cli.to_string(), entry);
        let config = json!({
            "namespace": "shop",
            "harnessDefaults": { "default": self.cli.name() },
            "harnesses": harnesses,
            "limits": { "maxJobs": 5 },
        });
        fs::write(self.path("shop/.agents/config.json"), config.to_string()).unwrap();
    }
}

/// What a person would set to log in, with the scripted server in the provider's place.
fn account(cli: Cli, base_url: &str) -> BTreeMap<String, Value> {
    let variables: &[(&str, &str)] = match cli {
        Cli::Claude => &[("ANTHROPIC_BASE_URL", base_url), ("ANTHROPIC_API_KEY", "scripted")],
        Cli::Codex => &[],
        Cli::Gemini => &[("GOOGLE_GEMINI_BASE_URL", base_url), ("GEMINI_API_KEY", "scripted")],
    };
    variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

/// How a model gives its decision as JSON: by the tool that Claude Code offers for a schema, bare where Codex
/// demands the schema, and in a fenced block where nothing is demanded.
pub fn decision(cli: Cli, decision: &Value) -> Reply {
    match cli {
        Cli::Claude => Reply::tool(ToolCall::function("StructuredOutput", decision.clone())),
        Cli::Codex => Reply::text(decision.to_string()),
        Cli::Gemini => Reply::text(format!("I have looked.\n\n```json\n{decision:#}\n```\n")),
    }
}

/// A decision as the schema has it: with every property.
pub fn complete(reason: &str) -> Value {
    complete_with(reason, &Value::Null)
}

/// The same with what shows each criterion.
pub fn complete_with(reason: &str, criteria: &Value) -> Value {
    json!({"decision": "complete", "reason": reason, "question": null, "jobs": null, "accept": null,
        "criteria": criteria})
}

/// A decision that only a person can help.
pub fn blocked(reason: &str) -> Value {
    json!({"decision": "blocked", "reason": reason, "question": null, "jobs": null, "accept": null,
        "criteria": null})
}

/// A decision to insert one job.
pub fn insert(job_type: &str, context: &str) -> Value {
    let job =
        json!({"type": job_type, "harness": null, "model": null, "context": context, "timeoutMs": null});
    json!({"decision": "insert_job", "reason": "It comes next.", "question": null, "jobs": [job],
        "accept": null, "criteria": null})
}

/// The attempt's files as they are, for whoever reads a failed test.
pub fn dump(folder: &Path) -> String {
    let mut told = String::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                pending.push(path);
            } else if path.ends_with("stdout") || path.ends_with("stderr") {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
                told.push_str(&format!("--- {}\n{text}\n", path.display()));
            }
        }
    }
    told
}
