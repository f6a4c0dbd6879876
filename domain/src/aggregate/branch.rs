//! What a person has done with an assignment's branch becomes part of its history.

use super::{About, Aggregate, Context, Rejection};
use crate::assignment::AssignmentStatus;
use crate::decision::{NewJob, Place};
use crate::evidence::TreeState;
use crate::history::EventKind;
use crate::id::JobId;
use crate::job::Job;

/// What was done with a branch, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchMove {
    /// It is as it was before that job, without the work of `also`; what it was then is kept under a name.
    RolledBack { job: JobId, also: Vec<JobId>, to: TreeState, kept: String },
    /// It is part of another branch.
    Merged { into: String, commit: String, is_squash: bool },
    /// It can't be merged as it is: a job is to mend that.
    Conflict { job: NewJob },
    /// It was pushed, and there is a pull request.
    Proposed { url: String },
}

impl Aggregate {
    /// Takes note of it.
    pub fn move_branch(&mut self, how: BranchMove, ctx: &Context<'_>) -> Result<(), Rejection> {
        match how {
            BranchMove::RolledBack { job, also, to, kept } => {
                self.rolled_back((job, &also), (to, kept), ctx)?;
            }
            BranchMove::Merged { into, commit, is_squash } => {
                let name = if is_squash { "squashed" } else { "fast_forward" };
                let details = vec![("move", name.to_owned()), ("into", into), ("commit", commit)];
                self.note_event(ctx, EventKind::BranchMoved, About::ASSIGNMENT, details);
            }
            BranchMove::Proposed { url } => {
                let details = vec![("move", "proposed".to_owned()), ("url", url)];
                self.note_event(ctx, EventKind::BranchMoved, About::ASSIGNMENT, details);
            }
            BranchMove::Conflict { job } => {
                self.refuse_if_full(1)?;
                self.activate(None, None, ctx);
                self.put_in(job, Place::First, ctx)?;
                self.settle(ctx);
            }
        }
        Ok(())
    }
    /// What was measured of the later tree speaks for it no longer, and what was complete by it is so no longer.
    fn rolled_back(
        &mut self,
        (job, also): (JobId, &[JobId]),
        (to, kept): (TreeState, String),
        ctx: &Context<'_>,
    ) -> Result<(), Rejection> {
        let works = |job: &&Job| job.running_attempt().is_some() && !job.job_type.is_chat();
        if let Some(running) = self.jobs.iter().find(works) {
            return Err(Rejection::StillRunning { job: running.id });
        }
        let details =
            vec![("move", "rolled_back".to_owned()), ("commit", to.commit.clone()), ("kept", kept.clone())];
        let standing = &mut self.assignment.proof.standing;
        standing.tree = Some(to);
        // Guards and reviewers have seen the tree as it was.
        standing.gates.clear();
        standing.met.clear();
        for criterion in &mut self.assignment.proof.criteria {
            criterion.tie = None;
        }
        self.note_event(ctx, EventKind::BranchMoved, About::job(job), details);
        let with = match also.len() {
            0 => String::new(),
            1 => " and of the one after it".to_owned(),
            more => format!(" and of {more} after it"),
        };
        let what =
            format!("a person has rolled back the work of job {}{with}; it is kept as {kept}", job.short());
        match self.assignment.status() {
            AssignmentStatus::Complete => self.block(what, None, ctx),
            // The PM counts on work that is not there any more.
            AssignmentStatus::Active | AssignmentStatus::Blocked => self.note_for_pm(what, ctx),
            AssignmentStatus::Failed | AssignmentStatus::Cancelled => {}
        }
        Ok(())
    }
}
