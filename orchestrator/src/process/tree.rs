//! The processes below a process: who they are, what processor time they use, and how they are signaled without ever
//! meeting another process that has their number by now.
//!
//! Linux tells by `/proc` (proc(5)). Elsewhere no process below another is known; there the process group must do.

use std::collections::HashSet;
use std::fs;

use rustix::process::{Pid, Signal};

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
    let mut known = HashSet::new();
    let mut found: Vec<Seen> = children(pid).into_iter().filter(|child| known.insert(child.pid)).collect();
    let mut next = 0;
    while let Some(one) = found.get(next) {
        let more = children(one.pid);
        found.extend(more.into_iter().filter(|child| known.insert(child.pid)));
        next += 1;
    }
    found
}

/// Stops all the processes below this one, so that those that fork all the time are overtaken: the youngest first, and each
/// before its children are looked for, since what is stopped has no more. Orphans come to `root`, so that is where to look
/// again, and at the end everywhere, until nothing is new. Gives them all.
pub fn freeze(root: i32) -> Vec<Seen> {
    /// So many rounds without an end mean that what is stopped is continued by somebody.
    const ROUNDS: usize = 10_000;
    let mut frozen = Frozen { root, known: HashSet::new(), found: Vec::new() };
    for _ in 0..ROUNDS {
        if !frozen.stop_children_of(root) && !frozen.stop_everywhere() {
            break;
        }
    }
    frozen.found
}

/// What was stopped so far. It does not end before it is killed, so its numbers are not used again.
struct Frozen {
    root: i32,
    known: HashSet<i32>,
    found: Vec<Seen>,
}

impl Frozen {
    /// Tells whether there was anything new.
    fn stop_children_of(&mut self, parent: i32) -> bool {
        let begin = self.found.len();
        self.stop_new(parent);
        let mut next = begin;
        while let Some(one) = self.found.get(next) {
            self.stop_new(one.pid);
            next += 1;
        }
        self.found.len() > begin
    }

    fn stop_everywhere(&mut self) -> bool {
        let begin = self.found.len();
        for place in 0..begin {
            self.stop_children_of(self.found[place].pid);
        }
        self.stop_children_of(self.root) || self.found.len() > begin
    }

    fn stop_new(&mut self, parent: i32) {
        for pid in child_pids(parent).into_iter().rev() {
            if self.known.contains(&pid) {
                continue;
            }
            let Some(seen) = look(pid).filter(|seen| !seen.is_zombie()) else { continue };
            // A number that was used again is not below us.
            if (seen.parent == parent || seen.parent == self.root) && signal(&seen, Signal::STOP) {
                self.known.insert(pid);
                self.found.push(seen);
            }
        }
    }
}

/// The processor time of all the processes below this one, in clock ticks.
pub fn cpu_ticks_below(pid: i32) -> u64 {
    below(pid).iter().map(|seen| seen.cpu_ticks).sum()
}

fn children(pid: i32) -> Vec<Seen> {
    child_pids(pid).into_iter().filter_map(look).collect()
}

/// The oldest first. A thread has children of its own, so each one is asked. A kernel without `children` files has every
/// process looked at.
fn child_pids(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(pids) => found.extend(pids.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok())),
            Err(_) if !thread.path().exists() => {}
            Err(_) => {
                return all().into_iter().filter(|seen| seen.parent == pid).map(|seen| seen.pid).collect();
            }
        }
    }
    found
}

fn all() -> Vec<Seen> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| look(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Signals this very process. `false`: it is gone, whatever has its number now.
#[cfg(target_os = "linux")]
pub fn signal(seen: &Seen, signal: Signal) -> bool {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = Pid::from_raw(seen.pid) else { return false };
    // The handle is of whoever has the number at this moment; if that is still the one that was seen, it stays so.
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => Some(handle),
        Err(rustix::io::Errno::SRCH) => return false,
        // A kernel before 5.3.
        Err(_) => None,
    };
    if !is_still_there(seen) {
        return false;
    }
    match handle {
        Some(handle) => pidfd_send_signal(handle, signal).is_ok(),
        None => rustix::process::kill_process(pid, signal).is_ok(),
    }
}

/// Signals this very process, as far as can be told. `false`: it is gone.
#[cfg(not(target_os = "linux"))]
pub fn signal(seen: &Seen, signal: Signal) -> bool {
    let Some(pid) = Pid::from_raw(seen.pid) else { return false };
    is_still_there(seen) && rustix::process::kill_process(pid, signal).is_ok()
}

fn is_still_there(seen: &Seen) -> bool {
    look(seen.pid).is_some_and(|now| now.start_time == seen.start_time && !now.is_zombie())
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
