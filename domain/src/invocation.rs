//! A process to be started, as data: nothing here starts one.

use std::path::PathBuf;

/// Everything that is needed to start an agent CLI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// A program name to be found on PATH, or a path.
    pub program: String,
    pub args: Vec<String>,
    /// Variables to set. They win over inherited ones.
    pub env: Vec<(String, String)>,
    /// Inherited variables to take away: exact names, or prefixes that end in `*`.
    pub env_remove: Vec<String>,
    /// Inherited variables that stay although [`Invocation::env_remove`] names them: exact names.
    pub env_keep: Vec<String>,
    pub cwd: PathBuf,
    /// What the agent reads on standard input, before end of file.
    pub stdin: String,
    /// Files to write before the start, for CLIs that take settings only as files.
    pub files: Vec<ExtraFile>,
    /// How to ask it to stop.
    pub stop: StopSignal,
}

/// A file in the attempt's own folder. Folders on the way to it are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    pub path: PathBuf,
    pub content: String,
}

/// The first signal that a CLI stops on cleanly, and to whom it goes. `KILL` to the group follows after the
/// grace for every one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM to the process.
    Terminate,
    /// SIGINT to the process.
    Interrupt,
    /// SIGTERM to the whole process group.
    TerminateGroup,
}
