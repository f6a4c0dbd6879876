//! The ways in which an agent CLI ends without success, by the names that the orchestrator gives to outcomes.
//! What each looks like on the wire is the business of the stream's own file.

use std::fmt;

use serde::Deserialize;

/// An unhappy end. Not every CLI has every one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The provider is at capacity.
    Overloaded,
    /// The provider fails (5xx).
    ServerError,
    /// No connection.
    Network,
    /// Too many requests for the moment (429).
    RateLimit,
    /// A subscription's or a day's limit.
    UsageLimit,
    /// Bad credentials.
    Auth,
    /// No credit.
    Billing,
    /// The model is unknown.
    ModelUnavailable,
    /// The conversation is too long.
    ContextOverflow,
    /// The CLI's own limit on turns.
    TurnLimit,
    /// The CLI's own limit on money.
    BudgetLimit,
    /// The model refuses.
    Refusal,
    /// The answer was cut.
    OutputLimit,
    /// The provider calls the request malformed (400).
    InvalidRequest,
    /// The session to resume does not exist; nothing is printed before it.
    SessionUnknown,
    /// A flag that the CLI does not know; nothing is printed before it.
    CliRejected,
    /// The folder is not trusted; nothing is printed before it.
    Untrusted,
    /// What the CLI does when it is interrupted.
    Interrupted,
    /// The stream ends without its terminal event, with exit code 0.
    NoResult,
    /// A terminal event without an answer.
    EmptyAnswer,
    /// The terminal event says success, the exit code says 1.
    Contradiction,
}

impl Failure {
    /// Every failure, in the order of the docs.
    pub const ALL: [Failure; 21] = [
        Failure::Overloaded,
        Failure::ServerError,
        Failure::Network,
        Failure::RateLimit,
        Failure::UsageLimit,
        Failure::Auth,
        Failure::Billing,
        Failure::ModelUnavailable,
        Failure::ContextOverflow,
        Failure::TurnLimit,
        Failure::BudgetLimit,
        Failure::Refusal,
        Failure::OutputLimit,
        Failure::InvalidRequest,
        Failure::SessionUnknown,
        Failure::CliRejected,
        Failure::Untrusted,
        Failure::Interrupted,
        Failure::NoResult,
        Failure::EmptyAnswer,
        Failure::Contradiction,
    ];

    /// The name in scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Overloaded => "overloaded",
            Failure::ServerError => "server_error",
            Failure::Network => "network",
            Failure::RateLimit => "rate_limit",
            Failure::UsageLimit => "usage_limit",
            Failure::Auth => "auth",
            Failure::Billing => "billing",
            Failure::ModelUnavailable => "model_unavailable",
            Failure::ContextOverflow => "context_overflow",
            Failure::TurnLimit => "turn_limit",
            Failure::BudgetLimit => "budget_limit",
            Failure::Refusal => "refusal",
            Failure::OutputLimit => "output_limit",
            Failure::InvalidRequest => "invalid_request",
            Failure::SessionUnknown => "session_unknown",
            Failure::CliRejected => "cli_rejected",
            Failure::Untrusted => "untrusted",
            Failure::Interrupted => "interrupted",
            Failure::NoResult => "no_result",
            Failure::EmptyAnswer => "empty_answer",
            Failure::Contradiction => "contradiction",
        }
    }

    /// Whether the CLI ends before it prints anything on standard output.
    pub(crate) fn is_at_startup(self) -> bool {
        matches!(self, Failure::SessionUnknown | Failure::CliRejected | Failure::Untrusted)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
