//! What was spent, what is reserved, and whether something more may begin. Pure sums; who keeps them is the store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::aggregate::HarnessDefaults;
use crate::limits::{Limits, Measure, OwnLimits, Reached, Scope};
use crate::namespace::Namespace;
use crate::timestamp::Timestamp;
use crate::usage::MicroUsd;

/// What an attempt is taken to cost of which nothing is known, where the config does not say.
pub const DEFAULT_EXPECTED: MicroUsd = MicroUsd::from_micros(500_000);

/// A guess that nobody has made on purpose takes no more than this part of a limit.
const GUESS_SHARE: i64 = 10;

/// The part of an assignment's tokens, time and tool calls that is kept for the PM's closing review.
const KEPT_SHARE: u64 = 10;

/// The tokens that an attempt counts as of which nobody knows them, where no limit says less: some replies of an agent.
const PRESUMED_TOKENS: u64 = 100_000;

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// As far as it is known.
    pub cost: MicroUsd,
    /// What the attempts of unknown cost are taken to have cost: what was reserved for them.
    pub presumed: MicroUsd,
    /// As far as they are known.
    pub tokens: u64,
    /// What the attempts of unknown tokens are taken to have used.
    pub presumed_tokens: u64,
    pub wall: Duration,
    pub tool_calls: u64,
    pub jobs: u64,
    /// Attempts of unknown cost.
    pub unknown: u64,
    /// Attempts of unknown tokens.
    pub unknown_tokens: u64,
}

impl Spent {
    /// Adds what something else has spent.
    pub fn add(&mut self, more: &Spent) {
        self.cost = self.cost.plus(more.cost);
        self.presumed = self.presumed.plus(more.presumed);
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.presumed_tokens = self.presumed_tokens.saturating_add(more.presumed_tokens);
        self.wall = self.wall.saturating_add(more.wall);
        self.tool_calls = self.tool_calls.saturating_add(more.tool_calls);
        self.jobs = self.jobs.saturating_add(more.jobs);
        self.unknown = self.unknown.saturating_add(more.unknown);
        self.unknown_tokens = self.unknown_tokens.saturating_add(more.unknown_tokens);
    }

    /// The money that counts against a limit.
    pub fn counted(&self) -> MicroUsd {
        self.cost.plus(self.presumed)
    }

    /// What is spent of that measure, for people; tokens with what of them nobody knows.
    pub fn show(&self, measure: Measure) -> String {
        match (measure, self.unknown_tokens) {
            (Measure::Tokens, 1..) => {
                let (least, presumed) = (measure.show(self.tokens), measure.show(self.presumed_tokens));
                let attempts = match self.unknown_tokens {
                    1 => "1 attempt".to_owned(),
                    unknown => format!("{unknown} attempts"),
                };
                format!("≥ {least} ({attempts} unknown, taken for {presumed})")
            }
            (Measure::Cost | Measure::Tokens | Measure::Wall | Measure::ToolCalls | Measure::Jobs, _) => {
                measure.show(self.of(measure))
            }
        }
    }

    /// What counts against a limit of that measure, in its own unit.
    pub fn of(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Cost => micros(self.counted()),
            Measure::Tokens => self.tokens.saturating_add(self.presumed_tokens),
            Measure::Wall => u64::try_from(self.wall.as_millis()).unwrap_or(u64::MAX),
            Measure::ToolCalls => self.tool_calls,
            Measure::Jobs => self.jobs,
        }
    }
}

/// What attempts at a type of job with a harness have cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typical {
    pub job_type: String,
    pub harness: String,
    /// Attempts of known cost.
    pub attempts: u64,
    pub cost: MicroUsd,
    /// Attempts of unknown cost.
    pub unknown: u64,
}

impl Typical {
    /// What one costs on average. `None`: of none is it known.
    pub fn average(&self) -> Option<MicroUsd> {
        let attempts = i64::try_from(self.attempts).unwrap_or(i64::MAX);
        (attempts > 0)
            .then(|| MicroUsd::from_micros(self.cost.as_micros().saturating_add(attempts - 1) / attempts))
    }

    /// The one of that type and harness.
    pub fn find<'a>(all: &'a [Typical], job_type: &str, harness: &str) -> Option<&'a Typical> {
        all.iter().find(|one| one.job_type == job_type && one.harness == harness)
    }

    /// Adds an attempt of that cost.
    pub fn add(all: &mut Vec<Typical>, (job_type, harness): (&str, &str), cost: Option<MicroUsd>) {
        let known = all.iter().position(|one| one.job_type == job_type && one.harness == harness);
        let place = known.unwrap_or_else(|| {
            let (job_type, harness) = (job_type.to_owned(), harness.to_owned());
            all.push(Typical { job_type, harness, attempts: 0, cost: MicroUsd::ZERO, unknown: 0 });
            all.len() - 1
        });
        let one = &mut all[place];
        match cost {
            Some(cost) => {
                one.attempts += 1;
                one.cost = one.cost.plus(cost);
            }
            None => one.unknown += 1,
        }
    }
}

/// What the config says of money at the moment of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Of the namespace's day.
    pub day: Limits,
    /// What an attempt is taken to cost of which nothing is known. `None`: [`DEFAULT_EXPECTED`], but at most a tenth of
    /// a limit.
    pub expected: Option<MicroUsd>,
    /// Which harness does a PM's job that follows.
    pub harness_defaults: Option<Arc<HarnessDefaults>>,
}

/// Where the terms of a claim come from. Asked at the moment of the claim, so that an edited config takes effect.
pub trait TermsSource: fmt::Debug + Send + Sync {
    /// The terms for jobs that work in this folder. `None`: the config can't be read, and no agent starts without it.
    fn terms(&self, workspace: &str) -> Option<Terms>;
}

/// The same for every folder.
impl TermsSource for Terms {
    fn terms(&self, _workspace: &str) -> Option<Terms> {
        Some(self.clone())
    }
}

/// A source of terms; without one nothing is limited.
#[derive(Debug, Clone)]
pub struct AnyTerms(pub Arc<dyn TermsSource>);

impl Default for AnyTerms {
    fn default() -> Self {
        Self(Arc::new(Terms::default()))
    }
}

/// What is there for one more attempt besides its assignment's own budget.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Funds {
    pub terms: Terms,
    /// What the namespace has spent today.
    pub spent: Spent,
    /// What is reserved for its attempts that run.
    pub reserved: MicroUsd,
    /// Jobs of it that have begun and whose first attempt runs.
    pub begun: u64,
    /// What jobs cost in this namespace.
    pub typical: Vec<Typical>,
}

impl Funds {
    /// The day as something to be drawn on.
    pub fn day(&self) -> Fund {
        let mut spent = self.spent;
        spent.jobs = spent.jobs.saturating_add(self.begun);
        Fund {
            scope: Scope::Day,
            limits: self.terms.day,
            spent,
            reserved: self.reserved,
            kept: Kept::Nothing,
        }
    }

    /// What an attempt is taken to cost: as its like in the assignment, else in the namespace, else a guess; one whose
    /// like never told its cost, all that it may. Never more than an attempt may cost.
    pub fn expected(&self, like: (&str, &str), own: &[Typical], limits: (&Limits, &Limits)) -> MicroUsd {
        let (attempt, assignment) = limits;
        let alike = |all| Typical::find(all, like.0, like.1);
        let (own, all) = (alike(own), alike(&self.typical));
        let known = own.and_then(Typical::average).or_else(|| all.and_then(Typical::average));
        let is_untold = own.or(all).is_some_and(|one| one.unknown > 0);
        let expected = match (known, attempt.cost) {
            (Some(known), _) => known,
            (None, Some(limit)) if is_untold => limit,
            (None, _) => self.guess(assignment),
        };
        attempt.cost.map_or(expected, |limit| expected.min(limit))
    }

    fn guess(&self, assignment: &Limits) -> MicroUsd {
        let share = |limit: MicroUsd| MicroUsd::from_micros(limit.as_micros() / GUESS_SHARE);
        let limits = [assignment.cost, self.terms.day.cost];
        let small = limits.into_iter().flatten().map(share).fold(DEFAULT_EXPECTED, MicroUsd::min);
        self.terms.expected.unwrap_or(small)
    }
}

/// What must be left when work has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Nothing,
    /// One job of the PM of that cost, and a part of everything else.
    ForPm(MicroUsd),
}

/// A limit, and what is taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fund {
    pub scope: Scope,
    pub limits: Limits,
    pub spent: Spent,
    /// For attempts that run.
    pub reserved: MicroUsd,
    pub kept: Kept,
}

impl Fund {
    /// Whether something of that expected cost may begin. This is where `spent + reserved <= limit` is held.
    pub fn admit(&self, expected: MicroUsd) -> Result<(), Reached> {
        self.admit_more(expected)?;
        // What is expected to cost nothing may not begin either where nothing is left, or where nothing was ever to be spent.
        if let Some(limit) = self.limits.cost.filter(|limit| self.taken() >= *limit) {
            let (limit, spent) = (micros(limit), micros(self.taken()));
            return Err(Reached { scope: self.scope, measure: Measure::Cost, limit, spent, needed: 0 });
        }
        for measure in [Measure::Tokens, Measure::Wall, Measure::ToolCalls, Measure::Jobs] {
            if let Some(left) = self.left(measure).filter(|left| left.left == 0) {
                return Err(left.reached(0));
            }
        }
        Ok(())
    }

    /// The same for a PM that wraps up: what work was to leave for it is there, also where work has run past the limit.
    pub fn to_wrap_up(mut self, cost: MicroUsd) -> Self {
        let spent = self.spent.counted();
        self.limits.cost = self.limits.cost.map(|limit| if spent > limit { spent.plus(cost) } else { limit });
        for measure in [Measure::Tokens, Measure::Wall, Measure::ToolCalls] {
            if let Some(limit) = self.limits.of(measure) {
                let least = self.spent.of(measure).saturating_add(limit.div_ceil(KEPT_SHARE));
                self.limits.set(measure, Some(limit.max(least)));
            }
        }
        self
    }

    /// Whether so much more money may be reserved.
    pub fn admit_more(&self, cost: MicroUsd) -> Result<(), Reached> {
        match self.limits.cost {
            Some(limit) if self.taken().plus(self.kept_cost()).plus(cost) > limit => Err(Reached {
                scope: self.scope,
                measure: Measure::Cost,
                limit: micros(limit),
                spent: micros(self.taken()),
                needed: micros(self.kept_cost().plus(cost)),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// What is left of that measure for something that begins. `None`: it is not limited.
    pub fn left(&self, measure: Measure) -> Option<Ceiling> {
        let limit = self.limits.of(measure)?;
        let taken = match measure {
            Measure::Cost => micros(self.taken()),
            Measure::Tokens | Measure::Wall | Measure::ToolCalls | Measure::Jobs => self.spent.of(measure),
        };
        let kept = match (self.kept, measure) {
            (Kept::ForPm(cost), Measure::Cost) => micros(cost),
            (Kept::ForPm(_), Measure::Tokens | Measure::Wall | Measure::ToolCalls) if limit > 1 => {
                limit.div_ceil(KEPT_SHARE)
            }
            (Kept::ForPm(_) | Kept::Nothing, _) => 0,
        };
        let left = limit.saturating_sub(taken).saturating_sub(kept);
        Some(Ceiling { scope: self.scope, measure, limit, taken, left })
    }

    fn taken(&self) -> MicroUsd {
        self.spent.counted().plus(self.reserved)
    }

    fn kept_cost(&self) -> MicroUsd {
        match self.kept {
            Kept::Nothing => MicroUsd::ZERO,
            Kept::ForPm(cost) => cost,
        }
    }
}

/// How far an attempt may go by one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    pub scope: Scope,
    pub measure: Measure,
    /// The limit itself.
    pub limit: u64,
    /// What others have taken from it.
    pub taken: u64,
    /// What the attempt may use.
    pub left: u64,
}

impl Ceiling {
    /// The limit, reached when the attempt has used so much.
    pub fn reached(&self, used: u64) -> Reached {
        let Self { scope, measure, limit, taken, left: _ } = *self;
        Reached { scope, measure, limit, spent: taken.saturating_add(used), needed: 0 }
    }
}

/// What an attempt is taken to have used whose CLI tells no tokens: all that it may, else a tenth of the smallest limit that it
/// counts against, and not nothing. So a limit of tokens holds for such a CLI too.
pub fn presumed_tokens(limits: &OwnLimits) -> u64 {
    let share = |limit: u64| limit.div_ceil(GUESS_SHARE.unsigned_abs());
    let others = [limits.job.tokens, limits.assignment.tokens].into_iter().flatten().map(share);
    limits.attempt.tokens.unwrap_or_else(|| others.fold(PRESUMED_TOKENS, u64::min))
}

/// What the end of an attempt adds to the sums of its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    pub namespace: Namespace,
    pub day: Day,
    pub spent: Spent,
    /// What was reserved for it, and is not any longer.
    pub reserved: MicroUsd,
    /// Its type of job and its harness with its cost, if it tells what others like it will cost.
    pub example: Option<(String, String, Option<MicroUsd>)>,
}

/// A day in UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    const MILLIS: i64 = 24 * 3600 * 1000;

    /// The day of that moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.as_millis().div_euclid(Self::MILLIS))
    }

    /// When it is over.
    pub fn end(self) -> Timestamp {
        Timestamp::from_millis((self.0 + 1).saturating_mul(Self::MILLIS))
    }
}

fn micros(cost: MicroUsd) -> u64 {
    u64::try_from(cost.as_micros()).unwrap_or(0)
}
