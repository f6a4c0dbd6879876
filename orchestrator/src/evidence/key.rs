//! The key that receipts are signed with: 32 random bytes in a file of the user's own, made when it is first needed.
//!
//! It lies outside of the store and of every workspace, and no agent's environment names it. An agent that runs as the
//! same user without a sandbox can read it all the same (docs/evidence.md); the gate does not depend on it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use agents_domain::evidence::CheckReceipt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The length of the key in bytes: that of the hash's output, as RFC 2104 wants it.
const LENGTH: usize = 32;

/// Who else than its owner may do something with the file.
const OTHERS: u32 = 0o077;

/// The key.
pub struct Key([u8; LENGTH]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key of receipts {}: {why}", path.display())]
    Io { path: PathBuf, why: io::Error },
    #[error("the key of receipts {} has {length} bytes, and {LENGTH} are right", path.display())]
    Length { path: PathBuf, length: usize },
    #[error("the key of receipts {} can be used by others (its mode is {mode:o}): chmod 600 '{}'", path.display(), path.display())]
    Open { path: PathBuf, mode: u32 },
}

impl Key {
    /// The key in that file; made if there is none.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        if let Some(key) = Self::load(path)? {
            return Ok(key);
        }
        make(path).map_err(|why| KeyError::Io { path: path.to_owned(), why })?;
        // Another process may have been quicker: the one that lies there counts.
        Self::load(path)?
            .ok_or_else(|| KeyError::Io { path: path.to_owned(), why: io::ErrorKind::NotFound.into() })
    }

    /// The key in that file, if there is one that only its owner can use.
    pub fn load(path: &Path) -> Result<Option<Self>, KeyError> {
        let failed = |why| KeyError::Io { path: path.to_owned(), why };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mode = file.metadata().map_err(failed)?.mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(KeyError::Open { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.take(LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        let length = bytes.len();
        let key = bytes.try_into().map_err(|_| KeyError::Length { path: path.to_owned(), length })?;
        Ok(Some(Self(key)))
    }

    /// The code of the receipt, in lower-case hexadecimal.
    pub fn sign(&self, receipt: &CheckReceipt) -> String {
        hex(&self.mac(receipt).finalize().into_bytes())
    }

    /// Whether the receipt is as it was signed. Takes the same time whatever differs.
    pub fn verifies(&self, receipt: &CheckReceipt) -> bool {
        let Some(code) = unhex(&receipt.mac) else { return false };
        self.mac(receipt).verify_slice(&code).is_ok()
    }

    fn mac(&self, receipt: &CheckReceipt) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(receipt.signed_text().as_bytes());
        mac
    }
}

/// Whole or not at all, and never over one that is there.
fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut random = [0; LENGTH];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    // Made for its owner alone.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&random)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
        Ok(_) => Ok(()),
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use agents_domain::evidence::{CheckEnd, TestCounts, TreeState};
    use agents_domain::id::{AssignmentId, AttemptId, JobId, ReceiptId};
    use agents_domain::timestamp::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn receipt() -> CheckReceipt {
        CheckReceipt {
            id: ReceiptId::new(Uuid::from_u128(1)),
            assignment: AssignmentId::new(Uuid::from_u128(2)),
            job: JobId::new(Uuid::from_u128(3)),
            attempt: AttemptId::new(Uuid::from_u128(4)),
            check: "test".to_owned(),
            argv: vec!["sh".to_owned(), "-c".to_owned(), "make test".to_owned()],
            tree: Some(TreeState { commit: "c0ffee".to_owned(), dirty: None }),
            end: CheckEnd::Exit(1),
            started_at: Timestamp::from_millis(7),
            duration_ms: 8,
            output_hash: "abc".to_owned(),
            output_bytes: 9,
            tail: "1 failed".to_owned(),
            counts: Some(TestCounts { passed: 0, failed: 1, skipped: 0 }),
            mac: String::new(),
        }
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("state/agents/receipts.key");
        assert!(Key::load(&path).unwrap().is_none());
        let first = Key::load_or_make(&path).unwrap();
        assert_eq!(Key::load_or_make(&path).unwrap().0, first.0);
        assert_ne!(first.0, [0; LENGTH]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let open = Key::load(&path).unwrap_err();
        assert!(open.to_string().contains("its mode is 640"), "{open}");
    }

    #[test]
    fn of_many_that_make_the_key_at_once_all_have_the_same() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("receipts.key");
        let make = || Key::load_or_make(&path).unwrap().0;
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{}", keys.len());
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("receipts.key");
        for length in [0, 31, 33, 4000] {
            fs::write(&path, vec![7; length]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(Key::load(&path), Err(KeyError::Length { .. })), "{length}");
        }
    }

    #[test]
    fn a_receipt_verifies_as_it_was_signed_and_not_when_anything_is_changed() {
        let (key, other) = (Key([1; LENGTH]), Key([2; LENGTH]));
        let signed = CheckReceipt { mac: key.sign(&receipt()), ..receipt() };
        assert!(key.verifies(&signed) && !other.verifies(&signed));
        let changed = [
            CheckReceipt { end: CheckEnd::Exit(0), ..signed.clone() },
            CheckReceipt { check: "tests".to_owned(), ..signed.clone() },
            CheckReceipt { tree: None, ..signed.clone() },
            CheckReceipt { argv: vec!["sh".into(), "-c".into(), "true".into()], ..signed.clone() },
            CheckReceipt { tail: "0 failed".to_owned(), ..signed.clone() },
            CheckReceipt { counts: None, ..signed.clone() },
            CheckReceipt { output_bytes: 10, ..signed.clone() },
            CheckReceipt { job: JobId::new(Uuid::from_u128(9)), ..signed.clone() },
            CheckReceipt { mac: String::new(), ..signed.clone() },
            CheckReceipt { mac: "ä".repeat(32), ..signed.clone() },
            CheckReceipt { mac: signed.mac[1..].to_owned(), ..signed.clone() },
        ];
        for receipt in changed {
            assert!(!key.verifies(&receipt), "{receipt:?}");
        }
    }
}
