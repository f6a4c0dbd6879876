//! What follows from what has happened: a pure function of a workflow, the state that it wanted to be kept, and a signal.
//! Choosing the next step looks steps up by their place or id, and never walks over them.

mod endings;
mod enter;
mod failure;
mod job;
mod leave;
mod looping;
mod resume;
mod signals;
mod state;
#[cfg(test)]
mod tests;
mod turning;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use agents_domain::workflow::{Ask, Flow, FlowReader, NoTurn, Turn};

use crate::snapshot::{SnapshotSkill, read_snapshot_parts};
use crate::workflow::{Step, StepIndex, Workflow};
use turning::Turning;

/// A workflow that directs runs.
#[derive(Debug, Clone)]
pub struct Graph {
    workflow: Workflow,
    ids: Arc<HashMap<String, StepIndex>>,
    skills: BTreeMap<String, SnapshotSkill>,
}

impl Graph {
    /// Of a workflow that was checked, with the skills that its steps use.
    pub fn new(workflow: Workflow, skills: BTreeMap<String, SnapshotSkill>) -> Self {
        let ids = workflow.steps.iter().enumerate().map(|(index, step)| (step.id.clone(), index)).collect();
        Self { workflow, ids: Arc::new(ids), skills }
    }

    /// The step of that id.
    pub(crate) fn find(&self, id: &str) -> Option<&Step> {
        self.ids.get(id).map(|index| &self.workflow.steps[*index])
    }

    /// The workflow.
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }
}

impl Flow for Graph {
    fn turn(&self, ask: Ask<'_>) -> Result<Turn, NoTurn> {
        Turning::new(self, ask)?.turn()
    }
}

/// Reads snapshots of workflows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reader;

impl FlowReader for Reader {
    fn read(&self, snapshot: &str) -> Result<Arc<dyn Flow>, String> {
        let (workflow, skills) = read_snapshot_parts(snapshot)?;
        Ok(Arc::new(Graph::new(workflow, skills)))
    }
}
