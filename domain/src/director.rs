//! Who decides what follows a finished job.

/// Who decides what follows a finished job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Director {
    /// An agent that reviews the job and decides.
    Pm,
    /// Nobody: the assignment ends with its last job.
    None,
    /// A workflow: a graph that routes on outcomes.
    Workflow,
}

impl Director {
    /// The name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Director::Pm => "pm",
            Director::None => "none",
            Director::Workflow => "workflow",
        }
    }

    /// The director of that name.
    pub fn from_name(name: &str) -> Option<Director> {
        [Director::Pm, Director::None, Director::Workflow]
            .into_iter()
            .find(|director| director.as_str() == name)
    }
}
