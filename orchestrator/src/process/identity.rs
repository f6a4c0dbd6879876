//! Which process it is: a number alone is used again, so the start time and the boot belong to it.
//!
//! On Linux both come from `/proc` (proc(5)). Elsewhere they are unknown, and an unknown process is never
//! signaled nor taken for dead: its lease decides.

use std::sync::OnceLock;

use agents_domain::attempt::{Host, ProcessMark};

/// This boot of this machine; empty where it can't be told. Containers share the kernel's boot id but not its process
/// numbers, so the process namespace belongs to it.
pub fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| {
        let Ok(id) = std::fs::read_to_string("/proc/sys/kernel/random/boot_id") else { return String::new() };
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let number: String = namespace.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        format!("{}/{number}", id.trim())
    })
}

/// This machine and its boot. The machine's own id survives a boot (machine-id(5)); without one, its name must do.
pub fn host() -> Host {
    static MACHINE_ID: OnceLock<String> = OnceLock::new();
    let machine_id = MACHINE_ID.get_or_init(|| {
        let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        match id.trim() {
            "" => rustix::system::uname().nodename().to_string_lossy().into_owned(),
            id => id.to_owned(),
        }
    });
    Host { machine_id: machine_id.clone(), boot_id: boot_id().to_owned() }
}

/// The mark of the process that has this number now.
pub fn mark(pid: i32) -> ProcessMark {
    ProcessMark { pid, start_time: start_time(pid).unwrap_or(0), boot_id: boot_id().to_owned() }
}

/// The mark of this process.
pub fn own_mark() -> ProcessMark {
    mark(i32::try_from(std::process::id()).unwrap_or(0))
}

/// Whether a process is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Alive,
    /// Proven: another process has its number, or none, or the machine has been booted since.
    Dead,
    /// Another machine, or one that does not tell.
    Unknown,
}

/// Whether the marked process is still there.
pub fn life(mark: &ProcessMark) -> Life {
    if mark.boot_id.is_empty() || mark.boot_id != boot_id() || mark.start_time == 0 {
        return Life::Unknown;
    }
    match start_time(mark.pid) {
        Some(started) if started == mark.start_time => Life::Alive,
        Some(_) | None => Life::Dead,
    }
}

/// Field 22 of `/proc/<pid>/stat`, in clock ticks since boot. The name in field 2 may hold anything, so fields
/// are counted from its closing parenthesis. A zombie counts as gone.
fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_told_apart_from_one_that_had_its_number_before() {
        let own = own_mark();
        assert_eq!(life(&own), Life::Alive);
        assert_eq!(life(&ProcessMark { start_time: own.start_time + 1, ..own.clone() }), Life::Dead);
        assert_eq!(life(&ProcessMark { boot_id: "another".into(), ..own }), Life::Unknown);
    }
}
