//! The table of keys that receipts are verified with. Its rows never change, and stay when their runners are gone.

use std::collections::BTreeMap;

use agents_domain::evidence::VerificationKey;
use agents_domain::id::{AssignmentId, AttemptId, RunnerId};
use agents_domain::store::StoreError;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, names};

const COLUMNS: [&str; 5] = ["id", "public_key", "runner_id", "machine_id", "since"];
const SIGNER: [&str; 2] = ["id", "runner_id"];

/// Writes a key, once.
pub(super) async fn put(on: &mut Connection, key: &VerificationKey) -> Result<(), StoreError> {
    Statement::new(format!("INSERT INTO verification_keys ({}) ", names("", &COLUMNS)))
        .push_rows(vec![vec![
            key.id.as_str().into(),
            key.public.as_str().into(),
            key.runner.to_string().into(),
            key.machine.as_str().into(),
            key.since.as_millis().into(),
        ]])
        .push(" ON CONFLICT (id) DO NOTHING")
        .execute(on, "writing the runner's key")
        .await?;
    Ok(())
}

/// The keys that receipts of the assignment name.
pub(super) async fn load(on: &mut Connection, of: AssignmentId) -> Result<Vec<VerificationKey>, StoreError> {
    let rows = Statement::new(format!(
        "SELECT {} FROM verification_keys \
         WHERE id IN (SELECT key_id FROM receipts WHERE assignment_id = $1) ORDER BY id",
        names("", &COLUMNS)
    ))
    .bind(of.to_string())
    .fetch(on, "reading keys of receipts")
    .await?;
    let read = |row| {
        let mut columns = Columns::new(row, "verification_keys", &COLUMNS, 0);
        Ok(VerificationKey {
            id: columns.text()?,
            public: columns.text()?,
            runner: columns.parsed(|text| text.parse().ok())?,
            machine: columns.text()?,
            since: columns.time()?,
        })
    };
    rows.iter().map(read).collect()
}

/// Which runner each attempt of the assignment that has receipts was ended by: who alone can have made them.
pub(super) async fn signers(
    on: &mut Connection,
    of: AssignmentId,
) -> Result<BTreeMap<AttemptId, RunnerId>, StoreError> {
    let rows = Statement::new(
        "SELECT id, runner_id FROM attempts \
         WHERE id IN (SELECT attempt_id FROM receipts WHERE assignment_id = $1)",
    )
    .bind(of.to_string())
    .fetch(on, "reading who has made receipts")
    .await?;
    let read = |row| {
        let mut columns = Columns::new(row, "attempts", &SIGNER, 0);
        Ok((columns.parsed(|text| text.parse().ok())?, columns.parsed(|text| text.parse().ok())?))
    };
    rows.iter().map(read).collect()
}
