//! What was spent, what is reserved, and whether something more may begin. Pure sums; who keeps them is the store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::aggregate::HarnessDefaults;
use crate::amounts::Amounts;
use crate::limits::{Limits, Measure, OwnLimits, Reached, Scope};
use crate::namespace::Namespace;
use crate::timestamp::Timestamp;
use crate::typical::{Example, Typical};
use crate::usage::MicroUsd;

/// A guess that nobody has made on purpose takes no more than this part of a limit.
const GUESS_SHARE: u64 = 10;

/// What an attempt is taken to use of which nothing is known, where neither the config nor a limit says less: half a
/// dollar, some replies of an agent, ten minutes, a look around.
fn default_guess(measure: Measure) -> u64 {
    match measure {
        Measure::Cost => 500_000,
        Measure::Tokens => 100_000,
        Measure::Wall => 600_000,
        Measure::ToolCalls => 20,
        // A job begins or does not.
        Measure::Jobs => 0,
    }
}

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// As far as it is known.
    pub cost: MicroUsd,
    /// What the attempts of unknown cost are taken to have cost: what was reserved for them.
    pub presumed: MicroUsd,
    /// As far as they are known.
    pub tokens: u64,
    /// What the attempts of unknown tokens are taken to have used: what was reserved for them.
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

/// What the config says of money at the moment of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Of the namespace's day.
    pub day: Limits,
    /// What an attempt is taken to cost of which nothing is known. `None`: a guess, at most a tenth of a limit.
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
    pub reserved: Amounts,
    /// What jobs use in this namespace.
    pub typical: Vec<Typical>,
}

impl Funds {
    /// The day as something to be drawn on.
    pub fn day(&self) -> Fund {
        Fund {
            scope: Scope::Day,
            limits: self.terms.day,
            spent: self.spent,
            reserved: self.reserved,
            kept: Amounts::NONE,
        }
    }

    /// What an attempt is taken to use: as its like in the assignment, else in the namespace, else a guess; of what its like
    /// never told, all that it may. Never more than an attempt may use.
    pub fn expected(&self, like: (&str, &str), own: &[Typical], limits: &OwnLimits) -> Amounts {
        let (own, all) = (Typical::find(own, like.0, like.1), Typical::find(&self.typical, like.0, like.1));
        Amounts::of_each(|measure| {
            let average = |of: Option<&Typical>| of.and_then(|one| one.of(measure).average());
            let is_untold = own.or(all).is_some_and(|one| one.of(measure).unknown > 0);
            let most = limits.attempt.of(measure);
            let expected = match (average(own).or_else(|| average(all)), most) {
                (Some(known), _) => known,
                (None, Some(most)) if is_untold => most,
                (None, _) => self.guess(measure, limits),
            };
            most.map_or(expected, |most| expected.min(most))
        })
    }

    fn guess(&self, measure: Measure, limits: &OwnLimits) -> u64 {
        let limits = [limits.job, limits.assignment, self.terms.day];
        let shares = limits.iter().filter_map(|one| one.of(measure)).map(|limit| limit.div_ceil(GUESS_SHARE));
        let small = shares.fold(default_guess(measure), u64::min);
        self.terms.expected.filter(|_| measure == Measure::Cost).map_or(small, micros)
    }
}

/// A limit, and what is taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fund {
    pub scope: Scope,
    pub limits: Limits,
    pub spent: Spent,
    /// For attempts that run.
    pub reserved: Amounts,
    /// What must be left when work has begun: for one job of the PM.
    pub kept: Amounts,
}

impl Fund {
    /// Whether something may begin that is expected to use so much. This is where `spent + reserved <= limit` is held.
    pub fn admit(&self, expected: &Amounts) -> Result<(), Reached> {
        self.admit_more(expected)?;
        // What is expected to use nothing may not begin either where nothing is left, or where nothing was ever to be used.
        // Jobs are counted, not expected: a further try is none.
        for measure in [Measure::Cost, Measure::Tokens, Measure::Wall, Measure::ToolCalls] {
            if let Some(left) = self.left(measure).filter(|left| left.left == 0) {
                return Err(Reached { needed: self.kept.of(measure), ..left.reached(0) });
            }
        }
        Ok(())
    }

    /// The same for a PM that wraps up: where work has run past the limit, or past its own share (`is_past`), what work was
    /// to leave for the PM is there all the same.
    pub fn to_wrap_up(mut self, kept: &Amounts, is_past: bool) -> Self {
        for measure in Measure::ALL {
            let spent = self.spent.of(measure);
            if let Some(limit) = self.limits.of(measure).filter(|limit| is_past || spent > *limit) {
                let least = spent.saturating_add(kept.of(measure));
                self.limits.set(measure, Some(limit.max(least)));
            }
        }
        self
    }

    /// Whether so much more may be reserved.
    pub fn admit_more(&self, more: &Amounts) -> Result<(), Reached> {
        for measure in Measure::ALL {
            let Some(limit) = self.limits.of(measure) else { continue };
            let (spent, more) = (self.taken(measure), more.of(measure));
            let needed = self.kept.of(measure).saturating_add(more);
            if more > 0 && spent.saturating_add(needed) > limit {
                return Err(Reached { scope: self.scope, measure, limit, spent, needed });
            }
        }
        Ok(())
    }

    /// What is left of that measure for something that begins. `None`: it is not limited.
    pub fn left(&self, measure: Measure) -> Option<Ceiling> {
        let limit = self.limits.of(measure)?;
        let taken = self.taken(measure);
        let left = limit.saturating_sub(taken).saturating_sub(self.kept.of(measure));
        Some(Ceiling { scope: self.scope, measure, limit, taken, left })
    }

    /// What is spent and reserved of that measure.
    pub fn taken(&self, measure: Measure) -> u64 {
        self.spent.of(measure).saturating_add(self.reserved.of(measure))
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

/// What the end of an attempt adds to the sums of its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    pub namespace: Namespace,
    pub day: Day,
    pub spent: Spent,
    /// What was reserved for it, and is not any longer.
    pub reserved: Amounts,
    /// What it has used, if that tells what others like it will use.
    pub example: Option<Example>,
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
