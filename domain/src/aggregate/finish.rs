//! The end of an attempt and everything that follows from it: one pure step, one transaction.

use super::obstacle::Obstacle;
use super::{About, Aggregate, Context, Rejection, cut};
use crate::actor::Actor;
use crate::attempt::{Attempt, AttemptProgress, AttemptReport, Proof};
use crate::cooldown::Cooldown;
use crate::decision::{Decision, NewJob, Place};
use crate::director::Director;
use crate::evidence::Author;
use crate::history::EventKind;
use crate::id::{AttemptId, JobId};
use crate::job::{Counted, Job, JobStatus, RetryLater};
use crate::job_list;
use crate::outcome::{Outcome, OutcomeClass};
use crate::retry::{self, Next, Try};
use crate::session::Session;
use crate::timestamp::Timestamp;

/// How often a PM is asked for a decision before the assignment is blocked.
const PM_ASKS: u32 = 2;

/// The longest headline of an answer in the history, in characters.
const HEADLINE_MAX: usize = 160;

impl Aggregate {
    /// The attempt has ended. Refused if it no longer owns its job, or if a runner reports it that no longer owns it.
    pub fn finish(&mut self, report: AttemptReport, ctx: &Context<'_>) -> Result<(), Rejection> {
        let attempt_index = self.live_attempt(report.attempt)?;
        if matches!(ctx.actor, Actor::Runner(runner) if runner != self.attempts[attempt_index].runner) {
            return Err(Rejection::StaleAttempt { attempt: report.attempt });
        }
        self.end(report, attempt_index, ctx)
    }

    fn end(
        &mut self,
        report: AttemptReport,
        attempt_index: usize,
        ctx: &Context<'_>,
    ) -> Result<(), Rejection> {
        let attempt = self.attempts[attempt_index].clone();
        let index = self
            .job_index(attempt.job)
            .ok_or(Rejection::NotInAssignment { job: attempt.job, assignment: self.assignment.id })?;
        let session = session(&report, &attempt);
        let cooldown = cooldown(&attempt, &report.outcome, &self.jobs[index], ctx.now);
        let outcome = as_it_counts(report.outcome, &attempt, &self.jobs[index]);
        let mut ended = Ended {
            index,
            job: attempt.job,
            attempt: attempt.id,
            outcome,
            session,
            was_resumed: attempt.resumes.is_some(),
        };
        let staged = attempt.decision.clone();
        let decision = if self.jobs[index].job_type.is_pm() && ended.outcome.is_success() {
            match staged.map_or_else(|| report.answer.unwrap_or_else(|| Err(no_answer())), Ok) {
                Ok(decision) => self.valid(decision).map(Some),
                Err(why) => Err(why),
            }
        } else {
            Ok(None)
        };
        if let Err(why) = &decision {
            let bad = Outcome::failure(OutcomeClass::BadAnswer, why.clone());
            ended.outcome = as_it_counts(bad, &attempt, &self.jobs[index]);
        }
        self.end_attempt(attempt_index, &ended.outcome, report.killed, ctx);
        self.spend(&attempt, &report.progress, ctx);
        self.note_over(&ended.outcome, index);
        self.take_in(&report.evidence, (index, ended.about()), ctx);
        if let Some(cooldown) = cooldown {
            self.cool_down(cooldown, ended.job, ctx);
        }
        match decision {
            Err(_) if attempt.cancel_requested => self.follow(ended, ctx),
            Err(why) => self.ask_pm_again(ended, why, ctx),
            Ok(Some(decision)) => self.apply(ended, decision, attempt.started_at, ctx),
            Ok(None) => self.follow(ended, ctx),
        }
        self.block_if_stuck(ctx);
        self.settle(ctx);
        Ok(())
    }

    /// A limit that the provider has named is everybody's, also if the attempt was to be cancelled.
    fn cool_down(&mut self, cooldown: Cooldown, job: JobId, ctx: &Context<'_>) {
        let details = vec![
            ("harness", cooldown.harness.clone()),
            ("until", cooldown.until.to_string()),
            ("outcome", cooldown.class.to_string()),
            ("message", cooldown.reason.clone()),
        ];
        self.note_event(ctx, EventKind::HarnessCooledDown, About::attempt(job, cooldown.attempt), details);
        self.cooldowns.push(cooldown);
    }

    /// The attempt's runner is gone and nothing is left of its processes: as [`Aggregate::finish`], by whoever has
    /// the proof.
    pub fn give_up(
        &mut self,
        attempt: AttemptId,
        (why, proof): (&str, Proof),
        ctx: &Context<'_>,
    ) -> Result<(), Rejection> {
        self.refuse_unproven(self.live_attempt(attempt)?, proof)?;
        let report = AttemptReport {
            attempt,
            outcome: Outcome::failure(OutcomeClass::Lost, why),
            process: None,
            progress: AttemptProgress::default(),
            answer: None,
            unknown_lines: 0,
            bad_lines: 0,
            killed: None,
            evidence: Default::default(),
            output: None,
        };
        self.end(report, self.live_attempt(attempt)?, ctx)
    }

    /// A decision that can be applied to this list; else what is wrong with it.
    fn valid(&self, decision: Decision) -> Result<Decision, String> {
        match &decision {
            Decision::InsertJobs { jobs, .. } if jobs.is_empty() => Err("insert_job names no job".to_owned()),
            // The limit counts neither, so a PM that inserts itself would go on for ever.
            Decision::InsertJobs { jobs, .. }
                if jobs.iter().any(|(job, _)| job.job_type.is_pm() || job.job_type.is_chat()) =>
            {
                Err("insert_job is for work; the PM is asked by itself, and questions are a person's"
                    .to_owned())
            }
            Decision::InsertJobs { accept, .. } => match self.unacceptable(accept) {
                Some(why) => Err(why),
                None => Ok(decision),
            },
            Decision::Continue { .. } if !self.has_waiting() => {
                Err("continue is only possible while jobs wait in the list, and none does".to_owned())
            }
            Decision::Blocked { reason, .. } if reason.trim().is_empty() => {
                Err("blocked gives no reason".to_owned())
            }
            Decision::Complete { .. } | Decision::Blocked { .. } | Decision::Continue { .. } => Ok(decision),
        }
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.jobs.iter().any(|job| job_list::is_in_line(job) && job.is_pending())
    }

    /// What follows by the retry policy; then the director's turn.
    fn follow(&mut self, ended: Ended, ctx: &Context<'_>) {
        let job = &self.jobs[ended.index];
        let is_chat = job.job_type.is_chat();
        let next = match retry::next(&as_try(&ended.outcome, job, ended.attempt, ctx.now)) {
            Next::Retry { .. } | Next::CoolDown { .. } | Next::Block if is_chat => Next::Fail,
            // Nobody is asked to mend anything.
            Next::Block if self.assignment.ends_by_itself() => Next::Fail,
            next @ (Next::Complete
            | Next::Retry { .. }
            | Next::CoolDown { .. }
            | Next::Block
            | Next::Fail
            | Next::Cancel) => next,
        };
        match next {
            Next::Complete => {
                self.jobs[ended.index].complete(ended.outcome.text.clone(), ctx.now);
                let details = vec![("result", headline(&ended.outcome.text))];
                self.note_event(ctx, EventKind::JobCompleted, ended.about(), details);
                self.after_work(&ended, ctx);
            }
            Next::Fail => {
                self.fail(&with_fix(ended, self.assignment.ends_by_itself()), ctx);
            }
            Next::Cancel => {
                self.cancel_job(ended.job, &ended.outcome.text, ctx);
                self.after_work(&ended, ctx);
            }
            Next::Retry { at, counted } => {
                self.try_again(&ended, at, if counted { Counted::Try } else { Counted::Nothing }, ctx);
            }
            // What it waits for is its harness; another one may do it at once.
            Next::CoolDown { until: _ } => self.try_again(&ended, ctx.now, Counted::Nothing, ctx),
            Next::Block => {
                self.try_again(&ended, ctx.now, Counted::Nothing, ctx);
                self.block_on(&ended, ctx);
            }
        }
    }

    fn fail(&mut self, ended: &Ended, ctx: &Context<'_>) {
        let text = ended.outcome.text.clone();
        self.jobs[ended.index].fail(ended.outcome.class, text.clone(), ctx.now);
        let details = vec![("outcome", ended.outcome.class.to_string()), ("message", text.clone())];
        self.note_event(ctx, EventKind::JobFailed, ended.about(), details);
        if self.jobs[ended.index].job_type.is_pm() {
            let why = format!("the PM job failed ({}): {text}", ended.outcome.class);
            if self.assignment.budget.over.is_some() {
                self.block_over(Some(&why), ctx);
            } else if self.assignment.is_active() {
                self.block(why, None, ctx);
            }
        } else {
            self.after_work(ended, ctx);
        }
    }

    fn try_again(&mut self, ended: &Ended, at: Timestamp, counted_as: Counted, ctx: &Context<'_>) {
        let class = ended.outcome.class;
        let resume = ended.session.clone().filter(|_| keeps_session(class) && !ended.is_poisoned());
        let why = ended.outcome.text.clone();
        self.jobs[ended.index].retry(RetryLater { at, counted_as, class, why: why.clone(), resume });
        let details = vec![("outcome", class.to_string()), ("message", why), ("at", at.to_string())];
        self.note_event(ctx, EventKind::JobRetried, ended.about(), details);
    }

    fn block_on(&mut self, ended: &Ended, ctx: &Context<'_>) {
        if !self.assignment.is_active() {
            return;
        }
        let go_on = format!("agents update-assignment {} --status active", self.assignment.id.short());
        let Outcome { class, text, .. } = &ended.outcome;
        let reason = match &ended.outcome.fix {
            Some(fix) => format!("{text} ({class}). To mend it: {fix}; then: {go_on}"),
            None => format!("{text} ({class}). When it is mended: {go_on}"),
        };
        self.block(reason, None, ctx);
    }

    /// The PM reviews every job of the line but its own, also one that failed or was cancelled. Without a PM a
    /// failure blocks.
    fn after_work(&mut self, ended: &Ended, ctx: &Context<'_>) {
        let is_shadow = self.jobs[ended.index].shadow;
        match self.assignment.director {
            Director::Pm if !is_shadow && !self.assignment.is_closed() => {
                self.ask_pm(Place::After(ended.job), ctx);
            }
            Director::None if !is_shadow && self.assignment.is_active() => self.block_if_failed(ended, ctx),
            Director::Workflow if !is_shadow && !self.assignment.is_closed() => {
                self.hear_end(ended.index, &ended.outcome);
            }
            Director::Pm | Director::None | Director::Workflow => {}
        }
    }

    /// Nobody would look at the failure before the jobs that wait for this one are done upon it.
    fn block_if_failed(&mut self, ended: &Ended, ctx: &Context<'_>) {
        let job = &self.jobs[ended.index];
        if job.status() == JobStatus::Failed && self.assignment.budget.over.is_some() {
            self.block_over(None, ctx);
        } else if job.status() == JobStatus::Failed {
            let (class, text) = (ended.outcome.class, &ended.outcome.text);
            self.block(format!("job {} failed ({class}): {text}", job.job_type), None, ctx);
        }
    }

    fn ask_pm_again(&mut self, ended: Ended, why: String, ctx: &Context<'_>) {
        let details = vec![("message", why.clone())];
        self.note_event(ctx, EventKind::DecisionInvalid, ended.about(), details);
        if self.jobs[ended.index].progress.asks + 1 < PM_ASKS {
            self.try_again(&ended, ctx.now, Counted::Ask, ctx);
            return;
        }
        self.jobs[ended.index].fail(OutcomeClass::BadAnswer, why.clone(), ctx.now);
        let details = vec![("outcome", OutcomeClass::BadAnswer.to_string()), ("message", why.clone())];
        self.note_event(ctx, EventKind::JobFailed, ended.about(), details);
        if self.assignment.is_active() {
            self.block(
                format!("the PM was asked {PM_ASKS} times and gave no valid decision: {why}"),
                None,
                ctx,
            );
        }
    }

    fn apply(&mut self, ended: Ended, decision: Decision, asked_at: Timestamp, ctx: &Context<'_>) {
        self.jobs[ended.index].complete(ended.outcome.text.clone(), ctx.now);
        let details = vec![("result", headline(&ended.outcome.text))];
        self.note_event(ctx, EventKind::JobCompleted, ended.about(), details);
        let mut details =
            vec![("decision", decision.name().to_owned()), ("reason", decision.reason().to_owned())];
        let obstacle = self.obstacle_to(&decision);
        details.extend(obstacle.map(|obstacle| ("effect", obstacle.text())));
        self.note_event(ctx, EventKind::DecisionApplied, ended.about(), details);
        if matches!(obstacle, Some(Obstacle::Closed(_))) {
            return;
        }
        if self.assignment.updated_at() < asked_at {
            self.assignment.clear_note();
        }
        if obstacle.is_some() {
            return;
        }
        let wraps_up = self.assignment.budget.over.is_some();
        match decision {
            Decision::InsertJobs { .. } | Decision::Continue { .. } if wraps_up => {
                self.wraps_up_with(ended.job, decision.name(), ctx);
            }
            Decision::Blocked { reason, question: _ } if wraps_up => {
                self.block_over(Some(&format!("the PM: {reason}")), ctx);
            }
            Decision::InsertJobs { jobs, accept, reason: _ } => {
                self.forget_refusals();
                self.accept(accept, Author::Pm, ctx);
                self.insert_decided(ended.job, jobs, ctx);
            }
            Decision::Complete { reason, ties } => self.complete_or_refuse(ended.job, reason, &ties, ctx),
            Decision::Blocked { reason, question } => self.block(reason, question, ctx),
            Decision::Continue { reason: _ } => {}
        }
    }

    /// Jobs of a decision go directly after the PM's own unless it said otherwise, in their order.
    fn insert_decided(&mut self, pm: JobId, jobs: Vec<(NewJob, Place)>, ctx: &Context<'_>) {
        if let Err(Rejection::TooManyJobs { limit, .. }) = self.refuse_if_full(jobs.len()) {
            let reason =
                format!("the limit of {limit} jobs is reached, and the PM wants {} more", jobs.len());
            if self.assignment.is_active() {
                self.block(reason, None, ctx);
            }
            return;
        }
        let mut last = pm;
        for (job, place) in jobs {
            let place = match place {
                Place::First => Place::After(std::mem::replace(&mut last, job.id)),
                Place::End | Place::After(_) => place,
            };
            let put = self.put_in(job.clone(), place, ctx);
            if put.is_err() {
                // The job that it was to follow has never been in this list: the end is where it does least harm.
                let put = self.put_in(job, Place::End, ctx);
                debug_assert!(put.is_ok(), "the end of a list is always there");
            }
        }
    }
}

/// Nobody is asked to mend what a run has failed by, so that its end itself says how.
fn with_fix(mut ended: Ended, says_how: bool) -> Ended {
    if let Some(fix) = ended.outcome.fix.as_ref().filter(|_| says_how) {
        ended.outcome.text = format!("{}. To mend it: {fix}", ended.outcome.text);
    }
    ended
}

/// What is known of an attempt that has just ended.
struct Ended {
    index: usize,
    job: JobId,
    attempt: AttemptId,
    outcome: Outcome,
    session: Option<Session>,
    was_resumed: bool,
}

impl Ended {
    fn about(&self) -> About {
        About::attempt(self.job, self.attempt)
    }

    fn is_poisoned(&self) -> bool {
        is_poisoned(self.was_resumed, self.outcome.class)
    }
}

/// The session that it ended in; of one that never ran, the one that it was to continue.
fn session(report: &AttemptReport, attempt: &Attempt) -> Option<Session> {
    let unused = attempt.resumes.as_ref().filter(|_| report.process.is_none());
    let id = report.progress.session_id.as_ref().or(unused)?;
    Some(Session { harness: attempt.harness.clone(), id: id.clone() })
}

/// The cool-down that follows from such an end.
fn cooldown(attempt: &Attempt, outcome: &Outcome, job: &Job, now: Timestamp) -> Option<Cooldown> {
    match retry::next(&as_try(outcome, job, attempt.id, now)) {
        Next::CoolDown { until } => Some(Cooldown {
            harness: attempt.harness.clone(),
            until,
            since: now,
            class: outcome.class,
            reason: cut(outcome.text.clone()),
            attempt: attempt.id,
        }),
        Next::Complete | Next::Retry { .. } | Next::Block | Next::Fail | Next::Cancel => None,
    }
}

fn as_try(outcome: &Outcome, job: &Job, attempt: AttemptId, now: Timestamp) -> Try {
    Try {
        class: outcome.class,
        earlier_tries: job.progress.tries,
        resets_at: outcome.resets_at,
        now,
        jitter: jitter(attempt),
    }
}

/// A cancellation that was asked for counts, however the attempt then ended, unless it had just succeeded. One that
/// was lost while it was to be paused was not lost: nobody wanted it to go on.
fn as_it_counts(outcome: Outcome, attempt: &Attempt, job: &Job) -> Outcome {
    if attempt.cancel_requested && !outcome.is_success() {
        let why = job.progress.result.as_deref().unwrap_or("a person wanted it");
        return Outcome::failure(
            OutcomeClass::Cancelled,
            format!("{} job was cancelled while it ran: {why}", job.job_type),
        );
    }
    if attempt.pause_requested && outcome.class == OutcomeClass::Lost {
        return Outcome::failure(OutcomeClass::Stopped, "its assignment was paused");
    }
    outcome
}

/// A continued session that ends again in a way that nobody understands is not continued once more: something in it
/// may be the cause.
pub(super) fn is_poisoned(was_resumed: bool, class: OutcomeClass) -> bool {
    was_resumed && matches!(class, OutcomeClass::Lost | OutcomeClass::SilenceTimeout)
}

/// Whether the agent's own session is worth continuing after such an end. One that overflowed, was refused or
/// is unknown would only fail again.
pub(super) fn keeps_session(class: OutcomeClass) -> bool {
    matches!(
        class,
        OutcomeClass::BadAnswer
            | OutcomeClass::Stopped
            | OutcomeClass::Lost
            | OutcomeClass::SilenceTimeout
            | OutcomeClass::RateLimit
            | OutcomeClass::UsageLimit
            | OutcomeClass::Overloaded
            | OutcomeClass::ServerError
            | OutcomeClass::Network
    )
}

/// The first line of an answer that says something.
fn headline(answer: &str) -> String {
    let line = answer.lines().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric));
    line.unwrap_or_default().chars().take(HEADLINE_MAX).collect()
}

fn no_answer() -> String {
    "the answer has no decision".to_owned()
}

/// A number that differs from attempt to attempt: the random end of its id.
fn jitter(attempt: AttemptId) -> u64 {
    u64::from_str_radix(&attempt.short(), 16).unwrap_or(0)
}
