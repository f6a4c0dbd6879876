//! Ends an agent with all that it has started: the signal it stops on cleanly, a grace, then SIGKILL.
//!
//! The group of the agent is not enough: agent CLIs start their shell tools in sessions of their own. What has
//! left the group is found by the attempt's id in its environment, which every child inherits (Linux).

use super::tree;
use agents_domain::id::AttemptId;
use agents_domain::invocation::StopSignal;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The variable that marks every process of an attempt.
pub const MARKER: &str = "AGENTS_ATTEMPT_ID";

/// Asks the agent to end.
pub fn ask(pid: i32, how: StopSignal) {
    let Some(pid) = Pid::from_raw(pid) else { return };
    match how {
        StopSignal::Terminate => report(kill_process(pid, Signal::TERM)),
        StopSignal::Interrupt => report(kill_process(pid, Signal::INT)),
        StopSignal::TerminateGroup => report(kill_process_group(pid, Signal::TERM)),
    }
}

/// Ends what is left of the agent's group.
pub fn kill_group(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        report(kill_process_group(pid, Signal::KILL));
    }
}

/// Ends every process that carries the attempt's mark, wherever it has gone. Gives how many there were. A
/// process that forks while it is looked for may leave a child behind, so it is looked for until none is found,
/// at most a few times.
pub fn kill_marked(attempt: AttemptId) -> usize {
    const ROUNDS: usize = 50;
    let mut killed = 0;
    for _ in 0..ROUNDS {
        let found = marked(attempt);
        if found.is_empty() {
            break;
        }
        killed += found.len();
        // Stopped first: what is stopped starts nothing while the others are ended.
        for signal in [Signal::STOP, Signal::KILL] {
            for seen in &found {
                tree::signal(seen, signal);
            }
        }
    }
    killed
}

/// Living processes that carry the attempt's mark. None where there is no `/proc`.
pub fn marked(attempt: AttemptId) -> Vec<tree::Seen> {
    let mark = format!("{MARKER}={attempt}");
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id().cast_signed();
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let seen = pids.filter(|pid| *pid != own).filter_map(tree::look);
    // Its environment is read after its start time, so both are of the same process or the signal meets nobody.
    seen.filter(|seen| carries(seen.pid, mark.as_bytes())).collect()
}

/// The environment of a zombie is empty, so a dead process is not found.
fn carries(pid: i32, mark: &[u8]) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}

/// A process that is gone already is what was wanted.
fn report(result: Result<(), Errno>) {
    match result {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => tracing::warn!(%error, "a process could not be signaled"),
    }
}
