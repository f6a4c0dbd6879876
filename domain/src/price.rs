//! What tokens cost where the CLI does not say: the prices of the config, by patterns of model names.

use crate::usage::{MicroUsd, TokenUsage};

/// Prices in millionths of a dollar for a million tokens: as many as dollars for a million, in exact numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub input: MicroUsd,
    /// What was read from a cache.
    pub cached: MicroUsd,
    /// What was written to one.
    pub written: MicroUsd,
    pub output: MicroUsd,
}

impl Price {
    /// What these tokens cost. Reasoning is part of the output.
    pub fn cost(&self, usage: &TokenUsage) -> MicroUsd {
        let plain = usage.input.saturating_sub(usage.cached).saturating_sub(usage.written);
        let parts = [
            (plain, self.input),
            (usage.cached, self.cached),
            (usage.written, self.written),
            (usage.output, self.output),
        ];
        let millionths: i128 =
            parts.iter().map(|(tokens, price)| i128::from(*tokens) * i128::from(price.as_micros())).sum();
        // A part of a millionth counts as a whole one: what is computed is never less than what it was.
        let micros = (millionths + 999_999) / 1_000_000;
        MicroUsd::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// Prices by pattern. `*` in a pattern stands for any text; a pattern with a `/` is matched against
/// `<harness>/<model>`, so that a CLI that does not tell its model has a price too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceTable {
    prices: Vec<(String, Price)>,
}

impl PriceTable {
    /// The table. Of several patterns that fit, the longest one counts.
    pub fn new(prices: impl IntoIterator<Item = (String, Price)>) -> Self {
        let mut prices: Vec<_> = prices.into_iter().collect();
        prices.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        Self { prices }
    }

    /// The price of that model of that harness.
    pub fn of(&self, harness: &str, model: Option<&str>) -> Option<&Price> {
        let full = format!("{harness}/{}", model.unwrap_or_default());
        let fits = |pattern: &str| match (pattern.contains('/'), model) {
            (true, _) => matches(pattern, &full),
            (false, Some(model)) => matches(pattern, model),
            // Whoever has set a price for every model means this one too.
            (false, None) => pattern == "*",
        };
        self.prices.iter().find(|(pattern, _)| fits(pattern)).map(|(_, price)| price)
    }
}

/// Whether the text is what the pattern says.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(before) = last.replace(piece) {
            let Some((_, after)) = rest.split_once(before) else { return false };
            rest = after;
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(dollars: i64) -> Price {
        let of = |dollars: i64| MicroUsd::from_micros(dollars * 1_000_000);
        Price { input: of(dollars), cached: of(1), written: of(7), output: of(10 * dollars) }
    }

    #[test]
    fn each_kind_of_token_has_its_own_price_and_none_is_counted_twice() {
        let usage = TokenUsage { input: 1000, cached: 600, written: 100, output: 50, reasoning: Some(40) };
        // 300 × 5 + 600 × 1 + 100 × 7 + 50 × 50 millionths of a dollar.
        assert_eq!(price(5).cost(&usage), MicroUsd::from_micros(1500 + 600 + 700 + 2500));
        assert_eq!(price(5).cost(&TokenUsage::default()), MicroUsd::ZERO);
        let one = TokenUsage { input: 1, ..TokenUsage::default() };
        let cheap = Price { input: MicroUsd::from_micros(1), ..price(1) };
        assert_eq!(cheap.cost(&one), MicroUsd::from_micros(1), "rounded up");
        let endless = TokenUsage { input: u64::MAX, output: u64::MAX, ..TokenUsage::default() };
        assert_eq!(price(1_000_000).cost(&endless), MicroUsd::from_micros(i64::MAX));
    }

    #[test]
    fn the_longest_pattern_that_fits_counts_and_an_unknown_model_has_only_its_harness() {
        let names = ["gpt-6*", "gpt-6.1-sol", "*-mini", "codex/*", "a*b*c"];
        let table = PriceTable::new(names.iter().zip(1..).map(|(name, n)| ((*name).to_owned(), price(n))));
        let check = |harness: &str, model: Option<&str>, expected: Option<i64>| {
            assert_eq!(table.of(harness, model), expected.map(price).as_ref(), "{harness} {model:?}");
        };
        check("claude", Some("gpt-6"), Some(1));
        check("claude", Some("gpt-6.1-sol"), Some(2));
        check("claude", Some("o9-mini"), Some(3));
        check("claude", Some("opus"), None);
        check("claude", None, None);
        check("codex", None, Some(4));
        check("codex", Some("anything"), Some(4));
        check("claude", Some("aXbYc"), Some(5));
        check("claude", Some("abc"), Some(5));
        check("claude", Some("ac"), None);
        check("claude", Some("abcd"), None);
        let all = PriceTable::new([("*".to_owned(), price(9)), ("gpt*".to_owned(), price(1))]);
        assert_eq!(all.of("codex", None), Some(&price(9)));
        assert_eq!(all.of("codex", Some("gpt-6")), Some(&price(1)));
    }
}
