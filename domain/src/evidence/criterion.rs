//! An acceptance criterion: what must hold before an assignment is complete, and what shows that it does.

use std::collections::BTreeMap;

use crate::id::{FindingId, ReceiptId};

/// Who has stated a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Person,
    Pm,
}

impl Author {
    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Author::Person => "person",
            Author::Pm => "pm",
        }
    }

    /// The author of that name.
    pub fn from_name(name: &str) -> Option<Author> {
        [Author::Person, Author::Pm].into_iter().find(|author| author.as_str() == name)
    }
}

/// What must hold before an assignment is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// Its number in its assignment, from 1. A number is not used again.
    pub number: u32,
    pub text: String,
    pub by: Author,
    /// What was accepted as showing it, once the assignment is complete.
    pub tie: Option<Tie>,
}

/// What shows that a criterion holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    Receipt(ReceiptId),
    Finding(FindingId),
}

/// Which evidence a PM names for which criterion, in its own words: they are resolved where they are judged.
pub type Ties = BTreeMap<u32, String>;
