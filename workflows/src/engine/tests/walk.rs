//! A run that is driven signal by signal: its rows and its state are kept as texts, like in the store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use agents_domain::id::{AssignmentId, IdSource, JobId};
use agents_domain::outcome::OutcomeClass;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ask, Ends, Facts, Flow, Known, NoTurn, Signal, StepRun, Then, Turn};
use serde_json::{Value, json};
use uuid::Uuid;

use super::facts;
use crate::engine::Graph;
use crate::workflow::Workflow;

/// Ids that are the same in every walk.
#[derive(Debug, Default)]
struct Numbers(AtomicU64);

impl IdSource for Numbers {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

pub(super) struct Walk {
    workflow: Workflow,
    facts: Facts,
    ids: Numbers,
    pub state: String,
    pub rows: BTreeMap<u32, StepRun>,
    latest: BTreeMap<String, u32>,
    pub now: Timestamp,
    pub spent: u64,
    pub turns: u64,
    /// The signals that it was given, and when.
    pub given: Vec<(Signal, Timestamp)>,
}

impl Walk {
    pub(super) fn new(workflow: Workflow) -> Self {
        Self {
            workflow,
            facts: facts(&json!({})),
            ids: Numbers::default(),
            state: String::new(),
            rows: BTreeMap::new(),
            latest: BTreeMap::new(),
            now: Timestamp::from_seconds(0),
            spent: 0,
            turns: 0,
            given: Vec::new(),
        }
    }

    /// What follows; nothing of it is kept. The engine is made anew.
    pub(super) fn look(&self, signal: &Signal) -> Result<Turn, String> {
        let graph = Graph::new(self.workflow.clone(), BTreeMap::new());
        let mut known = Known::new();
        for _ in 0..100 {
            let ask = Ask {
                run: AssignmentId::new(Uuid::nil()),
                facts: &self.facts,
                state: &self.state,
                signal,
                known: &known,
                spent_micro_usd: self.spent,
                now: self.now,
                ids: &self.ids,
            };
            match graph.turn(ask) {
                Ok(turn) => return Ok(turn),
                Err(NoTurn::Refused(why)) => return Err(why),
                Err(NoTurn::Needs(steps)) => {
                    for step in steps {
                        let row = self.latest.get(&step).and_then(|number| self.rows.get(number)).cloned();
                        assert!(known.insert(step, row).is_none(), "it asks for what it was told");
                    }
                }
            }
        }
        panic!("it always wants to know more")
    }

    /// What follows, and it is kept.
    pub(super) fn give(&mut self, signal: Signal) -> Result<Turn, String> {
        let turn = self.look(&signal)?;
        self.turns += 1;
        self.given.push((signal, self.now));
        self.state.clone_from(&turn.state);
        for row in &turn.steps {
            assert_eq!(row.ended_at.is_some(), row.status.is_final(), "the store refuses {row:?}");
            let latest = self.latest.entry(row.step.clone()).or_default();
            *latest = row.number.max(*latest);
            self.rows.insert(row.number, row.clone());
        }
        Ok(turn)
    }

    pub(super) fn then(&mut self, signal: Signal) -> Then {
        self.give(signal).unwrap_or_else(|why| panic!("{why}")).then
    }

    pub(super) fn begin(&mut self) -> Then {
        self.then(Signal::Begin)
    }

    /// The job that it waits for ends well, with these outputs.
    pub(super) fn work(&mut self, then: &Then, outputs: Value) -> Then {
        self.then(Signal::JobEnded {
            job: job(then),
            class: OutcomeClass::Success,
            text: outputs.to_string(),
        })
    }

    pub(super) fn fail(&mut self, then: &Then) -> Then {
        self.then(Signal::JobEnded { job: job(then), class: OutcomeClass::Crashed, text: "bang".to_owned() })
    }

    /// The rows in few words.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |row: &StepRun| {
            format!("{} {} -> {}", row.path, row.status.as_str(), row.route.as_deref().unwrap_or("-"))
        };
        self.rows.values().map(line).collect()
    }
}

pub(super) fn job(then: &Then) -> JobId {
    match then {
        Then::Job(told) => told.job.id,
        Then::Wait(_) | Then::End(_) | Then::GoOn => panic!("{then:?}"),
    }
}

pub(super) fn is_complete(then: &Then) -> bool {
    matches!(then, Then::End(Ends::Complete { .. }))
}
