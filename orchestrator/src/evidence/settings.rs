//! What the configuration says of checks and guards.

use std::time::Duration;

use agents_domain::evidence::GuardModes;

/// What is held against the work of agents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EvidenceSettings {
    /// How long a check may take that does not say so itself.
    pub check_timeout: Duration,
    pub guards: GuardModes,
}
