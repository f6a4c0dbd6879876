//! The prompt of a job: its type's template, rendered with what the agent has to know.

mod evidence_facts;
mod facts;
mod fence;
mod limits;
mod measured;
mod sample;
mod template;

#[cfg(test)]
mod hostile_tests;

pub use evidence_facts::{
    CheckpointFacts, CriterionFacts, EvidenceFacts, FindingFacts, ReceiptFacts, end_words, wants_evidence,
};
pub use facts::{AssignmentFacts, Facts, JobFacts, Known, PmFacts, RetryFacts, StepFacts, gather};
pub use fence::nonce;
pub use limits::LimitFacts;
pub use measured::Measured;
pub use template::{BUILT_IN, Origin, RESUME, TemplateError, check, find, render};
