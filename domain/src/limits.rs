//! How much may be spent: limits of an attempt, a job, an assignment, and a namespace's day.

use std::fmt;
use std::time::Duration;

use crate::usage::MicroUsd;

/// What can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    Cost,
    /// Input and output.
    Tokens,
    /// The time that attempts run.
    Wall,
    ToolCalls,
    /// Jobs that begin; only of a day (an assignment's own number of jobs is not one of these limits).
    Jobs,
}

impl Measure {
    /// Every measure, in the order of the docs.
    pub const ALL: [Measure; 5] =
        [Measure::Cost, Measure::Tokens, Measure::Wall, Measure::ToolCalls, Measure::Jobs];

    /// The name on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::Cost => "cost",
            Measure::Tokens => "tokens",
            Measure::Wall => "time",
            Measure::ToolCalls => "tool-calls",
            Measure::Jobs => "jobs",
        }
    }

    /// The measure of that name.
    pub fn from_name(name: &str) -> Option<Measure> {
        Self::ALL.into_iter().find(|measure| measure.as_str() == name)
    }

    /// An amount of it, for people. Cost is in millionths of a dollar, time in milliseconds.
    pub fn show(self, amount: u64) -> String {
        match self {
            Measure::Cost => format!("{:.2} USD", amount as f64 / 1_000_000.0),
            Measure::Tokens => format!("{amount} tokens"),
            Measure::Wall => format!("{} s", amount as f64 / 1000.0),
            Measure::ToolCalls => format!("{amount} tool calls"),
            Measure::Jobs => format!("{amount} jobs"),
        }
    }

    /// An amount as the option `--limit` takes it.
    pub fn as_value(self, amount: u64) -> String {
        match self {
            Measure::Cost => format!("{:.2}", amount as f64 / 1_000_000.0),
            Measure::Wall => format!("{}s", amount.div_ceil(1000)),
            Measure::Tokens | Measure::ToolCalls | Measure::Jobs => amount.to_string(),
        }
    }
}

/// What a limit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    Attempt,
    Job,
    Assignment,
    /// All that a namespace does in one day, in UTC.
    Day,
}

impl Scope {
    /// Every scope, in the order of the docs.
    pub const ALL: [Scope; 4] = [Scope::Attempt, Scope::Job, Scope::Assignment, Scope::Day];

    /// The name in the config, on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Attempt => "attempt",
            Scope::Job => "job",
            Scope::Assignment => "assignment",
            Scope::Day => "day",
        }
    }

    /// The scope of that name.
    pub fn from_name(name: &str) -> Option<Scope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// Limits of one scope. `None`: there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    pub cost: Option<MicroUsd>,
    pub tokens: Option<u64>,
    pub wall: Option<Duration>,
    pub tool_calls: Option<u64>,
    pub jobs: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limit of that measure, in its own unit.
    pub fn of(&self, measure: Measure) -> Option<u64> {
        match measure {
            Measure::Cost => self.cost.map(|cost| u64::try_from(cost.as_micros()).unwrap_or(0)),
            Measure::Tokens => self.tokens,
            Measure::Wall => self.wall.map(|wall| u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)),
            Measure::ToolCalls => self.tool_calls,
            Measure::Jobs => self.jobs,
        }
    }

    /// Another limit of that measure, in its own unit, or none.
    pub fn set(&mut self, measure: Measure, limit: Option<u64>) {
        match measure {
            Measure::Cost => {
                let micros = limit.map(|micros| i64::try_from(micros).unwrap_or(i64::MAX));
                self.cost = micros.map(MicroUsd::from_micros);
            }
            Measure::Tokens => self.tokens = limit,
            Measure::Wall => self.wall = limit.map(Duration::from_millis),
            Measure::ToolCalls => self.tool_calls = limit,
            Measure::Jobs => self.jobs = limit,
        }
    }
}

/// The limits that an assignment carries with it: those that held when it was made, unless its owner has changed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnLimits {
    pub attempt: Limits,
    pub job: Limits,
    pub assignment: Limits,
}

impl OwnLimits {
    /// The limits of that scope; the day's are not an assignment's own.
    pub fn of(&self, scope: Scope) -> Option<&Limits> {
        match scope {
            Scope::Attempt => Some(&self.attempt),
            Scope::Job => Some(&self.job),
            Scope::Assignment => Some(&self.assignment),
            Scope::Day => None,
        }
    }

    /// Takes over these changes.
    pub fn change(&mut self, changes: &[LimitChange]) {
        for change in changes {
            match change.scope {
                Scope::Attempt => self.attempt.set(change.measure, change.limit),
                Scope::Job => self.job.set(change.measure, change.limit),
                Scope::Assignment => self.assignment.set(change.measure, change.limit),
                // The day belongs to the namespace, and is set in its config.
                Scope::Day => {}
            }
        }
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A limit that somebody sets, or takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitChange {
    pub scope: Scope,
    pub measure: Measure,
    /// In the measure's own unit. `None`: no limit.
    pub limit: Option<u64>,
}

/// A limit that is reached, or would be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    pub scope: Scope,
    pub measure: Measure,
    pub limit: u64,
    /// What is spent and reserved, in the same unit.
    pub spent: u64,
    /// What is not there any more for what was to come next, with what must be left for the PM; 0 where that is not why.
    pub needed: u64,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, measure, limit, spent, needed } = self;
        let of = match scope {
            Scope::Attempt => "the limit of an attempt",
            Scope::Job => "the limit of a job",
            Scope::Assignment => "the limit of the assignment",
            Scope::Day => "the day's limit of the namespace",
        };
        write!(f, "{of} is reached: {} of {}", measure.show(*spent), measure.show(*limit))?;
        if *needed > 0 && spent < limit {
            write!(f, ", and what comes next is expected to need {}", measure.show(*needed))?;
        }
        Ok(())
    }
}

impl Reached {
    /// The command that raises the limit of that assignment, to twice of what it is or of what is spent.
    pub fn raise(&self, assignment: &str) -> String {
        let least = self.spent.saturating_add(self.needed);
        let raised = self.limit.max(self.spent).max(1).saturating_mul(2).max(least);
        let value = self.measure.as_value(raised);
        let go_on = format!("agents update-assignment {assignment} --status active");
        match (self.scope, self.measure) {
            (Scope::Assignment, Measure::Cost) => format!("{go_on} --max-cost {value}"),
            (Scope::Assignment, Measure::Tokens) => format!("{go_on} --max-tokens {value}"),
            (Scope::Assignment, Measure::Wall) => format!("{go_on} --max-time {value}"),
            (Scope::Assignment, Measure::ToolCalls) => format!("{go_on} --max-tool-calls {value}"),
            (scope, measure) => {
                format!("{go_on} --limit {}.{}={value}", scope.as_str(), measure.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reached_limit_says_what_and_how_to_raise_it() {
        let reached = |scope, measure, limit, spent| Reached { scope, measure, limit, spent, needed: 0 };
        let check = |reached: Reached, said: &str, raise: &str| {
            assert_eq!((reached.to_string().as_str(), reached.raise("099a8057").as_str()), (said, raise));
        };
        check(
            reached(Scope::Assignment, Measure::Cost, 2_000_000, 1_980_000),
            "the limit of the assignment is reached: 1.98 USD of 2.00 USD",
            "agents update-assignment 099a8057 --status active --max-cost 4.00",
        );
        check(
            Reached { needed: 500_000, ..reached(Scope::Assignment, Measure::Cost, 1_000_000, 510_000) },
            "the limit of the assignment is reached: 0.51 USD of 1.00 USD, and what comes next is expected to need 0.50 USD",
            "agents update-assignment 099a8057 --status active --max-cost 2.00",
        );
        check(
            reached(Scope::Attempt, Measure::Wall, 1500, 1700),
            "the limit of an attempt is reached: 1.7 s of 1.5 s",
            "agents update-assignment 099a8057 --status active --limit attempt.time=4s",
        );
        check(
            reached(Scope::Job, Measure::ToolCalls, 10, 11),
            "the limit of a job is reached: 11 tool calls of 10 tool calls",
            "agents update-assignment 099a8057 --status active --limit job.tool-calls=22",
        );
    }

    #[test]
    fn a_limit_that_was_set_is_read_again_and_can_be_taken_away() {
        for measure in Measure::ALL {
            let mut limits = OwnLimits::default();
            let change = |limit| [LimitChange { scope: Scope::Job, measure, limit }];
            limits.change(&change(Some(3)));
            assert_eq!((limits.job.of(measure), limits.attempt.of(measure)), (Some(3), None));
            limits.change(&change(None));
            assert!(limits.is_empty(), "{measure:?}");
        }
    }
}
