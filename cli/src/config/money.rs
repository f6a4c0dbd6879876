//! Money in the configuration: prices of tokens.

use agents_domain::price::Price;
use agents_domain::usage::MicroUsd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::{amount, optional_amount};

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
