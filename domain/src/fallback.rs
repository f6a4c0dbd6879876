//! Which harness does a job while its own one cools down.

use std::collections::{BTreeMap, BTreeSet};

use crate::cooldown::Cooldown;
use crate::timestamp::Timestamp;

/// For a harness, the one that does its jobs while it cools down. A chain of them has an end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fallbacks {
    next: BTreeMap<String, String>,
}

/// Harnesses that stand in for one another in a circle: `a -> b -> a`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is a circle: each would wait for the next", .0.join(" -> "))]
pub struct Circle(pub Vec<String>);

/// Where a job of a harness goes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// To this harness: its own, or the first of its fallbacks that does not cool down.
    To(&'a str),
    /// Nowhere before that moment: all of them cool down, and this one is the first to have done so.
    Waits { first: &'a str, until: Timestamp },
}

impl Fallbacks {
    /// From harness to fallback.
    pub fn new(next: BTreeMap<String, String>) -> Result<Self, Circle> {
        for first in next.keys() {
            let mut seen = BTreeSet::from([first]);
            let mut path = vec![first.clone()];
            let mut at = first;
            while let Some(further) = next.get(at) {
                path.push(further.clone());
                if further == first {
                    return Err(Circle(path));
                }
                if !seen.insert(further) {
                    // A circle that this one only leads into: it is named when one of its own is looked at.
                    break;
                }
                at = further;
            }
        }
        Ok(Self { next })
    }

    /// Where a job of that harness goes, if these cool down (those that do not any longer left out).
    pub fn route<'a>(&'a self, harness: &'a str, cooling: &[Cooldown]) -> Route<'a> {
        let mut first_free: Option<(Timestamp, &str)> = None;
        let mut at = Some(harness);
        while let Some(harness) = at {
            match cooling.iter().find(|cooldown| cooldown.harness == harness) {
                None => return Route::To(harness),
                Some(cooldown) => {
                    let is_earlier = first_free.is_none_or(|(earliest, _)| cooldown.until < earliest);
                    first_free = if is_earlier { Some((cooldown.until, harness)) } else { first_free };
                }
            }
            at = self.next.get(harness).map(String::as_str);
        }
        match first_free {
            Some((until, first)) => Route::Waits { first, until },
            None => Route::To(harness),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::AttemptId;
    use crate::outcome::OutcomeClass;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    fn cooling(harnesses: &[(&str, i64)]) -> Vec<Cooldown> {
        let cooldown = |(harness, until): &(&str, i64)| Cooldown {
            harness: (*harness).to_owned(),
            until: Timestamp::from_seconds(*until),
            since: Timestamp::from_seconds(0),
            class: OutcomeClass::UsageLimit,
            reason: String::new(),
            attempt: AttemptId::new(Uuid::nil()),
        };
        harnesses.iter().map(cooldown).collect()
    }

    #[test]
    fn a_job_goes_to_the_first_of_its_chain_that_does_not_cool_down() {
        let fallbacks = Fallbacks::new(map(&[("a", "b"), ("b", "c")])).unwrap();
        let check = |harness: &str, cools: &[(&str, i64)], expected: Route<'_>| {
            assert_eq!(fallbacks.route(harness, &cooling(cools)), expected, "{harness} while {cools:?}");
        };
        check("a", &[], Route::To("a"));
        check("a", &[("b", 9)], Route::To("a"));
        check("a", &[("a", 9)], Route::To("b"));
        check("a", &[("a", 9), ("b", 9)], Route::To("c"));
        check("b", &[("b", 9)], Route::To("c"));
        let until = Timestamp::from_seconds(7);
        check("a", &[("a", 9), ("b", 7), ("c", 8)], Route::Waits { first: "b", until });
        check("c", &[("c", 7)], Route::Waits { first: "c", until });
        assert_eq!(
            Fallbacks::default().route("a", &cooling(&[("a", 7)])),
            Route::Waits { first: "a", until }
        );
    }

    #[test]
    fn circles_are_refused_with_their_way_round() {
        let check = |pairs: &[(&str, &str)], expected: &str| {
            let said = Fallbacks::new(map(pairs)).unwrap_err().to_string();
            assert_eq!(said, format!("{expected} is a circle: each would wait for the next"));
        };
        check(&[("a", "a")], "a -> a");
        check(&[("a", "b"), ("b", "a")], "a -> b -> a");
        check(&[("a", "b"), ("b", "c"), ("c", "b")], "b -> c -> b");
        assert!(Fallbacks::new(map(&[("a", "c"), ("b", "c"), ("c", "d")])).is_ok());
    }
}
