//! Tests of the engine: each construct by a scenario, and what holds for every workflow.

mod constructs;
mod failing;
mod looping;
mod properties;
mod reading;
mod signals;
mod walk;

use agents_domain::decision::NewJob;
use agents_domain::id::{AssignmentId, IdSource};
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ask, Facts, Flow, Known, Signal, Then};
use serde_json::Value;
use uuid::Uuid;

use crate::engine::Graph;
use crate::workflow::Workflow;

pub(super) struct NoIds;

impl IdSource for NoIds {
    fn next(&self) -> Uuid {
        Uuid::nil()
    }
}

pub(super) fn facts(params: &Value) -> Facts {
    Facts {
        workflow: "flow".to_owned(),
        version: "1.0.0".to_owned(),
        params: params.to_string(),
        input: None,
        trigger: "manual".to_owned(),
        zone: None,
        started_at: Timestamp::from_seconds(0),
    }
}

/// The job of the first step.
pub(super) fn job_of(workflow: Workflow, params: Value) -> NewJob {
    let graph = Graph::new(workflow, std::collections::BTreeMap::new());
    let ask = Ask {
        run: AssignmentId::new(Uuid::nil()),
        facts: &facts(&params),
        state: "",
        signal: &Signal::Begin,
        known: &Known::new(),
        spent_micro_usd: 0,
        now: Timestamp::from_seconds(0),
        ids: &NoIds,
    };
    match graph.turn(ask).map(|turn| turn.then) {
        Ok(Then::Job(told)) => told.job,
        other => panic!("{other:?}"),
    }
}
