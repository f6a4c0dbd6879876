//! How an attempt ended. Every way has a name; what cannot be told is never success.

use std::fmt;

use crate::timestamp::Timestamp;

/// The kind of end that an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OutcomeClass {
    /// The terminal event was there, it was no error, it had its text, and the process exited with 0.
    Success,
    /// The provider is overloaded (529, "at capacity").
    Overloaded,
    /// The provider failed (5xx).
    ServerError,
    /// No connection, or it broke.
    Network,
    /// A short rate limit (429).
    RateLimit,
    /// A subscription's or a quota's limit; over at a known time.
    UsageLimit,
    /// Not logged in, a bad key, an expired token.
    Auth,
    /// No credit.
    Billing,
    /// The model is unknown or not allowed.
    ModelUnavailable,
    /// The conversation no longer fits the model.
    ContextOverflow,
    /// The CLI's own limit on turns.
    TurnLimit,
    /// The CLI's own limit on money.
    BudgetLimit,
    /// The model refused.
    Refusal,
    /// The answer was cut at the model's limit of output.
    OutputLimit,
    /// The request was malformed in the provider's eyes (400).
    InvalidRequest,
    /// The session that was to be resumed does not exist, or the one asked for is taken.
    SessionUnknown,
    /// No such program.
    CliMissing,
    /// The CLI refused to start: a flag, its config, the user it runs as.
    CliRejected,
    /// The CLI does not trust the folder.
    Untrusted,
    /// The agent was interrupted, but not by us.
    Interrupted,
    /// The job's time was up.
    Timeout,
    /// Nothing came from the CLI after its start, for as long as that may take.
    StartTimeout,
    /// Nothing came from the agent any more and nothing that it started worked, for as long as that may last.
    SilenceTimeout,
    /// The agent printed more than an attempt may.
    OutputOverflow,
    /// It went past a limit of its budget.
    OverLimit,
    /// A person or the runner ended it on purpose.
    Cancelled,
    /// The runner was shut down while it ran; the job is pending again.
    Stopped,
    /// The process died by a signal that we did not send.
    Crashed,
    /// The stream ended without its terminal event.
    NoResult,
    /// A terminal event without an answer.
    EmptyAnswer,
    /// The answer does not have the form that the job demands (a PM without a valid decision).
    BadAnswer,
    /// The terminal event says success and the exit code does not, or a known event could not be read.
    Contradiction,
    /// The command of an `exec` exited with a code that is no success, or a call over HTTP that must not be made twice
    /// failed after it was sent.
    CommandFailed,
    /// The runner that held the attempt is gone.
    Lost,
    /// The machine has refused what an agent needs to start: no space, no processes, no memory.
    HostTrouble,
    /// The runner itself failed: template error, config that can't be read.
    RunnerError,
    /// An error that the CLI reports and that no rule knows.
    Unclassified,
}

impl OutcomeClass {
    /// Every class, in the order of the docs.
    pub const ALL: [OutcomeClass; 37] = [
        OutcomeClass::Success,
        OutcomeClass::Overloaded,
        OutcomeClass::ServerError,
        OutcomeClass::Network,
        OutcomeClass::RateLimit,
        OutcomeClass::UsageLimit,
        OutcomeClass::Auth,
        OutcomeClass::Billing,
        OutcomeClass::ModelUnavailable,
        OutcomeClass::ContextOverflow,
        OutcomeClass::TurnLimit,
        OutcomeClass::BudgetLimit,
        OutcomeClass::Refusal,
        OutcomeClass::OutputLimit,
        OutcomeClass::InvalidRequest,
        OutcomeClass::SessionUnknown,
        OutcomeClass::CliMissing,
        OutcomeClass::CliRejected,
        OutcomeClass::Untrusted,
        OutcomeClass::Interrupted,
        OutcomeClass::Timeout,
        OutcomeClass::StartTimeout,
        OutcomeClass::SilenceTimeout,
        OutcomeClass::OutputOverflow,
        OutcomeClass::OverLimit,
        OutcomeClass::Cancelled,
        OutcomeClass::Stopped,
        OutcomeClass::Crashed,
        OutcomeClass::NoResult,
        OutcomeClass::EmptyAnswer,
        OutcomeClass::BadAnswer,
        OutcomeClass::Contradiction,
        OutcomeClass::CommandFailed,
        OutcomeClass::Lost,
        OutcomeClass::HostTrouble,
        OutcomeClass::RunnerError,
        OutcomeClass::Unclassified,
    ];

    /// The name in the store, in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            OutcomeClass::Success => "success",
            OutcomeClass::Overloaded => "overloaded",
            OutcomeClass::ServerError => "server_error",
            OutcomeClass::Network => "network",
            OutcomeClass::RateLimit => "rate_limit",
            OutcomeClass::UsageLimit => "usage_limit",
            OutcomeClass::Auth => "auth",
            OutcomeClass::Billing => "billing",
            OutcomeClass::ModelUnavailable => "model_unavailable",
            OutcomeClass::ContextOverflow => "context_overflow",
            OutcomeClass::TurnLimit => "turn_limit",
            OutcomeClass::BudgetLimit => "budget_limit",
            OutcomeClass::Refusal => "refusal",
            OutcomeClass::OutputLimit => "output_limit",
            OutcomeClass::InvalidRequest => "invalid_request",
            OutcomeClass::SessionUnknown => "session_unknown",
            OutcomeClass::CliMissing => "cli_missing",
            OutcomeClass::CliRejected => "cli_rejected",
            OutcomeClass::Untrusted => "untrusted",
            OutcomeClass::Interrupted => "interrupted",
            OutcomeClass::Timeout => "timeout",
            OutcomeClass::StartTimeout => "start_timeout",
            OutcomeClass::SilenceTimeout => "silence_timeout",
            OutcomeClass::OutputOverflow => "output_overflow",
            OutcomeClass::OverLimit => "over_limit",
            OutcomeClass::Cancelled => "cancelled",
            OutcomeClass::Stopped => "stopped",
            OutcomeClass::Crashed => "crashed",
            OutcomeClass::NoResult => "no_result",
            OutcomeClass::EmptyAnswer => "empty_answer",
            OutcomeClass::BadAnswer => "bad_answer",
            OutcomeClass::Contradiction => "contradiction",
            OutcomeClass::CommandFailed => "command_failed",
            OutcomeClass::Lost => "lost",
            OutcomeClass::HostTrouble => "host_trouble",
            OutcomeClass::RunnerError => "runner_error",
            OutcomeClass::Unclassified => "unclassified",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<OutcomeClass> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

impl fmt::Display for OutcomeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an attempt ended, with what a person needs to understand it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub class: OutcomeClass,
    /// The answer for a success (never empty), the explanation for everything else.
    pub text: String,
    /// When the limit that ended it is over, if the CLI said so.
    pub resets_at: Option<Timestamp>,
    /// What a person can do about it: the exact command or setting, where one is known.
    pub fix: Option<String>,
}

impl Outcome {
    /// The attempt reached its end and answered.
    pub fn success(text: impl Into<String>) -> Self {
        Self { class: OutcomeClass::Success, text: text.into(), resets_at: None, fix: None }
    }

    /// The attempt ended otherwise.
    pub fn failure(class: OutcomeClass, text: impl Into<String>) -> Self {
        Self { class, text: text.into(), resets_at: None, fix: None }
    }

    /// The same with what a person can do about it.
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The same with the moment at which the limit is over.
    pub fn with_reset(mut self, resets_at: Option<Timestamp>) -> Self {
        self.resets_at = resets_at;
        self
    }

    /// Whether the attempt succeeded.
    pub fn is_success(&self) -> bool {
        self.class == OutcomeClass::Success
    }
}
