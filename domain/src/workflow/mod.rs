//! Workflows: graphs of steps that direct a run. After each step a pure function of (definition, state, what has happened)
//! says what comes next; the store asks it in the transaction in which that happened.

mod flow;
mod library;
mod step;

pub use flow::{Ask, Ends, Facts, Flow, FlowReader, NewFlow, NoTurn, Signal, StepJob, Then, Turn, Wait};
pub use library::{
    Due, DueFlow, Edit, Published, StoredWorkflow, Summary, Version, WorkflowFilter, WorkflowRun,
    WorkflowStatus, Workflows,
};
pub use step::{Known, StepChange, StepRun, StepStatus};
