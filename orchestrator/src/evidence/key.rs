//! The key that a runner signs receipts with. Its private half is in the memory of this process and nowhere else, and the
//! process is closed to others before it is drawn; the public half is in the store and stays there.

use std::fs::File;
use std::io::{self, Read};

use agents_domain::evidence::{CheckReceipt, Signature, VerificationKey};
use agents_domain::id::RunnerId;
use agents_domain::timestamp::Timestamp;
use ed25519_dalek::{SECRET_KEY_LENGTH, Signer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::process::memory;

/// Both halves. The private one is overwritten when the key is dropped.
pub struct SigningKey {
    pair: ed25519_dalek::SigningKey,
    id: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "the memory of this process can't be closed to others, and the key of receipts is kept there: {0}"
    )]
    Open(#[source] io::Error),
    #[error("no key for receipts can be drawn from /dev/urandom: {0}")]
    NotRandom(#[source] io::Error),
}

impl SigningKey {
    /// A new one, after the memory of this process was closed to others.
    pub fn draw() -> Result<Self, KeyError> {
        memory::close().map_err(KeyError::Open)?;
        let mut secret = Zeroizing::new([0; SECRET_KEY_LENGTH]);
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(secret.as_mut_slice()))
            .map_err(KeyError::NotRandom)?;
        Ok(Self::of(&secret))
    }

    fn of(secret: &[u8; SECRET_KEY_LENGTH]) -> Self {
        let pair = ed25519_dalek::SigningKey::from_bytes(secret);
        let id = id_of(pair.verifying_key().as_bytes());
        Self { pair, id }
    }

    /// The receipt's signature.
    pub fn sign(&self, receipt: &CheckReceipt) -> Signature {
        let value = self.pair.sign(receipt.signed_text().as_bytes());
        Signature { key: self.id.clone(), value: hex(&value.to_bytes()) }
    }

    /// Whether this very key has signed the receipt, as it is. No word of the store is needed for that.
    pub fn has_signed(&self, receipt: &CheckReceipt) -> bool {
        let public = self.pair.verifying_key();
        receipt.signature.as_ref().is_some_and(|signature| {
            signature.key == self.id && is_signature(&public, receipt, &signature.value)
        })
    }

    /// What others are told of it.
    pub fn published(&self, runner: RunnerId, machine: String, since: Timestamp) -> VerificationKey {
        let public = hex(self.pair.verifying_key().as_bytes());
        VerificationKey { id: self.id.clone(), public, runner, machine, since }
    }
}

/// The id of a key: the hash of its public half.
pub(super) fn id_of(public: &[u8]) -> String {
    hex(&Sha256::digest(public))
}

/// Strict: for a receipt and a key there is one signature, and no other form of it counts.
pub(super) fn is_signature(
    public: &ed25519_dalek::VerifyingKey,
    receipt: &CheckReceipt,
    value: &str,
) -> bool {
    let value = unhex(value).and_then(|bytes| ed25519_dalek::Signature::from_slice(&bytes).ok());
    value.is_some_and(|value| public.verify_strict(receipt.signed_text().as_bytes(), &value).is_ok())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use agents_domain::evidence::{CheckEnd, TestCounts, TreeState};
    use agents_domain::id::{AssignmentId, AttemptId, JobId, ReceiptId};
    use uuid::Uuid;

    use super::*;

    /// The same each time, of that number.
    pub fn key(number: u8) -> SigningKey {
        SigningKey::of(&[number; SECRET_KEY_LENGTH])
    }

    pub fn receipt() -> CheckReceipt {
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
            signature: None,
        }
    }

    pub fn signed(key: &SigningKey, receipt: CheckReceipt) -> CheckReceipt {
        CheckReceipt { signature: Some(key.sign(&receipt)), ..receipt }
    }

    #[test]
    fn each_key_that_is_drawn_is_another_one_and_shows_only_its_public_half() {
        let (one, other) = (SigningKey::draw().unwrap(), SigningKey::draw().unwrap());
        assert_ne!(one.id, other.id);
        assert_eq!(format!("{one:?}"), format!("SigningKey({})", one.id));
        let published =
            one.published(RunnerId::new(Uuid::nil()), "here".to_owned(), Timestamp::from_millis(5));
        assert_eq!(published.id, id_of(&unhex(&published.public).unwrap()));
        assert_eq!(published.public, hex(one.pair.verifying_key().as_bytes()));
    }

    #[test]
    fn a_key_knows_what_it_has_signed_and_nothing_else() {
        let (own, other) = (key(1), key(2));
        let ours = signed(&own, receipt());
        assert!(own.has_signed(&ours) && !other.has_signed(&ours));
        let with = |signature: Option<Signature>| CheckReceipt { signature, ..ours.clone() };
        let Signature { key, value } = ours.signature.clone().unwrap();
        let changed = [
            CheckReceipt { end: CheckEnd::Exit(0), ..ours.clone() },
            CheckReceipt { check: "tests".to_owned(), ..ours.clone() },
            CheckReceipt { tree: None, ..ours.clone() },
            CheckReceipt { argv: vec!["sh".into(), "-c".into(), "true".into()], ..ours.clone() },
            CheckReceipt { tail: "0 failed".to_owned(), ..ours.clone() },
            CheckReceipt { counts: None, ..ours.clone() },
            CheckReceipt { output_bytes: 10, ..ours.clone() },
            CheckReceipt { job: JobId::new(Uuid::from_u128(9)), ..ours.clone() },
            with(None),
            with(Some(Signature { key: key.clone(), value: String::new() })),
            with(Some(Signature { key: key.clone(), value: "ä".repeat(64) })),
            with(Some(Signature { key: key.clone(), value: value[2..].to_owned() })),
            with(Some(Signature { key: other.id.clone(), value: value.clone() })),
            with(Some(Signature { key, value: other.sign(&ours).value })),
            with(Some(other.sign(&ours))),
        ];
        for receipt in changed {
            assert!(!own.has_signed(&receipt), "{receipt:?}");
        }
    }
}
