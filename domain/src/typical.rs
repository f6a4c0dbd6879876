//! What attempts at a type of job with a harness have used so far: the guess for the next one.

use crate::limits::Measure;

/// What some attempts have used of one measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// Attempts of which it is known.
    pub attempts: u64,
    pub sum: u64,
    /// Attempts of which it is not known.
    pub unknown: u64,
}

impl Told {
    /// What one uses on average, rounded up. `None`: of none is it known.
    pub fn average(&self) -> Option<u64> {
        (self.attempts > 0).then(|| self.sum.div_ceil(self.attempts))
    }

    /// Adds what others have used.
    pub fn add(&mut self, more: &Told) {
        self.attempts = self.attempts.saturating_add(more.attempts);
        self.sum = self.sum.saturating_add(more.sum);
        self.unknown = self.unknown.saturating_add(more.unknown);
    }

    /// What one attempt has used. `None`: nobody knows.
    pub fn one(used: Option<u64>) -> Self {
        match used {
            Some(sum) => Self { attempts: 1, sum, unknown: 0 },
            None => Self { attempts: 0, sum: 0, unknown: 1 },
        }
    }
}

/// What an attempt has used. `None`: its CLI does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    pub job_type: String,
    pub harness: String,
    pub cost: Option<u64>,
    pub tokens: Option<u64>,
    pub wall: u64,
    pub tool_calls: u64,
}

/// What attempts at a type of job with a harness have used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Typical {
    pub job_type: String,
    pub harness: String,
    pub cost: Told,
    pub tokens: Told,
    pub wall: Told,
    pub tool_calls: Told,
}

impl Typical {
    /// What is told of that measure.
    pub fn of(&self, measure: Measure) -> Told {
        match measure {
            Measure::Cost => self.cost,
            Measure::Tokens => self.tokens,
            Measure::Wall => self.wall,
            Measure::ToolCalls => self.tool_calls,
            // How many jobs begin is never a guess.
            Measure::Jobs => Told::default(),
        }
    }

    /// The one of that type and harness.
    pub fn find<'a>(all: &'a [Typical], job_type: &str, harness: &str) -> Option<&'a Typical> {
        all.iter().find(|one| one.job_type == job_type && one.harness == harness)
    }

    /// Adds an attempt.
    pub fn add(all: &mut Vec<Typical>, example: &Example) {
        let is_alike = |one: &Typical| one.job_type == example.job_type && one.harness == example.harness;
        let place = all.iter().position(is_alike).unwrap_or_else(|| {
            let (job_type, harness) = (example.job_type.clone(), example.harness.clone());
            all.push(Typical { job_type, harness, ..Typical::default() });
            all.len() - 1
        });
        let one = &mut all[place];
        one.cost.add(&Told::one(example.cost));
        one.tokens.add(&Told::one(example.tokens));
        one.wall.add(&Told::one(Some(example.wall)));
        one.tool_calls.add(&Told::one(Some(example.tool_calls)));
    }
}
