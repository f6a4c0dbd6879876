//! What a PM, a reviewer and a person who asks are told of the evidence: the orchestrator's own, not what agents say.

use agents_domain::aggregate::REPEATS_TOLD;
use agents_domain::assignment::Assignment;
use agents_domain::evidence::{
    CheckEnd, CheckReceipt, Checkpoint, Citation, Finding, FindingSource, Tie, TreeState, gate,
};
use agents_domain::id::JobId;
use agents_domain::job_type::JobType;
use serde::Serialize;

use super::facts::{cut, one_line};
use super::measured::Measured;

/// The longest end of a check's output, in characters.
const TAIL: usize = 3_000;
/// So many findings of one kind are told.
const FINDINGS_MOST: usize = 40;

/// What templates can say of the evidence.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EvidenceFacts {
    /// Something was measured, or something must be shown.
    pub there: bool,
    /// The tree at the last measurement.
    pub tree: Option<String>,
    pub checkpoint: Option<CheckpointFacts>,
    pub diff: Option<String>,
    /// The latest receipt of each check.
    pub receipts: Vec<ReceiptFacts>,
    /// What guards have seen in the last job.
    pub guards: Vec<FindingFacts>,
    /// What the last review has found.
    pub review: Vec<FindingFacts>,
    pub criteria: Vec<CriterionFacts>,
    /// What stands against `complete` now, whatever criteria are tied to.
    pub against: Vec<String>,
    /// Why the last `complete` was refused, until the PM goes on with the work.
    pub refusal: Option<String>,
    /// How many jobs in a row have come to nothing new, once that must be told.
    pub repeats: Option<u32>,
}

/// What one job has changed.
#[derive(Debug, Clone, Serialize)]
pub struct CheckpointFacts {
    /// The short id of its job.
    pub job: String,
    pub before: String,
    pub after: String,
    pub files: u32,
    pub insertions: u32,
    pub deletions: u32,
    pub is_empty: bool,
}

/// One run of a check.
#[derive(Debug, Clone, Serialize)]
pub struct ReceiptFacts {
    /// The end of its id, by which a criterion is tied to it.
    pub id: String,
    pub check: String,
    pub command: String,
    pub required: bool,
    pub passed: bool,
    /// `exit 1`, `timeout`.
    pub end: String,
    /// It is of the present tree.
    pub fresh: bool,
    pub tree: Option<String>,
    pub seconds: u64,
    /// `12 passed, 1 failed, 0 skipped`, where the runner says so.
    pub counts: Option<String>,
    pub tail: String,
}

/// What a guard or a reviewer has found.
#[derive(Debug, Clone, Serialize)]
pub struct FindingFacts {
    pub id: String,
    /// The short id of the job in whose attempt it was found.
    pub job: String,
    /// The guard's name, or `reviewer`.
    pub source: String,
    pub severity: String,
    /// `src/a.rs:12`.
    pub place: Option<String>,
    /// `holds`, `wrong`, or absent where it cites no place.
    pub citation: Option<String>,
    pub criterion: Option<u32>,
    pub text: String,
}

/// What must hold, and what could show it now.
#[derive(Debug, Clone, Serialize)]
pub struct CriterionFacts {
    pub number: u32,
    pub text: String,
    /// `person` or `pm`.
    pub by: String,
    /// The ends of the ids of findings and receipts that it may be tied to now.
    pub findings: Vec<String>,
    pub receipts: Vec<String>,
}

/// Whether a job of this type is told of the evidence: those that judge, and questions.
pub fn wants_evidence(job_type: &JobType) -> bool {
    job_type.is_pm() || job_type.is_chat() || job_type.is_review()
}

/// Gathers them. `last`: the job that ended last, the PM's own apart.
pub(super) fn gather(assignment: &Assignment, measured: &Measured, last: Option<JobId>) -> EvidenceFacts {
    let standing = assignment.standing();
    let record = &measured.record;
    let latest =
        standing.receipts.iter().filter_map(|mark| record.receipts.iter().find(|one| one.id == mark.id));
    let is_guard = |finding: &&Finding| matches!(finding.source, FindingSource::Guard(_));
    let reviewed = record.findings.iter().rfind(|finding| !is_guard(finding)).map(|finding| finding.attempt);
    let facts = EvidenceFacts {
        there: false,
        tree: standing.tree.as_ref().map(TreeState::to_string),
        checkpoint: measured.checkpoint(last).map(checkpoint_facts),
        diff: measured.diff.clone(),
        receipts: latest.map(|receipt| receipt_facts(assignment, receipt)).collect(),
        guards: told(record.findings.iter().filter(|one| is_guard(one) && Some(one.job) == last)),
        review: told(record.findings.iter().filter(|one| !is_guard(one) && Some(one.attempt) == reviewed)),
        criteria: criteria(assignment),
        against: gate::against(assignment.proof()),
        refusal: standing.refusal.clone(),
        repeats: Some(standing.repeats).filter(|repeats| *repeats >= REPEATS_TOLD),
    };
    EvidenceFacts { there: is_there(&facts), ..facts }
}

fn is_there(facts: &EvidenceFacts) -> bool {
    facts.checkpoint.is_some()
        || facts.repeats.is_some()
        || facts.refusal.is_some()
        || [
            facts.receipts.len(),
            facts.guards.len(),
            facts.review.len(),
            facts.criteria.len(),
            facts.against.len(),
        ]
        .iter()
        .any(|length| *length > 0)
}

fn checkpoint_facts(checkpoint: &Checkpoint) -> CheckpointFacts {
    let short = |commit: &str| commit.chars().take(12).collect();
    CheckpointFacts {
        job: checkpoint.job.short(),
        before: short(&checkpoint.before),
        after: short(&checkpoint.after),
        files: checkpoint.files,
        insertions: checkpoint.insertions,
        deletions: checkpoint.deletions,
        is_empty: checkpoint.is_empty(),
    }
}

fn receipt_facts(assignment: &Assignment, receipt: &CheckReceipt) -> ReceiptFacts {
    let check = assignment.checks().iter().find(|check| check.name == receipt.check);
    let counts = |counts: agents_domain::evidence::TestCounts| {
        format!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped)
    };
    ReceiptFacts {
        id: receipt.id.short(),
        check: receipt.check.clone(),
        command: receipt.argv.last().cloned().unwrap_or_default(),
        required: check.is_some_and(|check| check.required),
        passed: receipt.passed(),
        end: end_words(receipt.end),
        fresh: receipt.tree == assignment.standing().tree,
        tree: receipt.tree.as_ref().map(TreeState::to_string),
        seconds: receipt.duration_ms / 1000,
        counts: receipt.counts.map(counts),
        tail: cut(&receipt.tail, TAIL),
    }
}

/// How a check ended, in words.
pub fn end_words(end: CheckEnd) -> String {
    match end {
        CheckEnd::Exit(code) => format!("exit {code}"),
        CheckEnd::Signal(signal) => format!("signal {signal}"),
        CheckEnd::Timeout => "its time was up".to_owned(),
        CheckEnd::Overflow => "it printed more than it may".to_owned(),
        CheckEnd::NotStarted => "it could not be started".to_owned(),
        CheckEnd::Stopped => "the runner was stopped while it ran".to_owned(),
    }
}

fn told<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<FindingFacts> {
    let mut told: Vec<&Finding> = findings.collect();
    // What shows a criterion is never cut off; then the worst.
    told.sort_by_key(|finding| (finding.criterion.is_none(), std::cmp::Reverse(finding.severity)));
    told.into_iter().take(FINDINGS_MOST).map(finding_facts).collect()
}

fn finding_facts(finding: &Finding) -> FindingFacts {
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    FindingFacts {
        id: finding.id.short(),
        job: finding.job.short(),
        source: match finding.source {
            FindingSource::Guard(guard) => guard.as_str().to_owned(),
            FindingSource::Reviewer => "reviewer".to_owned(),
        },
        severity: finding.severity.as_str().to_owned(),
        place: finding.file.as_ref().map(|file| format!("{file}{line}")),
        citation: match finding.citation {
            Citation::None => None,
            Citation::Holds | Citation::Wrong => Some(finding.citation.as_str().to_owned()),
        },
        criterion: finding.criterion,
        text: finding.text.clone(),
    }
}

pub(super) fn criteria(assignment: &Assignment) -> Vec<CriterionFacts> {
    let facts = |criterion: &agents_domain::evidence::Criterion| {
        let mut facts = CriterionFacts {
            number: criterion.number,
            text: one_line(&criterion.text),
            by: criterion.by.as_str().to_owned(),
            findings: Vec::new(),
            receipts: Vec::new(),
        };
        for tie in gate::candidates(assignment.proof(), criterion.number) {
            match tie {
                Tie::Receipt(id) => facts.receipts.push(id.short()),
                Tie::Finding(id) => facts.findings.push(id.short()),
            }
        }
        facts
    };
    assignment.criteria().iter().map(facts).collect()
}

impl CriterionFacts {
    pub(super) fn sample() -> Self {
        Self {
            number: 1,
            text: "it greets".into(),
            by: "person".into(),
            findings: vec!["5e1f0a33".into()],
            receipts: vec!["4d3f21aa".into()],
        }
    }
}

impl EvidenceFacts {
    /// Facts in which nothing is missing.
    pub(super) fn sample() -> Self {
        let finding = FindingFacts {
            id: "5e1f0a33".into(),
            job: "099a8057".into(),
            source: "reviewer".into(),
            severity: "note".into(),
            place: Some("src/greeting.rs:12".into()),
            citation: Some("holds".into()),
            criterion: Some(1),
            text: "It greets.".into(),
        };
        Self {
            there: true,
            tree: Some("5b1d2c3e4f50".into()),
            checkpoint: Some(CheckpointFacts {
                job: "099a8057".into(),
                before: "0a1b2c3d4e5f".into(),
                after: "5b1d2c3e4f50".into(),
                files: 2,
                insertions: 14,
                deletions: 3,
                is_empty: false,
            }),
            diff: Some("+    println!(\"hello\");".into()),
            receipts: vec![ReceiptFacts {
                id: "4d3f21aa".into(),
                check: "cargo test".into(),
                command: "cargo test".into(),
                required: true,
                passed: false,
                end: "exit 101".into(),
                fresh: true,
                tree: Some("5b1d2c3e4f50".into()),
                seconds: 12,
                counts: Some("11 passed, 1 failed, 0 skipped".into()),
                tail: "test greets ... FAILED".into(),
            }],
            guards: vec![FindingFacts {
                source: "tests_deleted".into(),
                severity: "blocker".into(),
                criterion: None,
                text: "tests/greets.rs is gone".into(),
                ..finding.clone()
            }],
            review: vec![finding],
            criteria: vec![CriterionFacts::sample()],
            against: vec!["the required check `cargo test` fails (receipt 4d3f21aa)".into()],
            refusal: Some("the required check `cargo test` fails (receipt 4d3f21aa)".into()),
            repeats: Some(2),
        }
    }
}
