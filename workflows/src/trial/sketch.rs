//! Workflows for tests, in few words.

use std::collections::BTreeMap;

use agents_definitions::{At, Worker};
use serde_json::{Map, Value, json};

use crate::trial::{Trial, Tried, read_stubs};
use crate::workflow::{
    Does, Field, From, Kind, Loop, LoopKind, Output, Retry, Route, Step, StepIndex, Target, Work, Workflow,
    Workspace,
};

pub(crate) fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

pub(crate) fn workflow(steps: Vec<Step>) -> Workflow {
    Workflow {
        id: "flow".to_owned(),
        title: "A flow".to_owned(),
        version: "1.0.0".to_owned(),
        description: None,
        params: Vec::new(),
        triggers: Vec::new(),
        workspace: Workspace::default(),
        priority: None,
        limits: Vec::new(),
        timeout_ms: None,
        outputs: BTreeMap::new(),
        steps,
    }
}

pub(crate) fn step(id: &str, does: Does) -> Step {
    Step {
        id: id.to_owned(),
        at: At { line: 1, column: 1 },
        description: None,
        parent: None,
        does,
        inputs: Map::new(),
        outputs: Vec::new(),
        on_success: Route::To(Target::End),
        on_failure: None,
        on_timeout: None,
        on_outcome: BTreeMap::new(),
        on_class: BTreeMap::new(),
        retry: Retry::default(),
        max_visits: None,
        timeout_ms: None,
        validators: Vec::new(),
        limits: Vec::new(),
        fails_run: false,
        needs: Vec::new(),
    }
}

/// A command.
pub(crate) fn exec(id: &str, command: &str) -> Step {
    step(id, work(Worker::Exec, json!({"command": command})))
}

pub(crate) fn work(worker: Worker, config: Value) -> Does {
    Does::Work(Box::new(Work {
        worker,
        config: object(config),
        job_type: None,
        action: None,
        inputs: Vec::new(),
    }))
}

pub(crate) fn looped(id: &str, kind: LoopKind, body: StepIndex) -> Step {
    step(id, Does::Loop(Box::new(a_loop(kind, body))))
}

pub(crate) fn a_loop(kind: LoopKind, body: StepIndex) -> Loop {
    Loop {
        kind,
        body,
        max_iterations: Some(10),
        timeout_ms: None,
        max_cost_micro_usd: None,
        delay_ms: None,
        on_bound: None,
        on_break: None,
    }
}

pub(crate) fn output(name: &str, kind: Kind) -> Output {
    Output {
        field: Field { name: name.to_owned(), kind, description: None, is_required: true, default: None },
        from: From::Answer,
    }
}

pub(crate) fn to(step: StepIndex) -> Route {
    Route::To(Target::Step(step))
}

impl Step {
    pub(crate) fn then(mut self, to: Target) -> Self {
        self.on_success = Route::To(to);
        self
    }

    pub(crate) fn fails_to(mut self, to: Target) -> Self {
        self.on_failure = Some(Route::To(to));
        self
    }

    pub(crate) fn within(mut self, parent: StepIndex) -> Self {
        self.parent = Some(parent);
        self
    }

    pub(crate) fn puts(mut self, name: &str, kind: Kind) -> Self {
        self.outputs.push(output(name, kind));
        self
    }
}

/// Drives it with these stubs.
pub(crate) fn tried(workflow: Workflow, stubs: Value) -> Tried {
    let stubs = read_stubs(&object(stubs), &workflow).unwrap_or_else(|problems| panic!("{problems:?}"));
    Trial { stubs, ..Trial::new(workflow) }.run()
}

/// `step outcome -> route` for each that was passed, by its path.
pub(crate) fn lines(tried: &Tried) -> Vec<String> {
    let line = |passed: &crate::trial::Passed| {
        format!("{} {} -> {}", passed.path, passed.outcome, passed.route.as_deref().unwrap_or("-"))
    };
    tried.route.iter().map(line).collect()
}
