//! The port to an agent CLI: a job becomes an [`Invocation`], lines become [`AgentEvent`]s, the end becomes an
//! [`Outcome`]. Implementations are pure: they start nothing and read no file and no clock.

use std::path::PathBuf;

use crate::access::Access;
use crate::agent_event::AgentEvent;
use crate::id::AttemptId;
use crate::invocation::Invocation;
use crate::outcome::Outcome;
use crate::timestamp::Timestamp;
use crate::usage::{MicroUsd, TokenUsage};

/// What a harness needs to know of a job to start it.
#[derive(Debug, Clone)]
pub struct HarnessRequest {
    pub attempt: AttemptId,
    pub prompt: String,
    pub access: Access,
    /// `None`: the harness's own default model.
    pub model: Option<String>,
    /// The folder to work in.
    pub workspace: PathBuf,
    /// The project's own instructions for agents (`CLAUDE.md`), for a CLI that is kept from reading them with the
    /// rest of the project's settings. `None`: the project has none.
    pub project_instructions: Option<PathBuf>,
    /// The git folders that a commit in the workspace writes to, when they are outside of what a sandbox lets
    /// an agent write (`.git`; for a linked worktree also its own git folder). Empty if not a repository.
    pub git_folders: Vec<PathBuf>,
    /// The attempt's own folder, for files that the CLI wants.
    pub folder: PathBuf,
    /// Folders that an agent with [`Access::ReadOnlyAndAgents`] must be able to write for `agents` to work.
    pub agents_folders: Vec<PathBuf>,
    /// The `agents` program itself.
    pub agents_program: PathBuf,
    /// The session to continue, if any.
    pub resume: Option<String>,
    /// A JSON Schema (as text) that the final answer must have, where the CLI can enforce it.
    pub answer_schema: Option<String>,
    /// The most that it may cost, for a CLI that keeps a limit of its own. Never with a session that is continued: what its
    /// limit is held against then is not known.
    pub max_cost: Option<MicroUsd>,
    /// Whether this process is root, which some CLIs treat differently.
    pub is_root: bool,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessEnd {
    Exited(i32),
    Signaled(i32),
    /// It ended and nobody saw how.
    Unknown,
}

/// What a whole stream amounts to. Made by [`StreamReader::finish`].
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSummary {
    pub outcome: Outcome,
    pub session_id: Option<String>,
    pub model: Option<String>,
    pub cli_version: Option<String>,
    pub usage: Option<TokenUsage>,
    /// What the session has cost, this attempt and what it resumed together.
    pub cost: Option<MicroUsd>,
    pub tool_calls: u32,
    /// The structured answer, as JSON text, if the CLI validated one.
    pub structured: Option<String>,
    /// Lines that were not understood; those of a known type apart from the others.
    pub unknown_lines: u32,
    pub bad_lines: u32,
}

/// How the process side of an attempt ended, as the reader needs it.
#[derive(Debug, Clone)]
pub struct StreamEnd<'a> {
    pub process: ProcessEnd,
    /// The last part of standard error, decoded lossily.
    pub stderr_tail: &'a str,
    /// When it ended: reset times without a date are taken as the next such time after it.
    pub at: Timestamp,
}

/// Reads one stream, line by line.
pub trait StreamReader: Send {
    /// Reads one line (without its line feed) and hands each event in it to `sink`. Never fails: what it does
    /// not understand becomes [`AgentEvent::Unrecognized`].
    fn line<'a>(&mut self, line: &'a [u8], sink: &mut dyn FnMut(AgentEvent<'a>));

    /// Takes note of a line that was longer than the cap and is not here; `head` is its beginning.
    fn overlong_line(&mut self, head: &[u8], total_bytes: u64);

    /// How much of the end of the stream is enough to understand it, in bytes. `None`: it must be read as a whole.
    fn enough(&self) -> Option<u64> {
        None
    }

    /// Reads one line of standard error (without its line feed) that came at that moment. Most CLIs say nothing there
    /// that matters before their end.
    fn stderr_line(&mut self, _line: &str, _at: Timestamp) {}

    /// Whether the CLI goes on and will get nowhere: it tries again what can't succeed, or sleeps until a limit is over.
    /// The attempt is then ended, and [`StreamReader::finish`] says what it came to.
    fn is_hopeless(&self) -> bool {
        false
    }

    /// The stream and the process have both ended. Classifies by typed events, exit code and standard error
    /// only, never by what the agent wrote.
    fn finish(self: Box<Self>, end: &StreamEnd<'_>) -> StreamSummary;
}

/// How to find out whether a CLI is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub program: String,
    pub args: Vec<String>,
    /// The command that installs it.
    pub install: String,
    /// Environment variables, one of which is needed if no login is there. Empty: cannot be told.
    pub credentials: Vec<String>,
    /// Files below the home folder that hold a login, one of which is enough.
    pub login_files: Vec<String>,
    /// The command that logs in.
    pub login: String,
}

/// A job cannot be turned into an invocation of this CLI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HarnessError {
    #[error("the prompt is {bytes} bytes long and {harness} takes at most {limit}")]
    PromptTooLong { harness: String, bytes: usize, limit: usize },
    #[error("the command of harness {harness} is empty")]
    EmptyCommand { harness: String },
    /// What a run's worker is told makes no sense.
    #[error("{why}")]
    BadSpec { why: String },
}

/// The adapter to one agent CLI.
pub trait Harness: Send + Sync {
    /// Its name in the config and in jobs.
    fn name(&self) -> &str;

    /// The process that does the job.
    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError>;

    /// A reader for one stream of this CLI.
    fn reader(&self) -> Box<dyn StreamReader>;

    /// A reader for the stream of a job that was told this: what counts as success may stand there.
    fn reader_of(&self, _context: &str) -> Box<dyn StreamReader> {
        self.reader()
    }

    /// Whether it does the jobs of a list. What is no agent does runs only, and is told a spec.
    fn is_agent(&self) -> bool {
        true
    }

    /// Whether all that it prints on standard output is its answer, of which the reader keeps the end.
    fn prints_its_answer(&self) -> bool {
        false
    }

    /// Whether [`StreamSummary::usage`] counts the whole session, also what earlier attempts of a resumed session
    /// used, and not this attempt alone.
    fn usage_spans_session(&self) -> bool {
        false
    }

    /// Whether it can continue an earlier session of its own. If not, a job that is tried again is told everything
    /// again.
    fn can_resume(&self) -> bool {
        true
    }

    /// Whether it says what it does while it does it. One that prints only its answer may be silent for long, and its
    /// silence means nothing.
    fn speaks_while_it_works(&self) -> bool {
        true
    }

    /// How to find out whether it is there.
    fn probe(&self) -> Probe;
}
