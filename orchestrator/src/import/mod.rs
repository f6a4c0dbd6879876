//! What other schedulers have written, as definitions, schedules and runs of ours: read and mapped. Nothing here reads a
//! file or writes one; all that is wrong is found before anything is stored.

mod command_name;
mod compare;
pub mod conductor;
pub mod crontab;
mod crontab_line;
mod fields;
mod literal;
mod name;
mod planned;
mod yaml;

#[cfg(test)]
mod tests;

pub use compare::{Known, State, Step, Steps, Target, compare};
pub use planned::{Import, Note, NoteKind, PlannedDefinition, PlannedRun, PlannedSchedule, RunTrigger};

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// What people call it: its path in the folder.
    pub name: String,
    pub text: String,
}
