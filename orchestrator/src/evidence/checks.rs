//! The checks of an assignment, run one after the other on the tree that an attempt has left, each with its receipt.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use agents_domain::evidence::guard::Sighting;
use agents_domain::evidence::{Check, CheckEnd, CheckReceipt, Evidence, Guard, ReceiptMark, TreeState};
use agents_domain::id::ReceiptId;

use super::run::{OUTPUT_MOST, Run};
use super::{Scene, guards};
use crate::attempt::{files, keeper_lease};
use crate::process::Terms;
use crate::workspace;

/// Which checks are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// After work.
    All,
    /// Before `complete`: those that it can't do without.
    Lacking,
}

/// Runs those that have not passed on the present tree yet; without a repository nobody can tell, so all of them.
pub(super) async fn run(scene: Scene<'_>, which: Which, evidence: &mut Evidence) {
    evidence.founded = Some(founded(scene).await);
    let wanted =
        |check: &&Check| which == Which::All || check.required || is_unfounded(scene, check, evidence);
    let wanted: Vec<&Check> = scene.assignment().checks().iter().filter(wanted).collect();
    for check in wanted {
        if scene.stop_reason().is_some() {
            return;
        }
        if has_passed(scene, check, evidence) {
            continue;
        }
        let receipt = one(scene, check, evidence.tree.clone()).await;
        let is_stopped = receipt.end == CheckEnd::Stopped;
        evidence.receipts.push(receipt);
        if is_stopped {
            return;
        }
        look_again(scene, check, evidence).await;
    }
}

/// The latest passes that this very runner has signed. Its key is in this process alone, while whoever can write to the
/// store could make a receipt there, and a key known with it. What another runner has signed is run again.
async fn founded(scene: Scene<'_>) -> Vec<ReceiptMark> {
    // Then none is asked for, and one that somebody writes meanwhile does not count either.
    if !scene.assignment().standing().receipts.iter().any(|mark| mark.passed) {
        return Vec::new();
    }
    let record = scene.around.store.evidence(scene.assignment().id).await;
    let receipts = record.map(|record| record.receipts).unwrap_or_else(|error| {
        tracing::warn!(%error, "receipts can't be read, so none of them counts");
        Vec::new()
    });
    let latest: BTreeMap<&str, &CheckReceipt> =
        receipts.iter().map(|receipt| (receipt.check.as_str(), receipt)).collect();
    let counts = |receipt: &&CheckReceipt| receipt.passed() && scene.around.key.has_signed(receipt);
    latest.into_values().filter(counts).map(ReceiptMark::of).collect()
}

/// Whether the store says that the check has passed on the present tree, and nobody here has signed that.
fn is_unfounded(scene: Scene<'_>, check: &Check, evidence: &Evidence) -> bool {
    let is_so = |mark: &ReceiptMark| {
        mark.check == check.name && mark.passed && mark.tree == evidence.tree && !is_founded(mark, evidence)
    };
    scene.assignment().standing().receipts.iter().any(is_so)
}

fn is_founded(mark: &ReceiptMark, evidence: &Evidence) -> bool {
    evidence.founded.as_ref().is_some_and(|founded| founded.contains(mark))
}

fn has_passed(scene: Scene<'_>, check: &Check, evidence: &Evidence) -> bool {
    // Without a state no receipt can be told to be of it.
    let Some(tree) = &evidence.tree else {
        return evidence.receipts.iter().any(|receipt| receipt.check == check.name && receipt.passed());
    };
    let is_it = |name: &str, of: Option<&TreeState>| name == check.name && of == Some(tree);
    let now = evidence.receipts.iter().rev().find(|receipt| receipt.check == check.name);
    match now {
        Some(receipt) => is_it(&receipt.check, receipt.tree.as_ref()) && receipt.passed(),
        None => {
            let earlier = &scene.assignment().standing().receipts;
            earlier.iter().any(|mark| {
                is_it(&mark.check, mark.tree.as_ref()) && mark.passed && is_founded(mark, evidence)
            })
        }
    }
}

async fn one(scene: Scene<'_>, check: &Check, tree: Option<TreeState>) -> CheckReceipt {
    let Scene { claimed, around, settings, .. } = scene;
    show(scene, check);
    let id = ReceiptId::new(around.ids.next());
    let started_at = around.clock.now();
    let run = Run {
        check,
        attempt: claimed.attempt.id,
        folder: scene.folder(),
        files: files(&around.data_folder, claimed.attempt.id).check(id),
        limit: check.timeout_ms.map_or(settings.evidence.check_timeout, Duration::from_millis),
        terms: Terms {
            keeper: around.keeper.clone(),
            lease: keeper_lease(around.lease),
            grace: settings.grace,
            max_output: settings.max_output.min(OUTPUT_MOST),
        },
    };
    let ran = run.ended(scene.stop.clone()).await;
    let unsigned = CheckReceipt {
        id,
        assignment: claimed.assignment.id,
        job: claimed.job.id,
        attempt: claimed.attempt.id,
        check: check.name.clone(),
        argv: check.argv(),
        tree,
        end: ran.end,
        started_at,
        duration_ms: u64::try_from(ran.duration.as_millis()).unwrap_or(u64::MAX),
        output_hash: ran.output_hash,
        output_bytes: ran.output_bytes,
        tail: ran.tail,
        counts: ran.counts,
        signature: None,
    };
    CheckReceipt { signature: Some(around.key.sign(&unsigned)), ..unsigned }
}

/// What runs is seen where the agent's doings were seen before.
fn show(scene: Scene<'_>, check: &Check) {
    let mut live = scene.live.lock().unwrap_or_else(PoisonError::into_inner);
    live.progress.last_activity = Some(format!("checks: {}", check.name));
    live.is_new = true;
}

/// A check that writes into the tree leaves another one than it was run on.
async fn look_again(scene: Scene<'_>, check: &Check, evidence: &mut Evidence) {
    if evidence.tree.is_none() {
        return;
    }
    let after = workspace::state_of(scene.claimed, scene.settings).await;
    if after == evidence.tree {
        return;
    }
    evidence.tree = after;
    let Some(severity) = scene.settings.evidence.guards.severity(Guard::CheckWrites) else { return };
    let text = format!(
        "the check `{}` has changed files that git does not ignore, so that its receipt is not of the tree that is there \
         now: let it write elsewhere, or add what it writes to .gitignore",
        check.name
    );
    let seen = Sighting { guard: Guard::CheckWrites, file: None, line: None, text };
    evidence.findings.push(guards::finding(scene, severity, seen));
}
