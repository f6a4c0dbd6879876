//! A control group for one attempt, where one can be made (cgroups(7), version 2): ending it ends all of its processes at
//! once, also those that fork faster than anybody can count.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Makes a group below our own. `None`: there are none here, or we may not.
pub fn make(attempt: &str) -> Option<PathBuf> {
    let path = own()?.join(format!("agents-{attempt}"));
    fs::create_dir(&path).ok()?;
    if path.join("cgroup.kill").exists() {
        return Some(path);
    }
    // A kernel before 5.14 has the group and not what it is for.
    remove(&path);
    None
}

/// Moves a process into the group. Its children from now on will be in it too. One that has ended meanwhile needs no
/// group, and one that stays outside is found by its parents.
pub fn add(group: &Path, pid: i32) {
    if let Err(error) = fs::write(group.join("cgroup.procs"), pid.to_string()) {
        tracing::debug!(%error, pid, "a process could not be moved into its control group");
    }
}

/// Ends every process of the group.
pub fn kill(group: &Path) {
    if let Err(error) = fs::write(group.join("cgroup.kill"), "1") {
        tracing::debug!(%error, "a control group could not be killed");
    }
}

/// Takes the group away. What was killed in it is gone in a moment, and until then it can't be removed.
pub fn remove(group: &Path) {
    const TRIES: u32 = 50;
    const PAUSE: Duration = Duration::from_millis(2);
    for _ in 0..TRIES {
        match fs::remove_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => std::thread::sleep(PAUSE),
            Ok(()) => return,
            Err(error) => {
                tracing::debug!(%error, "a control group could not be removed");
                return;
            }
        }
    }
    tracing::debug!(group = %group.display(), "a control group is still in use");
}

/// Our own group: the mount of the hierarchy and our path in it.
fn own() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find_map(mount_point)?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(Path::new(mount).join(path.trim_start_matches('/')))
}

/// `… mount-point options … - cgroup2 source options`.
fn mount_point(line: &str) -> Option<&str> {
    let (mount, kind) = line.split_once(" - ")?;
    kind.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_of_version_2_is_found_among_others() {
        let line = "35 24 0:30 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(mount_point(line), Some("/sys/fs/cgroup/unified"));
        assert_eq!(mount_point("36 24 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"), None);
        assert_eq!(mount_point("garbage"), None);
    }
}
