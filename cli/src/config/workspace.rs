//! What the configuration says of where agents work.

use std::path::PathBuf;
use std::time::Duration;

use agents_domain::worktree::Isolation;
use agents_orchestrator::settings::{SETUP_TIMEOUT, WORKTREES_KEEP, WORKTREES_MAX_BYTES, WorkspaceSettings};
use agents_orchestrator::workspace::Author;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::file::KeepTime;
use super::number::positive;
use crate::failure::Failure;

/// Where agents work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum WorkspaceName {
    /// Each assignment in a worktree of its own.
    Worktree,
    /// All in the repository's own working tree.
    Shared,
}

impl WorkspaceName {
    /// What it means.
    pub fn isolation(self) -> Isolation {
        match self {
            WorkspaceName::Worktree => Isolation::Worktree,
            WorkspaceName::Shared => Isolation::Shared,
        }
    }
}

/// How long the worktrees of closed assignments stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct WorktreesEntry {
    /// At least so long: `12h`, `30d`, `8w` or `forever`. Not set: 14d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepTime>,
    /// How much they may take together, in bytes; past it the largest go first. Not set: 20 GiB.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub max_bytes: Option<u64>,
}

impl WorktreesEntry {
    pub(super) fn is_empty(&self) -> bool {
        self.keep.is_none() && self.max_bytes.is_none()
    }
}

/// Who commits where no file says it.
pub(super) fn author() -> String {
    Author::default().to_string()
}

/// How long `setup` may take where no file says it.
pub(super) fn setup_timeout_ms() -> u64 {
    u64::try_from(SETUP_TIMEOUT.as_millis()).unwrap_or(u64::MAX)
}

/// How long worktrees stay where no file says it.
pub(super) fn worktrees() -> WorktreesEntry {
    WorktreesEntry { keep: Some(KeepTime(WORKTREES_KEEP)), max_bytes: Some(WORKTREES_MAX_BYTES) }
}

impl Config {
    /// Where agents work, and what is done there before and after them.
    pub fn workspace(&self, data_folder: PathBuf) -> Result<WorkspaceSettings, Failure> {
        let default = WorkspaceSettings::new(data_folder);
        let file = &self.file;
        let author = match &file.checkpoint_author {
            Some(text) => Author::from_text(text).ok_or_else(|| {
                Failure::bad_input(format!("checkpointAuthor: `{text}` is no author of a commit"))
                    .hint("write a name and an address: \"agents <agents@localhost>\"")
                    .hint(format!("it comes from: {}", self.origin("checkpointAuthor")))
            })?,
            None => default.author,
        };
        Ok(WorkspaceSettings {
            isolation: file.workspace.map(WorkspaceName::isolation),
            author,
            setup: file.setup.clone().unwrap_or_default(),
            copy: file.copy.clone().unwrap_or_default(),
            setup_timeout: file.setup_timeout_ms.map_or(default.setup_timeout, Duration::from_millis),
            keep: file.worktrees.keep.map_or(default.keep, |time| time.0),
            max_bytes: file.worktrees.max_bytes.unwrap_or(default.max_bytes),
            data_folder: default.data_folder,
            patience: default.patience,
        })
    }
}
