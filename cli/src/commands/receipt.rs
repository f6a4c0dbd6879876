//! `agents receipt`: one run of a check, and whether receipts are as the runner has signed them.

use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::evidence::{CheckReceipt, ReceiptMark, Signature};
use agents_domain::id::{AssignmentId, ReceiptId};
use agents_domain::store::{AssignmentFilter, EvidenceRecord, Store, StoreError};
use agents_orchestrator::evidence::verdict::{Verdict, unfounded, verdict};
use agents_orchestrator::prompt::end_words;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::doctor::Check;
use crate::app::App;
use crate::failure::{Failure, FailureKind};
use crate::output::evidence::ReceiptView;
use crate::output::text::{self, GREEN, RED};
use crate::output::time;
use crate::target;

/// Show the receipt of a check: what was run, on which tree, and what came of it
///
/// `agents receipt verify` holds receipts against the public keys of the runners that have made them.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  agents receipt 4d3f21aa
  agents receipt verify
  agents receipt verify 099a8057"
)]
pub struct Receipt {
    /// The receipt's id, or the beginning or the end of it
    #[arg(required = true)]
    receipt: Option<String>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Verify the signatures of all receipts here, or of one assignment
    #[command(after_help = "\
Examples:
  agents receipt verify 099a8057
  agents receipt verify --all --json | jq -r '.wrong[].id'

It ends with 1 if one is not as it was signed.")]
    Verify {
        /// The assignment's id, or the beginning or the end of it [default: all of this namespace]
        #[arg(conflicts_with = "all")]
        assignment: Option<String>,
        /// Those of every namespace
        #[arg(long)]
        all: bool,
    },
}

/// What came of looking.
#[derive(Debug, Default, Serialize)]
struct Verified {
    ok: bool,
    checked: usize,
    wrong: Vec<Wrong>,
}

#[derive(Debug, Serialize)]
struct Wrong {
    id: String,
    assignment: String,
    check: String,
    /// `altered`, `unsigned`, `foreign_key`, or `unfounded`: the assignment stands on it, and no signed receipt says so.
    what: &'static str,
}

impl Receipt {
    /// Shows or verifies.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            None => show(app, self.receipt.as_deref().unwrap_or_default()).await,
            Some(What::Verify { assignment, all }) => verify(app, assignment.as_deref(), all).await,
        }
    }
}

async fn show(app: &App, text: &str) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let (of, id) = target::receipt(&store, text).await?;
    let assignment = store.assignment(of).await?.ok_or(StoreError::NoAssignment(of))?;
    let record = store.evidence(of).await?;
    let receipt = record.receipts.iter().find(|receipt| receipt.id == id);
    let receipt =
        receipt.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("there is no receipt {id}")))?;
    app.printer
        .answer(|| ReceiptView::new(&assignment, receipt), || shown(app, &assignment, (receipt, &record)))
}

fn shown(app: &App, assignment: &Assignment, (receipt, record): (&CheckReceipt, &EvidenceRecord)) -> String {
    let (color, word) = if receipt.passed() { (GREEN, "passed") } else { (RED, "failed") };
    let tree = receipt.tree.as_ref().map_or_else(|| "no repository".to_owned(), ToString::to_string);
    let fresh = if receipt.tree == assignment.standing().tree {
        "the present one"
    } else {
        "another than the present one"
    };
    let tests = receipt.counts.map_or_else(
        || "not counted".to_owned(),
        |counts| format!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped),
    );
    let lines = [
        ("check", receipt.check.clone()),
        ("command", receipt.argv.join(" ")),
        ("came to", format!("{}, {}", text::colored(color, word), end_words(receipt.end))),
        ("tests", tests),
        ("tree", format!("{tree}, {fresh}")),
        ("ran", format!("{}, for {} ms", time::relative(receipt.started_at, app.now()), receipt.duration_ms)),
        ("after", format!("job {} of assignment {}", receipt.job.short(), assignment.id.short())),
        ("output", format!("{} bytes, sha256 {}", receipt.output_bytes, receipt.output_hash)),
        ("signed", signed(app, receipt, record)),
    ];
    let mut shown = format!("receipt {}\n", receipt.id);
    for (name, value) in lines {
        shown.push_str(&format!("  {name:<8} {value}\n"));
    }
    let tail: String = receipt.tail.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect();
    if !tail.trim().is_empty() {
        shown.push_str(&format!("\n{}\n", tail.trim_end()));
    }
    shown
}

fn signed(app: &App, receipt: &CheckReceipt, record: &EvidenceRecord) -> String {
    match verdict(receipt, record) {
        Verdict::AsSigned => {
            let named = |signature: &Signature| {
                let key = record.keys.iter().find(|key| key.id == signature.key)?;
                let since = time::relative(key.since, app.now());
                Some(format!(", by runner {} (key {:.16}, made {since})", key.runner.short(), key.id))
            };
            let by = receipt.signature.as_ref().and_then(named).unwrap_or_default();
            format!("as it was signed{by}")
        }
        Verdict::Altered => "NOT as it was signed".to_owned(),
        Verdict::Unsigned => "NOT signed".to_owned(),
        Verdict::ForeignKey => "NOT with the key of the runner that has ended its attempt".to_owned(),
    }
}

async fn verify(app: &App, assignment: Option<&str>, all: bool) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let ids = match assignment {
        Some(text) => vec![target::assignment(&store, text).await?],
        None => {
            let namespace = here.listed_namespace(all)?;
            assignments(&store, AssignmentFilter { namespace, ..AssignmentFilter::default() }).await?
        }
    };
    let verified = look(&store, &ids).await?;
    app.printer.answer(
        || &verified,
        || match verified.ok {
            true => format!("{} as signed\n", text::counted(verified.checked, "receipt")),
            false => String::new(),
        },
    )?;
    if verified.ok {
        return Ok(());
    }
    let what = text::counted(verified.wrong.len(), "receipt");
    let mut failure =
        Failure::new(FailureKind::Failed, format!("{what} of {} not as signed", verified.checked));
    for Wrong { id, check, what, .. } in &verified.wrong {
        failure = failure.hint(format!("{id} of check `{check}` is {what}"));
    }
    Err(failure)
}

async fn assignments(store: &dyn Store, filter: AssignmentFilter) -> Result<Vec<AssignmentId>, Failure> {
    Ok(store.assignments(&filter).await?.into_iter().map(|line| line.assignment.id).collect())
}

async fn look(store: &dyn Store, of: &[AssignmentId]) -> Result<Verified, Failure> {
    let mut verified = Verified { ok: true, ..Verified::default() };
    for id in of {
        // Marks before receipts: what is measured in between is then in the record.
        let assignment = store.assignment(*id).await?.ok_or(StoreError::NoAssignment(*id))?;
        let record = store.evidence(*id).await?;
        verified.checked += record.receipts.len();
        let mut add = |receipt: ReceiptId, check: &str, what| {
            let (id, assignment, check) = (receipt.to_string(), id.to_string(), check.to_owned());
            verified.wrong.push(Wrong { id, assignment, check, what });
        };
        let mut known = Vec::new();
        for receipt in &record.receipts {
            let verdict = verdict(receipt, &record);
            if verdict != Verdict::AsSigned {
                add(receipt.id, &receipt.check, verdict.as_str());
                known.push(receipt.id);
            }
        }
        let unfounded = unfounded(assignment.standing(), &record);
        let is_new = |mark: &&ReceiptMark| unfounded.contains(&mark.id) && !known.contains(&mark.id);
        for mark in assignment.standing().receipts.iter().filter(is_new) {
            add(mark.id, &mark.check, "unfounded");
        }
    }
    verified.ok = verified.wrong.is_empty();
    Ok(verified)
}

/// What the doctor says of the receipts of open assignments. `None`: there is nothing yet.
pub async fn health(store: &dyn Store) -> Option<Check> {
    const NAME: &str = "receipts";
    let filter = AssignmentFilter {
        status: vec![AssignmentStatus::Active, AssignmentStatus::Blocked],
        ..AssignmentFilter::default()
    };
    let looked = match assignments(store, filter).await {
        Ok(ids) => look(store, &ids).await,
        Err(failure) => Err(failure),
    };
    match looked {
        Err(failure) => Some(Check::failure(NAME, failure)),
        Ok(Verified { ok: true, checked: 0, .. }) => None,
        Ok(Verified { ok: true, checked, .. }) => {
            Some(Check::ok(NAME, format!("{checked} of open assignments as signed")))
        }
        Ok(Verified { wrong, checked, .. }) => {
            let ids: Vec<&str> = wrong.iter().map(|one| one.id.as_str()).collect();
            Some(Check::problem(
                NAME,
                format!("{} of {checked} not as signed: {}", wrong.len(), ids.join(", ")),
                "somebody has written to the store besides agents: look at it with `agents receipt <id>`",
            ))
        }
    }
}
