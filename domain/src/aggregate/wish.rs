//! What a person wants of work that waits or runs: a job's end, or a pause of the whole assignment.

use super::{About, Aggregate, Context, Rejection};
use crate::attempt::Attempt;
use crate::decision::Place;
use crate::director::Director;
use crate::history::EventKind;
use crate::id::{AttemptId, JobId};
use crate::job::{Job, JobStatus};
use crate::job_list;
use crate::outcome::{Outcome, OutcomeClass};

/// What becomes of the running job of an assignment that is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseMode {
    /// It is ended, and goes on in the same session when the assignment is resumed.
    Now,
    /// It goes on to its end; nothing starts after it.
    AfterJob,
}

impl Aggregate {
    /// A person cancels a job: one that waits at once, one that runs as soon as its runner has ended it. One that has
    /// ended stays as it is.
    pub fn cancel(&mut self, job: JobId, reason: Option<&str>, ctx: &Context<'_>) -> Result<(), Rejection> {
        let index =
            self.job_index(job).ok_or(Rejection::NotInAssignment { job, assignment: self.assignment.id })?;
        let why = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let has_changed = match self.jobs[index].status() {
            JobStatus::Pending => {
                self.cancel_waiting(index, why, ctx);
                true
            }
            JobStatus::Running => self.request_cancel(job, why.unwrap_or(A_PERSON), ctx),
            JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled => false,
        };
        if has_changed && self.jobs[index].job_type.is_pm() {
            self.block_without_pm(job, why, ctx);
        }
        self.settle(ctx);
        Ok(())
    }

    /// What was never tried has left nothing to review, so that the list goes on with the next job. A job that was
    /// tried may have left half of its work: the PM looks at it as at one that was cancelled while it ran.
    fn cancel_waiting(&mut self, index: usize, why: Option<&str>, ctx: &Context<'_>) {
        let job = self.jobs[index].clone();
        self.cancel_job(job.id, why.unwrap_or(A_PERSON), ctx);
        if self.assignment.director == Director::Workflow && !job.shadow && self.assignment.is_active() {
            let text = why.unwrap_or(A_PERSON);
            self.hear_end(index, &Outcome::failure(OutcomeClass::Cancelled, text));
        }
        if job.shadow || self.assignment.director != Director::Pm || self.assignment.is_closed() {
            return;
        }
        match why {
            _ if !job.is_untouched() => self.ask_pm(Place::After(job.id), ctx),
            Some(why) => {
                let note = format!("The {} job {} was cancelled: {why}", job.job_type, job.id.short());
                self.note_for_pm(note, ctx);
            }
            // Nothing was said that the PM should know.
            None => {}
        }
    }

    /// A PM that was cancelled would be asked again at once, if nothing else waits: that is not what a person wants.
    fn block_without_pm(&mut self, pm: JobId, why: Option<&str>, ctx: &Context<'_>) {
        let is_next = |job: &Job| job.id != pm && job_list::is_in_line(job) && !job.status().is_final();
        if self.assignment.is_active()
            && self.assignment.director == Director::Pm
            && !self.jobs.iter().any(is_next)
        {
            let because = why.map(|why| format!(": {why}")).unwrap_or_default();
            self.block(format!("a person cancelled the PM's job{because}"), None, ctx);
        }
    }

    /// Asks the runner of the job's attempt to end it. Asked twice, it is asked once; whether it was the first time.
    pub(super) fn request_cancel(&mut self, job: JobId, why: &str, ctx: &Context<'_>) -> bool {
        let Some(index) = self.job_index(job) else { return false };
        let running = self.jobs[index].running_attempt();
        let Some(attempt) = self.attempts.iter_mut().find(|attempt| Some(attempt.id) == running) else {
            return false;
        };
        if attempt.cancel_requested {
            return false;
        }
        attempt.cancel_requested = true;
        let id = attempt.id;
        self.jobs[index].explain(why.to_owned());
        let details = vec![("reason", why.to_owned())];
        self.note_event(ctx, EventKind::CancelRequested, About::attempt(job, id), details);
        true
    }

    /// A person pauses the assignment: it starts no job until it is resumed. Questions are still answered.
    pub fn pause(&mut self, mode: PauseMode, ctx: &Context<'_>) -> Result<(), Rejection> {
        self.refuse_if_closed()?;
        if !self.assignment.is_paused() {
            self.assignment.set_paused(true, ctx.now);
            self.note_event(ctx, EventKind::AssignmentPaused, About::ASSIGNMENT, Vec::new());
        }
        match mode {
            PauseMode::Now => self.request_pause(ctx),
            PauseMode::AfterJob => {}
        }
        self.settle(ctx);
        Ok(())
    }

    fn request_pause(&mut self, ctx: &Context<'_>) {
        let runs_in_line = |job: &&Job| job_list::is_in_line(job) && job.status() == JobStatus::Running;
        let running: Vec<AttemptId> =
            self.jobs.iter().filter(runs_in_line).filter_map(Job::running_attempt).collect();
        let may_be_asked = |attempt: &&mut Attempt| {
            running.contains(&attempt.id) && !attempt.pause_requested && !attempt.cancel_requested
        };
        let mut asked = Vec::new();
        for attempt in self.attempts.iter_mut().filter(may_be_asked) {
            attempt.pause_requested = true;
            asked.push(About::attempt(attempt.job, attempt.id));
        }
        for about in asked {
            self.note_event(ctx, EventKind::PauseRequested, about, Vec::new());
        }
    }

    /// A person lets the assignment go on. One that is not paused stays as it is.
    pub fn resume(&mut self, ctx: &Context<'_>) -> Result<(), Rejection> {
        if !self.assignment.is_paused() {
            return Ok(());
        }
        self.assignment.set_paused(false, ctx.now);
        self.note_event(ctx, EventKind::AssignmentResumed, About::ASSIGNMENT, Vec::new());
        // A runner that has not heard of it yet need not end what would only start again.
        for attempt in &mut self.attempts {
            attempt.pause_requested = false;
        }
        self.settle(ctx);
        Ok(())
    }
}

/// Why a job was cancelled, if nobody says more.
const A_PERSON: &str = "a person wanted it";
