//! A stage whose repository is a real one and has checks, and what was measured on it.

use std::path::PathBuf;
use std::process::Command;

use agents_domain::assignment::Assignment;
use agents_domain::evidence::{CheckEnd, CheckReceipt};
use agents_domain::history::{EventKind, HistoryEvent};
use agents_domain::id::AssignmentId;
use agents_domain::store::{EvidenceRecord, Store};
use serde_json::{Value, json};

use crate::stage::Stage;

/// A stage whose repository is a real one, with these checks.
pub fn with_checks(checks: Value, replies: Value) -> Stage {
    let stage = Stage::playing(replies);
    configure(&stage, checks);
    std::fs::remove_dir_all(stage.repo().join(".git")).unwrap();
    git(&stage.repo(), &["init", "-q", "-b", "main"]);
    std::fs::write(stage.repo().join(".gitignore"), ".agents/\n").unwrap();
    std::fs::write(stage.repo().join("work.txt"), "nothing\n").unwrap();
    commit(&stage.repo(), "first");
    stage
}

pub fn configure(stage: &Stage, checks: Value) {
    stage.configure(|config| config["checks"] = checks);
}

#[allow(clippy::disallowed_methods, reason = "a person's own git")]
pub fn git(folder: &PathBuf, args: &[&str]) {
    let person = ["-c", "user.name=A Person", "-c", "user.email=person@localhost"];
    let done = Command::new("git").args(person).args(args).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

pub fn commit(folder: &PathBuf, message: &str) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", message]);
}

/// The decision that a file of this content comes next.
pub fn writes(content: &str) -> Value {
    json!([{"write": {"path": "work.txt", "content": content}}, {"text": "I have done it."}])
}

pub fn stored<T>(stage: &Stage, look: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { look(&stage.store().await).await })
}

pub fn evidence(stage: &Stage, id: &str) -> EvidenceRecord {
    let id: AssignmentId = id.parse().unwrap();
    stored(stage, async |store| store.evidence(id).await.unwrap())
}

pub fn receipts(stage: &Stage, id: &str) -> Vec<CheckReceipt> {
    evidence(stage, id).receipts
}

pub fn ends(stage: &Stage, id: &str) -> Vec<CheckEnd> {
    receipts(stage, id).iter().map(|receipt| receipt.end).collect()
}

pub fn assignment(stage: &Stage, id: &str) -> Assignment {
    let id: AssignmentId = id.parse().unwrap();
    stored(stage, async |store| store.assignment(id).await.unwrap().unwrap())
}

pub fn history(stage: &Stage, id: &str, kind: EventKind) -> Vec<HistoryEvent> {
    let id: AssignmentId = id.parse().unwrap();
    let all = stored(stage, async |store| store.history(id).await.unwrap());
    all.into_iter().filter(|event| event.kind == kind).collect()
}

pub fn attempt(job: &Value) -> &str {
    job["attempts"][0]["id"].as_str().unwrap()
}

pub fn count_lines(path: &PathBuf) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}
