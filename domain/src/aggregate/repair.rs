//! Puts right what an audit has found. Nothing is taken away, and on a sound assignment nothing changes.

use super::{About, Aggregate, Context};
use crate::assignment::AssignmentStatus;
use crate::audit::Repair;
use crate::history::EventKind;
use crate::history::replay::REPAIRED;
use crate::id::{AttemptId, JobId};
use crate::job::{Counted, Job, JobStatus, RetryLater};
use crate::job_list;
use crate::outcome::{Outcome, OutcomeClass};

impl Aggregate {
    /// Restores what must hold, and tells the history what it does not tell. Done twice, the second time changes
    /// nothing.
    pub fn repair(&mut self, repair: &Repair, ctx: &Context<'_>) {
        for (id, number) in &repair.numbers {
            if let Some(index) = self.job_index(*id) {
                let progress = &mut self.jobs[index].progress;
                progress.attempts = progress.attempts.max(*number);
            }
        }
        job_list::renumber_if_equal(&mut self.jobs);
        self.tell_what_is_stored(repair, ctx);
        self.end_strays(ctx);
        self.give_back_what_nothing_does(ctx);
        self.cancel_what_is_left_of_a_closed(ctx);
        if self.jobs.iter().any(|job| job_list::is_in_line(job) && !job.status().is_final()) {
            self.assignment.release(ctx.now);
        }
        if repair.wakes_flow {
            self.wake_flow(ctx);
        }
        self.settle(ctx);
    }

    fn tell_what_is_stored(&mut self, repair: &Repair, ctx: &Context<'_>) {
        let why = "the history did not tell how things stand; this is what was stored";
        let details = |more: Option<(&'static str, String)>| {
            std::iter::once((REPAIRED, why.to_owned())).chain(more).collect::<Vec<_>>()
        };
        if repair.untold_status {
            let kind = match self.assignment.status() {
                AssignmentStatus::Active => EventKind::AssignmentActivated,
                AssignmentStatus::Blocked => EventKind::AssignmentBlocked,
                AssignmentStatus::Complete => EventKind::AssignmentCompleted,
                AssignmentStatus::Failed => EventKind::AssignmentFailed,
                AssignmentStatus::Cancelled => EventKind::AssignmentCancelled,
            };
            let reason = self.assignment.reason().map(|reason| ("reason", reason.to_owned()));
            self.note_event(ctx, kind, About::ASSIGNMENT, details(reason));
        }
        for id in &repair.untold_jobs {
            let Some(index) = self.job_index(*id) else { continue };
            let job = &self.jobs[index];
            let kind = match job.status() {
                JobStatus::Pending if job.is_untouched() => EventKind::JobInserted,
                JobStatus::Pending => EventKind::JobRetried,
                JobStatus::Running => EventKind::JobStarted,
                JobStatus::Completed => EventKind::JobCompleted,
                JobStatus::Failed => EventKind::JobFailed,
                JobStatus::Cancelled => EventKind::JobCancelled,
            };
            let number =
                (job.status() == JobStatus::Running).then(|| ("number", job.progress.attempts.to_string()));
            let about = About { job: Some(*id), attempt: job.running_attempt() };
            self.note_event(ctx, kind, about, details(number));
        }
    }

    /// Attempts that run and that their jobs know nothing of.
    fn end_strays(&mut self, ctx: &Context<'_>) {
        let stray = |index: &usize| {
            let attempt = &self.attempts[*index];
            let owns = |job: &Job| job.id == attempt.job && job.running_attempt() == Some(attempt.id);
            attempt.end.is_none() && !self.jobs.iter().any(owns)
        };
        let strays: Vec<usize> = (0..self.attempts.len()).filter(stray).collect();
        let outcome = Outcome::failure(OutcomeClass::Lost, "its job was not done by it");
        for index in strays {
            self.end_attempt(index, &outcome, None, ctx);
        }
    }

    /// Jobs that run by an attempt that is not there, or has ended.
    fn give_back_what_nothing_does(&mut self, ctx: &Context<'_>) {
        let lives = |id: AttemptId, job: JobId| {
            self.attempts
                .iter()
                .any(|attempt| attempt.id == id && attempt.job == job && attempt.end.is_none())
        };
        let idle = |job: &Job| {
            job.running_attempt().filter(|attempt| !lives(*attempt, job.id)).map(|attempt| (job.id, attempt))
        };
        let idle: Vec<(JobId, AttemptId)> = self.jobs.iter().filter_map(idle).collect();
        for (id, attempt) in idle {
            let Some(index) = self.job_index(id) else { continue };
            let why = "it was said to run, and nothing did it".to_owned();
            let class = OutcomeClass::Lost;
            let details = vec![("outcome", class.to_string()), ("message", why.clone())];
            let kind = if self.jobs[index].job_type.is_chat() {
                self.jobs[index].fail(class, why, ctx.now);
                EventKind::JobFailed
            } else {
                let counted_as = Counted::Nothing;
                self.jobs[index].retry(RetryLater { at: ctx.now, counted_as, class, why, resume: None });
                EventKind::JobRetried
            };
            let about = About::attempt(id, attempt);
            self.note_event(ctx, EventKind::AttemptEnded, about, vec![("outcome", class.to_string())]);
            self.note_event(ctx, kind, about, details);
        }
    }

    fn cancel_what_is_left_of_a_closed(&mut self, ctx: &Context<'_>) {
        if !self.assignment.is_closed() {
            return;
        }
        let why = format!("the assignment is {}", self.assignment.status().as_str());
        let left = self.jobs.iter().filter(|job| job_list::is_in_line(job) && job.is_pending());
        for id in left.map(|job| job.id).collect::<Vec<_>>() {
            self.cancel_job(id, &why, ctx);
        }
    }
}
