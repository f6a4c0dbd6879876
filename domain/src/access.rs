//! What an agent may do in the workspace. Each harness maps it to its own CLI's flags.

/// What an agent may do in the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read files and look at the repository's history; change nothing, run no other command.
    ReadOnly,
    /// As [`Access::ReadOnly`], and run the `agents` command to decide what comes next.
    ReadOnlyAndAgents,
    /// Edit files in the workspace and run commands, inside the CLI's own sandbox where it has one.
    Edit,
    /// Everything the user can do, without the CLI's own sandbox.
    Full,
}

impl Access {
    /// Every kind of access, for messages and schemas.
    pub const ALL: [Access; 4] = [Access::ReadOnly, Access::ReadOnlyAndAgents, Access::Edit, Access::Full];

    /// The name in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Access::ReadOnly => "read-only",
            Access::ReadOnlyAndAgents => "read-only-and-agents",
            Access::Edit => "edit",
            Access::Full => "full",
        }
    }

    /// The access of that name.
    pub fn from_name(name: &str) -> Option<Access> {
        Self::ALL.into_iter().find(|access| access.as_str() == name)
    }
}
