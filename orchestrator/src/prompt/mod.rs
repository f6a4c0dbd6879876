//! The prompt of a job: its type's template, rendered with what the agent has to know.

mod facts;
mod limits;
mod sample;
mod template;

pub use facts::{AssignmentFacts, Facts, JobFacts, Known, PmFacts, RetryFacts, StepFacts, gather};
pub use limits::LimitFacts;
pub use template::{BUILT_IN, Origin, RESUME, TemplateError, check, find, render};
