//! How long choosing the next step takes: in definitions of 10 to 10,000 steps, and after 10 to 10,000 executed ones. Prints the ratio
//! of the slowest to the fastest, which must stay below 1.3.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't be set up has failed")]
#![allow(clippy::print_stdout, reason = "a benchmark prints its numbers")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use agents_definitions::{At, Worker};
use agents_domain::id::{AssignmentId, IdSource, JobId};
use agents_domain::outcome::OutcomeClass;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ask, Facts, Flow, Known, NoTurn, Signal, StepRun, Then, Turn};
use agents_workflows::{Does, Graph, Loop, LoopKind, Retry, Route, Step, Target, Work, Workflow, Workspace};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];
const ROUNDS: u32 = 10;
const PASSES: u32 = 250;

#[derive(Default)]
struct Numbers(AtomicU64);

impl IdSource for Numbers {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

fn step(id: String, does: Does, next: Target) -> Step {
    Step {
        id,
        at: At { line: 1, column: 1 },
        description: None,
        parent: None,
        does,
        inputs: Map::new(),
        outputs: Vec::new(),
        on_success: Route::To(next),
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

fn work() -> Does {
    let Value::Object(config) = json!({"argv": ["true", "{{ run.id }}"]}) else {
        unreachable!("it is an object")
    };
    let work = Work { worker: Worker::Exec, config, job_type: None, action: None, inputs: Vec::new() };
    Does::Work(Box::new(work))
}

fn workflow(steps: Vec<Step>) -> Graph {
    let workflow = Workflow {
        id: "flow".to_owned(),
        title: "A flow".to_owned(),
        version: "1".to_owned(),
        description: None,
        params: Vec::new(),
        triggers: Vec::new(),
        workspace: Workspace::Auto,
        priority: None,
        limits: Vec::new(),
        timeout_ms: None,
        outputs: BTreeMap::new(),
        steps,
    };
    Graph::new(workflow, BTreeMap::new())
}

/// Steps in a row.
fn row(of: u32) -> Graph {
    let one = |number: u32| {
        let next =
            if number + 1 < of { Target::Step(usize::try_from(number + 1).unwrap()) } else { Target::End };
        step(format!("step-{number}"), work(), next)
    };
    workflow((0..of).map(one).collect())
}

/// One step in a loop without an end.
fn looped() -> Graph {
    let told = Loop {
        kind: LoopKind::Times { count: u32::MAX },
        body: 1,
        max_iterations: None,
        timeout_ms: None,
        max_cost_micro_usd: None,
        delay_ms: None,
        on_bound: None,
        on_break: None,
    };
    let mut body = step("body".to_owned(), work(), Target::End);
    body.parent = Some(0);
    workflow(vec![step("many".to_owned(), Does::Loop(Box::new(told)), Target::End), body])
}

struct Run<'a> {
    graph: &'a Graph,
    facts: Facts,
    ids: Numbers,
    state: String,
    latest: BTreeMap<String, StepRun>,
}

impl<'a> Run<'a> {
    fn new(graph: &'a Graph) -> Self {
        let facts = Facts {
            workflow: "flow".to_owned(),
            version: "1".to_owned(),
            params: "{}".to_owned(),
            input: None,
            trigger: "manual".to_owned(),
            zone: None,
            started_at: Timestamp::from_seconds(0),
        };
        Self { graph, facts, ids: Numbers::default(), state: String::new(), latest: BTreeMap::new() }
    }

    fn turn(&self, signal: &Signal) -> Turn {
        let mut known = Known::new();
        loop {
            let ask = Ask {
                run: AssignmentId::new(Uuid::nil()),
                facts: &self.facts,
                state: &self.state,
                signal,
                known: &known,
                spent_micro_usd: 0,
                now: Timestamp::from_seconds(0),
                ids: &self.ids,
            };
            match self.graph.turn(ask) {
                Ok(turn) => return turn,
                Err(NoTurn::Needs(steps)) => {
                    known.extend(
                        steps.into_iter().map(|step| (step.clone(), self.latest.get(&step).cloned())),
                    );
                }
                Err(NoTurn::Refused(why)) => panic!("{why}"),
            }
        }
    }

    fn keep(&mut self, turn: Turn) -> Option<JobId> {
        self.state = turn.state;
        self.latest.extend(turn.steps.into_iter().map(|row| (row.step.clone(), row)));
        match turn.then {
            Then::Job(told) => Some(told.job.id),
            Then::Wait(_) | Then::End(_) | Then::GoOn => None,
        }
    }

    /// So many steps further; the signal that the next one is chosen by.
    fn advanced(mut self, steps: u32) -> (Self, Signal) {
        let turn = self.turn(&Signal::Begin);
        let mut job = self.keep(turn).unwrap();
        let ended = |job| Signal::JobEnded { job, class: OutcomeClass::Success, text: String::new() };
        for _ in 0..steps {
            let turn = self.turn(&ended(job));
            job = self.keep(turn).unwrap();
        }
        (self, ended(job))
    }

    /// How long choosing the next one takes, in nanoseconds.
    fn measured(&self, signal: &Signal) -> f64 {
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            std::hint::black_box(self.turn(signal));
        }
        begun.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    }
}

fn told(what: &str, measured: &[f64]) {
    for (size, nanos) in SIZES.iter().zip(measured) {
        println!("{what} {size:>6}: {:.1} µs", nanos / 1_000.0);
    }
    let fastest = measured.iter().copied().fold(f64::INFINITY, f64::min);
    let slowest = measured.iter().copied().fold(0.0, f64::max);
    println!("{what}: ratio {:.2}", slowest / fastest);
}

fn main() {
    let (graphs, endless) = (SIZES.map(row), looped());
    let in_file = [0, 1, 2, 3].map(|at: usize| Run::new(&graphs[at]).advanced(SIZES[at] / 2));
    let executed = SIZES.map(|size| Run::new(&endless).advanced(size));
    // The best of some, in turns, so that what else the machine does falls on all of them.
    let mut best = [[f64::INFINITY; SIZES.len()]; 2];
    for _ in 0..PASSES {
        for (best, runs) in best.iter_mut().zip([&in_file, &executed]) {
            for (best, (run, signal)) in best.iter_mut().zip(runs) {
                *best = best.min(run.measured(signal));
            }
        }
    }
    told("steps of the definition", &best[0]);
    told("executed steps", &best[1]);
}
