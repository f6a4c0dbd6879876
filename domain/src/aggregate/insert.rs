//! Insertion of jobs: by a person at once, by the PM as a decision that takes effect when its job finishes.

use super::{About, Aggregate, Context, Rejection};
use crate::attempt::{Attempt, AttemptEnd};
use crate::decision::{Decision, NewJob, Place};
use crate::history::EventKind;
use crate::id::{AttemptId, JobId};
use crate::job::{Job, JobOrigin, JobStatus};
use crate::job_list;
use crate::outcome::Outcome;

impl Aggregate {
    /// A person inserts a job. It replaces a PM kick-off that has not started.
    pub fn insert(&mut self, job: NewJob, place: Place, ctx: &Context<'_>) -> Result<(), Rejection> {
        self.refuse_if_closed()?;
        if !job.job_type.is_chat() {
            self.refuse_if_directed("its definition says what is done; agents workflow show tells it")?;
        }
        self.refuse_foreign_place(place)?;
        if !job.job_type.is_chat() {
            self.refuse_if_full(1)?;
            self.replace_kick_off(ctx);
            self.assignment.release(ctx.now);
        }
        self.put_in(job, place, ctx)?;
        self.settle(ctx);
        Ok(())
    }

    /// A person asks a question: a job beside the line, whatever the assignment's state, that this attempt
    /// takes at once.
    pub fn ask(&mut self, job: NewJob, attempt: Attempt, ctx: &Context<'_>) -> Result<(), Rejection> {
        if !job.job_type.is_chat() || attempt.job != job.id {
            return Err(Rejection::NotReady { job: attempt.job });
        }
        let reserved = self.pay_question(&job.job_type, &attempt.harness)?;
        self.put_in(job, Place::End, ctx)?;
        self.settle(ctx);
        self.start(Attempt { reserved, ..attempt }, ctx)
    }

    /// The PM decides something from inside its attempt. It takes effect when the attempt has ended well.
    pub fn stage(
        &mut self,
        attempt: AttemptId,
        decision: Decision,
        ctx: &Context<'_>,
    ) -> Result<(), Rejection> {
        let index = self.live_attempt(attempt)?;
        let job = self.attempts[index].job;
        if !self.jobs.iter().any(|one| one.id == job && one.job_type.is_pm()) {
            return Err(Rejection::NotThePm { job });
        }
        if let (Some(over), Decision::InsertJobs { .. } | Decision::Continue { .. }) =
            (&self.assignment.budget.over, &decision)
        {
            return Err(Rejection::WrapsUp { reason: over.reason.clone() });
        }
        if let Decision::InsertJobs { jobs, .. } = &decision {
            for (_, place) in jobs {
                self.refuse_foreign_place(*place)?;
            }
        }
        let merged = Decision::merged(self.attempts[index].decision.clone(), decision)?;
        let job = self.attempts[index].job;
        let details = vec![("decision", merged.name().to_owned()), ("reason", merged.reason().to_owned())];
        self.attempts[index].decision = Some(merged);
        self.note_event(ctx, EventKind::DecisionStaged, About::attempt(job, attempt), details);
        Ok(())
    }

    /// The attempt of that id, if it still owns its job.
    pub(super) fn live_attempt(&self, id: AttemptId) -> Result<usize, Rejection> {
        let owns = |attempt: &Attempt| {
            self.jobs.iter().any(|job| job.id == attempt.job && job.running_attempt() == Some(id))
        };
        let is_live = |attempt: &Attempt| attempt.id == id && attempt.end.is_none() && owns(attempt);
        self.attempts.iter().position(is_live).ok_or(Rejection::StaleAttempt { attempt: id })
    }

    pub(super) fn refuse_if_closed(&self) -> Result<(), Rejection> {
        if self.assignment.is_closed() {
            return Err(Rejection::Closed {
                assignment: self.assignment.id,
                status: self.assignment.status(),
            });
        }
        Ok(())
    }

    /// Whether so many more jobs are too many.
    pub(super) fn refuse_if_full(&self, more: usize) -> Result<(), Rejection> {
        let counts = |job: &&Job| !job.shadow && job.status() != JobStatus::Cancelled;
        let limit = self.assignment.max_jobs;
        if self.jobs.iter().filter(counts).count() + more > limit as usize {
            return Err(Rejection::TooManyJobs { assignment: self.assignment.id, limit });
        }
        Ok(())
    }

    fn refuse_foreign_place(&self, place: Place) -> Result<(), Rejection> {
        match place {
            Place::After(job) if self.job_index(job).is_none() => {
                Err(Rejection::NotInAssignment { job, assignment: self.assignment.id })
            }
            Place::After(_) | Place::End | Place::First => Ok(()),
        }
    }

    /// Puts a job into the list, without asking whether it may.
    pub(super) fn put_in(&mut self, new: NewJob, place: Place, ctx: &Context<'_>) -> Result<(), Rejection> {
        self.put_in_with(new, place, Vec::new(), ctx)
    }

    /// The same; its event says more of it.
    pub(super) fn put_in_with(
        &mut self,
        new: NewJob,
        place: Place,
        more: Vec<(&'static str, String)>,
        ctx: &Context<'_>,
    ) -> Result<(), Rejection> {
        let assignment = self.assignment.id;
        let (harness, model) = self.harness_of(&new, &ctx.harness_defaults);
        let mut details = vec![("harness", harness.clone())];
        details.extend(more);
        let origin = JobOrigin {
            id: new.id,
            assignment,
            shadow: new.job_type.is_pm() || new.job_type.is_chat(),
            job_type: new.job_type,
            harness,
            model,
            timeout_ms: new.timeout_ms,
            created_at: ctx.now,
        };
        job_list::insert(&mut self.jobs, Job::new(origin, 0), place)
            .map_err(|missing| Rejection::NotInAssignment { job: missing.0, assignment })?;
        self.contexts.push((new.id, new.context));
        self.note_event(ctx, EventKind::JobInserted, About::job(new.id), details);
        Ok(())
    }

    fn replace_kick_off(&mut self, ctx: &Context<'_>) {
        if self.jobs.iter().any(|job| !job.shadow) {
            return;
        }
        let kick_offs: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|job| job.job_type.is_pm() && job.is_untouched())
            .map(|job| job.id)
            .collect();
        for id in kick_offs {
            self.cancel_job(id, "a person inserted the first job instead", ctx);
        }
    }

    /// Pending or running -> cancelled, with its event.
    pub(super) fn cancel_job(&mut self, id: JobId, why: &str, ctx: &Context<'_>) {
        if let Some(index) = self.job_index(id) {
            self.jobs[index].cancel(why.to_owned(), ctx.now);
            self.note_event(ctx, EventKind::JobCancelled, About::job(id), vec![("reason", why.to_owned())]);
        }
    }

    /// Ends the attempt's own record.
    pub(super) fn end_attempt(
        &mut self,
        index: usize,
        outcome: &Outcome,
        killed: Option<String>,
        ctx: &Context<'_>,
    ) {
        let attempt = &mut self.attempts[index];
        attempt.end = Some(AttemptEnd { at: ctx.now, class: outcome.class, message: outcome.text.clone() });
        let about = About::attempt(attempt.job, attempt.id);
        let mut details =
            vec![("number", attempt.number.to_string()), ("outcome", outcome.class.to_string())];
        details.extend(killed.map(|killed| ("killed", killed)));
        self.note_event(ctx, EventKind::AttemptEnded, about, details);
    }
}
