//! What the configuration says of workflows that are kept in the store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::number::positive;

/// So many versions of a workflow are kept: what is asked for at least.
const VERSIONS_KEPT: u32 = 10;

/// Workflows that are kept in the store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct WorkflowsEntry {
    /// So many published versions of each are kept, the latest. Not set: 10.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub versions_kept: Option<u32>,
}

impl WorkflowsEntry {
    pub(super) fn is_empty(&self) -> bool {
        self.versions_kept.is_none()
    }
}

/// What holds where no file says it.
pub(super) fn defaults() -> WorkflowsEntry {
    WorkflowsEntry { versions_kept: Some(VERSIONS_KEPT) }
}

impl Config {
    /// So many published versions of a workflow are kept.
    pub fn versions_kept(&self) -> u32 {
        self.file.workflows.versions_kept.unwrap_or(VERSIONS_KEPT)
    }
}
