//! Evidence for people and for scripts: all of it, and the short form beside an assignment or a job.

use agents_domain::assignment::Assignment;
use agents_domain::evidence::{
    CheckReceipt, Checkpoint, Citation, Criterion, Finding, FindingSource, Severity, Tie, TreeState, gate,
};
use agents_domain::id::JobId;
use agents_domain::store::EvidenceRecord;
use agents_domain::timestamp::Timestamp;
use agents_orchestrator::prompt::end_words;
use serde::Serialize;

use super::table::{Cell, Table};
use super::text::{self, BOLD, DIM, GREEN, RED, YELLOW};
use super::time;

/// `agents evidence`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceView<'a> {
    assignment: String,
    status: &'static str,
    #[serde(flatten)]
    standing: StandingView<'a>,
    checkpoints: Vec<CheckpointView<'a>>,
    receipts: Vec<ReceiptView<'a>>,
    findings: Vec<FindingView<'a>>,
}

impl<'a> EvidenceView<'a> {
    /// All that was measured.
    pub fn new(assignment: &'a Assignment, record: &'a EvidenceRecord) -> Self {
        Self {
            assignment: assignment.id.to_string(),
            status: assignment.status().as_str(),
            standing: StandingView::from(assignment),
            checkpoints: record.checkpoints.iter().map(CheckpointView::from).collect(),
            receipts: record.receipts.iter().map(|receipt| ReceiptView::new(assignment, receipt)).collect(),
            findings: record.findings.iter().map(FindingView::from).collect(),
        }
    }
}

/// Where an assignment stands: a part of `agents assignment` too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingView<'a> {
    tree: Option<TreeView<'a>>,
    checks: Vec<CheckView<'a>>,
    criteria: Vec<CriterionView<'a>>,
    /// What stands against `complete`, whatever criteria are tied to.
    against: Vec<String>,
    refusal: Option<&'a str>,
    repeats: u32,
}

impl<'a> From<&'a Assignment> for StandingView<'a> {
    fn from(assignment: &'a Assignment) -> Self {
        let standing = assignment.standing();
        Self {
            tree: standing.tree.as_ref().map(TreeView::from),
            checks: checks(assignment),
            criteria: assignment.criteria().iter().map(|one| CriterionView::new(assignment, one)).collect(),
            against: gate::against(assignment.proof()),
            refusal: standing.refusal.as_deref(),
            repeats: standing.repeats,
        }
    }
}

#[derive(Debug, Serialize)]
struct TreeView<'a> {
    commit: &'a str,
    dirty: Option<&'a str>,
}

impl<'a> From<&'a TreeState> for TreeView<'a> {
    fn from(tree: &'a TreeState) -> Self {
        Self { commit: &tree.commit, dirty: tree.dirty.as_deref() }
    }
}

/// A check with its latest receipt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckView<'a> {
    name: &'a str,
    command: &'a str,
    required: bool,
    timeout_ms: Option<u64>,
    receipt: Option<String>,
    passed: Option<bool>,
    /// The receipt is of the present tree.
    fresh: Option<bool>,
}

fn checks(assignment: &Assignment) -> Vec<CheckView<'_>> {
    let standing = assignment.standing();
    let view = |check: &'_ agents_domain::evidence::Check| {
        standing
            .receipts
            .iter()
            .find(|mark| mark.check == check.name)
            .map(|mark| (mark.id.to_string(), mark.passed, mark.tree == standing.tree))
    };
    let all = assignment.checks().iter().map(|check| {
        let latest = view(check);
        CheckView {
            name: &check.name,
            command: &check.command,
            required: check.required,
            timeout_ms: check.timeout_ms,
            receipt: latest.as_ref().map(|(id, ..)| id.clone()),
            passed: latest.as_ref().map(|(_, passed, _)| *passed),
            fresh: latest.as_ref().map(|(.., fresh)| *fresh),
        }
    });
    all.collect()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CriterionView<'a> {
    number: u32,
    text: &'a str,
    author: &'static str,
    /// What was accepted as showing it.
    tie: Option<TieView>,
    /// What it could be tied to now.
    candidates: Vec<TieView>,
}

impl<'a> CriterionView<'a> {
    fn new(assignment: &Assignment, criterion: &'a Criterion) -> Self {
        let candidates = gate::candidates(assignment.proof(), criterion.number);
        Self {
            number: criterion.number,
            text: &criterion.text,
            author: criterion.by.as_str(),
            tie: criterion.tie.map(TieView::from),
            candidates: candidates.into_iter().map(TieView::from).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct TieView {
    kind: &'static str,
    id: String,
}

impl From<Tie> for TieView {
    fn from(tie: Tie) -> Self {
        match tie {
            Tie::Receipt(id) => Self { kind: "receipt", id: id.to_string() },
            Tie::Finding(id) => Self { kind: "finding", id: id.to_string() },
        }
    }
}

/// What a job has changed.
#[derive(Debug, Serialize)]
pub struct CheckpointView<'a> {
    job: String,
    attempt: String,
    before: &'a str,
    after: &'a str,
    files: u32,
    insertions: u32,
    deletions: u32,
}

impl<'a> From<&'a Checkpoint> for CheckpointView<'a> {
    fn from(checkpoint: &'a Checkpoint) -> Self {
        Self {
            job: checkpoint.job.to_string(),
            attempt: checkpoint.attempt.to_string(),
            before: &checkpoint.before,
            after: &checkpoint.after,
            files: checkpoint.files,
            insertions: checkpoint.insertions,
            deletions: checkpoint.deletions,
        }
    }
}

/// One run of a check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView<'a> {
    id: String,
    job: String,
    attempt: String,
    check: &'a str,
    argv: &'a [String],
    tree: Option<TreeView<'a>>,
    passed: bool,
    end: String,
    fresh: bool,
    started_at: String,
    duration_ms: u64,
    output_hash: &'a str,
    output_bytes: u64,
    tail: &'a str,
    tests: Option<TestsView>,
    signature: Option<SignatureView<'a>>,
}

#[derive(Debug, Serialize)]
struct SignatureView<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Debug, Serialize)]
struct TestsView {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl<'a> ReceiptView<'a> {
    /// The receipt; `fresh` by where its assignment stands now.
    pub fn new(assignment: &Assignment, receipt: &'a CheckReceipt) -> Self {
        let tests = receipt.counts.map(|counts| TestsView {
            passed: counts.passed,
            failed: counts.failed,
            skipped: counts.skipped,
        });
        Self {
            id: receipt.id.to_string(),
            job: receipt.job.to_string(),
            attempt: receipt.attempt.to_string(),
            check: &receipt.check,
            argv: &receipt.argv,
            tree: receipt.tree.as_ref().map(TreeView::from),
            passed: receipt.passed(),
            end: end_words(receipt.end),
            fresh: receipt.tree == assignment.standing().tree,
            started_at: receipt.started_at.to_string(),
            duration_ms: receipt.duration_ms,
            output_hash: &receipt.output_hash,
            output_bytes: receipt.output_bytes,
            tail: &receipt.tail,
            tests,
            signature: receipt
                .signature
                .as_ref()
                .map(|signature| SignatureView { key: &signature.key, value: &signature.value }),
        }
    }
}

/// What a guard or a reviewer has found.
#[derive(Debug, Serialize)]
pub struct FindingView<'a> {
    id: String,
    job: String,
    attempt: String,
    source: &'static str,
    severity: &'static str,
    file: Option<&'a str>,
    line: Option<u32>,
    citation: &'static str,
    criterion: Option<u32>,
    text: &'a str,
}

impl<'a> From<&'a Finding> for FindingView<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            id: finding.id.to_string(),
            job: finding.job.to_string(),
            attempt: finding.attempt.to_string(),
            source: source(finding),
            severity: finding.severity.as_str(),
            file: finding.file.as_deref(),
            line: finding.line,
            citation: finding.citation.as_str(),
            criterion: finding.criterion,
            text: &finding.text,
        }
    }
}

/// The evidence of one job: a part of `agents job`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfJobView<'a> {
    checkpoints: Vec<CheckpointView<'a>>,
    receipts: Vec<ReceiptView<'a>>,
    findings: Vec<FindingView<'a>>,
}

impl<'a> OfJobView<'a> {
    /// What was measured after that job's attempts.
    pub fn new(assignment: &'a Assignment, record: &'a EvidenceRecord, job: JobId) -> Self {
        let receipts = record.receipts.iter().filter(|one| one.job == job);
        Self {
            checkpoints: record.checkpoints.iter().filter(|one| one.job == job).map(Into::into).collect(),
            receipts: receipts.map(|receipt| ReceiptView::new(assignment, receipt)).collect(),
            findings: record.findings.iter().filter(|one| one.job == job).map(Into::into).collect(),
        }
    }
}

fn source(finding: &Finding) -> &'static str {
    match finding.source {
        FindingSource::Guard(guard) => guard.as_str(),
        FindingSource::Reviewer => "reviewer",
    }
}

/// All of it for people.
pub fn shown(assignment: &Assignment, record: &EvidenceRecord, now: Timestamp) -> String {
    let title = text::colored(BOLD, &format!("evidence of assignment {}", assignment.id.short()));
    let tree = assignment
        .standing()
        .tree
        .as_ref()
        .map_or_else(|| "no tree was measured yet".to_owned(), |tree| format!("present tree {tree}"));
    let mut shown = format!("{title}  {}\n", text::colored(DIM, &tree));
    let width = super::width();
    let mut part = |name: &str, table: &Table| {
        let table = table.render(width, "  ");
        if !table.is_empty() {
            shown.push_str(&format!("\n{}\n{table}", text::colored(BOLD, name)));
        }
    };
    part("checks", &check_table(assignment));
    part("criteria", &criterion_table(assignment));
    part("commits", &checkpoint_table(&record.checkpoints));
    part("receipts", &receipt_table(assignment, &record.receipts, now));
    part("findings", &finding_table(&record.findings));
    let against = gate::against(assignment.proof());
    if !against.is_empty() && !assignment.is_closed() {
        shown.push_str(&format!("\n{}\n", text::colored(BOLD, "against complete")));
        for line in against {
            // A color is a control character, and those of the line itself are taken out.
            shown.push_str(&text::colored(YELLOW, &text::wrapped(&line, width, "  ")));
        }
    }
    shown
}

/// The checks and criteria of an assignment in two lines, for `agents assignment`.
pub fn short(assignment: &Assignment) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if !assignment.checks().is_empty() {
        let all = checks(assignment);
        let words = all.iter().map(|check| format!("{}: {}", check.name, check_words(check)));
        lines.push(("checks", words.collect::<Vec<_>>().join("; ")));
    }
    let criteria = assignment.criteria();
    if !criteria.is_empty() {
        let is_shown = |criterion: &&Criterion| {
            criterion.tie.is_some() || !gate::candidates(assignment.proof(), criterion.number).is_empty()
        };
        let shown = criteria.iter().filter(is_shown).count();
        let word = if assignment.is_closed() { "shown" } else { "can be shown now" };
        lines.push(("criteria", format!("{shown} of {} {word}", criteria.len())));
    }
    lines
}

/// What was measured after one job in a few lines, for `agents job`.
pub fn of_job(assignment: &Assignment, record: &EvidenceRecord, job: JobId) -> String {
    let width = super::width();
    let pick = |checkpoint: &&Checkpoint| checkpoint.job == job;
    let checkpoints: Vec<Checkpoint> = record.checkpoints.iter().filter(pick).cloned().collect();
    let receipts: Vec<CheckReceipt> = record.receipts.iter().filter(|one| one.job == job).cloned().collect();
    let findings: Vec<Finding> = record.findings.iter().filter(|one| one.job == job).cloned().collect();
    let mut lines = checkpoint_table(&checkpoints).render(width, "  ");
    for receipt in &receipts {
        let fresh = if receipt.tree == assignment.standing().tree { "" } else { ", not of the present tree" };
        let word = if receipt.passed() { "passed" } else { "failed" };
        let line = format!(
            "receipt {} of {}: {word}, {}{fresh}",
            receipt.id.short(),
            receipt.check,
            end_words(receipt.end)
        );
        lines.push_str(&text::wrapped(&line, width, "  "));
    }
    lines.push_str(&finding_table(&findings).render(width, "  "));
    lines
}

fn check_words(check: &CheckView<'_>) -> String {
    let words = match (check.passed, check.fresh) {
        (None, _) => return "never run".to_owned(),
        (Some(true), Some(true)) => "passed",
        (Some(true), _) => "passed on another tree",
        (Some(false), Some(true)) => "failed",
        (Some(false), _) => "failed on another tree",
    };
    let id = check.receipt.as_deref().unwrap_or_default();
    format!("{words} ({})", &id[id.len().saturating_sub(agents_domain::id::SHORT_LEN)..])
}

fn check_table(assignment: &Assignment) -> Table {
    let mut table = Table::new(&["CHECK", "REQUIRED", "LATEST"]);
    for check in &checks(assignment) {
        let color = match (check.passed, check.fresh) {
            (Some(true), Some(true)) => GREEN,
            (Some(false), Some(true)) => RED,
            (_, _) => YELLOW,
        };
        let required = if check.required { "yes" } else { "no" };
        table.row(vec![check.name.into(), required.into(), Cell::colored(color, check_words(check))]);
    }
    table
}

fn criterion_table(assignment: &Assignment) -> Table {
    let mut table = Table::new(&["N", "BY", "SHOWN BY", "CRITERION"]);
    let name = |tie: Tie| match tie {
        Tie::Receipt(id) => format!("receipt {}", id.short()),
        Tie::Finding(id) => format!("finding {}", id.short()),
    };
    for criterion in assignment.criteria() {
        let candidates = gate::candidates(assignment.proof(), criterion.number);
        let cell = match (criterion.tie, candidates.as_slice()) {
            (Some(tie), _) => Cell::colored(GREEN, name(tie)),
            (None, []) => Cell::colored(YELLOW, "nothing yet"),
            (None, some) => {
                let names: Vec<String> = some.iter().map(|tie| name(*tie)).collect();
                Cell::colored(DIM, format!("can be: {}", names.join(", ")))
            }
        };
        table.row(vec![
            criterion.number.to_string().into(),
            criterion.by.as_str().into(),
            cell,
            (&criterion.text).into(),
        ]);
    }
    table
}

fn checkpoint_table(checkpoints: &[Checkpoint]) -> Table {
    let mut table = Table::new(&["JOB", "COMMIT", "CHANGED"]);
    for checkpoint in checkpoints {
        let commit: String = checkpoint.after.chars().take(12).collect();
        let changed = match checkpoint.is_empty() {
            true => "nothing".to_owned(),
            false => {
                format!("{} file(s), +{} -{}", checkpoint.files, checkpoint.insertions, checkpoint.deletions)
            }
        };
        table.row(vec![checkpoint.job.short().into(), commit.into(), changed.into()]);
    }
    table
}

fn receipt_table(assignment: &Assignment, receipts: &[CheckReceipt], now: Timestamp) -> Table {
    let mut table = Table::new(&["RECEIPT", "JOB", "RAN", "TREE", "TESTS", "CAME TO", "CHECK"]);
    for receipt in receipts {
        let color = match (receipt.passed(), receipt.tree == assignment.standing().tree) {
            (true, true) => GREEN,
            (true, false) => DIM,
            (false, _) => RED,
        };
        let tests = receipt.counts.map_or_else(
            || "-".to_owned(),
            |counts| format!("{}+ {}- {}~", counts.passed, counts.failed, counts.skipped),
        );
        table.row(vec![
            receipt.id.short().into(),
            receipt.job.short().into(),
            time::relative(receipt.started_at, now).into(),
            receipt.tree.as_ref().map_or_else(|| "-".to_owned(), TreeState::to_string).into(),
            tests.into(),
            Cell::colored(color, if receipt.passed() { "passed".to_owned() } else { end_words(receipt.end) }),
            (&receipt.check).into(),
        ]);
        if let Some(last) =
            receipt.tail.lines().rfind(|line| !line.trim().is_empty()).filter(|_| !receipt.passed())
        {
            table.below(Cell::colored(DIM, last));
        }
    }
    table
}

fn finding_table(findings: &[Finding]) -> Table {
    let mut table = Table::new(&["FINDING", "JOB", "SOURCE", "SEVERITY", "PLACE", "WHAT"]);
    for finding in findings {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = finding.file.as_ref().map_or_else(|| "-".to_owned(), |file| format!("{file}{line}"));
        let place = match finding.citation {
            Citation::None | Citation::Holds => Cell::from(place),
            Citation::Wrong => Cell::colored(RED, format!("{place} (not there)")),
        };
        let color = match finding.severity {
            Severity::Note => DIM,
            Severity::Minor => "",
            Severity::Major => YELLOW,
            Severity::Blocker => RED,
        };
        let met = finding.criterion.map(|number| format!("criterion {number} is met: ")).unwrap_or_default();
        table.row(vec![
            finding.id.short().into(),
            finding.job.short().into(),
            source(finding).into(),
            Cell::colored(color, finding.severity.as_str()),
            place,
            format!("{met}{}", finding.text).into(),
        ]);
    }
    table
}
