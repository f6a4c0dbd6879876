//! The agent's own processes: the commands that it runs, the child that it leaves behind, the signals that it ignores
//! and the one by which it dies. The only module that starts anything.

use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::step::{ChildStep, DeathSignal};

/// What a shell says of a program that is not there.
const NOT_FOUND: i32 = 127;

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// Standard output and standard error in the order in which they were written.
    pub output: String,
    pub exit_code: i32,
}

/// Runs a command to its end. A program that does not exist is a command that failed, as in a shell.
pub(crate) fn run(argv: &[String], cwd: &Path) -> io::Result<Finished> {
    let (program, args) = argv.split_first().ok_or(ErrorKind::InvalidInput)?;
    let (mut reader, writer) = io::pipe()?;
    let spawned = command(program)
        .args(args)
        .current_dir(cwd)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let output = format!("{program}: command not found\n");
            return Ok(Finished { output, exit_code: NOT_FOUND });
        }
        Err(error) => return Err(error),
    };
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    let exit_code = as_exit_code(child.wait()?);
    Ok(Finished { output: String::from_utf8_lossy(&output).into_owned(), exit_code })
}

/// Starts a child that does nothing but hold standard output and standard error, and leaves it.
#[allow(clippy::zombie_processes, reason = "a child that nobody waits for is what the step is for")]
pub(crate) fn leave_child(step: &ChildStep, cwd: &Path) -> io::Result<()> {
    let seconds = format!("{}.{:03}", step.ms / 1000, step.ms % 1000);
    let mut child = command(if step.setsid { "setsid" } else { "sleep" });
    if step.setsid {
        child.arg("sleep");
    }
    child.arg(seconds).current_dir(cwd).stdin(Stdio::null()).spawn().map(drop)
}

/// From here on TERM, INT and HUP change nothing.
pub(crate) fn ignore_signals() -> io::Result<()> {
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        // The flag is never read: a handler that only sets it is what makes the signal harmless.
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

/// Dies by the signal. Returns, with the exit code of such a death, only if the signal is ignored.
pub(crate) fn die(signal: DeathSignal) -> io::Result<i32> {
    let signal = match signal {
        DeathSignal::Kill => Signal::KILL,
        DeathSignal::Term => Signal::TERM,
        // Sent from outside, this one may strike another thread while this one goes on to a normal exit.
        DeathSignal::Abrt => std::process::abort(),
    };
    kill_process(getpid(), signal)?;
    Ok(128 + signal.as_raw())
}

/// The process's own number.
pub(crate) fn id() -> u32 {
    std::process::id()
}

#[allow(
    clippy::disallowed_methods,
    reason = "an agent runs commands; this is the agent, not the orchestrator"
)]
fn command(program: &str) -> Command {
    Command::new(program)
}

/// The code, or what a shell makes of a death by signal.
fn as_exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(argv: &[&str]) -> Finished {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        run(&argv, Path::new("/")).unwrap()
    }

    #[test]
    fn a_command_gives_its_output_in_order_and_its_exit_code() {
        let finished = ran(&["sh", "-c", "echo out; echo err >&2; echo more; exit 3"]);
        assert_eq!(finished, Finished { output: "out\nerr\nmore\n".to_owned(), exit_code: 3 });
    }

    #[test]
    fn a_death_by_signal_is_128_and_the_signal() {
        assert_eq!(ran(&["sh", "-c", "kill -9 $$"]), Finished { output: String::new(), exit_code: 137 });
    }

    #[test]
    fn a_program_that_is_not_there_is_a_command_that_failed() {
        assert_eq!(
            ran(&["no-such-program"]),
            Finished { output: "no-such-program: command not found\n".to_owned(), exit_code: 127 }
        );
    }
}
