//! The step between a keeper and its agent: what must be set in the agent's own process before its program runs, which a
//! spawn can't do without unsafe code.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;

/// The file in which the step says why the program did not run.
pub const NOT_STARTED: &str = "not-started";

/// The exit code of a program that could not be run, as a shell has it.
const NOT_RUN: u8 = 127;

/// Becomes the agent. Comes back only if that fails.
///
/// `args`: the keeper's process number, the attempt's folder, the program and its arguments.
pub fn launch(args: &[OsString]) -> u8 {
    let [keeper, folder, program, rest @ ..] = args else { return NOT_RUN };
    // It leads no group yet, so it can lead a session of its own: no terminal, and no signal that was meant for us.
    let session = rustix::process::setsid();
    debug_assert!(session.is_ok(), "it leads no process group");
    if !dies_with(keeper.to_str().and_then(|pid| pid.parse().ok())) {
        return NOT_RUN;
    }
    let why = exec(program, rest);
    let errno = why.raw_os_error().unwrap_or_default();
    // Where even this can't be written, the exit code must do.
    let written = std::fs::write(Path::new(folder).join(NOT_STARTED), errno.to_string());
    if written.is_err() {
        return NOT_RUN - 1;
    }
    NOT_RUN
}

#[allow(clippy::disallowed_methods, reason = "this module is part of the one that spawns")]
fn exec(program: &OsString, args: &[OsString]) -> std::io::Error {
    std::process::Command::new(program).args(args).exec()
}

/// When the keeper is killed, the agent is too: nobody would end it any more. `false`: the keeper is gone already.
#[cfg(target_os = "linux")]
fn dies_with(keeper: Option<i32>) -> bool {
    let set = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    debug_assert!(set.is_ok(), "SIGKILL is a signal");
    rustix::process::getppid().map(rustix::process::Pid::as_raw_pid) == keeper
}

/// There is no such signal here; the next runner ends what is left.
#[cfg(not(target_os = "linux"))]
fn dies_with(keeper: Option<i32>) -> bool {
    rustix::process::getppid().map(rustix::process::Pid::as_raw_pid) == keeper
}
