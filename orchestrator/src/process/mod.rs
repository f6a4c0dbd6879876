//! Other people's processes: the only place that starts one.
//!
//! An agent's standard streams are regular files in its attempt's folder: a CLI that drops what a pipe has not
//! taken loses nothing, an agent outlives its reader, and a grandchild that keeps the file open delays nobody.

pub mod identity;
pub mod output;
pub mod probe;
pub mod stop;

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use agents_domain::harness::ProcessEnd;
use agents_domain::invocation::{ExtraFile, Invocation};
use tokio::process::{Child, Command};

/// The files of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptFiles {
    pub folder: PathBuf,
}

impl AttemptFiles {
    /// What the agent is told.
    pub fn prompt(&self) -> PathBuf {
        self.folder.join("prompt.md")
    }

    /// The agent's stream as it printed it.
    pub fn stdout(&self) -> PathBuf {
        self.folder.join("stdout")
    }

    /// What it said beside it.
    pub fn stderr(&self) -> PathBuf {
        self.folder.join("stderr")
    }
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("`{program}` is not installed or not on PATH")]
    Missing { program: String },
    /// It is there and can't be run.
    #[error("`{program}` can't be run: {why}")]
    NotRunnable { program: String, why: String },
    /// The attempt's own files can't be written.
    #[error("{}: {why}", path.display())]
    Files { path: PathBuf, why: io::Error },
}

/// A running process, how to wait for it, and its streams.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pub pid: i32,
}

/// A process's standard output and error, to be read by offset.
#[derive(Debug)]
pub struct Streams {
    pub stdout: File,
    pub stderr: File,
}

/// Starts the process, in its own group, with its streams in the attempt's files.
pub fn start(invocation: &Invocation, files: &AttemptFiles) -> Result<(Running, Streams), SpawnError> {
    let stdin = write_prompt(&files.prompt(), &invocation.stdin)?;
    for extra in &invocation.files {
        write_extra(extra).map_err(|why| SpawnError::Files { path: extra.path.clone(), why })?;
    }
    let (out_path, err_path) = (files.stdout(), files.stderr());
    let (stdout, stderr) = (create(&out_path)?, create(&err_path)?);
    let shared = |file: &File, path: &Path| {
        file.try_clone().map(Stdio::from).map_err(|why| SpawnError::Files { path: path.to_owned(), why })
    };
    let mut command = command(invocation, &program(invocation)?);
    command.stdin(Stdio::from(stdin)).stdout(shared(&stdout, &out_path)?).stderr(shared(&stderr, &err_path)?);
    let child = command.spawn().map_err(|error| refused(invocation, &error))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
    Ok((Running { child, pid }, Streams { stdout, stderr }))
}

/// The program's own file, found on the PATH that the process will have. Found here, because a search by the
/// system under a changed PATH needs a real fork of this process, which is many times slower than a spawn.
fn program(invocation: &Invocation) -> Result<PathBuf, SpawnError> {
    let own = invocation.env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.into());
    let path = own.or_else(|| std::env::var_os("PATH"));
    which::which_in(&invocation.program, path, &invocation.cwd).map_err(|_| not_found(invocation))
}

/// A path that leads to something is not missing.
fn not_found(invocation: &Invocation) -> SpawnError {
    let program = invocation.program.clone();
    if program.contains('/') && invocation.cwd.join(&program).exists() {
        return SpawnError::NotRunnable { program, why: "it is no executable file".to_owned() };
    }
    SpawnError::Missing { program }
}

impl Running {
    /// Waits for the end of the process itself; what it has started may go on.
    pub async fn ended(&mut self) -> ProcessEnd {
        match self.child.wait().await {
            Ok(status) => process_end(status),
            Err(error) => {
                tracing::warn!(%error, pid = self.pid, "the end of a process could not be seen");
                ProcessEnd::Unknown
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "this module is the one that spawns")]
fn command(invocation: &Invocation, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(&invocation.args).current_dir(&invocation.cwd).process_group(0);
    for (name, _) in std::env::vars_os() {
        let is_removed = |name: &str| {
            matches(name, &invocation.env_remove) && !invocation.env_keep.iter().any(|kept| kept == name)
        };
        if name.to_str().is_some_and(is_removed) {
            command.env_remove(&name);
        }
    }
    command.envs(invocation.env.iter().map(|(name, value)| (name, value)));
    command
}

/// Whether the variable is in the list of names, some of which stand for all that begin with them.
fn matches(name: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    })
}

fn write_extra(extra: &ExtraFile) -> io::Result<()> {
    if let Some(folder) = extra.path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&extra.path, &extra.content)
}

/// The prompt as a file that is read from its beginning: the agent sees all of it, then the end.
fn write_prompt(path: &Path, prompt: &str) -> Result<File, SpawnError> {
    let written = || {
        let mut file =
            OpenOptions::new().create(true).truncate(true).read(true).write(true).mode(0o600).open(path)?;
        file.write_all(prompt.as_bytes())?;
        file.rewind()?;
        Ok(file)
    };
    written().map_err(|why| SpawnError::Files { path: path.to_owned(), why })
}

/// Appending, so that what an agent's children write with the same file open never overwrites.
fn create(path: &Path) -> Result<File, SpawnError> {
    let opened = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path);
    opened.map_err(|why| SpawnError::Files { path: path.to_owned(), why })
}

fn refused(invocation: &Invocation, error: &io::Error) -> SpawnError {
    let program = invocation.program.clone();
    if error.kind() != io::ErrorKind::NotFound {
        return SpawnError::NotRunnable { program, why: error.to_string() };
    }
    if !invocation.cwd.is_dir() {
        let why = format!("the folder to work in, {}, is not there", invocation.cwd.display());
        return SpawnError::NotRunnable { program, why };
    }
    // The program was found, so what is missing is what it is run by.
    SpawnError::NotRunnable {
        program,
        why: "its interpreter is not there (its first line names it)".to_owned(),
    }
}

fn process_end(status: ExitStatus) -> ProcessEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessEnd::Exited(code),
        (None, Some(signal)) => ProcessEnd::Signaled(signal),
        (None, None) => ProcessEnd::Unknown,
    }
}
