//! What an assignment must show and has shown, and its worktree, as the JSON of their columns.

use agents_domain::assignment::Proof;
use agents_domain::evidence::{Author, Check, Criterion, ReceiptMark, Standing, Tie, TreeState};
use agents_domain::worktree::{Base, Worktree};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct WorktreeColumn {
    path: String,
    branch: String,
    base: String,
    base_branch: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct ProofColumn {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<CheckColumn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    criteria: Vec<CriterionColumn>,
    #[serde(skip_serializing_if = "is_zero")]
    numbered: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<TreeColumn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    receipts: Vec<MarkColumn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    met: Vec<(u32, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gates: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    refusals: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    print: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    seen: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    repeats: u32,
}

#[derive(Serialize, Deserialize)]
struct CheckColumn {
    name: String,
    command: String,
    required: bool,
    timeout_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct CriterionColumn {
    number: u32,
    text: String,
    by: String,
    tie: Option<TieColumn>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TieColumn {
    Receipt(String),
    Finding(String),
}

#[derive(Serialize, Deserialize)]
struct TreeColumn {
    commit: String,
    dirty: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct MarkColumn {
    id: String,
    check: String,
    tree: Option<TreeColumn>,
    passed: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The text of the column `worktree`.
pub(super) fn write_worktree(worktree: &Worktree) -> String {
    let Worktree { path, branch, base } = worktree.clone();
    text(&WorktreeColumn { path, branch, base: base.commit, base_branch: base.branch })
}

/// The worktree in its column, if it is one.
pub(super) fn read_worktree(text: &str) -> Option<Worktree> {
    let WorktreeColumn { path, branch, base, base_branch } = serde_json::from_str(text).ok()?;
    Some(Worktree { path, branch, base: Base { commit: base, branch: base_branch } })
}

/// The text of the column `proof`.
pub(super) fn write_proof(proof: &Proof) -> String {
    let standing = proof.standing.clone();
    text(&ProofColumn {
        checks: proof.checks.iter().cloned().map(check_column).collect(),
        criteria: proof.criteria.iter().cloned().map(criterion_column).collect(),
        numbered: proof.numbered,
        tree: standing.tree.map(tree_column),
        receipts: standing.receipts.into_iter().map(mark_column).collect(),
        met: standing.met.into_iter().map(|(number, finding)| (number, finding.to_string())).collect(),
        gates: standing.gates,
        refusal: standing.refusal,
        refusals: standing.refusals,
        print: standing.print,
        seen: standing.seen,
        repeats: standing.repeats,
    })
}

/// The proof in its column, if it is one.
pub(super) fn read_proof(text: &str) -> Option<Proof> {
    let column: ProofColumn = serde_json::from_str(text).ok()?;
    let met = column.met.into_iter().map(|(number, finding)| Some((number, finding.parse().ok()?)));
    Some(Proof {
        checks: column.checks.into_iter().map(check).collect(),
        criteria: column.criteria.into_iter().map(criterion).collect::<Option<_>>()?,
        numbered: column.numbered,
        standing: Standing {
            tree: column.tree.map(tree),
            receipts: column.receipts.into_iter().map(mark).collect::<Option<_>>()?,
            met: met.collect::<Option<_>>()?,
            gates: column.gates,
            refusal: column.refusal,
            refusals: column.refusals,
            print: column.print,
            seen: column.seen,
            repeats: column.repeats,
        },
    })
}

fn text(column: &impl Serialize) -> String {
    serde_json::to_string(column).expect("texts and numbers can always be written as JSON")
}

fn check_column(Check { name, command, required, timeout_ms }: Check) -> CheckColumn {
    CheckColumn { name, command, required, timeout_ms }
}

fn check(CheckColumn { name, command, required, timeout_ms }: CheckColumn) -> Check {
    Check { name, command, required, timeout_ms }
}

fn criterion_column(criterion: Criterion) -> CriterionColumn {
    let tie = criterion.tie.map(|tie| match tie {
        Tie::Receipt(id) => TieColumn::Receipt(id.to_string()),
        Tie::Finding(id) => TieColumn::Finding(id.to_string()),
    });
    CriterionColumn {
        number: criterion.number,
        text: criterion.text,
        by: criterion.by.as_str().to_owned(),
        tie,
    }
}

fn criterion(column: CriterionColumn) -> Option<Criterion> {
    let tie = match column.tie {
        None => None,
        Some(TieColumn::Receipt(id)) => Some(Tie::Receipt(id.parse().ok()?)),
        Some(TieColumn::Finding(id)) => Some(Tie::Finding(id.parse().ok()?)),
    };
    Some(Criterion { number: column.number, text: column.text, by: Author::from_name(&column.by)?, tie })
}

fn tree_column(TreeState { commit, dirty }: TreeState) -> TreeColumn {
    TreeColumn { commit, dirty }
}

fn tree(TreeColumn { commit, dirty }: TreeColumn) -> TreeState {
    TreeState { commit, dirty }
}

fn mark_column(mark: ReceiptMark) -> MarkColumn {
    MarkColumn {
        id: mark.id.to_string(),
        check: mark.check,
        tree: mark.tree.map(tree_column),
        passed: mark.passed,
    }
}

fn mark(column: MarkColumn) -> Option<ReceiptMark> {
    let tree = column.tree.map(tree);
    Some(ReceiptMark { id: column.id.parse().ok()?, check: column.check, tree, passed: column.passed })
}
