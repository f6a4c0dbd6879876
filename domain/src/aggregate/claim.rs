//! A runner takes a job: pending -> running, with a fresh attempt and a lease.

use super::money::Unfunded;
use super::{About, Aggregate, Context, Rejection};
use crate::amounts::Amounts;
use crate::attempt::{Attempt, Holder, Proof};
use crate::cooldown::Cooldown;
use crate::fallback::{Fallbacks, Route};
use crate::history::EventKind;
use crate::id::{AttemptId, JobId, RunnerId};
use crate::spending::Funds;

/// What decides which harness a job goes to now.
#[derive(Debug, Clone, Copy)]
pub struct Routes<'a> {
    pub fallbacks: &'a Fallbacks,
    /// Harnesses that cool down at present.
    pub cooling: &'a [Cooldown],
}

impl Aggregate {
    /// The runner takes the job, if it is a head that is ready, there is a harness for it, and it can be paid. `Ok(None)`: a
    /// limit of the assignment stands against it, and what follows from that has been done.
    pub fn claim(
        &mut self,
        job: JobId,
        (holder, funds): (&Holder, &Funds),
        routes: Routes<'_>,
        ctx: &Context<'_>,
    ) -> Result<Option<&Attempt>, Rejection> {
        let index =
            self.job_index(job).ok_or(Rejection::NotInAssignment { job, assignment: self.assignment.id })?;
        let asked_for = self.jobs[index].harness.clone();
        let Route::To(harness) = routes.fallbacks.route(&asked_for, routes.cooling) else {
            return Err(Rejection::NotReady { job });
        };
        if !self.jobs[index].is_ready(ctx.now) {
            return Err(Rejection::NotReady { job });
        }
        let admitted = match self.admit(index, harness, funds) {
            Ok(admitted) => admitted,
            Err(Unfunded::Day(reached)) => return Err(Rejection::OutOfBudget { reached }),
            // Nobody waits for it in line, so nothing follows from it either.
            Err(Unfunded::Own(_)) if self.jobs[index].job_type.is_chat() => {
                return Err(Rejection::NotReady { job });
            }
            Err(Unfunded::Own(over)) => {
                self.run_out(index, over, ctx);
                return Ok(None);
            }
        };
        if admitted.wraps_up.is_some() {
            self.assignment.budget.over = admitted.wraps_up;
        }
        let attempt = self.attempt_of(index, harness, holder, ctx);
        self.start(Attempt { reserved: admitted.reserved, ..attempt }, ctx)?;
        Ok(self.attempts.last())
    }

    /// Another runner of the same machine takes a running attempt over: its processes go on.
    pub fn take_over(
        &mut self,
        attempt: AttemptId,
        from: RunnerId,
        (holder, proof): (&Holder, Proof),
        ctx: &Context<'_>,
    ) -> Result<(), Rejection> {
        let index = self.live_attempt(attempt)?;
        self.refuse_unproven(index, proof)?;
        let taken = &mut self.attempts[index];
        if taken.runner != from {
            return Err(Rejection::StaleAttempt { attempt });
        }
        taken.runner = holder.runner;
        taken.host = holder.host.clone();
        taken.lease_until = ctx.now.after(holder.lease);
        let job = taken.job;
        self.note_event(ctx, EventKind::AttemptTakenOver, About::attempt(job, attempt), Vec::new());
        Ok(())
    }

    /// A lease that was renewed since it was looked at is no proof.
    pub(super) fn refuse_unproven(&self, index: usize, proof: Proof) -> Result<(), Rejection> {
        let attempt = &self.attempts[index];
        match proof {
            Proof::Silent { lease_until } if attempt.lease_until != lease_until => {
                Err(Rejection::StaleAttempt { attempt: attempt.id })
            }
            Proof::Silent { .. } | Proof::Gone => Ok(()),
        }
    }

    fn attempt_of(&self, index: usize, harness: &str, holder: &Holder, ctx: &Context<'_>) -> Attempt {
        let job = &self.jobs[index];
        let resume = job.progress.resume.as_ref().filter(|session| session.harness == harness);
        Attempt {
            id: AttemptId::new(ctx.ids.next()),
            job: job.id,
            assignment: self.assignment.id,
            number: job.progress.attempts + 1,
            runner: holder.runner,
            host: holder.host.clone(),
            harness: harness.to_owned(),
            started_at: ctx.now,
            lease_until: ctx.now.after(holder.lease),
            resumes: resume.map(|session| session.id.clone()),
            cancel_requested: false,
            pause_requested: false,
            reserved: Amounts::NONE,
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
        let mut details = vec![("harness", attempt.harness.clone()), ("number", attempt.number.to_string())];
        let asked_for = &self.jobs[index].harness;
        if attempt.harness != *asked_for {
            details.push(("insteadOf", asked_for.clone()));
        }
        let about = About::attempt(job, attempt.id);
        self.attempts.push(attempt);
        self.note_event(ctx, EventKind::JobStarted, about, details);
        Ok(())
    }
}
