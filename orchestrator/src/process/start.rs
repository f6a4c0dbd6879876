//! Starts an attempt: its files, its lock, and its keeper, which starts the agent.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use agents_domain::invocation::{ExtraFile, Invocation};
use rustix::io::Errno;
use tokio::process::{Child, Command};

use super::AttemptFiles;
use super::keeper::mark::{self, Taken};
use super::keeper::{control, now, program as keeper_program, terms};
use crate::crash_point;

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("`{program}` is not installed or not on PATH")]
    Missing { program: String },
    /// It is there and can't be run.
    #[error("`{program}` can't be run: {why}")]
    NotRunnable { program: String, why: String },
    /// The machine has no room for it now.
    #[error("`{program}` can't be started now: {why}")]
    Refused { program: String, why: String },
    /// Another runner has given the attempt up meanwhile.
    #[error("the attempt was given up before its agent was started")]
    Revoked,
    /// The attempt's own files can't be written.
    #[error("{}: {why}", path.display())]
    Files { path: PathBuf, why: io::Error },
}

/// A process's standard output and error, to be read by offset.
#[derive(Debug)]
pub struct Streams {
    pub stdout: File,
    pub stderr: File,
}

/// Under what terms an agent is kept.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The whole program, which has the keeper's hidden command; the small one beside it is taken where there is one.
    pub keeper: PathBuf,
    /// How long it may go on without a runner.
    pub lease: Duration,
    /// The time between the first signal and SIGKILL.
    pub grace: Duration,
    /// How much it may print, in bytes.
    pub max_output: u64,
}

/// Starts the keeper of an attempt, which starts the agent, its streams in the attempt's files.
pub fn start(
    invocation: &Invocation,
    files: &AttemptFiles,
    on: Terms,
) -> Result<(Child, Streams), SpawnError> {
    let in_files = |path: PathBuf| move |why: io::Error| SpawnError::Files { path, why };
    let deadline = now() + u64::try_from(on.lease.as_millis()).unwrap_or(u64::MAX / 2);
    let stdin = write_prompt(&files.prompt(), &invocation.stdin)?;
    for extra in &invocation.files {
        write_extra(extra).map_err(in_files(extra.path.clone()))?;
    }
    crash_point::pass("prompt written");
    let (stdout, stderr) = (create(&files.stdout())?, create(&files.stderr())?);
    let program = program(invocation)?;
    // From here on the lock is held until nothing of the attempt lives: by us, then by the keeper, which inherits it.
    let lock = match mark::take(&files.lock()).map_err(in_files(files.lock()))? {
        Taken::Fresh(lock) => lock,
        Taken::Used(_) | Taken::Held => return Err(SpawnError::Revoked),
    };
    crash_point::pass("lock taken");
    control::make(&files.control()).map_err(in_files(files.control()))?;
    let their_stderr = stderr.try_clone().map_err(in_files(files.stderr()))?;
    let mut agent = vec![program.into_os_string()];
    agent.extend(invocation.args.iter().map(Into::into));
    let terms = terms::Terms {
        folder: files.folder.clone(),
        deadline,
        stop: invocation.stop,
        grace: on.grace,
        max_output: on.max_output,
        command: agent,
    };
    let mut command = command(invocation, &keeper_program::beside(&on.keeper));
    command.arg(terms::KEEP).args(terms.into_args());
    command.stdin(Stdio::from(stdin)).stdout(Stdio::from(lock)).stderr(Stdio::from(their_stderr));
    let child = command.spawn().map_err(|error| refused(invocation, &error))?;
    crash_point::pass("keeper started");
    Ok((child, Streams { stdout, stderr }))
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

#[allow(clippy::disallowed_methods, reason = "this module is the one that spawns")]
fn command(invocation: &Invocation, keeper: &Path) -> Command {
    let mut command = Command::new(keeper);
    // A group of its own, so that no Ctrl-C in the terminal reaches it.
    command.current_dir(&invocation.cwd).process_group(0);
    for (name, _) in std::env::vars_os() {
        let is_removed = |name: &str| {
            matches(name, &invocation.env_remove) && !invocation.env_keep.iter().any(|kept| kept == name)
        };
        if name.to_str().is_some_and(is_removed) {
            command.env_remove(&name);
        }
    }
    if cfg!(debug_assertions) {
        command.env_remove(crash_point::OF_RUNNER).env_remove(crash_point::LOG);
        if let Some(number) = std::env::var_os(crash_point::OF_KEEPER) {
            command.env(crash_point::OF_RUNNER, number);
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

/// Why the program did not run, out of what the system said.
pub fn refused(invocation: &Invocation, error: &io::Error) -> SpawnError {
    const FOR_NOW: [Errno; 6] =
        [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE, Errno::TXTBSY, Errno::NOSPC];
    let program = invocation.program.clone();
    if error.raw_os_error() == Some(Errno::TOOBIG.raw_os_error()) {
        let why = "its arguments and environment together are longer than the system allows".to_owned();
        return SpawnError::NotRunnable { program, why };
    }
    if FOR_NOW.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) {
        return SpawnError::Refused { program, why: error.to_string() };
    }
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
