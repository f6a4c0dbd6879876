//! The tables of evidence: checkpoints, receipts of checks, and findings. Their rows never change.

use agents_domain::evidence::{
    CheckEnd, CheckReceipt, Checkpoint, Citation, Finding, FindingSource, Guard, Severity, Signature,
    TestCounts, TreeState,
};
use agents_domain::id::{AssignmentId, ReceiptId};
use agents_domain::store::{EvidenceRecord, StoreError};
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::key_table;
use super::statement::{Statement, Value, names};

const CHECKPOINT: [&str; 8] = [
    "attempt_id",
    "job_id",
    "assignment_id",
    "before_commit",
    "after_commit",
    "files",
    "insertions",
    "deletions",
];
const RECEIPT: [&str; 20] = [
    "id",
    "assignment_id",
    "job_id",
    "attempt_id",
    "name",
    "argv",
    "tree_commit",
    "tree_dirty",
    "end_kind",
    "end_number",
    "started_at",
    "duration_ms",
    "output_hash",
    "output_bytes",
    "tail",
    "passed_tests",
    "failed_tests",
    "skipped_tests",
    "key_id",
    "signature",
];
const FINDING: [&str; 11] = [
    "id",
    "assignment_id",
    "job_id",
    "attempt_id",
    "source",
    "severity",
    "file",
    "line",
    "citation",
    "criterion",
    "text",
];
/// What the column `source` says of a reviewer's finding.
const REVIEWER: &str = "reviewer";

pub(super) async fn insert_checkpoints(on: &mut Connection, new: &[&Checkpoint]) -> Result<(), StoreError> {
    let rows = new.iter().map(|checkpoint| checkpoint_row(checkpoint)).collect();
    insert(on, "checkpoints", &CHECKPOINT, rows).await
}

pub(super) async fn insert_receipts(on: &mut Connection, new: &[&CheckReceipt]) -> Result<(), StoreError> {
    let rows = new.iter().map(|receipt| receipt_row(receipt)).collect();
    insert(on, "receipts", &RECEIPT, rows).await
}

pub(super) async fn insert_findings(on: &mut Connection, new: &[&Finding]) -> Result<(), StoreError> {
    let rows = new.iter().map(|finding| finding_row(finding)).collect();
    insert(on, "findings", &FINDING, rows).await
}

async fn insert(
    on: &mut Connection,
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    Statement::new(format!("INSERT INTO {table} ({}) ", names("", columns)))
        .push_rows(rows)
        .execute(on, "writing evidence")
        .await?;
    Ok(())
}

/// All the evidence of an assignment, the oldest first.
pub(super) async fn load(on: &mut Connection, of: AssignmentId) -> Result<EvidenceRecord, StoreError> {
    let checkpoints = rows(on, ("checkpoints", &CHECKPOINT, "attempt_id"), of).await?;
    let receipts = rows(on, ("receipts", &RECEIPT, "id"), of).await?;
    let findings = rows(on, ("findings", &FINDING, "id"), of).await?;
    let (keys, signers) = match receipts.is_empty() {
        true => Default::default(),
        false => (key_table::load(on, of).await?, key_table::signers(on, of).await?),
    };
    Ok(EvidenceRecord {
        checkpoints: checkpoints.iter().map(read_checkpoint).collect::<Result<_, _>>()?,
        receipts: receipts.iter().map(read_receipt).collect::<Result<_, _>>()?,
        findings: findings.iter().map(read_finding).collect::<Result<_, _>>()?,
        keys,
        signers,
    })
}

async fn rows(
    on: &mut Connection,
    (table, columns, order): (&str, &[&str], &str),
    of: AssignmentId,
) -> Result<Vec<AnyRow>, StoreError> {
    let list = names("", columns);
    Statement::new(format!("SELECT {list} FROM {table} WHERE assignment_id = $1 ORDER BY {order}"))
        .bind(of.to_string())
        .fetch(on, "reading evidence")
        .await
}

/// Receipts whose ids begin or end with the part, three at most; upper and lower case and hyphens do not matter.
pub(super) async fn receipts_like(
    on: &mut Connection,
    part: &str,
) -> Result<Vec<(AssignmentId, ReceiptId)>, StoreError> {
    let digits: String = part.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if digits.is_empty() || digits.len() > 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let found = Statement::new(
        "SELECT assignment_id, id FROM receipts \
         WHERE replace(id, '-', '') LIKE $1 OR replace(id, '-', '') LIKE $2 ORDER BY id LIMIT 3",
    )
    .bind(format!("{digits}%"))
    .bind(format!("%{digits}"))
    .fetch(on, "looking for a receipt")
    .await?;
    let read = |row: &AnyRow| {
        let mut columns = Columns::new(row, "receipts", &["assignment_id", "id"], 0);
        Ok((columns.parsed(|text| text.parse().ok())?, columns.parsed(|text| text.parse().ok())?))
    };
    found.iter().map(read).collect()
}

fn checkpoint_row(checkpoint: &Checkpoint) -> Vec<Value> {
    vec![
        checkpoint.attempt.to_string().into(),
        checkpoint.job.to_string().into(),
        checkpoint.assignment.to_string().into(),
        checkpoint.before.as_str().into(),
        checkpoint.after.as_str().into(),
        checkpoint.files.into(),
        checkpoint.insertions.into(),
        checkpoint.deletions.into(),
    ]
}

fn read_checkpoint(row: &AnyRow) -> Result<Checkpoint, StoreError> {
    let mut columns = Columns::new(row, "checkpoints", &CHECKPOINT, 0);
    Ok(Checkpoint {
        attempt: columns.parsed(|text| text.parse().ok())?,
        job: columns.parsed(|text| text.parse().ok())?,
        assignment: columns.parsed(|text| text.parse().ok())?,
        before: columns.text()?,
        after: columns.text()?,
        files: columns.count()?,
        insertions: columns.count()?,
        deletions: columns.count()?,
    })
}

fn receipt_row(receipt: &CheckReceipt) -> Vec<Value> {
    let (kind, number) = end(receipt.end);
    let tree = receipt.tree.as_ref();
    let counts = receipt.counts;
    let signature = receipt.signature.as_ref();
    let size = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    vec![
        receipt.id.to_string().into(),
        receipt.assignment.to_string().into(),
        receipt.job.to_string().into(),
        receipt.attempt.to_string().into(),
        receipt.check.as_str().into(),
        serde_json::to_string(&receipt.argv).expect("texts can always be written as JSON").into(),
        tree.map(|tree| tree.commit.clone()).into(),
        tree.and_then(|tree| tree.dirty.clone()).into(),
        kind.into(),
        number.map(i64::from).into(),
        receipt.started_at.as_millis().into(),
        size(receipt.duration_ms),
        receipt.output_hash.as_str().into(),
        size(receipt.output_bytes),
        receipt.tail.as_str().into(),
        counts.map(|counts| i64::from(counts.passed)).into(),
        counts.map(|counts| i64::from(counts.failed)).into(),
        counts.map(|counts| i64::from(counts.skipped)).into(),
        signature.map(|signature| signature.key.clone()).into(),
        signature.map(|signature| signature.value.clone()).into(),
    ]
}

fn end(end: CheckEnd) -> (&'static str, Option<i32>) {
    match end {
        CheckEnd::Exit(code) => ("exit", Some(code)),
        CheckEnd::Signal(signal) => ("signal", Some(signal)),
        CheckEnd::Timeout => ("timeout", None),
        CheckEnd::Overflow => ("overflow", None),
        CheckEnd::NotStarted => ("not_started", None),
        CheckEnd::Stopped => ("stopped", None),
    }
}

fn read_end(kind: &str, number: Option<i32>) -> Option<CheckEnd> {
    Some(match (kind, number) {
        ("exit", Some(code)) => CheckEnd::Exit(code),
        ("signal", Some(signal)) => CheckEnd::Signal(signal),
        ("timeout", None) => CheckEnd::Timeout,
        ("overflow", None) => CheckEnd::Overflow,
        ("not_started", None) => CheckEnd::NotStarted,
        ("stopped", None) => CheckEnd::Stopped,
        _ => return None,
    })
}

fn read_receipt(row: &AnyRow) -> Result<CheckReceipt, StoreError> {
    let mut columns = Columns::new(row, "receipts", &RECEIPT, 0);
    let id = columns.parsed(|text| text.parse().ok())?;
    let assignment = columns.parsed(|text| text.parse().ok())?;
    let job = columns.parsed(|text| text.parse().ok())?;
    let attempt = columns.parsed(|text| text.parse().ok())?;
    let check = columns.text()?;
    let argv = columns.parsed(|text| serde_json::from_str(text).ok())?;
    let (commit, dirty) = (columns.optional_text()?, columns.optional_text()?);
    let kind = columns.text()?;
    let number = columns.optional_number()?;
    let end = read_end(&kind, number).ok_or_else(|| columns.bad(&kind))?;
    let started_at = columns.time()?;
    let duration_ms = columns.integer()?.unsigned_abs();
    let output_hash = columns.text()?;
    let output_bytes = columns.integer()?.unsigned_abs();
    let tail = columns.text()?;
    let passed = columns.optional_number()?;
    let failed = columns.optional_number()?;
    let skipped = columns.optional_number()?;
    let counts = match (passed, failed, skipped) {
        (Some(passed), Some(failed), Some(skipped)) => Some(TestCounts { passed, failed, skipped }),
        _ => None,
    };
    let (key, value) = (columns.optional_text()?, columns.optional_text()?);
    Ok(CheckReceipt {
        id,
        assignment,
        job,
        attempt,
        check,
        argv,
        tree: commit.map(|commit| TreeState { commit, dirty }),
        end,
        started_at,
        duration_ms,
        output_hash,
        output_bytes,
        tail,
        counts,
        signature: key.zip(value).map(|(key, value)| Signature { key, value }),
    })
}

fn finding_row(finding: &Finding) -> Vec<Value> {
    let source = match finding.source {
        FindingSource::Guard(guard) => guard.as_str(),
        FindingSource::Reviewer => REVIEWER,
    };
    vec![
        finding.id.to_string().into(),
        finding.assignment.to_string().into(),
        finding.job.to_string().into(),
        finding.attempt.to_string().into(),
        source.into(),
        finding.severity.as_str().into(),
        finding.file.clone().into(),
        finding.line.map(i64::from).into(),
        finding.citation.as_str().into(),
        finding.criterion.map(i64::from).into(),
        finding.text.as_str().into(),
    ]
}

fn read_finding(row: &AnyRow) -> Result<Finding, StoreError> {
    let mut columns = Columns::new(row, "findings", &FINDING, 0);
    let source = |name: &str| match name {
        REVIEWER => Some(FindingSource::Reviewer),
        name => Guard::from_name(name).map(FindingSource::Guard),
    };
    Ok(Finding {
        id: columns.parsed(|text| text.parse().ok())?,
        assignment: columns.parsed(|text| text.parse().ok())?,
        job: columns.parsed(|text| text.parse().ok())?,
        attempt: columns.parsed(|text| text.parse().ok())?,
        source: columns.parsed(source)?,
        severity: columns.parsed(Severity::from_name)?,
        file: columns.optional_text()?,
        line: columns.optional_number()?,
        citation: columns.parsed(Citation::from_name)?,
        criterion: columns.optional_number()?,
        text: columns.text()?,
    })
}
