//! Tokens and money of one attempt, as far as the CLI told. What it did not tell is `None`, never zero.

/// Tokens of one attempt.
///
/// `input` counts all the input tokens, those read from a cache and those written to one included, whatever
/// the CLI's own convention is; `cached` is the part of `input` that was read from a cache, `written` the part that
/// was written to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsage {
    pub input: u64,
    pub cached: u64,
    pub written: u64,
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
            written: self.written.saturating_sub(other.written),
            output: self.output.saturating_sub(other.output),
            reasoning: self.reasoning.map(|own| own.saturating_sub(other.reasoning.unwrap_or(0))),
        }
    }

    /// Both together.
    pub fn plus(self, other: TokenUsage) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cached: self.cached.saturating_add(other.cached),
            written: self.written.saturating_add(other.written),
            output: self.output.saturating_add(other.output),
            reasoning: match (self.reasoning, other.reasoning) {
                (Some(one), Some(other)) => Some(one.saturating_add(other)),
                (one, other) => one.or(other),
            },
        }
    }

    /// Input and output together.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Who says what an attempt has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostSource {
    /// The CLI itself.
    Cli,
    /// It was computed from the tokens, by the prices of the config.
    Prices,
}

impl CostSource {
    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            CostSource::Cli => "cli",
            CostSource::Prices => "prices",
        }
    }

    /// The source of that name.
    pub fn from_name(name: &str) -> Option<CostSource> {
        [CostSource::Cli, CostSource::Prices].into_iter().find(|source| source.as_str() == name)
    }
}

/// Money in millionths of a US dollar, so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MicroUsd(i64);

impl MicroUsd {
    /// No money at all.
    pub const ZERO: MicroUsd = MicroUsd(0);

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
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// Both together.
    pub fn plus(self, other: MicroUsd) -> Self {
        Self(self.0.saturating_add(other.0))
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
