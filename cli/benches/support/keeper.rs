//! The floor of every run: a keeper that keeps a program, with the files that a keeper can't do without, and nothing else.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use agents_domain::invocation::StopSignal;
use agents_orchestrator::process::AttemptFiles;
use agents_orchestrator::process::keeper::control;
use agents_orchestrator::process::keeper::mark::{self, Taken};
use agents_orchestrator::process::keeper::program;
use agents_orchestrator::process::keeper::terms::{KEEP, Terms};

/// The program that keeps attempts, or the small one beside it.
pub const KEEPER: &str = env!("CARGO_BIN_EXE_agents");

/// The keeper of that program, which is to have its files in that folder.
#[allow(clippy::disallowed_methods, reason = "the floor is measured by spawning without the product")]
pub fn of(folder: &Path, program: Vec<OsString>) -> Command {
    let files = AttemptFiles { folder: folder.to_owned() };
    std::fs::create_dir_all(folder).unwrap();
    let Taken::Fresh(lock) = mark::take(&files.lock()).unwrap() else { panic!("the folder is new") };
    control::make(&files.control()).unwrap();
    let terms = Terms {
        folder: folder.to_owned(),
        deadline: u64::MAX,
        stop: StopSignal::Terminate,
        grace: Duration::from_secs(5),
        max_output: 1 << 30,
        command: program,
    };
    let mut command = Command::new(program::beside(Path::new(KEEPER)));
    command.arg(KEEP).args(terms.into_args()).stdin(Stdio::null()).stdout(lock).stderr(Stdio::null());
    command
}
