//! Numbers of the configuration: whole and above zero, with an error that says so.

use std::fmt;
use std::marker::PhantomData;

use agents_domain::usage::MicroUsd;
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A whole number above zero, or null for one that is not set.
pub(super) fn positive<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    from.deserialize_any(Positive(PhantomData))
}

/// The shortest lease: heartbeats of a quarter of it must come in time on a busy machine.
const LEASE_SHORTEST_MS: u64 = 2000;

/// The length of a lease in milliseconds.
pub(super) fn lease<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let length: Option<u64> = positive(from)?;
    match length {
        Some(millis) if millis < LEASE_SHORTEST_MS => Err(de::Error::custom(format!(
            "a lease is {LEASE_SHORTEST_MS} ms at least, and this is {millis}"
        ))),
        Some(_) | None => Ok(length),
    }
}

/// An amount of US dollars, which may be nothing.
pub(super) fn amount<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let dollars = f64::deserialize(from)?;
    match MicroUsd::from_dollars(dollars) {
        Some(micros) if micros >= MicroUsd::ZERO => Ok(dollars),
        Some(_) | None => Err(de::Error::custom(format!("{dollars} is no amount of US dollars"))),
    }
}

/// The same, or null for one that is not set.
pub(super) fn optional_amount<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    struct Given(f64);
    impl<'de> Deserialize<'de> for Given {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            amount(from).map(Self)
        }
    }
    Ok(Option::<Given>::deserialize(from)?.map(|given| given.0))
}

struct Positive<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for Positive<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number above 0")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<T>, E> {
        let wrong = || E::invalid_value(Unexpected::Unsigned(number), &self);
        if number == 0 {
            return Err(wrong());
        }
        T::try_from(number).map(Some).map_err(|_| wrong())
    }
}
