//! The PM's answer: from text to a decision that is checked.

mod answer;

pub use answer::{Allowed, SCHEMA, read};
