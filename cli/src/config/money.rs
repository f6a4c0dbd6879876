//! Money in the configuration: prices of tokens, and limits.

use std::time::Duration;

use agents_domain::limits::Limits;
use agents_domain::price::Price;
use agents_domain::usage::MicroUsd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::{amount, optional_amount, positive};

/// What a million tokens cost, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct PriceEntry {
    /// Input that was neither read from a cache nor written to one.
    #[serde(deserialize_with = "amount")]
    #[schemars(range(min = 0))]
    pub input: f64,
    /// Input that was read from a cache.
    #[serde(deserialize_with = "amount")]
    #[schemars(range(min = 0))]
    pub cached_input: f64,
    /// Input that was written to a cache. Not set: as other input.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_amount")]
    #[schemars(range(min = 0))]
    pub cache_write: Option<f64>,
    /// Output, reasoning included.
    #[serde(deserialize_with = "amount")]
    #[schemars(range(min = 0))]
    pub output: f64,
}

impl PriceEntry {
    /// The price that it says.
    pub fn price(&self) -> Price {
        // Amounts that are none are refused when the file is read.
        let of = |dollars: f64| MicroUsd::from_dollars(dollars).unwrap_or_default();
        Price {
            input: of(self.input),
            cached: of(self.cached_input),
            written: of(self.cache_write.unwrap_or(self.input)),
            output: of(self.output),
        }
    }
}

/// How much an attempt, a job or an assignment may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct LimitsEntry {
    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_amount")]
    #[schemars(range(min = 0))]
    pub cost: Option<f64>,
    /// Tokens of input and output.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub tokens: Option<u64>,
    /// The time that attempts run, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub time_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub tool_calls: Option<u64>,
}

impl LimitsEntry {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits that it says.
    pub fn limits(&self) -> Limits {
        Limits {
            cost: self.cost.and_then(MicroUsd::from_dollars),
            tokens: self.tokens,
            wall: self.time_ms.map(Duration::from_millis),
            tool_calls: self.tool_calls,
            jobs: None,
        }
    }

    /// What another layer says goes first.
    pub(super) fn overlay(&mut self, above: &LimitsEntry) {
        let LimitsEntry { cost, tokens, time_ms, tool_calls } = *above;
        self.cost = cost.or(self.cost);
        self.tokens = tokens.or(self.tokens);
        self.time_ms = time_ms.or(self.time_ms);
        self.tool_calls = tool_calls.or(self.tool_calls);
    }
}

/// How much a namespace may use in one day, in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct DayLimitsEntry {
    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_amount")]
    #[schemars(range(min = 0))]
    pub cost: Option<f64>,
    /// Tokens of input and output.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub tokens: Option<u64>,
    /// The time that attempts run, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub time_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub tool_calls: Option<u64>,
    /// Jobs that begin, the PM's own included.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub jobs: Option<u64>,
}

impl DayLimitsEntry {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits that it says.
    pub fn limits(&self) -> Limits {
        Limits { jobs: self.jobs, ..self.common().limits() }
    }

    /// What another layer says goes first.
    pub(super) fn overlay(&mut self, above: &DayLimitsEntry) {
        let mut common = self.common();
        common.overlay(&above.common());
        let LimitsEntry { cost, tokens, time_ms, tool_calls } = common;
        *self = Self { cost, tokens, time_ms, tool_calls, jobs: above.jobs.or(self.jobs) };
    }

    fn common(&self) -> LimitsEntry {
        let Self { cost, tokens, time_ms, tool_calls, jobs: _ } = *self;
        LimitsEntry { cost, tokens, time_ms, tool_calls }
    }
}
