//! Who holds a lock file: Linux tells which files a process has open and where it works.

use std::path::Path;

/// What is known of a lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    Nobody,
    /// A living process has it open, or is a git that works there: git closes some locks and holds them on.
    Process {
        pid: i32,
        name: String,
    },
    /// There is no `/proc`.
    Unknown,
}

/// Who holds that lock, which is of the working tree or the git folder `works_in`.
pub fn holder(lock: &Path, works_in: &[&Path]) -> Holder {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Holder::Unknown };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids {
        // What is gone meanwhile, or is somebody else's, says nothing.
        let Ok(name) = std::fs::read_to_string(format!("/proc/{pid}/comm")) else { continue };
        let name = name.trim().to_owned();
        let is_there = name.starts_with("git")
            && std::fs::read_link(format!("/proc/{pid}/cwd"))
                .is_ok_and(|cwd| works_in.iter().any(|folder| cwd.starts_with(folder)));
        if is_there || has_open(pid, lock) {
            return Holder::Process { pid, name };
        }
    }
    Holder::Nobody
}

fn has_open(pid: i32, file: &Path) -> bool {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| std::fs::read_link(entry.path()).ok()).any(|link| link == file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_while_somebody_has_it_open_and_by_nobody_after_that() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().canonicalize().unwrap().join("index.lock");
        let file = std::fs::File::create(&lock).unwrap();
        let own = std::process::id().cast_signed();
        assert!(matches!(holder(&lock, &[]), Holder::Process { pid, .. } if pid == own));
        drop(file);
        // By another name: a child that another test just starts may still have what was open.
        let left = lock.with_extension("left");
        std::fs::hard_link(&lock, &left).unwrap();
        assert_eq!(holder(&left, &[folder.path()]), Holder::Nobody);
    }
}
