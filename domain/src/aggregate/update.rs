//! A person changes an assignment's status.

use super::{About, Aggregate, CheckEdit, Context, CriterionEdit, Rejection};
use crate::assignment::{AssignmentState, AssignmentStatus};
use crate::director::Director;
use crate::evidence::{Ties, TreeState};
use crate::history::EventKind;
use crate::id::JobId;
use crate::job::JobStatus;
use crate::job_list;
use crate::limits::LimitChange;
use crate::workflow::Signal;

/// What an assignment is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusChange {
    /// Going on; the note is for the PM, the limits replace the ones that there are.
    Active {
        note: Option<String>,
        max_jobs: Option<u32>,
        limits: Vec<LimitChange>,
    },
    Blocked {
        reason: String,
    },
    /// As it is, with other criteria.
    Criteria {
        edits: Vec<CriterionEdit>,
    },
    /// As it is, with other checks.
    Checks {
        edits: Vec<CheckEdit>,
    },
    /// `ties`: what shows that each criterion holds. With `force` whatever the evidence says.
    Complete {
        reason: Option<String>,
        ties: Ties,
        /// The tree as it is now. `None`: as it was measured last.
        tree: Option<TreeState>,
        force: bool,
    },
    Cancelled {
        reason: Option<String>,
    },
}

impl Aggregate {
    /// A person changes the status. To ask for what already is changes nothing.
    pub fn update(&mut self, change: StatusChange, ctx: &Context<'_>) -> Result<(), Rejection> {
        match change {
            StatusChange::Active { note, max_jobs, limits } => {
                self.assignment.budget.limits.change(&limits);
                // What comes next is its workflow's affair.
                if self.assignment.director == Director::Workflow && !self.assignment.is_active() {
                    return self.hear(Signal::GoOn { from: None }, ctx);
                }
                self.activate(note, max_jobs, ctx);
            }
            StatusChange::Blocked { reason } if reason.trim().is_empty() => {
                return Err(Rejection::ReasonNeeded { status: AssignmentStatus::Blocked });
            }
            StatusChange::Blocked { reason } => {
                self.refuse_if_closed()?;
                self.block(reason, None, ctx);
            }
            StatusChange::Criteria { edits } => self.edit_criteria(edits, ctx)?,
            StatusChange::Checks { edits } => self.edit_checks(edits, ctx)?,
            StatusChange::Complete { reason, ties, tree, force } => {
                if self.assignment.status() != AssignmentStatus::Complete {
                    self.complete_by_person((reason, force), (&ties, tree.as_ref()), ctx)?;
                }
            }
            StatusChange::Cancelled { reason } => {
                if self.assignment.status() != AssignmentStatus::Cancelled {
                    self.cancel_all(reason, ctx);
                }
            }
        }
        self.settle(ctx);
        Ok(())
    }

    pub(super) fn activate(&mut self, note: Option<String>, max_jobs: Option<u32>, ctx: &Context<'_>) {
        if let Some(limit) = max_jobs {
            self.assignment.max_jobs = limit;
        }
        // A limit that is still reached is found again by the next claim.
        self.assignment.budget.over = None;
        if !self.assignment.is_active() || self.assignment.is_held() {
            self.assignment.change(AssignmentState::Active { held: false }, ctx.now);
            self.note_event(ctx, EventKind::AssignmentActivated, About::ASSIGNMENT, Vec::new());
        }
        if let Some(note) = note {
            self.note_for_pm(note, ctx);
        }
    }

    /// Adds to what the PM is told when it is asked next.
    pub(super) fn note_for_pm(&mut self, note: String, ctx: &Context<'_>) {
        self.assignment.add_note(&note, ctx.now);
        self.note_event(ctx, EventKind::AssignmentNoted, About::ASSIGNMENT, vec![("note", note)]);
    }

    fn complete_by_person(
        &mut self,
        (reason, force): (Option<String>, bool),
        (ties, tree): (&Ties, Option<&TreeState>),
        ctx: &Context<'_>,
    ) -> Result<(), Rejection> {
        if force && reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
            return Err(Rejection::ReasonNeeded { status: AssignmentStatus::Complete });
        }
        let (shown, against) = self.completable((ties, tree), force)?;
        self.tie(&shown);
        self.close_open_jobs("the assignment was made complete", ctx);
        self.complete(reason, against, ctx);
        Ok(())
    }

    fn cancel_all(&mut self, reason: Option<String>, ctx: &Context<'_>) {
        self.close_open_jobs("the assignment was made cancelled", ctx);
        self.cancelled(reason, ctx);
    }

    /// Any state -> cancelled.
    pub(super) fn cancelled(&mut self, reason: Option<String>, ctx: &Context<'_>) {
        let details = reason.iter().map(|reason| ("reason", reason.clone())).collect();
        self.assignment.change(AssignmentState::Cancelled { reason }, ctx.now);
        self.note_event(ctx, EventKind::AssignmentCancelled, About::ASSIGNMENT, details);
    }

    pub(super) fn close_open_jobs(&mut self, why: &str, ctx: &Context<'_>) {
        let open: Vec<(JobId, JobStatus)> = self
            .jobs
            .iter()
            .filter(|job| job_list::is_in_line(job) && !job.status().is_final())
            .map(|job| (job.id, job.status()))
            .collect();
        for (id, job_status) in open {
            match job_status {
                JobStatus::Pending => self.cancel_job(id, why, ctx),
                JobStatus::Running => {
                    self.request_cancel(id, why, ctx);
                }
                JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled => {}
            }
        }
    }
}
