//! `ai`: one call of a model, without an agent around it.

mod spec;

pub use spec::{AiSpec, Mock, MockUsage};

/// How the names of these harnesses begin; the provider follows, so that a limit cools down one provider.
pub const PREFIX: &str = "ai:";

/// The name of the harness that calls that provider.
pub fn harness_name(provider: &str) -> String {
    format!("{PREFIX}{provider}")
}
