//! A check: a command that tells whether the work is right, run by the orchestrator and not by an agent.

/// A command whose exit code counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Unique among the checks of an assignment.
    pub name: String,
    /// A line for `sh -c`.
    pub command: String,
    /// Whether an assignment can't be complete without it.
    pub required: bool,
    /// `None`: the config's own.
    pub timeout_ms: Option<u64>,
}

impl Check {
    /// A required check that is called like its command.
    pub fn of_command(command: &str) -> Self {
        Self { name: command.to_owned(), command: command.to_owned(), required: true, timeout_ms: None }
    }

    /// What is executed.
    pub fn argv(&self) -> Vec<String> {
        vec!["sh".to_owned(), "-c".to_owned(), self.command.clone()]
    }
}
