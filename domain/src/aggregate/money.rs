//! An assignment's money: whether one more attempt may begin, what it may use, and what it has used.

use super::{About, Aggregate, Context, Rejection, pm_job};
use crate::attempt::{Attempt, AttemptProgress};
use crate::budget::Over;
use crate::decision::Place;
use crate::director::Director;
use crate::id::{AttemptId, JobId};
use crate::job::Job;
use crate::job_type::JobType;
use crate::limits::{Measure, Reached, Scope};
use crate::outcome::{Outcome, OutcomeClass};
use crate::spending::{Ceiling, Day, Fund, Funds, Kept, Spending, Spent, presumed_tokens};
use crate::usage::MicroUsd;

/// Why an attempt may not begin.
#[derive(Debug)]
pub(super) enum Unfunded {
    /// The namespace's day is spent: it waits for the next one.
    Day(Reached),
    /// The assignment has reached a limit of its own.
    Own(Over),
}

/// An attempt that may begin.
#[derive(Debug)]
pub(super) struct Admitted {
    /// What is reserved for it.
    pub reserved: MicroUsd,
    /// It is the last job of the PM that can be paid.
    pub wraps_up: Option<Over>,
}

impl Aggregate {
    /// Whether that job may begin with that harness.
    pub(super) fn admit(&self, index: usize, harness: &str, funds: &Funds) -> Result<Admitted, Unfunded> {
        let job = &self.jobs[index];
        let expected = self.expected(&job.job_type, harness, funds);
        let mut day = funds.day();
        if job.progress.attempts > 0 {
            day.limits.jobs = None;
        }
        day.admit(expected).map_err(Unfunded::Day)?;
        let own = |reached: Reached| Unfunded::Own(self.over_of(&reached));
        self.job_fund(job).admit(expected).map_err(own)?;
        let over = self.assignment.budget.over.as_ref();
        let is_pm = job.job_type.is_pm();
        if let Some(over) = over.filter(|_| !is_pm) {
            return Err(Unfunded::Own(over.clone()));
        }
        let admitted_as = |wraps_up| move |reserved| Admitted { reserved, wraps_up };
        if is_pm && over.is_some() {
            return self.admit_last(expected).map(admitted_as(None)).map_err(own);
        }
        match self.fund_for(job, funds).admit(expected) {
            Ok(()) => Ok(Admitted { reserved: expected, wraps_up: None }),
            Err(reached) if is_pm => {
                let wraps_up = Some(self.over_of(&reached));
                self.admit_last(expected).map(admitted_as(wraps_up)).map_err(own)
            }
            Err(reached) => Err(own(reached)),
        }
    }

    /// Whether a PM may wrap up, and what is reserved for it: no more than there is.
    fn admit_last(&self, expected: MicroUsd) -> Result<MicroUsd, Reached> {
        let fund = self.last_fund(expected);
        let left = fund.left(Measure::Cost).and_then(|left| i64::try_from(left.left).ok());
        let reserved = left.map_or(expected, |left| expected.min(MicroUsd::from_micros(left)));
        fund.admit(reserved).map(|()| reserved)
    }

    /// A job may not begin: the PM gets one job to wrap up, as far as that can be paid, else a person is asked.
    pub(super) fn run_out(&mut self, index: usize, over: Over, ctx: &Context<'_>) {
        let is_pm = self.jobs[index].job_type.is_pm();
        let is_first = self.assignment.budget.over.is_none();
        self.assignment.budget.over = Some(over.clone());
        if self.assignment.director == Director::Pm && !is_pm && is_first {
            let mut pm = pm_job(ctx, String::new());
            let known = ctx.harness_defaults.harness_for(&JobType::pm());
            pm.harness = Some(if known.is_empty() { self.pm_harness(index) } else { known.to_owned() });
            let put = self.put_in_with(pm, Place::First, vec![("limit", over.reason)], ctx);
            debug_assert!(put.is_ok(), "the front of a list is always there");
        } else {
            self.block_over(None, ctx);
        }
        self.settle(ctx);
    }

    /// Blocked by a limit, with the command that raises it.
    pub(super) fn block_over(&mut self, more: Option<&str>, ctx: &Context<'_>) {
        let Some(over) = self.assignment.budget.over.clone() else { return };
        let more = more.map(|more| format!("; {more}")).unwrap_or_default();
        if self.assignment.is_active() {
            self.block(format!("{}{more}. To go on: {}", over.reason, over.raise), None, ctx);
        }
    }

    /// An attempt was ended at a limit: what follows is the PM's wrapping up.
    pub(super) fn note_over(&mut self, outcome: &Outcome, job: usize) {
        if outcome.class == OutcomeClass::OverLimit && !self.jobs[job].job_type.is_chat() {
            let id = self.assignment.id.short();
            let raise = outcome.fix.clone();
            // What the agent did last is told after it, in words that are not ours: the PM finds them in the job's report.
            let reason = outcome.text.split_once("; ").map_or(&*outcome.text, |(reason, _)| reason);
            self.assignment.budget.over = Some(Over {
                reason: reason.to_owned(),
                raise: raise.unwrap_or_else(|| format!("agents update-assignment {id} --status active")),
            });
        }
    }

    /// Reserves so much for a running attempt, all in all. Refused where that would pass a limit.
    pub fn reserve(&mut self, attempt: AttemptId, cost: MicroUsd, funds: &Funds) -> Result<(), Rejection> {
        let index = self.live_attempt(attempt)?;
        let more = cost.less(self.attempts[index].reserved);
        if more > MicroUsd::ZERO {
            let refused = |reached| Rejection::OutOfBudget { reached };
            funds.day().admit_more(more).map_err(refused)?;
            let job = self.attempts[index].job;
            let own = self.job_index(job).map(|job| self.fund_for(&self.jobs[job], funds));
            own.map_or(Ok(()), |own| own.admit_more(more)).map_err(refused)?;
            self.attempts[index].reserved = cost;
        }
        Ok(())
    }

    /// What is reserved for a question; refused where it can't be paid.
    pub(super) fn pay_question(&self, job: &JobType, harness: &str) -> Result<MicroUsd, Rejection> {
        let funds = Funds::default();
        let expected = self.expected(job, harness, &funds);
        let kept = self.kept_for_pm(&funds);
        self.own_fund(kept).admit(expected).map_err(|reached| Rejection::OutOfBudget { reached })?;
        Ok(expected)
    }

    /// How far that running attempt may go by each limit.
    pub fn ceilings(&self, attempt: &Attempt, funds: &Funds) -> Vec<Ceiling> {
        let Some(index) = self.job_index(attempt.job) else { return Vec::new() };
        let job = &self.jobs[index];
        let alone = Fund {
            scope: Scope::Attempt,
            limits: self.assignment.budget.limits.attempt,
            spent: Spent::default(),
            reserved: MicroUsd::ZERO,
            kept: Kept::Nothing,
        };
        let own = self.fund_for(job, funds);
        let funds = [alone, self.job_fund(job), without(own, attempt), without(funds.day(), attempt)];
        let measures = [Measure::Cost, Measure::Tokens, Measure::Wall, Measure::ToolCalls];
        let left = |fund: &Fund| measures.map(|measure| fund.left(measure));
        funds.iter().flat_map(left).flatten().collect()
    }

    /// An attempt has ended: what it has used is spent, and nothing is reserved for it any longer.
    pub(super) fn spend(&mut self, attempt: &Attempt, progress: &AttemptProgress, ctx: &Context<'_>) {
        let Some(index) = self.job_index(attempt.job) else { return };
        let job = &mut self.jobs[index];
        let tokens = progress.usage.map(|usage| usage.total());
        let presumed_tokens = match tokens {
            Some(_) => 0,
            None => presumed_tokens(&self.assignment.budget.limits),
        };
        let is_known = progress.cost.is_some();
        let spent = Spent {
            cost: progress.cost.unwrap_or_default(),
            presumed: if is_known { MicroUsd::ZERO } else { attempt.reserved },
            tokens: tokens.unwrap_or_default(),
            presumed_tokens,
            wall: ctx.now.since(attempt.started_at),
            tool_calls: u64::from(progress.tool_calls),
            jobs: u64::from(attempt.number == 1),
            unknown: u64::from(!is_known),
            unknown_tokens: u64::from(tokens.is_none()),
        };
        job.progress.spent.add(&spent);
        let budget = &mut self.assignment.budget;
        budget.spent.add(&spent);
        // One that never ran tells nothing of what others will cost.
        let has_run = !(progress.cost == Some(MicroUsd::ZERO)
            && tokens.is_none_or(|tokens| tokens == 0)
            && progress.tool_calls == 0);
        let like = (job.job_type.as_str(), attempt.harness.as_str());
        if has_run {
            crate::spending::Typical::add(&mut budget.typical, like, progress.cost);
        }
        let example = has_run.then(|| (like.0.to_owned(), like.1.to_owned(), progress.cost));
        self.spendings.push(Spending {
            namespace: self.assignment.namespace.clone(),
            day: Day::of(ctx.now),
            spent,
            reserved: attempt.reserved,
            example,
        });
    }

    /// The words for a decision of a PM that wraps up and wants more work.
    pub(super) fn wraps_up_with(&mut self, pm: JobId, wanted: &str, ctx: &Context<'_>) {
        let details = vec![("reason", format!("{wanted} is not possible any more: a limit is reached"))];
        self.note_event(ctx, crate::history::EventKind::DecisionInvalid, About::job(pm), details);
        self.block_over(Some(&format!("the PM wanted to go on ({wanted})")), ctx);
    }

    fn over_of(&self, reached: &Reached) -> Over {
        Over::of(reached, &self.assignment.id.short())
    }

    fn expected(&self, job_type: &JobType, harness: &str, funds: &Funds) -> MicroUsd {
        let budget = &self.assignment.budget;
        let limits = (&budget.limits.attempt, &budget.limits.assignment);
        funds.expected((job_type.as_str(), harness), &budget.typical, limits)
    }

    /// What is there for that job. A PM that wraps up need leave nothing, and has what was kept for it.
    fn fund_for(&self, job: &Job, funds: &Funds) -> Fund {
        match job.job_type.is_pm() && self.assignment.budget.over.is_some() {
            true => self.last_fund(self.expected(&job.job_type, &job.harness, funds)),
            false => self.own_fund(self.kept_for_pm(funds)),
        }
    }

    /// What is there for a PM that wraps up. Where no agent has used anything there is nothing to wrap up, and a limit
    /// stays what it is.
    fn last_fund(&self, expected: MicroUsd) -> Fund {
        let fund = self.own_fund(Kept::Nothing);
        match self.assignment.budget.spent == Spent::default() {
            true => fund,
            false => fund.to_wrap_up(expected),
        }
    }

    fn kept_for_pm(&self, funds: &Funds) -> Kept {
        match self.assignment.director {
            Director::Pm => {
                let last = self.jobs.iter().rev().find(|job| job.job_type.is_pm());
                let harness = last.map_or("", |job| job.harness.as_str());
                Kept::ForPm(self.expected(&JobType::pm(), harness, funds))
            }
            Director::None => Kept::Nothing,
        }
    }

    /// Who did the PM's last job; without one, who was to do that job.
    fn pm_harness(&self, index: usize) -> String {
        let last = self.jobs.iter().rev().find(|job| job.job_type.is_pm());
        last.unwrap_or(&self.jobs[index]).harness.clone()
    }

    fn own_fund(&self, kept: Kept) -> Fund {
        let running = self.attempts.iter().filter(|attempt| attempt.end.is_none());
        let reserved = running.fold(MicroUsd::ZERO, |sum, attempt| sum.plus(attempt.reserved));
        let budget = &self.assignment.budget;
        let limits = budget.limits.assignment;
        Fund { scope: Scope::Assignment, limits, spent: budget.spent, reserved, kept }
    }

    fn job_fund(&self, job: &Job) -> Fund {
        let limits = self.assignment.budget.limits.job;
        let spent = job.progress.spent;
        Fund { scope: Scope::Job, limits, spent, reserved: MicroUsd::ZERO, kept: Kept::Nothing }
    }
}

/// What is there for an attempt for which something is reserved already.
fn without(fund: Fund, attempt: &Attempt) -> Fund {
    Fund { reserved: fund.reserved.less(attempt.reserved), ..fund }
}
