//! What was measured when an attempt had ended becomes part of where the assignment stands.

use super::{About, Aggregate, Context};
use crate::director::Director;
use crate::evidence::{CheckReceipt, Evidence, Finding, FindingSource, ReceiptMark, Severity, Standing};
use crate::history::EventKind;
use crate::job::Job;

/// After so many jobs in a row that have come to nothing new the PM is told.
pub const REPEATS_TOLD: u32 = 2;
/// After so many the assignment is blocked.
pub const REPEATS_MOST: u32 = 4;
/// So many contents of the tree are remembered: what comes again after more jobs than these is no to and fro.
const SEEN_MOST: usize = 8;

impl Aggregate {
    /// Takes in the evidence of that job's attempt.
    pub(super) fn take_in(&mut self, evidence: &Evidence, (index, about): (usize, About), ctx: &Context<'_>) {
        for receipt in &evidence.receipts {
            self.note_event(ctx, EventKind::CheckRan, about, told_of_receipt(receipt));
        }
        if let Some(checkpoint) = evidence.checkpoint.as_ref().filter(|checkpoint| !checkpoint.is_empty()) {
            let details = vec![
                ("commit", checkpoint.after.clone()),
                ("files", checkpoint.files.to_string()),
                ("insertions", checkpoint.insertions.to_string()),
                ("deletions", checkpoint.deletions.to_string()),
            ];
            self.note_event(ctx, EventKind::CheckpointMade, about, details);
        }
        for finding in &evidence.findings {
            self.note_event(ctx, EventKind::FindingMade, about, told_of_finding(finding));
        }
        let repeats = self.assignment.proof.standing.take_in(evidence, &self.jobs[index]);
        // What is said of a criterion that is not there must not hold of one that gets its number.
        let numbers: Vec<u32> = self.assignment.criteria().iter().map(|criterion| criterion.number).collect();
        self.assignment.proof.standing.met.retain(|(number, _)| numbers.contains(number));
        if let Some(repeats) = repeats {
            self.note_event(ctx, EventKind::NothingGained, about, vec![("repeats", repeats.to_string())]);
        }
    }

    /// Blocks an assignment whose jobs only repeat what there is. How often a workflow does something in vain, its own bounds say.
    pub(super) fn block_if_stuck(&mut self, ctx: &Context<'_>) {
        if self.assignment.director == Director::Workflow {
            return;
        }
        let repeats = self.assignment.standing().repeats;
        if repeats >= REPEATS_MOST && self.assignment.is_active() {
            // A person who activates it again gives it as many new chances.
            self.assignment.proof.standing.repeats = 0;
            let why = format!(
                "no progress: {repeats} jobs in a row have changed nothing, have made again what was there before, or have only \
                 found again what was found"
            );
            self.block(why, None, ctx);
        }
    }
}

impl Standing {
    /// Where it stands with this. Gives how many jobs in a row have come to the same, if this one has.
    fn take_in(&mut self, evidence: &Evidence, job: &Job) -> Option<u32> {
        let has_moved = evidence.tree.is_some() && evidence.tree != self.tree;
        if has_moved {
            self.gates.clear();
            // A reviewer has seen the tree as it was.
            self.met.clear();
        }
        // Whoever has written the work is not the one who finds that it is right.
        let is_author = evidence.checkpoint.as_ref().is_some_and(|checkpoint| !checkpoint.is_empty());
        self.tree = evidence.tree.clone().or(self.tree.take());
        let old = std::mem::take(&mut self.receipts);
        // Somebody may have written to the store what no runner has measured.
        let is_made_up = |mark: &ReceiptMark| {
            let founded = evidence.founded.as_ref();
            mark.passed && mark.tree == self.tree && founded.is_some_and(|founded| !founded.contains(mark))
        };
        let is_old = |mark: &ReceiptMark| {
            !is_made_up(mark) && !evidence.receipts.iter().any(|new| new.check == mark.check)
        };
        self.receipts = old.iter().filter(|mark| is_old(mark)).cloned().collect();
        self.receipts.extend(evidence.receipts.iter().map(ReceiptMark::of));
        for finding in &evidence.findings {
            let met = finding.criterion.filter(|met| finding.shows(*met) && !is_author);
            self.met.extend(met.map(|met| (met, finding.id)));
            if matches!(finding.source, FindingSource::Guard(_)) && finding.severity == Severity::Blocker {
                self.gates.push(finding.text.clone());
            }
        }
        if job.shadow {
            return None;
        }
        self.count(print(evidence, job)?, &old)
    }

    fn count(&mut self, print: Print, old: &[ReceiptMark]) -> Option<u32> {
        let is_same = match &print {
            Print::Work { is_empty: true, content: _ } => results(&self.receipts) == results(old),
            // It has made again what was there before.
            Print::Work { is_empty: false, content } => {
                content.as_ref().is_some_and(|content| self.seen.contains(content))
            }
            Print::Review(text) => self.print.as_ref() == Some(text),
        };
        match print {
            Print::Review(text) => self.print = Some(text),
            Print::Work { is_empty: _, content } => self.saw(content),
        }
        self.repeats = if is_same { self.repeats + 1 } else { 0 };
        is_same.then_some(self.repeats)
    }
}

impl Standing {
    fn saw(&mut self, content: Option<String>) {
        let Some(content) = content else { return };
        self.seen.retain(|one| *one != content);
        self.seen.push(content);
        let gone = self.seen.len().saturating_sub(SEEN_MOST);
        self.seen.drain(..gone);
    }
}

/// What a job came to, as far as it can be compared.
enum Print {
    Work {
        is_empty: bool,
        /// What the tree has become.
        content: Option<String>,
    },
    /// Its findings.
    Review(String),
}

fn print(evidence: &Evidence, job: &Job) -> Option<Print> {
    if job.job_type.is_review() && !evidence.findings.is_empty() {
        let mut places: Vec<String> = evidence
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Note)
            .map(|finding| format!("{:?} {:?}", finding.file, finding.severity))
            .collect();
        places.sort();
        return (!places.is_empty()).then(|| Print::Review(places.join("\n")));
    }
    let content = evidence.content.clone();
    evidence.checkpoint.as_ref().map(|checkpoint| Print::Work { is_empty: checkpoint.is_empty(), content })
}

fn results(marks: &[ReceiptMark]) -> Vec<(&str, bool)> {
    let mut results: Vec<_> = marks.iter().map(|mark| (mark.check.as_str(), mark.passed)).collect();
    results.sort();
    results
}

fn told_of_receipt(receipt: &CheckReceipt) -> Vec<(&'static str, String)> {
    let mut details = vec![
        ("check", receipt.check.clone()),
        ("passed", receipt.passed().to_string()),
        ("receipt", receipt.id.to_string()),
    ];
    details.extend(receipt.tree.as_ref().map(|tree| ("tree", tree.to_string())));
    details
}

fn told_of_finding(finding: &Finding) -> Vec<(&'static str, String)> {
    let source = match finding.source {
        FindingSource::Guard(guard) => guard.as_str(),
        FindingSource::Reviewer => "reviewer",
    };
    let mut details = vec![
        ("source", source.to_owned()),
        ("severity", finding.severity.as_str().to_owned()),
        ("finding", finding.id.to_string()),
    ];
    if let Some(file) = &finding.file {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        details.push(("place", format!("{file}{line}")));
        details.push(("citation", finding.citation.as_str().to_owned()));
    }
    details.push(("text", finding.text.clone()));
    details
}
