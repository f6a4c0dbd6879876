//! A repository, a home folder and the real program, all in a temporary folder.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::aggregate::HarnessDefaults;
use agents_domain::attempt::{Holder, Host, ProcessMark};
use agents_domain::id::{IdSource, RunnerId};
use agents_domain::namespace::Namespace;
use agents_domain::store::{Change, ClaimRequest, Claimed, Command as StoreCommand, RunnerRecord, Store};
use agents_domain::timestamp::Clock;
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::system::{SystemClock, SystemIds};
use serde_json::Value;
use tempfile::TempDir;

/// A person's world: a home folder and a repository called `shop`.
pub struct World {
    temp: TempDir,
}

/// One run of the program.
pub struct Run<'w> {
    world: &'w World,
    args: Vec<String>,
    env: Vec<(String, String)>,
    stdin: Vec<u8>,
    folder: PathBuf,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    pub fn new() -> Self {
        let world = Self { temp: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(world.repo().join(".git")).unwrap();
        std::fs::write(world.repo().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        for folder in ["home", "run", "bin"] {
            std::fs::create_dir_all(world.path(folder)).unwrap();
        }
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().canonicalize().unwrap().join(name)
    }

    pub fn repo(&self) -> PathBuf {
        self.path("shop")
    }

    pub fn database(&self) -> PathBuf {
        self.path("home/.local/share/agents/agents.db")
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program with these arguments, in the repository.
    pub fn agents(&self, args: &[&str]) -> Run<'_> {
        Run {
            world: self,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            stdin: Vec::new(),
            folder: self.repo(),
        }
    }

    /// The JSON of a command that succeeds.
    pub fn json(&self, args: &[&str]) -> Value {
        let mut args = args.to_vec();
        args.push("--json");
        self.agents(&args).ok().json()
    }

    /// The id of a new assignment.
    pub fn create(&self, args: &[&str]) -> String {
        let args = [&["create"], args].concat();
        text(&self.json(&args)["id"])
    }

    pub async fn store(&self) -> SqlStore {
        let url = format!("sqlite:{}", self.database().display());
        SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap()
    }

    /// A runner that is alive.
    pub async fn register_runner(&self) -> RunnerId {
        let id = RunnerId::new(SystemIds.next());
        let now = SystemClock.now();
        let record = RunnerRecord {
            id,
            name: "laptop, process 1".to_owned(),
            process: ProcessMark { pid: 1, start_time: 1, boot_id: "boot".to_owned() },
            namespace: Some(Namespace::new("shop").unwrap()),
            concurrency: 2,
            version: "0.1.0".to_owned(),
            started_at: now,
            heartbeat_at: now,
        };
        self.store().await.register(&record).await.unwrap();
        id
    }

    /// Takes the next ready job, as a runner does.
    pub async fn claim(&self) -> Claimed {
        let runner = self.register_runner().await;
        let holder = Holder::new(runner, Host::default());
        let request = ClaimRequest {
            holder,
            namespaces: None,
            limit: 1,
            fallbacks: Default::default(),
            terms: Default::default(),
        };
        self.store().await.claim(request).await.unwrap().claimed.remove(0)
    }
}

impl Run<'_> {
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// As the agent of that job.
    pub fn inside(self, claimed: &Claimed) -> Self {
        self.env("AGENTS_JOB_ID", claimed.job.id)
            .env("AGENTS_ATTEMPT_ID", claimed.attempt.id)
            .env("AGENTS_ASSIGNMENT_ID", claimed.assignment.id)
            .env("AGENTS_JOB_TYPE", &claimed.job.job_type)
    }

    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    pub fn in_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = folder.as_ref().to_owned();
        self
    }

    #[allow(clippy::disallowed_methods, reason = "a test of the program starts the program")]
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agents"));
        command.args(&self.args).current_dir(&self.folder).env_clear();
        command.env("HOME", self.world.path("home")).env("XDG_RUNTIME_DIR", self.world.path("run"));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.world.path("bin").display()));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it and leaves it running, with nothing to read.
    pub fn start(self, stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Child {
        self.command().stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().unwrap()
    }

    /// Runs it to its end.
    pub fn run(self) -> Ended {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let prompt = self.stdin;
        let writer = std::thread::spawn(move || drop(stdin.write_all(&prompt)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ended {
            code: exit_code(output.status),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it with an output that nobody reads.
    pub fn run_with_closed_output(self) -> Ended {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = self.command();
        let output = command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output();
        let output = output.unwrap();
        Ended {
            code: exit_code(output.status),
            stdout: String::new(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it, and it must succeed.
    pub fn ok(self) -> Ended {
        let ended = self.run();
        assert_eq!(ended.code, 0, "{ended:?}");
        ended
    }

    /// Runs it, and it must end with that code and say all of this.
    pub fn fails(self, code: i32, said: &[&str]) {
        let ended = self.run();
        assert_eq!(ended.code, code, "{ended:?}");
        assert_eq!(ended.stdout, "", "a failure prints nothing on standard output");
        for part in said {
            assert!(ended.stderr.contains(part), "`{part}` is not in: {}", ended.stderr);
        }
    }
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The last characters of an id, as people see it.
pub fn short(id: &str) -> &str {
    &id[id.len() - 8..]
}

/// The keys of a JSON object that must be there.
pub fn has_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "no `{key}` in {value:#}");
    }
}

/// The exit code; of a process that was killed, the one that a shell gives.
fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap()
}

/// Lets the store carry out a person's command.
pub async fn execute(world: &World, change: Change) {
    let default = "claude".to_owned();
    let harness_defaults =
        Arc::new(HarnessDefaults { default, by_type: Default::default(), reviewers: Default::default() });
    let command = StoreCommand { actor: Actor::Person, harness_defaults, change };
    world.store().await.execute(command).await.unwrap();
}
