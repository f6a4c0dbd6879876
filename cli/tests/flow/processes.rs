//! What the system knows of running processes (proc(5)).

use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// Living processes with this variable in their environment. A dead one has no environment.
pub fn with_variable(name: &str, value: &str) -> Vec<i32> {
    let wanted = format!("{name}={value}");
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let carries = |pid: &i32| {
        // A process may end, or be somebody else's, while it is looked at.
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    pids.filter(carries).collect()
}

/// Living processes of an attempt.
pub fn of_attempt(attempt: &str) -> Vec<i32> {
    with_variable("AGENTS_ATTEMPT_ID", attempt)
}

/// The keeper of an attempt.
pub fn keeper_of(attempt: &str) -> i32 {
    of_attempt(attempt).into_iter().find(is_keeper).expect("the attempt has a keeper")
}

/// All keepers with this home folder.
pub fn keepers_of_home(home: &Path) -> Vec<i32> {
    with_variable("HOME", &home.display().to_string()).into_iter().filter(is_keeper).collect()
}

fn is_keeper(pid: &i32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).nth(1) == Some(b"keep-attempt")
}

/// Kills what still runs with this home folder.
pub fn kill_all_of_home(home: &Path) {
    for pid in with_variable("HOME", &home.display().to_string()) {
        signal(pid, Signal::KILL);
    }
}

/// Sends a signal to a process that may be gone already.
pub fn signal(pid: i32, signal: Signal) {
    match kill_process(Pid::from_raw(pid).unwrap(), signal) {
        // What is gone needs no signal.
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => panic!("process {pid} can't be signaled: {error}"),
    }
}

/// The state of a process, such as `T` for one that is stopped. The field after its name, which may hold anything.
pub fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A figure of `/proc/<pid>/status`, such as `VmHWM` in KiB.
pub fn status_figure(status: &Path, name: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The most memory that a process has had, in bytes.
pub fn peak_memory(pid: i32) -> u64 {
    status_figure(&Path::new("/proc").join(pid.to_string()).join("status"), "VmHWM") << 10
}

/// How often the threads of a process have gone to sleep by themselves; each time something woke them.
pub fn voluntary_switches(pid: i32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    tasks.map(|task| status_figure(&task.path().join("status"), "voluntary_ctxt_switches")).sum()
}

/// Does something without these powers of root, and so does all that it starts. Who is not root never had them.
#[cfg(target_os = "linux")]
pub fn without<T: Send>(powers: &[rustix::thread::CapabilitySet], run: impl FnOnce() -> T + Send) -> T {
    let powerless = || {
        if rustix::process::geteuid().is_root() {
            for power in powers {
                rustix::thread::remove_capability_from_bounding_set(*power)
                    .expect("root may give up its powers; without that the test can't be done");
            }
        }
        run()
    };
    std::thread::scope(|scope| scope.spawn(powerless).join().unwrap())
}
