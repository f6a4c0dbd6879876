//! The processes below a process: who they are, what processor time they use, and how they are signaled without ever
//! meeting another process that has their number by now.
//!
//! Linux tells by `/proc` (proc(5)). Elsewhere no process below another is known; there the process group must do.

use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process at the moment in which it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub pid: i32,
    pub parent: i32,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// `R`, `S`, `T` and so on.
    pub state: char,
    /// Processor time in clock ticks, that of children who have been waited for included.
    pub cpu_ticks: u64,
    /// In clock ticks since boot; with the pid it is unique within one boot.
    pub start_time: u64,
}

impl Seen {
    /// Whether it has ended and only waits to be noticed.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// The process of that number, if there is one.
pub fn look(pid: i32) -> Option<Seen> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    read_stat(&String::from_utf8_lossy(&stat))
}

/// `pid (name) state ppid …`; the name may hold anything, so fields are counted from its last parenthesis.
fn read_stat(stat: &str) -> Option<Seen> {
    let (before, after) = stat.rsplit_once(')')?;
    let (pid, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // Fields 14 to 17 of proc(5): utime, stime, cutime, cstime; 22: starttime.
    let cpu_ticks = (11..=14).map(number).sum::<Option<u64>>()?;
    Some(Seen {
        pid: pid.trim().parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        name: name.to_owned(),
        state: fields.first()?.chars().next()?,
        cpu_ticks,
        start_time: number(19)?,
    })
}

/// All the processes below this one, parents before their children.
pub fn below(pid: i32) -> Vec<Seen> {
    let mut found: Vec<Seen> = children(pid);
    let mut next = 0;
    while let Some(one) = found.get(next) {
        let more = children(one.pid);
        for child in more {
            if !found.iter().any(|known| known.pid == child.pid) {
                found.push(child);
            }
        }
        next += 1;
    }
    found
}

/// The processor time of all the processes below this one, in clock ticks.
pub fn cpu_ticks_below(pid: i32) -> u64 {
    below(pid).iter().map(|seen| seen.cpu_ticks).sum()
}

/// A thread has children of its own, so each one is asked. A kernel without `children` files has every process looked at.
fn children(pid: i32) -> Vec<Seen> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(pids) => {
                found.extend(pids.split_ascii_whitespace().filter_map(|pid| look(pid.parse().ok()?)));
            }
            Err(_) if !thread.path().exists() => {}
            Err(_) => return all().into_iter().filter(|seen| seen.parent == pid).collect(),
        }
    }
    found
}

fn all() -> Vec<Seen> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| look(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Signals this very process. `false`: it is gone, whatever has its number now.
pub fn signal(seen: &Seen, signal: Signal) -> bool {
    let Some(pid) = Pid::from_raw(seen.pid) else { return false };
    // The handle is of whoever has the number at this moment; if that is still the one that was seen, it stays so.
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => Some(handle),
        Err(rustix::io::Errno::SRCH) => return false,
        Err(_) => None,
    };
    if look(seen.pid).is_none_or(|now| now.start_time != seen.start_time || now.is_zombie()) {
        return false;
    }
    match handle {
        Some(handle) => pidfd_send_signal(handle, signal).is_ok(),
        None => rustix::process::kill_process(pid, signal).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name_holds() {
        let line = "42 (a) b) S 7 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 9000 1 2 3";
        let expected = Seen {
            pid: 42,
            parent: 7,
            name: "a) b".to_owned(),
            state: 'S',
            cpu_ticks: 100,
            start_time: 9000,
        };
        assert_eq!(read_stat(line), Some(expected));
        assert_eq!(read_stat("42 (a"), None);
        assert_eq!(read_stat("42 (a) S 1 2"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_whose_number_belongs_to_another_one_by_now_is_not_signaled() {
        let own = look(i32::try_from(std::process::id()).unwrap()).unwrap();
        let earlier = Seen { start_time: own.start_time - 1, ..own };
        assert!(!signal(&earlier, Signal::KILL), "this test would not be here any more");
    }
}
