//! The folders of attempts' files on disk: which there are, how large they are, whether somebody holds them.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use agents_domain::id::AttemptId;
use agents_domain::timestamp::Timestamp;

use crate::process::AttemptFiles;

/// What the process that looks after an attempt holds locked while it lives.
const LOCK: &str = "keeper.lock";

/// The folders of attempts are spread over so many.
pub(super) const SHARDS: u16 = 256;

/// The folder of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub attempt: AttemptId,
    pub path: PathBuf,
}

/// Why a folder was not removed.
#[derive(Debug)]
pub(super) enum NotRemoved {
    /// Somebody holds its lock.
    Held,
    Failed(io::Error),
}

/// The attempts' folders in one of the [`SHARDS`]. What does not look like one is not ours and is passed over, a link
/// too.
pub(super) fn list(data_folder: &Path, shard: u16) -> io::Result<Vec<Folder>> {
    let name = format!("{shard:02x}");
    let entries = match fs::read_dir(data_folder.join("attempts").join(&name)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let text = entry.file_name().to_string_lossy().into_owned();
        let Ok(attempt) = text.parse::<AttemptId>() else { continue };
        if attempt.to_string() == text && text.ends_with(&name) && entry.file_type()?.is_dir() {
            found.push(Folder { attempt, path: entry.path() });
        }
    }
    Ok(found)
}

/// When something in the folder was last written.
pub(super) fn modified(folder: &Path) -> io::Result<Timestamp> {
    let mut latest = moment(&fs::metadata(folder)?)?;
    for entry in fs::read_dir(folder)? {
        latest = latest.max(moment(&entry?.metadata()?)?);
    }
    Ok(latest)
}

fn moment(data: &fs::Metadata) -> io::Result<Timestamp> {
    let since = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// How many bytes the files in the folder have.
pub(super) fn size(folder: &Path) -> u64 {
    // What can't be read has no size to tell; removing it says why.
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of_entry).sum()
}

/// Whether somebody holds the folder's lock, or that of a check in it.
pub(super) fn is_held(folder: &Path) -> io::Result<bool> {
    if matches!(lock(folder)?, Lock::Held) {
        return Ok(true);
    }
    let files = AttemptFiles { folder: folder.to_owned() };
    let is_held = |check: &AttemptFiles| matches!(lock(&check.folder), Ok(Lock::Held));
    Ok(files.checks().iter().any(is_held))
}

/// Removes the folder, its lock held meanwhile. One that is gone already is removed. Gives its size.
pub(super) fn remove(folder: &Path) -> Result<u64, NotRemoved> {
    let held = match lock(folder).map_err(NotRemoved::Failed)? {
        Lock::Held => return Err(NotRemoved::Held),
        free @ (Lock::Free(_) | Lock::None) => free,
    };
    let bytes = size(folder);
    let removed = fs::remove_dir_all(folder);
    drop(held);
    match removed {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(NotRemoved::Failed(error)),
    }
}

#[derive(Debug)]
enum Lock {
    /// Somebody has it.
    Held,
    /// We have it, as long as the file is open.
    Free(#[allow(dead_code, reason = "it is open as long as this lives")] File),
    /// There is none to take.
    None,
}

fn lock(folder: &Path) -> io::Result<Lock> {
    let file = match File::open(folder.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lock::None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => Ok(Lock::Free(file)),
        Err(TryLockError::WouldBlock) => Ok(Lock::Held),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn folder(data: &Path) -> PathBuf {
        let folder = data.join("attempts/57").join(ID);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("stdout"), "four").unwrap();
        fs::write(folder.join("prompt.md"), "three").unwrap();
        folder
    }

    #[test]
    fn only_folders_of_attempts_are_listed() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(list(data.path(), 0x57).unwrap(), []);
        let path = folder(data.path());
        let shard = data.path().join("attempts/57");
        let like = |end: &str| format!("{}{end}", &ID[..ID.len() - end.len()]);
        fs::create_dir(shard.join("notes")).unwrap();
        fs::create_dir(shard.join(like("58"))).unwrap();
        fs::create_dir(shard.join(like("57").to_uppercase())).unwrap();
        fs::write(shard.join(like("157")), "a file").unwrap();
        std::os::unix::fs::symlink(&path, shard.join(like("257"))).unwrap();
        let expected = Folder { attempt: ID.parse().unwrap(), path };
        assert_eq!(list(data.path(), 0x57).unwrap(), [expected]);
    }

    #[test]
    fn a_folder_goes_unless_its_lock_is_held() {
        let data = tempfile::tempdir().unwrap();
        let path = folder(data.path());
        let held = File::create(path.join(LOCK)).unwrap();
        held.lock().unwrap();
        assert!(is_held(&path).unwrap());
        assert!(matches!(remove(&path), Err(NotRemoved::Held)));
        assert!(path.join("stdout").exists());
        drop(held);
        assert!(!is_held(&path).unwrap());
        assert_eq!(remove(&path).unwrap(), 9);
        assert!(!path.exists());
        assert_eq!(remove(&path).unwrap(), 0, "gone already");
    }

    #[test]
    fn a_folder_is_as_young_as_the_youngest_file_in_it() {
        let data = tempfile::tempdir().unwrap();
        let path = folder(data.path());
        let long_ago = UNIX_EPOCH + std::time::Duration::from_secs(1000);
        for file in [path.join("stdout"), path.join("prompt.md"), path.clone()] {
            File::open(file).unwrap().set_modified(long_ago).unwrap();
        }
        assert_eq!(modified(&path).unwrap(), Timestamp::from_seconds(1000));
        let later = long_ago + std::time::Duration::from_secs(7);
        File::open(path.join("stdout")).unwrap().set_modified(later).unwrap();
        assert_eq!(modified(&path).unwrap(), Timestamp::from_seconds(1007));
    }
}
