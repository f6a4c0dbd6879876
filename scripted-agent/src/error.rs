//! Why a run of the scripted agent could not follow its script. Not the failures that a script asks for.

use std::io;
use std::path::PathBuf;

use crate::StreamKind;
use crate::failure::Failure;
use crate::script::ScriptError;
use crate::variables::Unset;

/// The script is wrong (`EX_USAGE` of sysexits.h).
const BAD_SCRIPT: i32 = 64;

/// The script is right and something around it is not (`EX_SOFTWARE`).
const STEP_FAILED: i32 = 70;

#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentError {
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error(
        "the script has no reply for this run (job type `{job_type}`, nth {nth}, attempt {attempt}) and no `otherwise`"
    )]
    NoReply { job_type: String, nth: u32, attempt: u32 },
    #[error("the {stream} CLI has no end that is called `{failure}`")]
    NoSuchEnd { stream: StreamKind, failure: Failure },
    #[error(transparent)]
    Unset(#[from] Unset),
    #[error("cannot count runs in {}", folder.display())]
    State {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read the prompt")]
    Prompt(#[source] io::Error),
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    #[error("cannot write {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot start or signal a process")]
    Process(#[source] io::Error),
    #[error("{} did not appear within {timeout_ms} ms", path.display())]
    NotAppeared { path: PathBuf, timeout_ms: u64 },
}

impl AgentError {
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            AgentError::Script(_)
            | AgentError::NoReply { .. }
            | AgentError::NoSuchEnd { .. }
            | AgentError::Unset(_) => BAD_SCRIPT,
            AgentError::State { .. }
            | AgentError::Prompt(_)
            | AgentError::Output(_)
            | AgentError::File { .. }
            | AgentError::Process(_)
            | AgentError::NotAppeared { .. } => STEP_FAILED,
        }
    }

    /// The error with its causes, on one line.
    pub(crate) fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}
