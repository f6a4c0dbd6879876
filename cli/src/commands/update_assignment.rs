//! `agents update-assignment`: a person changes the status at once; the PM decides on it, which takes effect when
//! its job ends.

use std::path::Path;

use agents_domain::actor::Actor;
use agents_domain::aggregate::StatusChange;
use agents_domain::assignment::AssignmentStatus;
use agents_domain::decision::Decision;
use agents_domain::evidence::{ReceiptMark, TreeState};
use agents_domain::id::AssignmentId;
use agents_domain::store::{Change, Store, StoreError};
use agents_orchestrator::evidence::verdict::unfounded;
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::workspace;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::staged;
use crate::app::{self, App, Here};
use crate::caller::{Caller, PmCaller};
use crate::check_options::CheckOptions;
use crate::failure::Failure;
use crate::limit_options::LimitOptions;
use crate::output::text::{self, GREEN};
use crate::proof_input::{self, CriteriaOptions};
use crate::target;

/// Change an assignment's status: complete, blocked, active again, or cancelled
///
/// Called by the PM from inside its job it is a decision, which takes effect when that job ends; the assignment is then
/// the PM's own and need not be named.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents update-assignment 099a8057 --status active --note \"Use the new API; the key is in .env\"
  agents update-assignment 099a8057 --status active --accept \"the README shows it\" --drop-accept 2
  agents update-assignment 099a8057 --status active --add-check \"cargo test\" --drop-check lint
  agents update-assignment 099a8057 --status complete --reason \"Shipped\" --tie 1=4d3f21aa
  agents update-assignment 099a8057 --status complete --force --reason \"The check is flaky\"
  agents update-assignment 099a8057 --status blocked --reason \"Waiting for the design\"
  agents update-assignment 099a8057 --status cancelled")]
pub struct UpdateAssignment {
    /// The assignment's id, or the beginning or the end of it; `self` in a PM job
    assignment: Option<String>,
    /// What it is to become
    #[arg(long, value_name = "STATUS", value_parser = wanted_parser())]
    status: AssignmentStatus,
    /// Why; needed for blocked
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: Option<String>,
    /// What the PM should know, with --status active
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    note: Option<String>,
    /// What a person should answer, with --status blocked (only in a PM job)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    question: Option<String>,
    /// A new limit on its jobs, with --status active
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_jobs: Option<u32>,
    #[command(flatten)]
    criteria: CriteriaOptions,
    #[command(flatten)]
    checks: CheckOptions,
    /// What shows that a criterion holds: its number and a receipt or finding (repeatable), with --status complete
    #[arg(long, value_name = "N=ID")]
    tie: Vec<String>,
    /// Whatever the evidence says, with --status complete and a --reason; it is recorded as forced
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    limits: LimitOptions,
}

#[derive(Debug, Serialize)]
struct Updated {
    id: String,
    /// What the assignment is now; a staged decision has not changed it yet.
    status: &'static str,
    reason: Option<String>,
    /// It is a decision that takes effect when the PM job ends.
    staged: bool,
    /// What the PM decided.
    decision: Option<&'static str>,
    changed: bool,
    warnings: Vec<String>,
}

impl UpdateAssignment {
    /// Changes it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let pm = Caller::of_process()?.pm("change an assignment")?;
        self.refuse_misplaced_options()?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let updated = match pm {
            Some(pm) => self.stage(app, &here, &store, pm).await?,
            None => self.update(app, &here, &store).await?,
        };
        app.printer.answer(|| &updated.1, || said(updated.0, &updated.1))?;
        updated.1.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }

    fn refuse_misplaced_options(&self) -> Result<(), Failure> {
        let status = self.status;
        let is_active = status == AssignmentStatus::Active;
        let only_active = [
            ("--note", self.note.is_some()),
            ("--max-jobs", self.max_jobs.is_some()),
            ("--max-cost and its like", !self.limits.changes().is_empty()),
        ];
        if let Some((option, _)) = only_active.iter().find(|(_, given)| *given && !is_active) {
            return Err(Failure::usage(format!(
                "{option} goes with --status active, not with {}",
                status.as_str()
            )));
        }
        if let Some(option) = self.criteria.given().or(self.checks.given()).filter(|_| !is_active) {
            return Err(Failure::usage(format!(
                "{option} goes with --status active, not with {}",
                status.as_str()
            )));
        }
        self.refuse_misplaced_proof()?;
        if self.reason.is_some() && is_active {
            return Err(Failure::usage("--reason does not go with --status active")
                .hint("--note tells the PM what it should know"));
        }
        if self.question.is_some() && status != AssignmentStatus::Blocked {
            return Err(Failure::usage("--question goes with --status blocked"));
        }
        if status == AssignmentStatus::Blocked && self.reason().is_none() {
            return Err(Failure::usage("no reason is given, and a blocked assignment needs one")
                .hint("--reason \"what a person must do or decide\""));
        }
        Ok(())
    }

    fn refuse_misplaced_proof(&self) -> Result<(), Failure> {
        let only_complete = [("--tie", !self.tie.is_empty()), ("--force", self.force)];
        let is_complete = self.status == AssignmentStatus::Complete;
        if let Some((option, _)) = only_complete.iter().find(|(_, given)| *given && !is_complete) {
            return Err(Failure::usage(format!(
                "{option} goes with --status complete, not with {}",
                self.status.as_str()
            )));
        }
        if self.force && self.reason().is_none() {
            return Err(Failure::usage("no reason is given, and a forced completion needs one")
                .hint("--reason \"why the evidence does not count here\""));
        }
        Ok(())
    }

    /// The reason, if it says something.
    fn reason(&self) -> Option<String> {
        self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned)
    }

    async fn update(
        &self,
        app: &App,
        here: &Here,
        store: &SqlStore,
    ) -> Result<(AssignmentId, Updated), Failure> {
        let Some(text) = self.assignment.as_deref().filter(|text| *text != staged::OWN) else {
            return Err(Failure::usage("no assignment is named")
                .hint("agents update-assignment <assignment> --status …; `agents assignments` lists them"));
        };
        if self.question.is_some() {
            return Err(Failure::usage("--question is for the PM's decisions").hint("put it into --reason"));
        }
        let id = target::assignment(store, text).await?;
        let to = match self.status {
            AssignmentStatus::Active => {
                let (note, limits) = (self.note.clone(), self.limits.changes());
                StatusChange::Active { note, max_jobs: self.max_jobs, limits }
            }
            AssignmentStatus::Blocked => StatusChange::Blocked { reason: self.reason().unwrap_or_default() },
            AssignmentStatus::Complete => {
                let ties = proof_input::ties(&self.tie)?;
                let data_folder = here.config.data_folder()?;
                let tree = present_tree((store, &data_folder), id).await?;
                if !self.force {
                    refuse_unfounded(store, id, tree.as_ref()).await?;
                }
                StatusChange::Complete { reason: self.reason(), ties, tree, force: self.force }
            }
            AssignmentStatus::Cancelled => StatusChange::Cancelled { reason: self.reason() },
            AssignmentStatus::Failed => {
                return Err(Failure::usage("an assignment fails by its work, not by a word")
                    .hint("--status cancelled says that nobody wants it any longer"));
            }
        };
        let has_edited = self.edit_proof(app, (here, store), id).await?;
        let change = Change::Update { assignment: id, to };
        let receipt = app.execute(here, store, (Actor::Person, change)).await?;
        let stored = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
        let mut warnings = Vec::new();
        if stored.is_active() {
            warnings.extend(app::paused_warning(&stored));
            warnings.extend(app::no_runner_warning(store, &stored.namespace, app.now()).await?);
        }
        let updated = Updated {
            id: id.to_string(),
            status: receipt.status.as_str(),
            reason: stored.reason().map(str::to_owned),
            staged: false,
            decision: None,
            changed: !receipt.events.is_empty()
                || has_edited
                || self.max_jobs.is_some()
                || !self.limits.changes().is_empty(),
            warnings,
        };
        Ok((id, updated))
    }

    /// Changes criteria and checks. Gives whether something has changed. By itself, so that what makes no sense leaves the
    /// status as it is.
    async fn edit_proof(
        &self,
        app: &App,
        (here, store): (&Here, &SqlStore),
        id: AssignmentId,
    ) -> Result<bool, Failure> {
        let mut has_edited = false;
        let (criteria, checks) = (self.criteria.edits()?, self.checks.edits()?);
        let criteria = (!criteria.is_empty()).then_some(StatusChange::Criteria { edits: criteria });
        let checks = (!checks.is_empty()).then_some(StatusChange::Checks { edits: checks });
        for to in [checks, criteria].into_iter().flatten() {
            let change = Change::Update { assignment: id, to };
            has_edited |= !app.execute(here, store, (Actor::Person, change)).await?.events.is_empty();
        }
        Ok(has_edited)
    }

    async fn stage(
        &self,
        app: &App,
        here: &Here,
        store: &SqlStore,
        pm: PmCaller,
    ) -> Result<(AssignmentId, Updated), Failure> {
        let decision = self.decision()?;
        let id = staged::own_assignment(pm, store, self.assignment.as_deref()).await?;
        let name = decision.name();
        let receipt = staged::stage(app, here, (store, pm), decision).await?;
        let updated = Updated {
            id: id.to_string(),
            status: receipt.status.as_str(),
            reason: self.reason(),
            staged: true,
            decision: Some(name),
            changed: true,
            warnings: Vec::new(),
        };
        Ok((id, updated))
    }

    fn decision(&self) -> Result<Decision, Failure> {
        let status = self.status;
        if self.force {
            return Err(Failure::rejected("only a person can force an assignment to be complete").hint(
                "what stands against it is refused and told to the next PM; decide on the work that mends it",
            ));
        }
        match (status, self.reason()) {
            (AssignmentStatus::Complete, Some(reason)) => {
                Ok(Decision::Complete { reason, ties: proof_input::ties(&self.tie)? })
            }
            (AssignmentStatus::Blocked, Some(reason)) => {
                Ok(Decision::Blocked { reason, question: self.question.clone() })
            }
            (AssignmentStatus::Complete | AssignmentStatus::Blocked, None) => {
                Err(Failure::usage(format!("the PM must say why the assignment is {}", status.as_str()))
                    .hint("--reason \"how you know that the north star is reached\""))
            }
            (AssignmentStatus::Active | AssignmentStatus::Failed | AssignmentStatus::Cancelled, _) => {
                let refusal = format!("only a person can make an assignment {}", status.as_str());
                Err(Failure::rejected(refusal)
                    .hint("the PM decides on complete or blocked, or on more jobs with `agents insert-job`")
                    .hint(
                        "if the jobs that wait in the list are right, end with the JSON decision `continue`",
                    ))
            }
        }
    }
}

/// What a person may make of an assignment: it fails by its work alone.
fn wanted_parser() -> impl TypedValueParser<Value = AssignmentStatus> {
    let wanted = AssignmentStatus::ALL.into_iter().filter(|status| *status != AssignmentStatus::Failed);
    PossibleValuesParser::new(wanted.map(AssignmentStatus::as_str))
        .try_map(|name| AssignmentStatus::from_name(&name).ok_or("no such status"))
}

/// The tree that the assignment's agents have worked in, as it is now. `None`: it is not there.
async fn present_tree(
    (store, data_folder): (&SqlStore, &Path),
    id: AssignmentId,
) -> Result<Option<TreeState>, Failure> {
    let assignment = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
    let folder = Path::new(assignment.folder());
    if !folder.is_dir() {
        return Ok(None);
    }
    let state = workspace::tree_state(folder);
    Ok(match &assignment.worktree {
        Some(own) => {
            let places = (Path::new(&assignment.workspace), data_folder);
            workspace::safely_in(own, places, state).await?
        }
        None => workspace::safely(folder, data_folder, state).await?,
    })
}

/// A pass on the present tree must be in the store as its runner has signed it.
async fn refuse_unfounded(
    store: &SqlStore,
    id: AssignmentId,
    tree: Option<&TreeState>,
) -> Result<(), Failure> {
    let assignment = store.assignment(id).await?.ok_or(StoreError::NoAssignment(id))?;
    let (standing, record) = (assignment.standing(), store.evidence(id).await?);
    let unfounded = unfounded(standing, &record);
    let tree = tree.or(standing.tree.as_ref());
    let counts = |mark: &&ReceiptMark| mark.passed && mark.tree.as_ref() == tree;
    let found = standing.receipts.iter().filter(counts).find(|mark| unfounded.contains(&mark.id));
    let Some(mark) = found else { return Ok(()) };
    Err(Failure::rejected(format!(
        "the store says that the check `{}` has passed (receipt {}), and no runner has signed that",
        mark.check,
        mark.id.short()
    ))
    .hint(format!("`agents receipt verify {}` says what is wrong", id.short()))
    .hint(format!(
        "a job that may edit runs the checks again: agents insert-job {} --type implement --context \"…\"",
        id.short()
    )))
}

fn said(id: AssignmentId, updated: &Updated) -> String {
    let id = id.short();
    if let Some(decision) = updated.decision {
        let green = text::colored(GREEN, "decided");
        return format!("{green} that assignment {id} is {decision}; {}\n", staged::WHEN);
    }
    if !updated.changed {
        return format!("assignment {id} is already {}; nothing has changed\n", updated.status);
    }
    format!("assignment {id} is now {}\n", text::colored(GREEN, updated.status))
}
