//! The public half of the key that a runner signs receipts with. It stays when the runner is gone.

use crate::id::RunnerId;
use crate::timestamp::Timestamp;

/// With which key something was signed, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The id of the key.
    pub key: String,
    /// Ed25519, in lower-case hexadecimal.
    pub value: String,
}

/// What a runner has made known of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationKey {
    /// SHA-256 over the public half, in lower-case hexadecimal.
    pub id: String,
    /// The public half itself: 32 bytes in lower-case hexadecimal.
    pub public: String,
    /// Who signs with it. A runner has one key for as long as it lives.
    pub runner: RunnerId,
    /// The machine that the runner is on; empty where it can't be told.
    pub machine: String,
    pub since: Timestamp,
}
