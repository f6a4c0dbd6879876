//! The conversation that an agent CLI keeps, by which it can go on where it stood. It is of one harness alone.

/// A session of an agent CLI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose session it is: no other harness can continue it.
    pub harness: String,
    /// As the CLI names it.
    pub id: String,
}
