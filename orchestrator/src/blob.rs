//! Large things that are kept as files, `<dataDir>/blobs/<xx>/<sha256>`: each content once, whole or not at all.
//!
//! A blob is written before the transaction that names it, so one that nothing names is either left over or about to be
//! named. What is kept is made young again, and only what is old is removed; the lock keeps the two apart.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use agents_domain::blob::BlobId;
use agents_domain::timestamp::Timestamp;
use sha2::{Digest, Sha256};

use crate::evidence::key::hex;

/// What the name of a file begins with that is still being written, or was when its writer died.
const UNFINISHED: &str = "unfinished-";
/// How much is read at once.
const PIECE: usize = 256 << 10;

/// A file in one of the folders of blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobFile {
    /// `None`: it was never finished.
    pub blob: Option<BlobId>,
    pub path: PathBuf,
    pub bytes: u64,
    pub modified: Timestamp,
}

/// Where that blob is.
pub fn path(data_folder: &Path, blob: &BlobId) -> PathBuf {
    data_folder.join("blobs").join(&blob.as_str()[..2]).join(blob.as_str())
}

/// Keeps all that there is to read, as of `now`. Gives its name and its size.
pub fn keep(
    data_folder: &Path,
    content: &mut (impl Read + Seek),
    now: Timestamp,
) -> io::Result<(BlobId, u64)> {
    let (blob, bytes) = name(content)?;
    let path = path(data_folder, &blob);
    let folder = path.parent().unwrap_or(data_folder);
    fs::create_dir_all(folder)?;
    let held = lock(data_folder)?;
    match File::open(&path) {
        Ok(there) => there.set_modified(UNIX_EPOCH + since_epoch(now))?,
        Err(error) if error.kind() == ErrorKind::NotFound => write(&path, folder, content, bytes)?,
        Err(error) => return Err(error),
    }
    drop(held);
    Ok((blob, bytes))
}

fn write(path: &Path, folder: &Path, content: &mut (impl Read + Seek), bytes: u64) -> io::Result<()> {
    content.seek(SeekFrom::Start(0))?;
    // It is gone when this fails.
    let mut unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    let copied = io::copy(&mut content.take(bytes), unfinished.as_file_mut())?;
    if copied != bytes {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "it became shorter while it was kept"));
    }
    unfinished.as_file().sync_all()?;
    unfinished.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn name(content: &mut impl Read) -> io::Result<(BlobId, u64)> {
    let (mut hash, mut bytes) = (Sha256::new(), 0u64);
    let mut piece = vec![0; PIECE];
    loop {
        match content.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => {
                hash.update(&piece[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let blob = hex(&hash.finalize()).parse().expect("a SHA-256 has 64 hexadecimal digits");
    Ok((blob, bytes))
}

/// The blobs whose names begin with these two digits, and what was never finished there. What looks like neither is not
/// ours and is passed over, a link too.
pub fn list(data_folder: &Path, shard: u16) -> io::Result<Vec<BlobFile>> {
    let shard = format!("{shard:02x}");
    let entries = match fs::read_dir(data_folder.join("blobs").join(&shard)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let blob = name.parse::<BlobId>().ok().filter(|_| name.starts_with(&shard));
        let data = entry.metadata()?;
        if data.is_file() && (blob.is_some() || name.starts_with(UNFINISHED)) {
            found.push(BlobFile { blob, path: entry.path(), bytes: data.len(), modified: modified(&data)? });
        }
    }
    Ok(found)
}

/// Removes it, unless it was kept once more since it was listed. Whether it is gone.
pub fn remove(data_folder: &Path, file: &BlobFile) -> io::Result<bool> {
    let held = lock(data_folder)?;
    let is_same = match fs::metadata(&file.path) {
        Ok(data) => modified(&data)? == file.modified,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if is_same {
        fs::remove_file(&file.path)?;
    }
    drop(held);
    Ok(is_same)
}

/// Nobody keeps or removes a blob as long as it is open.
fn lock(data_folder: &Path) -> io::Result<File> {
    let file = File::create(data_folder.join("blobs").join("lock"))?;
    file.lock()?;
    Ok(file)
}

fn modified(data: &fs::Metadata) -> io::Result<Timestamp> {
    let since = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn kept(data: &Path, content: &str, at: i64) -> BlobId {
        let (blob, bytes) = keep(data, &mut Cursor::new(content), Timestamp::from_seconds(at)).unwrap();
        assert_eq!(bytes, content.len() as u64);
        blob
    }

    #[test]
    fn a_blob_is_named_by_its_content_and_the_same_is_kept_once_and_young() {
        let data = tempfile::tempdir().unwrap();
        let blob = kept(data.path(), "abc", 5);
        assert_eq!(blob.as_str(), ABC);
        assert_eq!(path(data.path(), &blob), data.path().join("blobs/ba").join(ABC));
        assert_eq!(kept(data.path(), "abc", 1000), blob);
        let only = BlobFile {
            path: path(data.path(), &blob),
            blob: Some(blob),
            bytes: 3,
            modified: Timestamp::from_seconds(1000),
        };
        assert_eq!(fs::read(&only.path).unwrap(), b"abc");
        assert_eq!(list(data.path(), 0xba).unwrap(), [only]);
    }

    #[test]
    fn what_is_listed_are_blobs_and_what_was_never_finished() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(list(data.path(), 0xba).unwrap(), []);
        let file = path(data.path(), &kept(data.path(), "abc", 5));
        let folder = file.parent().unwrap();
        let half = folder.join("unfinished-x");
        fs::write(&half, "a").unwrap();
        fs::write(folder.join("notes"), "mine").unwrap();
        fs::write(folder.join(ABC.replace("ba", "bb")), "of another folder").unwrap();
        std::os::unix::fs::symlink(&file, folder.join(ABC.replace("ad", "ae"))).unwrap();
        let mut found: Vec<_> = list(data.path(), 0xba).unwrap().into_iter().map(|one| one.path).collect();
        found.sort_unstable();
        assert_eq!(found, [file, half]);
    }

    #[test]
    fn what_is_kept_once_more_after_it_was_listed_stays() {
        let data = tempfile::tempdir().unwrap();
        kept(data.path(), "abc", 5);
        kept(data.path(), "abc", 6);
        let listed = list(data.path(), 0xba).unwrap().remove(0);
        kept(data.path(), "abc", 7);
        assert!(!remove(data.path(), &listed).unwrap());
        assert!(listed.path.exists());
        let listed = list(data.path(), 0xba).unwrap().remove(0);
        assert!(remove(data.path(), &listed).unwrap());
        assert!(!listed.path.exists());
        assert!(!remove(data.path(), &listed).unwrap(), "gone already");
    }

    #[test]
    fn what_can_not_be_written_whole_leaves_nothing() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("blobs/ba");
        fs::create_dir_all(&folder).unwrap();
        let target = folder.join(ABC);
        // It has three bytes, and five were counted.
        let said = write(&target, &folder, &mut Cursor::new("abc"), 5).unwrap_err();
        assert_eq!(said.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir(&folder).unwrap();
        fs::write(&folder, "a file where a folder should be").unwrap();
        assert!(keep(data.path(), &mut Cursor::new("abc"), Timestamp::from_seconds(5)).is_err());
    }
}
