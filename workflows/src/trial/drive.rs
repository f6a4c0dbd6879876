//! Drives the engine as the store and the runner do, with stubs and a clock of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use agents_domain::assignment::AssignmentStatus;
use agents_domain::id::{AssignmentId, IdSource};
use agents_domain::outcome::OutcomeClass;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ask, Ends, Facts, Flow, Known, NoTurn, Signal, StepRun, Then, Turn, Wait};
use uuid::Uuid;

use super::stub::{Fails, Stub, Stubs};
use crate::engine::Graph;
use crate::workflow::{Does, Step};

/// How many turns a trial may take.
const TURNS_MAX: u32 = 100_000;

/// Ids in a row.
#[derive(Debug, Default)]
struct Numbers(AtomicU64);

impl IdSource for Numbers {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

/// A run that is driven.
pub(super) struct Drive<'a> {
    graph: &'a Graph,
    facts: Facts,
    stubs: &'a Stubs,
    used: BTreeMap<String, usize>,
    ids: Numbers,
    state: String,
    at: Option<String>,
    rows: BTreeMap<u32, StepRun>,
    latest: BTreeMap<String, u32>,
    now: Timestamp,
}

impl<'a> Drive<'a> {
    pub(super) fn new(graph: &'a Graph, facts: Facts, stubs: &'a Stubs) -> Self {
        let now = facts.started_at;
        Self {
            graph,
            facts,
            stubs,
            used: BTreeMap::new(),
            ids: Numbers::default(),
            state: String::new(),
            at: None,
            rows: BTreeMap::new(),
            latest: BTreeMap::new(),
            now,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn into_rows(self) -> Vec<StepRun> {
        self.rows.into_values().collect()
    }

    pub(super) fn finish(&mut self) -> Ends {
        let mut signal = Signal::Begin;
        for _ in 0..TURNS_MAX {
            let turn = match self.turn(&signal) {
                Ok(turn) => turn,
                Err(reason) => return Ends::Failed { reason },
            };
            let then = turn.then.clone();
            self.store(turn);
            signal = match self.follows(then) {
                Ok(signal) => signal,
                Err(ends) => return ends,
            };
        }
        Ends::Failed { reason: format!("it has not ended after {TURNS_MAX} turns") }
    }

    fn turn(&self, signal: &Signal) -> Result<Turn, String> {
        let mut known = Known::new();
        loop {
            let ask = Ask {
                run: AssignmentId::new(Uuid::nil()),
                facts: &self.facts,
                state: &self.state,
                signal,
                known: &known,
                spent_micro_usd: 0,
                now: self.now,
                ids: &self.ids,
            };
            match self.graph.turn(ask) {
                Ok(turn) => return Ok(turn),
                Err(NoTurn::Needs(steps)) => self.load(steps, &mut known),
                Err(NoTurn::Refused(why)) => return Err(why),
            }
        }
    }

    fn load(&self, steps: BTreeSet<String>, known: &mut Known) {
        for step in steps {
            let row = self.latest.get(&step).and_then(|number| self.rows.get(number)).cloned();
            known.insert(step, row);
        }
    }

    fn store(&mut self, turn: Turn) {
        self.state = turn.state;
        self.at = turn.at;
        for row in turn.steps {
            let latest = self.latest.entry(row.step.clone()).or_default();
            *latest = row.number.max(*latest);
            self.rows.insert(row.number, row);
        }
    }

    /// What happens next. `Err`: it has ended.
    fn follows(&mut self, then: Then) -> Result<Signal, Ends> {
        match then {
            Then::End(ends) => Err(ends),
            Then::GoOn => Err(Ends::Failed { reason: "it waits for nothing".to_owned() }),
            Then::Job(job) => {
                let (stub, step) = self.stub();
                let (class, text) = match stub.fails {
                    None => (OutcomeClass::Success, step.map_or_else(String::new, |step| stub.said(step))),
                    Some(Fails::Class(class)) => (class, stub.explained()),
                    Some(Fails::Rejected) => (OutcomeClass::Refusal, stub.explained()),
                };
                Ok(Signal::JobEnded { job: job.job.id, class, text })
            }
            Then::Wait(wait) => Ok(self.waited(wait)),
        }
    }

    fn waited(&mut self, wait: Wait) -> Signal {
        match wait {
            Wait::Time { until } => {
                self.now = self.now.max(until);
                Signal::Woken
            }
            Wait::Person { step: _, question: _, until } => {
                let (stub, _) = self.stub();
                match (stub.fails, until) {
                    (Some(Fails::Class(OutcomeClass::Timeout)), Some(until)) => {
                        self.now = self.now.max(until);
                        Signal::Woken
                    }
                    (fails, _) => Signal::Answered {
                        approved: fails.is_none(),
                        by: "the trial".to_owned(),
                        comment: stub.text,
                    },
                }
            }
            Wait::Start { start: _ } => Signal::ChildStarted { child: AssignmentId::new(self.ids.next()) },
            Wait::Run { child, until } => {
                let (stub, step) = self.stub();
                match (stub.fails, until) {
                    (Some(Fails::Class(OutcomeClass::Timeout)), Some(until)) => {
                        self.now = self.now.max(until);
                        Signal::Woken
                    }
                    (Some(_), _) => {
                        Signal::ChildEnded { child, status: AssignmentStatus::Failed, text: stub.explained() }
                    }
                    (None, _) => {
                        let outputs = step.map(|step| stub.outputs_of(step)).unwrap_or_default();
                        let text =
                            stub.text.unwrap_or_else(|| serde_json::Value::Object(outputs).to_string());
                        Signal::ChildEnded { child, status: AssignmentStatus::Complete, text }
                    }
                }
            }
        }
    }

    /// The stub of this execution of the step that it is at.
    fn stub(&mut self) -> (Stub, Option<&'a Step>) {
        let id = self.at.clone().unwrap_or_default();
        let step = self.graph.find(&id);
        let key = self.guard(step).map_or_else(|| id.clone(), |guard| format!("{id}/{guard}"));
        let used = self.used.entry(key.clone()).or_default();
        let stubs = self.stubs.get(&key).map(Vec::as_slice).unwrap_or_default();
        let stub = stubs.get(*used).or_else(|| stubs.last()).cloned().unwrap_or_default();
        *used += 1;
        (stub, step)
    }

    /// The guard whose command it is, if it is one.
    fn guard(&self, step: Option<&'a Step>) -> Option<&'a str> {
        let step = step.filter(|step| matches!(step.does, Does::Work(_)) || !step.validators.is_empty())?;
        let state: serde_json::Value = serde_json::from_str(&self.state).ok()?;
        let phase = &state["at"]["phase"];
        let number = phase["guard"].as_u64().and_then(|number| usize::try_from(number).ok())?;
        step.validators.get(number).map(|validator| validator.name.as_str())
    }
}
