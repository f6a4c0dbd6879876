//! A person has a job done again: one that waits at once, one that has failed or was cancelled as a new job.

use super::{About, Aggregate, Context, Rejection};
use crate::decision::{NewJob, Place};
use crate::history::EventKind;
use crate::id::JobId;
use crate::job::{Job, JobStatus};
use crate::job_list;
use crate::outcome::OutcomeClass;
use crate::session::Session;
use crate::store::JobDetail;

/// How a job is done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repetition {
    /// The id of the job that repeats it, if it must be a new one.
    pub id: JobId,
    /// What the job is told: as before.
    pub context: String,
    /// The agent's session to go on with. `None`: it starts over.
    pub session: Option<Session>,
    /// A person wants it to start over.
    pub is_fresh: bool,
}

impl Repetition {
    /// The job again. Unless it is to be fresh, it goes on in the session of the last attempt, if that one is sound.
    pub fn of(detail: &JobDetail, id: JobId, is_fresh: bool) -> Self {
        let session = if is_fresh { None } else { session_to_continue(detail) };
        Self { id, context: detail.context.clone(), session, is_fresh }
    }
}

impl Aggregate {
    /// A person has the job done again. A finished job never changes, so that it is repeated by a new one directly
    /// after it; one that waits for its time is ready now. The assignment is active afterwards.
    pub fn retry(&mut self, job: JobId, again: Repetition, ctx: &Context<'_>) -> Result<(), Rejection> {
        let index =
            self.job_index(job).ok_or(Rejection::NotInAssignment { job, assignment: self.assignment.id })?;
        if self.jobs[index].job_type.is_chat() {
            return Err(Rejection::IsQuestion { job });
        }
        match self.jobs[index].status() {
            JobStatus::Running => return Err(Rejection::StillRunning { job }),
            JobStatus::Completed => return Err(Rejection::AlreadyDone { job }),
            JobStatus::Pending => {
                if self.jobs[index].hurry(ctx.now, again.is_fresh) {
                    self.note_event(ctx, EventKind::RetryRequested, About::job(job), Vec::new());
                }
            }
            JobStatus::Failed | JobStatus::Cancelled => {
                self.refuse_if_directed("agents workflow retry-step does a step again")?;
                self.repeat(index, again, ctx)?;
            }
        }
        self.activate(None, None, ctx);
        self.settle(ctx);
        Ok(())
    }

    fn repeat(&mut self, index: usize, again: Repetition, ctx: &Context<'_>) -> Result<(), Rejection> {
        let old = self.jobs[index].clone();
        self.refuse_repeated(&old)?;
        if !old.shadow {
            self.refuse_if_full(1)?;
        }
        let new = NewJob {
            id: again.id,
            job_type: old.job_type.clone(),
            harness: Some(old.harness.clone()),
            model: old.model.clone(),
            context: again.context,
            timeout_ms: old.timeout_ms,
        };
        let details = vec![("repeats", old.id.to_string())];
        self.put_in_with(new, Place::After(old.id), details, ctx)?;
        let place = self.job_index(again.id);
        if let Some(place) = place {
            self.jobs[place].continue_from(&old, again.session);
            self.cancel_review_after(place, ctx);
        }
        Ok(())
    }

    /// To ask twice is to ask once: the job that repeats this one has not come to an end of its own yet.
    fn refuse_repeated(&self, old: &Job) -> Result<(), Rejection> {
        let is_open = |job: &&Job| job_list::is_in_line(job) && !job.status().is_final();
        let by = match old.job_type.is_pm() {
            true => self.jobs.iter().filter(is_open).find(|job| job.job_type.is_pm()),
            false => self.jobs.iter().filter(is_open).find(|job| job.repeats(old)),
        };
        match by {
            Some(by) => Err(Rejection::AlreadyRepeated { job: old.id, by: by.id }),
            None => Ok(()),
        }
    }

    /// The PM was to look at what is now done again; it is asked afterwards.
    fn cancel_review_after(&mut self, place: usize, ctx: &Context<'_>) {
        if self.jobs[place].shadow {
            return;
        }
        let is_open = |job: &&Job| job_list::is_in_line(job) && !job.status().is_final();
        let next = self.jobs[place + 1..].iter().find(is_open);
        let review = next.filter(|job| job.job_type.is_pm() && job.is_untouched()).map(|job| job.id);
        if let Some(review) = review {
            self.cancel_job(review, "a person has the job before it done again", ctx);
        }
    }
}

/// The session of the last attempt, if it is one that the job's harness may go on with.
fn session_to_continue(detail: &JobDetail) -> Option<Session> {
    let last = detail.attempts.last().filter(|last| last.harness == detail.job.harness)?;
    let is_sound = last.outcome.is_some_and(|class| {
        may_continue(class) && !super::finish::is_poisoned(last.resumes.is_some(), class)
    });
    let id = last.session_id.clone().or_else(|| last.resumes.clone()).filter(|_| is_sound);
    id.map(|id| Session { harness: last.harness.clone(), id })
}

/// A session that was ended from outside, by a person or by a limit, is worth going on with if a person says so.
fn may_continue(class: OutcomeClass) -> bool {
    super::finish::keeps_session(class)
        || matches!(
            class,
            OutcomeClass::Cancelled
                | OutcomeClass::Interrupted
                | OutcomeClass::Timeout
                | OutcomeClass::TurnLimit
                | OutcomeClass::BudgetLimit
                | OutcomeClass::OverLimit
        )
}
