//! So much of everything that can be limited: what is expected, reserved, kept. Each amount is in its measure's own unit.

use crate::limits::Measure;
use crate::usage::MicroUsd;

/// An amount of each measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts([u64; Measure::ALL.len()]);

impl Amounts {
    /// Nothing of anything.
    pub const NONE: Amounts = Amounts([0; Measure::ALL.len()]);

    /// What that says of each measure.
    pub fn of_each(of: impl FnMut(Measure) -> u64) -> Self {
        Self(Measure::ALL.map(of))
    }

    /// Money, and nothing else.
    pub fn of_cost(cost: MicroUsd) -> Self {
        Self::NONE.with(Measure::Cost, u64::try_from(cost.as_micros()).unwrap_or(0))
    }

    /// The same with another amount of that measure.
    pub fn with(mut self, measure: Measure, amount: u64) -> Self {
        self.0[measure as usize] = amount;
        self
    }

    /// The amount of that measure.
    pub fn of(&self, measure: Measure) -> u64 {
        self.0[measure as usize]
    }

    /// The money of it.
    pub fn cost(&self) -> MicroUsd {
        MicroUsd::from_micros(i64::try_from(self.of(Measure::Cost)).unwrap_or(i64::MAX))
    }

    /// Both together.
    pub fn plus(&self, other: &Amounts) -> Self {
        Self::of_each(|measure| self.of(measure).saturating_add(other.of(measure)))
    }

    /// What is left when that much of it belongs to somebody else; never below nothing.
    pub fn less(&self, other: &Amounts) -> Self {
        Self::of_each(|measure| self.of(measure).saturating_sub(other.of(measure)))
    }

    /// Whether it is nothing of anything.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_kept_apart_by_measure_and_never_fall_below_nothing() {
        let few = Amounts::of_each(|measure| measure as u64);
        assert_eq!(Measure::ALL.map(|measure| few.of(measure)), [0, 1, 2, 3, 4]);
        let more = few.with(Measure::Tokens, 7).plus(&Amounts::of_cost(MicroUsd::from_micros(5)));
        assert_eq!(Measure::ALL.map(|measure| more.of(measure)), [5, 7, 2, 3, 4]);
        assert_eq!(more.cost(), MicroUsd::from_micros(5));
        assert_eq!(Measure::ALL.map(|measure| more.less(&few).of(measure)), [5, 6, 0, 0, 0]);
        assert!(few.less(&more).is_none() && !more.is_none());
    }
}
