//! The gate before `complete`: what stands against it, whatever anybody says.

use super::{Check, Criterion, ReceiptMark, Standing, Tie, Ties, TreeState};
use crate::assignment::Proof;
use crate::id::SHORT_LEN;

/// What is to be complete, and what speaks for it.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub checks: &'a [Check],
    pub criteria: &'a [Criterion],
    pub standing: &'a Standing,
    /// The tree as it is now. `None`: it can't be told, so that only receipts of the latest measurement count.
    pub tree: Option<&'a TreeState>,
    pub ties: &'a Ties,
}

/// What stands against it, each in words that a PM can act on; and what each criterion is tied to.
pub fn judge(case: Case<'_>) -> Result<Vec<(u32, Tie)>, Vec<String>> {
    let mut against: Vec<String> = case.checks.iter().filter_map(|check| lacking(&case, check)).collect();
    against.extend(case.standing.gates.iter().map(|gate| format!("a guard stands against it: {gate}")));
    let mut ties = Vec::new();
    for criterion in case.criteria {
        match tie(&case, criterion) {
            Ok(tie) => ties.push((criterion.number, tie)),
            Err(why) => against.push(why),
        }
    }
    if against.is_empty() { Ok(ties) } else { Err(against) }
}

/// What stands against it whatever its criteria are tied to.
pub fn against(proof: &Proof) -> Vec<String> {
    let Proof { checks, standing, .. } = proof;
    let tree = standing.tree.as_ref();
    judge(Case { checks, criteria: &[], standing, tree, ties: &Ties::new() }).err().unwrap_or_default()
}

/// What a criterion may be tied to now: findings on it first, then receipts.
pub fn candidates(proof: &Proof, criterion: u32) -> Vec<Tie> {
    let standing = &proof.standing;
    let findings = standing.met.iter().filter(|(of, _)| *of == criterion).map(|(_, id)| Tie::Finding(*id));
    let counts = |mark: &&ReceiptMark| mark.passed && mark.tree == standing.tree;
    findings.chain(standing.receipts.iter().filter(counts).map(|mark| Tie::Receipt(mark.id))).collect()
}

fn lacking(case: &Case<'_>, check: &Check) -> Option<String> {
    if !check.required {
        return None;
    }
    let name = &check.name;
    let Some(receipt) = case.standing.receipts.iter().find(|receipt| receipt.check == *name) else {
        return Some(format!("the required check `{name}` was never run"));
    };
    let id = receipt.id.short();
    if !is_fresh(case, receipt.tree.as_ref()) {
        return Some(format!("the required check `{name}` was not run on the present tree (receipt {id})"));
    }
    (!receipt.passed).then(|| format!("the required check `{name}` fails (receipt {id})"))
}

/// A receipt is of the present tree. Where trees can't be told apart, the latest receipts are those of the last
/// measurement, which is made when `complete` is decided.
fn is_fresh(case: &Case<'_>, of: Option<&TreeState>) -> bool {
    of == case.tree
}

fn tie(case: &Case<'_>, criterion: &Criterion) -> Result<Tie, String> {
    let Criterion { number, text, .. } = criterion;
    let Some(named) = case.ties.get(number) else {
        return Err(format!("criterion {number} (\"{text}\") is tied to no receipt and no finding"));
    };
    let named = named.trim();
    let is_named = |id: &str| is_name_of(named, id);
    let receipt = case
        .standing
        .receipts
        .iter()
        .find(|receipt| receipt.check == named || is_named(&receipt.id.to_string()));
    if let Some(receipt) = receipt {
        return match receipt.passed && is_fresh(case, receipt.tree.as_ref()) {
            true => Ok(Tie::Receipt(receipt.id)),
            false => Err(format!(
                "criterion {number} is tied to receipt {}, which {}",
                receipt.id.short(),
                if receipt.passed { "is not of the present tree" } else { "has not passed" }
            )),
        };
    }
    let finding = case.standing.met.iter().find(|(of, id)| of == number && is_named(&id.to_string()));
    match finding {
        Some((_, id)) => Ok(Tie::Finding(*id)),
        None => Err(format!(
            "criterion {number} is tied to `{named}`, which is neither the latest receipt of a check nor a reviewer's finding on the present tree that it is met, at a place that is there"
        )),
    }
}

/// Whether a PM's word names that id: the whole of it, or its last characters as they are shown. Its beginning is time,
/// which others share.
fn is_name_of(word: &str, id: &str) -> bool {
    let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
    let (word, id) = (plain(word), plain(id));
    word.len() >= SHORT_LEN && id.ends_with(&word)
}
