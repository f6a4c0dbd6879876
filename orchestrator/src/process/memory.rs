//! The memory of this process, closed to other processes of the same user.

use std::io;

/// Closes it for as long as the process lives; what it spawns is open again (`exec`).
///
/// Linux: nobody but root, or who has `CAP_SYS_PTRACE`, reads or traces it from now on, and it leaves no core dump
/// (`PR_SET_DUMPABLE` in prctl(2), "access mode checking" in ptrace(2)). macOS has no such call: there the system itself
/// gives a process's memory only to root and to debuggers that the user has let do so.
pub fn close() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
