//! What an attempt's lock file says: who keeps the attempt, or that nobody ever may. The lock itself is the proof; the
//! text is for those who must find the keeper's processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use agents_domain::attempt::ProcessMark;
use serde::{Deserialize, Serialize};

use crate::process::identity;

/// Who keeps an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    pub pid: i32,
    pub start_time: u64,
    pub boot_id: String,
    /// When it began, in milliseconds of the monotonic clock of that boot.
    pub began: u64,
    pub cgroup: Option<PathBuf>,
}

impl Mark {
    /// The keeper's process.
    pub fn process(&self) -> ProcessMark {
        ProcessMark { pid: self.pid, start_time: self.start_time, boot_id: self.boot_id.clone() }
    }
}

/// The text of a lock file whose attempt nobody may start any more.
const REVOKED: &str = "revoked\n";

/// Writes who we are into the lock file, which is our standard output, in a line of its own; the last one holds.
pub(super) fn write(began: u64, cgroup: Option<&Path>) -> io::Result<()> {
    let own = identity::own_mark();
    let mark = Mark {
        pid: own.pid,
        start_time: own.start_time,
        boot_id: own.boot_id,
        began,
        cgroup: cgroup.map(Path::to_owned),
    };
    let mut text = serde_json::to_vec(&mark)?;
    text.push(b'\n');
    let mut written = 0;
    while written < text.len() {
        written += rustix::io::write(rustix::stdio::stdout(), &text[written..])?;
    }
    Ok(())
}

/// Who keeps or kept the attempt, if a keeper ever did.
pub fn read(path: &Path) -> Option<Mark> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

/// What came of trying to take an attempt's lock.
#[derive(Debug)]
pub enum Taken {
    /// Ours, and no keeper has had it before.
    Fresh(File),
    /// Ours; the attempt was started before, or was revoked.
    Used(File),
    /// A keeper lives.
    Held,
}

/// Tries to take the lock.
pub fn take(path: &Path) -> io::Result<Taken> {
    let mut file =
        OpenOptions::new().create(true).read(true).write(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Taken::Held),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut first = [0];
    let is_used = file.read(&mut first)? > 0;
    file.rewind()?;
    Ok(if is_used { Taken::Used(file) } else { Taken::Fresh(file) })
}

/// Sees to it that no keeper is started any more. `false`: one lives.
pub fn revoke(path: &Path) -> io::Result<bool> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match take(path)? {
        Taken::Fresh(mut file) => file.write_all(REVOKED.as_bytes()).map(|()| true),
        Taken::Used(_) => Ok(true),
        Taken::Held => Ok(false),
    }
}

/// Whether it was revoked before any keeper had it, so that nothing of the attempt has ever run.
pub fn was_never_taken(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text == REVOKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revoked_attempt_is_never_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/keeper.lock");
        assert!(revoke(&path).unwrap(), "also where the folder is not there yet");
        assert!(matches!(take(&path).unwrap(), Taken::Used(_)));
        assert!(revoke(&path).unwrap());
        assert_eq!((read(&path), was_never_taken(&path)), (None, true));
    }

    #[test]
    fn an_attempt_that_somebody_holds_can_be_neither_taken_nor_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keeper.lock");
        let Taken::Fresh(held) = take(&path).unwrap() else { panic!("nobody has it") };
        assert!(matches!(take(&path).unwrap(), Taken::Held));
        assert!(!revoke(&path).unwrap());
        drop(held);
        assert!(matches!(take(&path).unwrap(), Taken::Fresh(_)), "nothing was written");
        assert!(!was_never_taken(&path));
    }
}
