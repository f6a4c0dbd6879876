//! What the system knows of a process (proc(5)).

/// A figure of `/proc/<pid>/status`.
fn figure(status: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The memory that it has now, in MiB.
pub fn memory(pid: i32) -> f64 {
    figure(&format!("/proc/{pid}/status"), "VmRSS") as f64 / 1024.0
}

/// The most memory that it has had, in MiB.
pub fn peak_memory(pid: i32) -> f64 {
    figure(&format!("/proc/{pid}/status"), "VmHWM") as f64 / 1024.0
}

/// How often its threads have gone to sleep by themselves; each time something woke them.
pub fn voluntary_switches(pid: i32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    tasks
        .map(|task| figure(&task.path().join("status").display().to_string(), "voluntary_ctxt_switches"))
        .sum()
}
