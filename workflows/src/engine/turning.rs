//! One turn: what is known, what becomes of it, and the steps that are passed on the way.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ask, Ends, NoTurn, Signal, StepRun, StepStatus, Then, Turn, Wait};
use serde_json::{Map, Value, json};

use super::Graph;
use super::failure::{Class, Failure, told};
use super::state::{Phase, Stand, State};
use crate::expression::{Bad, Rows, Scope, moment};
use crate::workflow::{Does, LoopKind, Step, StepIndex, Target};

/// No error.
static EMPTY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::Object(serde_json::Map::new()));

/// How many steps one turn may pass.
const PASSED_MAX: u32 = 1_000;

/// What comes next within a turn.
#[derive(Debug)]
pub(super) enum Next {
    Enter {
        step: StepIndex,
        attempt: u32,
    },
    /// An iteration of that loop has ended.
    Iterate {
        step: StepIndex,
    },
    /// The present execution has done what it does. `text`: what its declared outputs are taken from, if not `outputs`.
    Done {
        step: StepIndex,
        outputs: Map<String, Value>,
        text: Option<String>,
    },
    /// It has failed.
    Fail {
        step: StepIndex,
        failure: Failure,
    },
    /// It is left for good.
    Go {
        from: StepIndex,
        to: Target,
    },
    End(Ends),
    Pause(Then),
}

/// A turn that is being made.
pub(super) struct Turning<'a> {
    pub graph: &'a Graph,
    pub ask: Ask<'a>,
    pub state: State,
    pub rows: Rows,
    changed: BTreeMap<u32, StepRun>,
    cancels: Vec<agents_domain::id::JobId>,
    base: Scope,
    /// Elements of `forEach`, by the loop's execution and the iteration.
    items: RefCell<HashMap<(u32, u32), Value>>,
    passed: u32,
}

impl<'a> Turning<'a> {
    pub(super) fn new(graph: &'a Graph, ask: Ask<'a>) -> Result<Self, NoTurn> {
        let state = if *ask.signal == Signal::Begin {
            State::new(ask.now.as_millis())
        } else if ask.state.is_empty() {
            return Err(NoTurn::Refused("the run has not begun".to_owned()));
        } else {
            State::read(ask.state).map_err(NoTurn::Refused)?
        };
        let rows = Rows::new(std::sync::Arc::clone(&graph.ids));
        for (step, row) in ask.known {
            rows.put(step, row.clone());
        }
        let base = base(graph, &ask, &rows);
        Ok(Self {
            graph,
            ask,
            state,
            rows,
            changed: BTreeMap::new(),
            cancels: Vec::new(),
            base,
            items: RefCell::default(),
            passed: 0,
        })
    }

    pub(super) fn turn(mut self) -> Result<Turn, NoTurn> {
        let mut next = self.signal()?;
        let then = loop {
            next = match next {
                Next::Enter { step, attempt } => self.pass(step, attempt)?,
                Next::Iterate { step } => self.iterate(step)?,
                Next::Done { step, outputs, text } => self.done(step, outputs, text)?,
                Next::Fail { step, failure } => self.fail(step, failure)?,
                Next::Go { from, to } => self.go(from, to)?,
                Next::End(ends) => break self.end(ends)?,
                Next::Pause(then) => break then,
            };
        };
        let at = self.state.at.as_ref().map(|stand| stand.step.clone());
        Ok(Turn {
            state: self.state.text().map_err(NoTurn::Refused)?,
            at: at.or_else(|| self.state.origin.as_ref().map(|spot| spot.step.clone())),
            steps: self.changed.into_values().collect(),
            then,
            cancels: self.cancels,
        })
    }

    /// Enters a step, unless this turn has passed too many.
    fn pass(&mut self, step: StepIndex, attempt: u32) -> Result<Next, NoTurn> {
        self.passed += 1;
        if self.passed > PASSED_MAX {
            let why = format!(
                "{PASSED_MAX} steps were passed without any work or waiting ({}): the run goes in a circle",
                Class::LoopBound.as_str()
            );
            return Ok(Next::End(Ends::Failed { reason: why }));
        }
        self.enter(step, attempt)
    }

    pub(super) fn step(&self, index: StepIndex) -> &'a Step {
        &self.graph.workflow.steps[index]
    }

    pub(super) fn index(&self, id: &str) -> Result<StepIndex, NoTurn> {
        self.graph.ids.get(id).copied().ok_or_else(|| {
            NoTurn::Refused(format!(
                "the run stands at step `{id}`, and its definition has none of that name"
            ))
        })
    }

    /// The latest execution of a step, if it has one.
    pub(super) fn row(&self, step: StepIndex) -> Result<Option<StepRun>, NoTurn> {
        let id = &self.step(step).id;
        match self.rows.get(id) {
            Some(row) => Ok(row.map(|row| StepRun::clone(&row))),
            None => Err(NoTurn::Needs(self.rows.wanted())),
        }
    }

    /// The present execution of a step.
    pub(super) fn present(&self, step: StepIndex) -> Result<StepRun, NoTurn> {
        let id = &self.step(step).id;
        self.row(step)?.ok_or_else(|| NoTurn::Refused(format!("the execution of step `{id}` is not stored")))
    }

    /// What becomes of an execution.
    pub(super) fn put(&mut self, row: StepRun) {
        self.rows.put(&row.step, Some(row.clone()));
        self.changed.insert(row.number, row);
    }

    /// The present execution of a step comes to its end.
    pub(super) fn close(
        &mut self,
        step: StepIndex,
        status: StepStatus,
        route: Option<String>,
    ) -> Result<(), NoTurn> {
        let mut row = self.present(step)?;
        row.status = status;
        row.ended_at = Some(self.ask.now);
        row.route = route.or(row.route);
        self.put(row);
        Ok(())
    }

    pub(super) fn cancel(&mut self, job: &str) {
        self.cancels.extend(job.parse::<agents_domain::id::JobId>().ok());
    }

    /// It waits; the row says so.
    pub(super) fn wait(&mut self, step: StepIndex, phase: Phase, wait: Wait) -> Result<Next, NoTurn> {
        let mut row = self.present(step)?;
        if !row.status.is_final() {
            row.status = StepStatus::Waiting;
            self.put(row);
        }
        self.stand(step, phase)?;
        Ok(Next::Pause(Then::Wait(self.bounded(wait))))
    }

    /// It stands there.
    pub(super) fn stand(&mut self, step: StepIndex, phase: Phase) -> Result<(), NoTurn> {
        let attempt = self.present(step)?.attempt;
        self.state.at = Some(Stand { step: self.step(step).id.clone(), attempt, phase });
        Ok(())
    }

    /// The same wait, no longer than the time of its loops and of the run.
    pub(super) fn bounded(&self, wait: Wait) -> Wait {
        let deadline = self.deadline();
        let earlier = |until: Option<Timestamp>| until.into_iter().chain(deadline).min();
        match wait {
            Wait::Time { until } => Wait::Time { until: earlier(Some(until)).unwrap_or(until) },
            Wait::Person { step, question, until } => Wait::Person { step, question, until: earlier(until) },
            Wait::Run { child, until } => Wait::Run { child, until: earlier(until) },
            Wait::Start { start } => Wait::Start { start },
        }
    }

    /// The names that a step's expressions see.
    pub(super) fn scope(&self, step: StepIndex) -> Result<Scope, NoTurn> {
        let mut scope = self.base.clone();
        let error = self.state.error.clone().unwrap_or(Value::Null);
        let status = if self.state.fails.is_some() { "failed" } else { "completed" };
        scope.set("workflow", &self.workflow_told(status, &error));
        // Without an error it is empty, so that a step that is reached with and without one can say what holds then.
        let told: &Value = if error.is_null() { &EMPTY } else { &error };
        scope.set("error", told);
        let mut index = None;
        for frame in &self.state.frames {
            index = Some(frame.iteration);
            let looped = self.index(&frame.step)?;
            if let Does::Loop(told) = &self.step(looped).does
                && let LoopKind::ForEach { name, .. } = &told.kind
            {
                scope.set(name, &self.item(looped, frame.iteration)?);
            }
        }
        if let Some(index) = index {
            scope.set("index", &json!(index));
        }
        if let Some(Some(row)) = self.rows.get(&self.step(step).id) {
            scope.set("inputs", &serde_json::from_str(&row.inputs).unwrap_or(Value::Null));
        } else {
            scope.set("inputs", &json!({}));
        }
        Ok(scope)
    }

    fn workflow_told(&self, status: &str, error: &Value) -> Value {
        let workflow = &self.graph.workflow;
        json!({
            "id": workflow.id,
            "name": workflow.title,
            "version": workflow.version,
            "status": status,
            "error": error,
        })
    }

    /// The element of a `forEach` that an iteration is about: the loop's own execution holds them all.
    fn item(&self, looped: StepIndex, iteration: u32) -> Result<Value, NoTurn> {
        let id = &self.step(looped).id;
        let Some(found) = self.rows.get(id) else { return Err(NoTurn::Needs(self.rows.wanted())) };
        let row =
            found.ok_or_else(|| NoTurn::Refused(format!("the execution of loop `{id}` is not stored")))?;
        let key = (row.number, iteration);
        if let Some(item) = self.items.borrow().get(&key) {
            return Ok(item.clone());
        }
        let mut inputs: Map<String, Value> = serde_json::from_str(&row.inputs).unwrap_or_default();
        let at = usize::try_from(iteration).unwrap_or(usize::MAX);
        let item = match inputs.remove("items") {
            Some(Value::Array(mut items)) if at < items.len() => items.swap_remove(at),
            Some(_) | None => Value::Null,
        };
        self.items.borrow_mut().insert(key, item.clone());
        Ok(item)
    }

    /// What an evaluation came to; steps that it must know are asked for.
    pub(super) fn evaluated<T>(&self, found: Result<T, Bad>) -> Result<Result<T, Failure>, NoTurn> {
        match found {
            Ok(value) => Ok(Ok(value)),
            Err(Bad::Needs(steps)) => Err(NoTurn::Needs(steps)),
            Err(Bad::Wrong(why)) => Ok(Err(Failure::expression(why))),
        }
    }

    /// That much later than now.
    pub(super) fn later(&self, millis: u64) -> Timestamp {
        self.ask.now.after(Duration::from_millis(millis))
    }

    /// Why the run ends as failed.
    pub(super) fn reason(&self) -> String {
        self.state.error.as_ref().map_or_else(|| "it was ended as failed".to_owned(), told)
    }
}

/// The names that don't change within a turn.
fn base(graph: &Graph, ask: &Ask<'_>, rows: &Rows) -> Scope {
    let facts = ask.facts;
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let params = match read(&facts.params) {
        Value::Object(params) => params,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    let mut scope = Scope::new(rows.clone());
    let mut trigger = params.clone();
    trigger.insert("type".to_owned(), json!(facts.trigger));
    if let Some(input) = &facts.input {
        let input = read(input);
        scope.set("input", &input);
        trigger.insert("input".to_owned(), input);
    }
    let (today, now) = moment(ask.now, facts.zone.as_deref());
    scope.set("params", &Value::Object(params));
    scope.set("trigger", &Value::Object(trigger));
    scope.set("today", &json!(today));
    scope.set("now", &json!(now));
    let started = moment(facts.started_at, facts.zone.as_deref()).1;
    scope.set("run", &json!({"id": ask.run.to_string(), "startedAt": started}));
    debug_assert!(!graph.workflow.steps.is_empty(), "a workflow has steps");
    scope
}
