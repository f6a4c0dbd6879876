//! `exec`: a command of the user's own, without any agent.

mod spec;

pub use spec::{ExecSpec, Shell};
