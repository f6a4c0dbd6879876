//! After every command: an active assignment has something pending or running, and exactly one job may run; none while
//! it is paused.

use super::{About, Aggregate, Context, pm_job};
use crate::assignment::AssignmentState;
use crate::decision::Place;
use crate::director::Director;
use crate::history::EventKind;
use crate::job::{Job, JobStatus};
use crate::job_list;

impl Aggregate {
    /// Asks the director if an active assignment has nothing left, and marks the job that may run.
    pub(super) fn settle(&mut self, ctx: &Context<'_>) {
        let is_open = |job: &Job| job_list::is_in_line(job) && !job.status().is_final();
        let has_more = self.jobs.iter().any(is_open);
        if self.assignment.is_active() && !self.assignment.is_held() && !has_more {
            match self.assignment.director {
                Director::Pm => self.ask_pm(Place::End, ctx),
                Director::None => self.end_undirected(ctx),
                // The store asks it, in the same transaction; or it waits.
                Director::Workflow => {}
            }
        }
        job_list::mark_head(&mut self.jobs, self.assignment.may_run());
    }

    /// Inserts a PM job.
    pub(super) fn ask_pm(&mut self, place: Place, ctx: &Context<'_>) {
        let job = pm_job(ctx, String::new());
        let put = self.put_in(job, place, ctx);
        debug_assert!(put.is_ok(), "a PM job goes to the end or after a job of this list");
    }

    fn end_undirected(&mut self, ctx: &Context<'_>) {
        let last = self.jobs.iter().rev().find(|job| job_list::is_in_line(job));
        if self.assignment.ends_by_itself() && last.is_some_and(|job| job.status() == JobStatus::Cancelled) {
            let reason = last.and_then(|job| job.progress.result.clone());
            return self.cancelled(reason, ctx);
        }
        let without_success = last.filter(|job| job.status() != JobStatus::Completed).map(|job| {
            let was = if job.status() == JobStatus::Cancelled { "was cancelled" } else { "failed" };
            format!("the last job {was}: {}", job.progress.result.as_deref().unwrap_or("no explanation"))
        });
        match without_success {
            Some(reason) => self.block(reason, None, ctx),
            None => self.complete_undirected(ctx),
        }
    }

    /// Active -> blocked. A run that nobody leads does not wait for a person: it has failed.
    pub(super) fn block(&mut self, reason: String, question: Option<String>, ctx: &Context<'_>) {
        if self.assignment.ends_by_itself() {
            return self.fail_run(reason, ctx);
        }
        let mut details = vec![("reason", reason.clone())];
        details.extend(question.clone().map(|question| ("question", question)));
        self.assignment.change(AssignmentState::Blocked { reason, question }, ctx.now);
        self.note_event(ctx, EventKind::AssignmentBlocked, About::ASSIGNMENT, details);
    }

    /// Active -> failed. What it still had to do is not done.
    pub(super) fn fail_run(&mut self, reason: String, ctx: &Context<'_>) {
        self.close_open_jobs("its run has failed", ctx);
        let details = vec![("reason", reason.clone())];
        self.assignment.change(AssignmentState::Failed { reason }, ctx.now);
        self.note_event(ctx, EventKind::AssignmentFailed, About::ASSIGNMENT, details);
    }
}
