//! "Did you mean": the known name nearest to one that is not known.

pub use agents_definitions::suggestion::{did_you_mean, nearest};
