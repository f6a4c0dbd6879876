//! An assignment's own worktree: where its agents work, apart from everybody else.

/// The worktree and branch of one assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// The folder that its agents work in.
    pub path: String,
    pub branch: String,
    pub base: Base,
}

/// What the branch began from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The whole id of the commit.
    pub commit: String,
    /// The branch that was checked out there. `None`: none was (a detached HEAD).
    pub branch: Option<String>,
}

/// Where agents work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Each assignment in a worktree of its own.
    Worktree,
    /// All in the repository's own working tree.
    Shared,
}

impl Isolation {
    /// Both, in the order of the docs.
    pub const ALL: [Isolation; 2] = [Isolation::Worktree, Isolation::Shared];

    /// The name in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Isolation::Worktree => "worktree",
            Isolation::Shared => "shared",
        }
    }

    /// The isolation of that name.
    pub fn from_name(name: &str) -> Option<Isolation> {
        Self::ALL.into_iter().find(|isolation| isolation.as_str() == name)
    }
}
