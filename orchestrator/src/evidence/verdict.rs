//! Whether a stored receipt is as the runner has signed it that has ended its attempt: told by public keys alone, in any
//! process, also when the runner is gone.

use agents_domain::evidence::{CheckReceipt, Standing, VerificationKey};
use agents_domain::id::ReceiptId;
use agents_domain::store::EvidenceRecord;

use super::key;

/// What a receipt is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    AsSigned,
    /// It has no signature.
    Unsigned,
    /// Its key is not the one that the runner of its attempt has made known.
    ForeignKey,
    /// The signature is not of this receipt.
    Altered,
}

impl Verdict {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::AsSigned => "as_signed",
            Verdict::Unsigned => "unsigned",
            Verdict::ForeignKey => "foreign_key",
            Verdict::Altered => "altered",
        }
    }
}

/// The verdict on a receipt of that record.
pub fn verdict(receipt: &CheckReceipt, record: &EvidenceRecord) -> Verdict {
    let Some(signature) = &receipt.signature else { return Verdict::Unsigned };
    let signer = record.signers.get(&receipt.attempt);
    let is_its = |key: &&VerificationKey| key.id == signature.key && Some(&key.runner) == signer;
    match record.keys.iter().find(is_its).and_then(public) {
        Some(public) if key::is_signature(&public, receipt, &signature.value) => Verdict::AsSigned,
        Some(_) => Verdict::Altered,
        None => Verdict::ForeignKey,
    }
}

/// Receipts that the assignment is said to stand on, and that are not in the record as they were signed.
pub fn unfounded(standing: &Standing, record: &EvidenceRecord) -> Vec<ReceiptId> {
    let is_founded = |mark: &&agents_domain::evidence::ReceiptMark| {
        record
            .receipts
            .iter()
            .any(|receipt| mark.is_of(receipt) && verdict(receipt, record) == Verdict::AsSigned)
    };
    standing.receipts.iter().filter(|mark| !is_founded(mark)).map(|mark| mark.id).collect()
}

/// `None`: it is no key, or not the one of its id.
fn public(key: &VerificationKey) -> Option<ed25519_dalek::VerifyingKey> {
    let bytes = key::unhex(&key.public)?;
    if key::id_of(&bytes) != key.id {
        return None;
    }
    ed25519_dalek::VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use agents_domain::evidence::{CheckEnd, ReceiptMark, Signature};
    use agents_domain::id::RunnerId;
    use agents_domain::timestamp::Timestamp;
    use uuid::Uuid;

    use super::super::key::SigningKey;
    use super::super::key::tests::{key, receipt, signed};
    use super::*;

    fn runner(number: u128) -> RunnerId {
        RunnerId::new(Uuid::from_u128(number))
    }

    fn published(key: &SigningKey, by: u128) -> VerificationKey {
        key.published(runner(by), "here".to_owned(), Timestamp::from_millis(1))
    }

    /// Runner 1 has ended the attempt of the receipt.
    fn record(keys: Vec<VerificationKey>) -> EvidenceRecord {
        EvidenceRecord {
            signers: BTreeMap::from([(receipt().attempt, runner(1))]),
            keys,
            ..EvidenceRecord::default()
        }
    }

    #[test]
    fn only_the_runner_that_has_ended_the_attempt_can_have_signed() {
        let (own, other, made_up) = (key(1), key(2), key(3));
        let known = record(vec![published(&own, 1), published(&other, 2)]);
        let ours = signed(&own, receipt());
        let check = |receipt: &CheckReceipt, record: &EvidenceRecord, expected: Verdict| {
            assert_eq!(verdict(receipt, record), expected, "{receipt:?}");
        };
        check(&ours, &known, Verdict::AsSigned);
        check(&receipt(), &known, Verdict::Unsigned);
        check(&CheckReceipt { end: CheckEnd::Exit(0), ..ours.clone() }, &known, Verdict::Altered);
        check(&signed(&made_up, receipt()), &known, Verdict::ForeignKey);
        check(&signed(&other, receipt()), &known, Verdict::ForeignKey);
        let borrowed = Signature { key: published(&own, 1).id, value: made_up.sign(&receipt()).value };
        check(&CheckReceipt { signature: Some(borrowed), ..receipt() }, &known, Verdict::Altered);
        check(&ours, &record(Vec::new()), Verdict::ForeignKey);
        // A key under another one's id.
        let swapped = VerificationKey { id: published(&own, 1).id, ..published(&made_up, 1) };
        let under = Signature { key: swapped.id.clone(), value: made_up.sign(&receipt()).value };
        check(
            &CheckReceipt { signature: Some(under), ..receipt() },
            &record(vec![swapped]),
            Verdict::ForeignKey,
        );
        let nonsense = VerificationKey { public: "zz".to_owned(), ..published(&own, 1) };
        check(&ours, &record(vec![nonsense]), Verdict::ForeignKey);
    }

    #[test]
    fn an_assignment_stands_on_what_is_in_the_record_as_it_was_signed() {
        let own = key(1);
        let ours = signed(&own, receipt());
        let mark = ReceiptMark {
            id: ours.id,
            check: ours.check.clone(),
            tree: ours.tree.clone(),
            passed: ours.passed(),
        };
        let known = EvidenceRecord { receipts: vec![ours.clone()], ..record(vec![published(&own, 1)]) };
        let unfounded =
            |mark: ReceiptMark| unfounded(&Standing { receipts: vec![mark], ..Standing::default() }, &known);
        assert_eq!(unfounded(mark.clone()), []);
        let forged = [
            ReceiptMark { passed: true, ..mark.clone() },
            ReceiptMark { check: "lint".to_owned(), ..mark.clone() },
            ReceiptMark { tree: None, ..mark.clone() },
        ];
        for forged in forged {
            assert_eq!(unfounded(forged.clone()), [ours.id], "{forged:?}");
        }
    }
}
