//! Tokens and money of one attempt, as far as the CLI told. What it did not tell is `None`, never zero.

/// Tokens of one attempt.
///
/// `input` counts all the input tokens, those read from a cache and those written to one included, whatever
/// the CLI's own convention is; `cached` is the part of `input` that was read from a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsage {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    /// The part of `output` spent on reasoning, where the CLI tells it.
    pub reasoning: Option<u64>,
}

impl TokenUsage {
    /// What is left when that much of it belongs to somebody else.
    pub fn less(self, other: TokenUsage) -> Self {
        Self {
            input: self.input.saturating_sub(other.input),
            cached: self.cached.saturating_sub(other.cached),
            output: self.output.saturating_sub(other.output),
            reasoning: self.reasoning.map(|own| own.saturating_sub(other.reasoning.unwrap_or(0))),
        }
    }

    /// Input and output together.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Money in millionths of a US dollar, so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MicroUsd(i64);

impl MicroUsd {
    /// From millionths of a dollar.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From dollars, rounded to the nearest millionth. `None` for what is not a finite amount.
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        let micros = (dollars * 1_000_000.0).round();
        // 2^53 micro-dollars is nine billion dollars; beyond it an f64 has no exact millionths anyway.
        (micros.is_finite() && micros.abs() < 9.0e15).then_some(Self(micros as i64))
    }

    /// What is left when that much of it belongs to somebody else; never below nothing.
    pub fn less(self, other: MicroUsd) -> Self {
        Self((self.0 - other.0).max(0))
    }

    /// Millionths of a dollar.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Dollars, for people and JSON.
    pub fn as_dollars(self) -> f64 {
        self.0 as f64 / 1_000_000.0
    }
}
