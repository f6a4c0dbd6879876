//! Workflows that are kept in the store, their versions, and runs of them.

use async_trait::async_trait;

use super::flow::{Facts, Wait};
use super::step::StepRun;
use std::sync::Arc;

use crate::actor::Actor;
use crate::aggregate::{HarnessDefaults, NewAssignment};
use crate::assignment::AssignmentStatus;
use crate::id::AssignmentId;
use crate::namespace::Namespace;
use crate::start::Start;
use crate::store::{Receipt, StoreError};
use crate::timestamp::Timestamp;

/// Whether a stored workflow can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkflowStatus {
    /// It was never published.
    Draft,
    Active,
    /// Nothing starts it but a person.
    Paused,
    /// Nobody starts it.
    Archived,
}

impl WorkflowStatus {
    /// Every status, in the order of the docs.
    pub const ALL: [WorkflowStatus; 4] =
        [WorkflowStatus::Draft, WorkflowStatus::Active, WorkflowStatus::Paused, WorkflowStatus::Archived];

    /// The name in the store, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            WorkflowStatus::Draft => "draft",
            WorkflowStatus::Active => "active",
            WorkflowStatus::Paused => "paused",
            WorkflowStatus::Archived => "archived",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<WorkflowStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A workflow in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWorkflow {
    pub namespace: Namespace,
    /// Its id: what people run it by.
    pub name: String,
    pub status: WorkflowStatus,
    /// YAML that is not published yet.
    pub draft: Option<String>,
    /// The number of the version that is published. `None`: none is.
    pub published: Option<u32>,
    /// The folder that it was stored from.
    pub workspace: String,
    /// Counts edits, so that two people don't overwrite each other.
    pub revision: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A published version; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// From 1.
    pub number: u32,
    /// What its text calls itself.
    pub label: String,
    pub text: String,
    pub note: Option<String>,
    pub published_at: Timestamp,
}

/// What changes of a stored workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A new one, as a draft.
    Create {
        text: String,
        workspace: String,
    },
    /// Another draft. `revision`: the one that the editor has seen.
    Update {
        text: String,
        revision: u32,
    },
    /// The draft becomes the next version. `revision`: the one that was looked at.
    Publish {
        note: Option<String>,
        label: String,
        revision: u32,
    },
    SetStatus(WorkflowStatus),
    Delete,
}

/// What an edit has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub workflow: Option<StoredWorkflow>,
    /// The version, if one was published.
    pub version: Option<u32>,
}

/// A run of a workflow as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    pub assignment: AssignmentId,
    pub namespace: Namespace,
    pub workflow: String,
    pub version: String,
    /// The hash of its snapshot.
    pub snapshot: String,
    pub state: String,
    /// The step that it is at.
    pub at: Option<String>,
    pub wait: Option<Wait>,
    /// The run whose step it is.
    pub parent: Option<AssignmentId>,
}

/// What a list says of a workflow's runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub workflow: String,
    /// Runs of the last seven days.
    pub recent: u64,
    pub last: Option<AssignmentId>,
    pub last_at: Option<Timestamp>,
}

/// Which stored workflows a list shows.
#[derive(Debug, Clone, Default)]
pub struct WorkflowFilter {
    pub namespace: Option<Namespace>,
    /// Empty: all but the archived.
    pub status: Vec<WorkflowStatus>,
}

/// A run of a workflow that has something to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueFlow {
    pub assignment: AssignmentId,
    pub namespace: Namespace,
    pub what: Due,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Its time has come.
    Woken,
    /// It wants that run to be started. `depth`: how many triggers lie before it.
    Start { start: Start, facts: Facts, depth: u32 },
    /// The run that it waits for has ended.
    Ended { child: AssignmentId, status: AssignmentStatus, text: String },
}

/// The port to workflows.
#[async_trait]
pub trait Workflows: Send + Sync {
    /// Stored workflows, by name.
    async fn workflows(&self, filter: &WorkflowFilter) -> Result<Vec<StoredWorkflow>, StoreError>;

    /// One of them.
    async fn workflow(&self, namespace: &Namespace, name: &str)
    -> Result<Option<StoredWorkflow>, StoreError>;

    /// Changes one. `keep`: so many versions are kept at least.
    async fn edit_workflow(
        &self,
        namespace: &Namespace,
        name: &str,
        edit: Edit,
        keep: u32,
    ) -> Result<Published, StoreError>;

    /// Its versions, the latest first.
    async fn workflow_versions(&self, namespace: &Namespace, name: &str) -> Result<Vec<Version>, StoreError>;

    /// A run of a workflow.
    async fn workflow_run(&self, id: AssignmentId) -> Result<Option<WorkflowRun>, StoreError>;

    /// Its steps, in their order; those after `after`, at most `limit`.
    async fn workflow_steps(
        &self,
        id: AssignmentId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<StepRun>, StoreError>;

    /// Runs of workflows that have something to be done about them now.
    async fn due_flows(
        &self,
        namespace: Option<&Namespace>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueFlow>, StoreError>;

    /// Active runs of workflows that wait for something that is no job.
    async fn waiting_flows(
        &self,
        namespace: Option<&Namespace>,
        limit: u32,
    ) -> Result<Vec<WorkflowRun>, StoreError>;

    /// When the next one has.
    async fn next_flow_at(&self, namespace: Option<&Namespace>) -> Result<Option<Timestamp>, StoreError>;

    /// Starts the run that another one wants, and tells that one. `Ok(None)`: it does not want it any longer.
    async fn start_child(
        &self,
        parent: AssignmentId,
        child: NewAssignment,
        harness_defaults: Arc<HarnessDefaults>,
        actor: Actor,
    ) -> Result<Option<Receipt>, StoreError>;

    /// The text of a snapshot.
    async fn workflow_snapshot(&self, hash: &str) -> Result<Option<String>, StoreError>;

    /// Summaries of the workflows that have been run, by name.
    async fn workflow_summaries(
        &self,
        namespace: &Namespace,
        since: Timestamp,
    ) -> Result<Vec<Summary>, StoreError>;
}
