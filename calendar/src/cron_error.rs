//! What can be wrong with a cron pattern: which field, where in the text, and what to write instead.

use crate::field::Field;

/// A pattern that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Nothing is written.
    #[error(
        "the cron pattern is empty: write five fields (minute, hour, day of month, month, day of week), such as `0 9 * * MON-FRI`"
    )]
    Empty,
    /// Fewer or more than five fields.
    #[error(
        "a cron pattern has 5 fields (minute, hour, day of month, month, day of week), `{text}` has {found}: {hint}"
    )]
    FieldCount {
        /// The pattern as written.
        text: String,
        /// How many there are.
        found: usize,
        /// What to do.
        hint: &'static str,
    },
    /// `@something` that is not known.
    #[error("`{name}` is not a cron name: {hint}")]
    Nickname {
        /// As written.
        name: String,
        /// What to do.
        hint: &'static str,
    },
    /// One field is wrong.
    #[error("cron field {} ({field}), `{part}` at column {column}: {problem}", field.number())]
    Field {
        /// Which field.
        field: Field,
        /// The part of it that is wrong.
        part: String,
        /// Where the part begins in the whole text, in characters from 1.
        column: usize,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A pattern that no day of the calendar matches.
    #[error(
        "`{text}` never comes: no such day is in any year; change the day of month, the month or the day of week"
    )]
    NeverComes {
        /// The pattern as written.
        text: String,
    },
}
