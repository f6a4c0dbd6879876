//! Trials: a workflow is driven with stubs instead of workers, over a clock that jumps over waits. It is the same engine as
//! in real runs, so a trial takes the route that a run with these outcomes would.

mod drive;
#[cfg(test)]
pub(crate) mod sketch;
mod stub;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ends, Facts, StepRun};
use serde_json::{Map, Value};

use crate::engine::Graph;
use crate::snapshot::SnapshotSkill;
use crate::workflow::{Does, Workflow};
use drive::Drive;

pub use stub::{Stub, Stubs, read_stubs};

/// When a trial begins, in milliseconds, unless it is told otherwise: 2026-01-01T00:00:00Z.
const BEGINS: i64 = 1_767_225_600_000;

/// A trial of a workflow.
#[derive(Debug, Clone)]
pub struct Trial {
    pub workflow: Workflow,
    /// All of them, defaults filled in.
    pub params: Map<String, Value>,
    pub input: Option<Value>,
    /// `manual`, `schedule`, `event`, `webhook`, `api`.
    pub trigger: String,
    pub stubs: Stubs,
    pub begins: Timestamp,
}

/// A step that was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub step: String,
    /// Where among the iterations of loops.
    pub path: String,
    pub attempt: u32,
    /// `completed`, or the class that it has failed with.
    pub outcome: String,
    /// Where it went on, and by which rule: `onSuccess: test`.
    pub route: Option<String>,
}

/// What has come of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub route: Vec<Passed>,
    pub end: Ends,
    /// All executions, in their order.
    pub steps: Vec<StepRun>,
    /// How much time the waits would have taken, in milliseconds.
    pub waited_ms: u64,
}

impl Trial {
    /// Of a workflow; steps without a stub succeed with samples of their declared outputs.
    pub fn new(workflow: Workflow) -> Self {
        Self {
            workflow,
            params: Map::new(),
            input: None,
            trigger: "manual".to_owned(),
            stubs: Stubs::new(),
            begins: Timestamp::from_millis(BEGINS),
        }
    }

    /// Runs it to its end.
    pub fn run(&self) -> Tried {
        let graph = Graph::new(self.workflow.clone(), self.skills());
        let facts = Facts {
            workflow: self.workflow.id.clone(),
            version: self.workflow.version.clone(),
            params: Value::Object(self.params.clone()).to_string(),
            input: self.input.as_ref().map(Value::to_string),
            trigger: self.trigger.clone(),
            zone: None,
            started_at: self.begins,
        };
        let mut drive = Drive::new(&graph, facts, &self.stubs);
        let end = drive.finish();
        let waited_ms = u64::try_from(drive.now().since(self.begins).as_millis()).unwrap_or(u64::MAX);
        let steps = drive.into_rows();
        Tried { route: steps.iter().map(Passed::of).collect(), end, steps, waited_ms }
    }

    /// Any skill that a step names is there.
    fn skills(&self) -> BTreeMap<String, SnapshotSkill> {
        let named = self.workflow.steps.iter().filter_map(|step| match &step.does {
            Does::Work(work) => work.config.get("skill")?.as_str().map(str::to_owned),
            Does::Condition { .. }
            | Does::Switch { .. }
            | Does::Loop(_)
            | Does::Delay { .. }
            | Does::Approval { .. }
            | Does::Assignment { .. }
            | Does::Workflow { .. } => None,
        });
        let file = |name: String| {
            let file = SnapshotSkill { harness: "claude".to_owned(), file: format!("{name}/SKILL.md") };
            (name, file)
        };
        named.map(file).collect()
    }
}

impl Passed {
    fn of(row: &StepRun) -> Self {
        let error = row.error.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let class = error.as_ref().and_then(|error| error.get("class")?.as_str()).map(str::to_owned);
        Self {
            step: row.step.clone(),
            path: row.path.clone(),
            attempt: row.attempt,
            outcome: class.unwrap_or_else(|| row.status.as_str().to_owned()),
            route: row.route.clone(),
        }
    }
}
