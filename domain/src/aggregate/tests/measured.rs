//! Evidence of a made-up measurement, for scenarios about what it decides.

use super::world::{Answer, World};
use crate::decision::Decision;
use crate::evidence::{
    CheckEnd, CheckReceipt, Checkpoint, Citation, Evidence, Finding, FindingSource, Guard, Severity, Ties,
    TreeState,
};
use crate::id::{AttemptId, FindingId, IdSource, JobId, ReceiptId};
use crate::outcome::Outcome;

/// A tree of that name.
pub fn tree(name: &str) -> Option<TreeState> {
    Some(TreeState { commit: name.to_owned(), dirty: None })
}

/// The PM's word that it is complete, with what shows each criterion.
pub fn complete_with(ties: &[(u32, String)]) -> Answer {
    let ties: Ties = ties.iter().cloned().collect();
    Some(Ok(Decision::Complete { reason: "the star is reached".to_owned(), ties }))
}

/// What a reviewer says of a criterion.
#[derive(Debug, Clone, Copy)]
pub struct Met {
    pub criterion: u32,
    pub citation: Citation,
}

impl World {
    /// The next job ends well and has left this tree; these checks were run on it. Gives the receipts.
    pub fn work_measured(&mut self, name: &str, results: &[(&str, bool)]) -> Vec<ReceiptId> {
        let attempt = self.claim();
        let mut evidence = self.measurement(attempt, name, results);
        evidence.checkpoint = Some(self.checkpoint(attempt, 1));
        self.end_measured(attempt, None, evidence)
    }

    /// A PM decides that it is complete, while the tree is this and these checks are run.
    pub fn pm_completes(&mut self, ties: &[(u32, String)], name: &str, results: &[(&str, bool)]) {
        let attempt = self.claim();
        let evidence = self.measurement(attempt, name, results);
        self.end_measured(attempt, complete_with(ties), evidence);
    }

    /// The next job is a review of that tree, and says this of criteria. Gives its findings.
    pub fn review_measured(&mut self, name: &str, met: &[Met]) -> Vec<FindingId> {
        let attempt = self.claim();
        let mut evidence = self.measurement(attempt, name, &[]);
        evidence.findings = met.iter().map(|met| self.finding(attempt, *met)).collect();
        let ids = evidence.findings.iter().map(|finding| finding.id).collect();
        self.end_measured(attempt, None, evidence);
        ids
    }

    /// The attempt ends well with this evidence. Gives its receipts.
    pub fn end_measured(&mut self, attempt: AttemptId, answer: Answer, evidence: Evidence) -> Vec<ReceiptId> {
        let ids = evidence.receipts.iter().map(|receipt| receipt.id).collect();
        self.finish_measured(attempt, (Outcome::success("All tests pass."), answer), evidence).unwrap();
        ids
    }

    /// That tree, with these results of checks.
    pub fn measurement(&self, attempt: AttemptId, name: &str, results: &[(&str, bool)]) -> Evidence {
        let receipts = results.iter().map(|(check, passed)| self.receipt(attempt, (check, *passed), name));
        Evidence { tree: tree(name), receipts: receipts.collect(), ..Evidence::default() }
    }

    /// A commit with changes in so many files.
    pub fn checkpoint(&self, attempt: AttemptId, files: u32) -> Checkpoint {
        Checkpoint {
            assignment: self.aggregate.assignment().id,
            job: self.job_of(attempt),
            attempt,
            before: "0".to_owned(),
            after: "1".to_owned(),
            files,
            insertions: files,
            deletions: 0,
        }
    }

    /// What a guard has seen that must not be.
    pub fn guarded(&self, attempt: AttemptId, text: &str) -> Finding {
        let met = Met { criterion: 0, citation: Citation::None };
        Finding {
            source: FindingSource::Guard(Guard::TestsDeleted),
            severity: Severity::Blocker,
            criterion: None,
            text: text.to_owned(),
            ..self.finding(attempt, met)
        }
    }

    /// What a reviewer says of a criterion.
    pub fn finding(&self, attempt: AttemptId, met: Met) -> Finding {
        Finding {
            id: FindingId::new(self.ids.next()),
            assignment: self.aggregate.assignment().id,
            job: self.job_of(attempt),
            attempt,
            source: FindingSource::Reviewer,
            severity: Severity::Note,
            file: Some("src/lib.rs".to_owned()),
            line: Some(1),
            citation: met.citation,
            criterion: Some(met.criterion),
            text: "it holds".to_owned(),
        }
    }

    fn receipt(&self, attempt: AttemptId, (check, passed): (&str, bool), name: &str) -> CheckReceipt {
        CheckReceipt {
            id: ReceiptId::new(self.ids.next()),
            assignment: self.aggregate.assignment().id,
            job: self.job_of(attempt),
            attempt,
            check: check.to_owned(),
            argv: vec![check.to_owned()],
            tree: tree(name),
            end: CheckEnd::Exit(if passed { 0 } else { 1 }),
            started_at: self.now,
            duration_ms: 1,
            output_hash: String::new(),
            output_bytes: 0,
            tail: String::new(),
            counts: None,
            signature: None,
        }
    }

    fn job_of(&self, attempt: AttemptId) -> JobId {
        self.aggregate.attempts().iter().find(|one| one.id == attempt).unwrap().job
    }
}
