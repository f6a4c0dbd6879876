//! An assignment's money: whether one more attempt may begin, what it may use, and what it has used.

use super::{About, Aggregate, Context, Rejection, pm_job};
use crate::amounts::Amounts;
use crate::attempt::{Attempt, AttemptProgress};
use crate::budget::Over;
use crate::decision::Place;
use crate::director::Director;
use crate::id::{AttemptId, JobId};
use crate::job::Job;
use crate::job_type::JobType;
use crate::limits::{Measure, Reached, Scope};
use crate::outcome::{Outcome, OutcomeClass};
use crate::spending::{Ceiling, Day, Fund, Funds, Spending, Spent};
use crate::typical::{Example, Typical};
use crate::usage::MicroUsd;

/// A running attempt that needs more has this part of what it needs reserved beside it, as far as that is there: else it
/// would ask again at once.
const AHEAD_SHARE: u64 = 4;

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
    pub reserved: Amounts,
    /// It is the last job of the PM that can be paid.
    pub wraps_up: Option<Over>,
}

impl Aggregate {
    /// Whether that job may begin with that harness.
    pub(super) fn admit(&self, index: usize, harness: &str, funds: &Funds) -> Result<Admitted, Unfunded> {
        let job = &self.jobs[index];
        let begins = u64::from(job.progress.attempts == 0);
        let expected = self.expected(&job.job_type, harness, funds).with(Measure::Jobs, begins);
        funds.day().admit(&expected).map_err(Unfunded::Day)?;
        let own = |reached: Reached| Unfunded::Own(self.over_of(&reached));
        self.job_fund(job).admit(&expected).map_err(own)?;
        let over = self.assignment.budget.over.as_ref();
        let is_pm = job.job_type.is_pm();
        if let Some(over) = over.filter(|_| !is_pm) {
            return Err(Unfunded::Own(over.clone()));
        }
        let admitted_as = |wraps_up| move |reserved| Admitted { reserved, wraps_up };
        if is_pm && over.is_some() {
            return self.admit_last(&expected).map(admitted_as(None)).map_err(own);
        }
        match self.fund_for(job, funds).admit(&expected) {
            Ok(()) => Ok(Admitted { reserved: expected, wraps_up: None }),
            Err(reached) if is_pm => {
                let wraps_up = Some(self.over_of(&reached));
                self.admit_last(&expected).map(admitted_as(wraps_up)).map_err(own)
            }
            Err(reached) => Err(own(reached)),
        }
    }

    /// Whether a PM may wrap up, and what is reserved for it: no more than there is.
    fn admit_last(&self, expected: &Amounts) -> Result<Amounts, Reached> {
        let fund = self.last_fund(expected);
        let left = |measure| fund.left(measure).map_or(u64::MAX, |left| left.left);
        let reserved = Amounts::of_each(|measure| expected.of(measure).min(left(measure)));
        fund.admit(&reserved).map(|()| reserved)
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
                is_past: true,
            });
        }
    }

    /// Has at least so much reserved for a running attempt, all in all, and tells how much. Refused where that would pass a limit.
    pub fn reserve(
        &mut self,
        attempt: AttemptId,
        needs: &Amounts,
        funds: &Funds,
    ) -> Result<Amounts, Rejection> {
        let index = self.live_attempt(attempt)?;
        let has = self.attempts[index].reserved;
        let more = needs.less(&has);
        if more.is_none() {
            return Ok(has);
        }
        let refused = |reached| Rejection::OutOfBudget { reached };
        funds.day().admit_more(&more).map_err(refused)?;
        let job = self.attempts[index].job;
        if let Some(job) = self.job_index(job).map(|job| &self.jobs[job]) {
            self.job_fund(job).admit_more(&needs.with(Measure::Jobs, 0)).map_err(refused)?;
            self.fund_for(job, funds).admit_more(&more).map_err(refused)?;
        }
        let ceilings = self.ceilings(&self.attempts[index], funds);
        let reserved = Amounts::of_each(|measure| match (more.of(measure), needs.of(measure)) {
            (0, _) => has.of(measure),
            (_, needed) => {
                let most = ceilings.iter().filter(|one| one.measure == measure).map(|one| one.left);
                let ahead = needed.saturating_add(needed / AHEAD_SHARE);
                most.fold(ahead, u64::min).max(needed)
            }
        });
        self.attempts[index].reserved = reserved;
        Ok(reserved)
    }

    /// What is reserved for a question; refused where it can't be paid.
    pub(super) fn pay_question(&self, job: &JobType, harness: &str) -> Result<Amounts, Rejection> {
        let funds = Funds::default();
        let expected = self.expected(job, harness, &funds).with(Measure::Jobs, 1);
        let kept = self.kept_for_pm(&funds);
        self.own_fund(kept).admit(&expected).map_err(|reached| Rejection::OutOfBudget { reached })?;
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
            reserved: Amounts::NONE,
            kept: Amounts::NONE,
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
        let presumed_tokens = if tokens.is_some() { 0 } else { attempt.reserved.of(Measure::Tokens) };
        let is_known = progress.cost.is_some();
        let spent = Spent {
            cost: progress.cost.unwrap_or_default(),
            presumed: if is_known { MicroUsd::ZERO } else { attempt.reserved.cost() },
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
        let example = has_run.then(|| Example {
            job_type: job.job_type.as_str().to_owned(),
            harness: attempt.harness.clone(),
            cost: progress.cost.map(|_| spent.of(Measure::Cost)),
            tokens,
            wall: spent.of(Measure::Wall),
            tool_calls: spent.tool_calls,
        });
        if let Some(example) = &example {
            Typical::add(&mut budget.typical, example);
        }
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

    fn expected(&self, job_type: &JobType, harness: &str, funds: &Funds) -> Amounts {
        let budget = &self.assignment.budget;
        funds.expected((job_type.as_str(), harness), &budget.typical, &budget.limits)
    }

    /// What is there for that job. A PM that wraps up need leave nothing, and has what was kept for it.
    fn fund_for(&self, job: &Job, funds: &Funds) -> Fund {
        match job.job_type.is_pm() && self.assignment.budget.over.is_some() {
            true => self.last_fund(&self.expected(&job.job_type, &job.harness, funds)),
            false => self.own_fund(self.kept_for_pm(funds)),
        }
    }

    /// What is there for a PM that wraps up. Where no agent has used anything there is nothing to wrap up, and a limit
    /// stays what it is.
    fn last_fund(&self, expected: &Amounts) -> Fund {
        let fund = self.own_fund(Amounts::NONE);
        let budget = &self.assignment.budget;
        let is_past = budget.over.as_ref().is_some_and(|over| over.is_past);
        match budget.spent == Spent::default() {
            true => fund,
            false => fund.to_wrap_up(&self.leave_some(expected), is_past),
        }
    }

    /// What work leaves for the PM: what one job of it is expected to use, and not nothing, unless the limit can't be shared.
    fn kept_for_pm(&self, funds: &Funds) -> Amounts {
        match self.assignment.director {
            Director::Pm => {
                let last = self.jobs.iter().rev().find(|job| job.job_type.is_pm());
                let harness = last.map_or("", |job| job.harness.as_str());
                self.leave_some(&self.expected(&JobType::pm(), harness, funds))
            }
            Director::None | Director::Workflow => Amounts::NONE,
        }
    }

    fn leave_some(&self, expected: &Amounts) -> Amounts {
        let limits = &self.assignment.budget.limits.assignment;
        Amounts::of_each(|measure| match limits.of(measure) {
            Some(2..) if measure != Measure::Jobs => expected.of(measure).max(1),
            Some(_) | None => 0,
        })
    }

    /// Who did the PM's last job; without one, who was to do that job.
    fn pm_harness(&self, index: usize) -> String {
        let last = self.jobs.iter().rev().find(|job| job.job_type.is_pm());
        last.unwrap_or(&self.jobs[index]).harness.clone()
    }

    fn own_fund(&self, kept: Amounts) -> Fund {
        let running = self.attempts.iter().filter(|attempt| attempt.end.is_none());
        let reserved = running.fold(Amounts::NONE, |sum, attempt| sum.plus(&attempt.reserved));
        let budget = &self.assignment.budget;
        let limits = budget.limits.assignment;
        Fund { scope: Scope::Assignment, limits, spent: budget.spent, reserved, kept }
    }

    fn job_fund(&self, job: &Job) -> Fund {
        let limits = self.assignment.budget.limits.job;
        let spent = job.progress.spent;
        Fund { scope: Scope::Job, limits, spent, reserved: Amounts::NONE, kept: Amounts::NONE }
    }
}

/// What is there for an attempt for which something is reserved already.
fn without(fund: Fund, attempt: &Attempt) -> Fund {
    Fund { reserved: fund.reserved.less(&attempt.reserved), ..fund }
}
