//! Why a step has failed.

use agents_domain::outcome::OutcomeClass;
use serde_json::{Value, json};

/// The most of an error's message, in characters.
const MESSAGE: usize = 1_000;

/// The most of what a worker said last, in characters.
const TAIL: usize = 2_000;

/// The most of what it was given, in bytes of JSON.
const INPUT: usize = 4_096;

/// The class of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Of its job, or of what it waited for.
    Outcome(OutcomeClass),
    /// A person said no.
    Rejected,
    LoopBound,
    ValidatorFailed,
    BadOutput,
    Expression,
}

impl Class {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Class::Outcome(class) => class.as_str(),
            Class::Rejected => "rejected",
            Class::LoopBound => "loop_bound",
            Class::ValidatorFailed => "validator_failed",
            Class::BadOutput => "bad_output",
            Class::Expression => "expression",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let own =
            [Class::Rejected, Class::LoopBound, Class::ValidatorFailed, Class::BadOutput, Class::Expression];
        own.into_iter()
            .find(|class| class.as_str() == name)
            .or_else(|| OutcomeClass::from_name(name).map(Class::Outcome))
    }

    /// Whether another try could end otherwise.
    pub(super) fn is_retried(self) -> bool {
        match self {
            Class::Outcome(class) => class != OutcomeClass::Cancelled,
            Class::BadOutput => true,
            Class::Rejected | Class::LoopBound | Class::ValidatorFailed | Class::Expression => false,
        }
    }

    pub(super) fn is_timeout(self) -> bool {
        let timeouts = [OutcomeClass::Timeout, OutcomeClass::StartTimeout, OutcomeClass::SilenceTimeout];
        timeouts.into_iter().any(|class| self == Class::Outcome(class))
    }
}

/// A failure of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub class: Class,
    pub message: String,
    /// The end of what its worker said.
    pub tail: String,
    /// It is that of a step in the loop's body.
    pub is_inner: bool,
    /// No route is taken.
    pub is_final: bool,
}

impl Failure {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), tail: String::new(), is_inner: false, is_final: false }
    }

    /// Of a worker that has explained itself.
    pub(super) fn told(class: Class, text: &str) -> Self {
        let first = text.lines().map(str::trim).find(|line| !line.is_empty());
        let message = first.map_or_else(|| format!("it ended as {}", class.as_str()), str::to_owned);
        Self { class, message, tail: text.to_owned(), is_inner: false, is_final: false }
    }

    pub(super) fn expression(why: impl Into<String>) -> Self {
        Self::new(Class::Expression, why)
    }

    /// As expressions see it.
    pub(super) fn error(&self, step: &str, attempt: u32, input: &str) -> Value {
        let input = if input.len() <= INPUT {
            serde_json::from_str(input).unwrap_or(Value::Null)
        } else {
            let short: String = input.chars().take(INPUT).collect();
            Value::String(format!("{short}…"))
        };
        let message: String = self.message.chars().take(MESSAGE).collect();
        let skipped = self.tail.chars().count().saturating_sub(TAIL);
        let tail: String = self.tail.chars().skip(skipped).collect();
        json!({
            "message": message,
            "class": self.class.as_str(),
            "step": step,
            "attempt": attempt,
            "tail": tail,
            "input": input,
        })
    }
}

/// An error in a sentence.
pub(super) fn told(error: &Value) -> String {
    let of = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    format!("step `{}` has failed ({}): {}", of("step"), of("class"), of("message"))
}
