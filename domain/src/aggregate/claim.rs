//! A runner takes a job: pending -> running, with a fresh attempt and a lease.

use super::{About, Aggregate, Context, Rejection};
use crate::attempt::{Attempt, LEASE};
use crate::history::EventKind;
use crate::id::{AttemptId, JobId, RunnerId};
use crate::timestamp::Timestamp;

/// A fresh attempt of a job, as a runner begins it.
pub(crate) struct FreshAttempt {
    pub id: AttemptId,
    pub runner: RunnerId,
    pub now: Timestamp,
}

impl Aggregate {
    /// The runner takes the job, if it is a head that is ready.
    pub fn claim(&mut self, job: JobId, runner: RunnerId, ctx: &Context<'_>) -> Result<&Attempt, Rejection> {
        let index =
            self.job_index(job).ok_or(Rejection::NotInAssignment { job, assignment: self.assignment.id })?;
        let fresh = FreshAttempt { id: AttemptId::new(ctx.ids.next()), runner, now: ctx.now };
        let attempt = self.attempt_of(index, fresh);
        self.start(attempt, ctx)?;
        self.attempts.last().ok_or(Rejection::NotReady { job })
    }

    fn attempt_of(&self, index: usize, fresh: FreshAttempt) -> Attempt {
        let job = &self.jobs[index];
        Attempt {
            id: fresh.id,
            job: job.id,
            assignment: self.assignment.id,
            number: job.progress.attempts + 1,
            runner: fresh.runner,
            harness: job.harness.clone(),
            started_at: fresh.now,
            lease_until: fresh.now.after(LEASE),
            resumes: job.progress.resume.clone(),
            cancel_requested: false,
            decision: None,
            end: None,
        }
    }

    pub(super) fn start(&mut self, attempt: Attempt, ctx: &Context<'_>) -> Result<(), Rejection> {
        let job = attempt.job;
        let index =
            self.job_index(job).ok_or(Rejection::NotInAssignment { job, assignment: self.assignment.id })?;
        if !self.jobs[index].start(attempt.id, ctx.now) {
            return Err(Rejection::NotReady { job });
        }
        let details = vec![("harness", attempt.harness.clone()), ("number", attempt.number.to_string())];
        let about = About::attempt(job, attempt.id);
        self.attempts.push(attempt);
        self.note_event(ctx, EventKind::JobStarted, about, details);
        Ok(())
    }
}
