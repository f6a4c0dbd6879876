//! The small program that keeps one attempt: the hidden commands of a keeper and nothing else of `agents`, so that it holds
//! little memory and starts at once.

use std::io::Write;
use std::process::ExitCode;

use agents_orchestrator::process::keeper::program;

/// The exit code of a wrong command line, as `agents` has it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    if let Some(code) = program::obey(std::env::args_os().skip(1)) {
        return ExitCode::from(code);
    }
    let why = "error: this is started by `agents`, to watch over an agent; there is nothing to run by hand\n";
    // Where even this can't be said, the exit code must do.
    let said = std::io::stderr().write_all(why.as_bytes());
    debug_assert!(said.is_ok(), "standard error is closed");
    ExitCode::from(USAGE)
}
