//! A stand-in for an agent CLI: it reads a prompt, follows a script, and prints what the real Claude Code, Codex or
//! Gemini would print, byte for byte in the places that matter. It calls no model. `agents demo` and the flow tests
//! run it; `docs/scripted-agent.md` describes the scripts. It reads no clock and no environment but those of [`Io`].

mod civil;
mod claude;
mod claude_failure;
mod codex;
mod error;
mod failure;
mod flood;
mod gemini;
mod identity;
mod play;
mod process;
mod script;
mod step;
mod tally;
mod text;
mod variables;
mod wire;

use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use crate::failure::Failure;
pub use crate::script::{Reply, Script, ScriptError, When};
pub use crate::step::{
    ChildStep, DeathSignal, EndlessStep, FileStep, ResultStep, RunStep, Step, ToolStep, Usage, WaitForStep,
};

use crate::error::AgentError;
use crate::identity::{Identity, fresh_session_id};
use crate::play::Player;
use crate::script::Occasion;
use crate::tally::Tally;
use crate::wire::Wire;

/// The script that `agents demo` plays: a small program is planned, written, found wrong in review, mended, accepted.
pub const DEMO_SCRIPT: &str = include_str!("../demo.json");

/// Whose stream is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    Claude,
    Codex,
    Gemini,
    Text,
}

/// What the command line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub stream: StreamKind,
    /// The script's file. The counts of its runs are kept beside it, in `<script>.state`, unless
    /// `AGENTS_SCRIPT_STATE` names another folder.
    pub script: PathBuf,
    /// The arguments that were meant for the real CLI; all but the session, the model, the permission mode and
    /// the schema are ignored.
    pub args: Vec<String>,
}

/// All that a run reads and writes, apart from the files and commands of its script.
pub struct Io<'io> {
    pub stdin: &'io mut dyn Read,
    pub stdout: &'io mut dyn Write,
    pub stderr: &'io mut dyn Write,
    pub env: &'io dyn Fn(&str) -> Option<String>,
    /// Milliseconds since the epoch.
    pub now_ms: &'io dyn Fn() -> u64,
    /// The folder that the agent works in, absolute.
    pub cwd: &'io Path,
}

impl fmt::Debug for Io<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("cwd", &self.cwd).finish_non_exhaustive()
    }
}

/// There is no such stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no stream: use claude, codex, gemini or text")]
pub struct UnknownStream(String);

impl StreamKind {
    pub const ALL: [StreamKind; 4] =
        [StreamKind::Claude, StreamKind::Codex, StreamKind::Gemini, StreamKind::Text];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            StreamKind::Claude => "claude",
            StreamKind::Codex => "codex",
            StreamKind::Gemini => "gemini",
            StreamKind::Text => "text",
        }
    }

    fn wire(self, identity: Identity) -> Box<dyn Wire> {
        match self {
            StreamKind::Claude => Box::new(claude::ClaudeWire::new(identity)),
            StreamKind::Codex => Box::new(codex::CodexWire::new(identity)),
            StreamKind::Gemini => Box::new(gemini::GeminiWire::new(identity)),
            StreamKind::Text => Box::new(text::TextWire::default()),
        }
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StreamKind {
    type Err = UnknownStream;

    fn from_str(name: &str) -> Result<Self, UnknownStream> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| UnknownStream(name.to_owned()))
    }
}

/// Runs the agent once and returns its exit code: that of the scripted end, 64 if the script is wrong, 70 if
/// something around it is. The last two leave an `error: …` line on standard error.
pub fn run(options: Options, mut io: Io<'_>) -> i32 {
    match follow(&options, &mut io) {
        Ok(code) => code,
        Err(error) => {
            // A reader that is gone cannot be told; the exit code is then all there is.
            drop(writeln!(io.stderr, "error: {}", error.told()));
            error.exit_code()
        }
    }
}

fn follow(options: &Options, io: &mut Io<'_>) -> Result<i32, AgentError> {
    let mut prompt = Vec::new();
    io.stdin.read_to_end(&mut prompt).map_err(AgentError::Prompt)?;
    let prompt = String::from_utf8_lossy(&prompt).into_owned();
    let script = Script::load(&options.script)?;
    let reply = reply_for(&script, &options.script, &prompt, io)?;
    let fresh = fresh_session_id((io.now_ms)(), process::id());
    let identity = Identity::of(&options.args, fresh, io.cwd.display().to_string());
    Player::new(options.stream, options.stream.wire(identity), io).play(&reply, &prompt)
}

/// Counts this run and finds what it has to do.
fn reply_for(script: &Script, path: &Path, prompt: &str, io: &Io<'_>) -> Result<Reply, AgentError> {
    let folder = (io.env)("AGENTS_SCRIPT_STATE").map_or_else(|| beside(path), PathBuf::from);
    let failed = |source| AgentError::State { folder: folder.clone(), source };
    let tally = Tally::open(folder.clone()).map_err(failed)?;
    let job = (io.env)("AGENTS_JOB_ID");
    let job_type = (io.env)("AGENTS_JOB_TYPE").unwrap_or_default();
    let assignment = (io.env)("AGENTS_ASSIGNMENT_ID").unwrap_or_else(|| "none".to_owned());
    let occasion = Occasion {
        nth: tally.nth(&assignment, &job_type, job.as_deref()).map_err(failed)?,
        attempt: tally.attempt(job.as_deref()).map_err(failed)?,
        job_type,
        prompt: prompt.to_owned(),
    };
    for (index, reply) in script.replies.iter().enumerate() {
        if !reply.when.holds(&occasion) {
            continue;
        }
        match reply.times {
            Some(times) if !tally.take_use(index, times).map_err(failed)? => {
                // All its uses are taken: the next reply that matches is given.
            }
            Some(_) | None => return Ok(reply.clone()),
        }
    }
    let Occasion { job_type, nth, attempt, .. } = occasion;
    let steps = script.otherwise.clone().ok_or(AgentError::NoReply { job_type, nth, attempt })?;
    Ok(Reply { when: When::default(), steps, times: None, no_result: false, no_init: false })
}

fn beside(script: &Path) -> PathBuf {
    let mut folder = script.as_os_str().to_owned();
    folder.push(".state");
    PathBuf::from(folder)
}
