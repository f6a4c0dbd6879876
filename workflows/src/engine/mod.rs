//! What follows from what has happened: a pure function of a workflow, the state that it wanted to be kept, and a signal.
//! Choosing the next step looks steps up by their place or id, and never walks over them.

mod endings;
mod enter;
mod failure;
mod job;
mod leave;
mod looping;
mod prepare;
mod resume;
mod signals;
mod state;
#[cfg(test)]
mod tests;
mod turning;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use agents_domain::workflow::{Ask, Flow, NoTurn, Turn};

use crate::workflow::{Step, StepIndex, Workflow};
use turning::Turning;

/// A skill as it was when the run was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillFile {
    /// Who uses it where the step doesn't say.
    pub harness: String,
    /// Its `SKILL.md`.
    pub file: String,
}

/// A workflow that directs runs.
#[derive(Debug, Clone)]
pub struct Graph {
    workflow: Workflow,
    ids: Arc<HashMap<String, StepIndex>>,
    skills: BTreeMap<String, SkillFile>,
}

impl Graph {
    /// Of a workflow that was checked, with the skills that its steps use.
    pub fn new(workflow: Workflow, skills: BTreeMap<String, SkillFile>) -> Self {
        let ids = workflow.steps.iter().enumerate().map(|(index, step)| (step.id.clone(), index)).collect();
        Self { workflow: prepare::prepared(workflow), ids: Arc::new(ids), skills }
    }

    /// The step of that id.
    pub(crate) fn find(&self, id: &str) -> Option<&Step> {
        self.ids.get(id).map(|index| &self.workflow.steps[*index])
    }

    /// The workflow; ids with hyphens in its expressions are written as the language wants them.
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }
}

impl Flow for Graph {
    fn turn(&self, ask: Ask<'_>) -> Result<Turn, NoTurn> {
        Turning::new(self, ask)?.turn()
    }
}
