//! Fuzzing of all that reads an agent's output: the splitter and each CLI's reader. The corpus is the recorded streams of
//! the real CLIs; what is tried are changes to them (`mutation`), and what must hold is in `target`. For tests only.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod corpus;
mod mutation;
mod oracle;
mod target;

pub use mutation::Case;
pub use target::{Form, Target};
