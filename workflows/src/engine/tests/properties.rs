//! What holds for every workflow and everything that happens to it.

use std::collections::BTreeMap;

use agents_domain::assignment::AssignmentStatus;
use agents_domain::id::AssignmentId;
use agents_domain::outcome::OutcomeClass;
use agents_domain::workflow::{Ends, Signal, StepStatus, Then, Turn, Wait};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::walk::{Walk, job};
use crate::trial::sketch::{a_loop, exec, step, workflow};
use crate::workflow::{
    Case, Does, From, Kind, Loop, LoopKind, Retry, Route, Step, StepIndex, Target, Test, Validator, Workflow,
};

/// How large the state may ever be, in bytes: the workflows here have some steps and small errors.
const STATE_BYTES: usize = 16 << 10;

/// A step, before its places are known. Numbers are taken modulo what they choose from.
#[derive(Debug, Clone)]
struct Plan {
    does: u8,
    routes: [u8; 4],
    retries: u8,
    visits: u8,
    guards: bool,
    body: Vec<Plan>,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let leaf = (0_u8..8, any::<[u8; 4]>(), 0_u8..3, 1_u8..3, any::<bool>()).prop_map(
        |(does, routes, retries, visits, guards)| Plan {
            does,
            routes,
            retries,
            visits,
            guards,
            body: Vec::new(),
        },
    );
    let one = leaf.prop_recursive(2, 16, 4, |inner| {
        (8_u8..14, any::<[u8; 4]>(), 1_u8..3, prop::collection::vec(inner, 1..4)).prop_map(
            |(does, routes, visits, body)| Plan { does, routes, retries: 0, visits, guards: false, body },
        )
    });
    prop::collection::vec(one, 1..6)
}

/// The steps of one level, with the bodies of loops behind them.
fn build(plans: &[Plan], parent: Option<StepIndex>, steps: &mut Vec<Step>) {
    let first = steps.len();
    for (number, plan) in plans.iter().enumerate() {
        let id = format!("s{}", first + number);
        let target = |choice: u8| target(choice, (first, plans.len()), parent.is_some());
        let mut one = step(&id, does(plan, &id, target(plan.routes[3])));
        one.parent = parent;
        one.on_success = match plan.routes[0] % 3 {
            0 => Route::Cases(vec![
                Case {
                    when: Some(format!("steps.{id}.status == 'completed' and now > ''")),
                    to: target(plan.routes[1]),
                },
                Case { when: None, to: Target::End },
            ]),
            _ => Route::To(target(plan.routes[1])),
        };
        one.on_failure = (plan.routes[2] % 3 > 0).then(|| Route::To(target(plan.routes[2])));
        one.retry = Retry { max: u32::from(plan.retries), ..Retry::default() };
        if matches!(one.does, Does::Work(_)) {
            one.outputs = vec![crate::trial::sketch::output("ok", Kind::Boolean)];
        }
        if plan.guards && matches!(one.does, Does::Work(_)) {
            one.validators =
                vec![guard(&id, Test::Condition(format!("steps.{id}.outputs.ok"))), guard("lint", lint())];
        }
        let leads_back = |to: &Target| matches!(to, Target::Step(to) if *to <= first + number);
        let targets = [target(plan.routes[1]), target(plan.routes[2]), target(plan.routes[3])];
        one.max_visits = targets.iter().any(leads_back).then_some(u32::from(plan.visits));
        steps.push(one);
    }
    for (number, plan) in plans.iter().enumerate().filter(|(_, plan)| !plan.body.is_empty()) {
        let body = steps.len();
        if let Does::Loop(told) = &mut steps[first + number].does {
            told.body = body;
        }
        build(&plan.body, Some(first + number), steps);
    }
}

fn lint() -> Test {
    Test::Exec(crate::trial::sketch::object(json!({"command": "lint"})))
}

fn guard(name: &str, test: Test) -> Validator {
    let at = agents_definitions::At { line: 1, column: 1 };
    Validator { at, name: name.to_owned(), test, retries: 1, cooldown_ms: 10, message: None }
}

fn target(choice: u8, (first, of): (StepIndex, usize), is_inner: bool) -> Target {
    match usize::from(choice) % (of + 4) {
        step if step < of => Target::Step(first + step),
        step if step == of => Target::Fail,
        step if step == of + 1 && is_inner => Target::Break,
        step if step == of + 2 && is_inner => Target::Continue,
        _ => Target::End,
    }
}

fn does(plan: &Plan, id: &str, other: Target) -> Does {
    let looped = |kind, most| {
        Does::Loop(Box::new(Loop { max_iterations: Some(most), delay_ms: Some(5), ..a_loop(kind, 0) }))
    };
    match plan.does {
        0..=2 => exec(id, "echo {{ steps.s0.outputs.ok | default('') }}").does,
        3 => Does::Condition { when: format!("steps.{id}.status == 'running'"), otherwise: other },
        4 => {
            Does::Switch { on: "run.id".to_owned(), cases: vec![(json!("x"), Target::End)], otherwise: other }
        }
        5 => Does::Delay { span: Some("1s".to_owned()), until: None },
        6 => Does::Approval { question: "Well?".to_owned() },
        7 => Does::Workflow { name: "other".to_owned(), params: serde_json::Map::new() },
        8 | 9 => looped(LoopKind::Times { count: 2 }, 3),
        10 => looped(LoopKind::ForEach { items: "{{ [1, 2] }}".to_owned(), name: "x".to_owned() }, 3),
        11 => looped(LoopKind::While { condition: "index < 2".to_owned() }, 3),
        _ => looped(LoopKind::Until { condition: "index > 5".to_owned() }, 2),
    }
}

fn built(plans: &[Plan]) -> Workflow {
    let mut steps = Vec::new();
    build(plans, None, &mut steps);
    workflow(steps)
}

/// How many executions of steps a level can come to: between two visits of steps with a bound it leads forward only.
fn most_executions(plans: &[Plan]) -> u64 {
    let of = |plan: &Plan| {
        let body = if plan.body.is_empty() { 0 } else { most_executions(&plan.body).saturating_mul(3) };
        // Retries of its own and of its guards; each try of a guard's command is a turn too.
        (1 + u64::from(plan.retries) + 2).saturating_mul(4).saturating_add(body)
    };
    let once: u64 = plans.iter().map(of).sum();
    let visits: u64 = plans.iter().map(|plan| u64::from(plan.visits) + 2).sum();
    once.saturating_mul(visits + 1)
}

/// What the world answers, by chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn follows(&mut self, then: &Then, walk: &mut Walk) -> Signal {
        match then {
            Then::Job(_) => {
                let class = [
                    OutcomeClass::Success,
                    OutcomeClass::Success,
                    OutcomeClass::Crashed,
                    OutcomeClass::Timeout,
                ];
                let class = class[usize::try_from(self.below(4)).unwrap()];
                let text =
                    ["{\"ok\": true}", "{\"ok\": false}", "nothing"][usize::try_from(self.below(3)).unwrap()];
                Signal::JobEnded { job: job(then), class, text: text.to_owned() }
            }
            Then::Wait(Wait::Time { until }) => {
                walk.now = walk.now.max(*until);
                Signal::Woken
            }
            Then::Wait(Wait::Person { .. }) => {
                Signal::Answered { approved: self.below(2) == 0, by: "me".to_owned(), comment: None }
            }
            Then::Wait(Wait::Start { .. }) if self.below(4) == 0 => {
                Signal::ChildRefused { why: "no".to_owned() }
            }
            Then::Wait(Wait::Start { .. }) => {
                Signal::ChildStarted { child: AssignmentId::new(Uuid::from_u128(u128::from(self.below(9)))) }
            }
            Then::Wait(Wait::Run { child, .. }) => {
                let status = [AssignmentStatus::Complete, AssignmentStatus::Failed];
                let status = status[usize::try_from(self.below(2)).unwrap()];
                Signal::ChildEnded { child: *child, status, text: String::new() }
            }
            Then::End(_) | Then::GoOn => panic!("{then:?}"),
        }
    }
}

/// To the end. `watch` sees each turn before the next.
fn walked(flow: &Workflow, seed: u64, most: u64, watch: &mut dyn FnMut(&Walk, &Turn)) -> (Walk, Ends) {
    let mut chance = Chance(seed | 1);
    let mut walk = Walk::new(flow.clone());
    let mut signal = Signal::Begin;
    loop {
        let turn = walk.give(signal).unwrap_or_else(|why| panic!("{why}"));
        watch(&walk, &turn);
        if let Then::End(end) = turn.then {
            return (walk, end);
        }
        assert!(walk.turns <= most, "{} turns, and {most} are the most: {:#?}", walk.turns, walk.lines());
        signal = chance.follows(&turn.then, &mut walk);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_workflow_ends_or_hits_its_bound_and_its_state_stays_small(plans in plans(), seed: u64) {
        let flow = built(&plans);
        let most = most_executions(&plans).saturating_mul(2);
        let (walk, end) = walked(&flow, seed, most, &mut |walk, turn| {
            assert!(turn.state.len() < STATE_BYTES, "{}", turn.state);
            assert!(walk.rows.len() as u64 <= most, "{} executions", walk.rows.len());
        });
        let open: Vec<_> = walk.rows.values().filter(|row| !row.status.is_final()).collect();
        prop_assert!(open.is_empty(), "{open:?} {end:?}");
    }

    #[test]
    fn the_same_signals_take_the_same_route(plans in plans(), seed: u64) {
        let flow = built(&plans);
        let (first, end) = walked(&flow, seed, u64::MAX, &mut |_, _| {});
        let mut again = Walk::new(flow);
        let mut last = None;
        for (signal, at) in &first.given {
            again.now = *at;
            last = Some(again.then(signal.clone()));
        }
        prop_assert_eq!(last, Some(Then::End(end)));
        prop_assert_eq!(again.rows, first.rows);
        prop_assert_eq!(again.state, first.state);
    }

    #[test]
    fn a_turn_that_was_lost_is_made_once_more(plans in plans(), seed: u64, every in 1_u64..4) {
        let flow = built(&plans);
        let (first, end) = walked(&flow, seed, u64::MAX, &mut |_, _| {});
        let mut torn = Walk::new(flow);
        let mut chance = Chance(seed | 1);
        let mut signal = Signal::Begin;
        let torn_end = loop {
            if torn.turns.is_multiple_of(every) {
                // It is computed, and nothing of it is stored.
                prop_assert!(torn.look(&signal).is_ok());
            }
            let then = torn.then(signal);
            if let Then::End(end) = then {
                break end;
            }
            signal = chance.follows(&then, &mut torn);
        };
        prop_assert_eq!(torn_end, end);
        prop_assert_eq!(torn.lines(), first.lines());
    }
}

#[test]
fn ten_thousand_iterations_leave_the_state_as_small_as_ten() {
    let state_after = |count: u32| {
        let kind = LoopKind::Times { count };
        let mut body = exec("body", "true").within(0);
        body.max_visits = Some(2);
        let mut flow = workflow(vec![
            step("many", Does::Loop(Box::new(Loop { max_iterations: None, ..a_loop(kind, 1) }))),
            body,
        ]);
        flow.steps[1].on_failure = Some(Route::To(Target::Continue));
        let mut walk = Walk::new(flow);
        let mut then = walk.begin();
        let mut largest = 0;
        while matches!(then, Then::Job(_)) {
            then = walk.fail(&then);
            if matches!(then, Then::Job(_)) {
                largest = walk.state.len();
            }
        }
        assert_eq!(walk.rows.len(), usize::try_from(count).unwrap() + 1);
        largest
    };
    let (few, many) = (state_after(10), state_after(10_000));
    // Only the numbers in it have more digits.
    assert!(many < few + 32, "{few} bytes after 10, {many} after 10000");
}

#[test]
fn outputs_of_expressions_are_told_whatever_the_others_are() {
    let mut one = exec("one", "true").puts("n", Kind::Number);
    one.outputs.push(crate::workflow::Output {
        from: From::Expression("{{ steps.one.outputs.n + 1 }}".to_owned()),
        ..crate::trial::sketch::output("more", Kind::Number)
    });
    let mut walk = Walk::new(workflow(vec![one]));
    let then = walk.begin();
    walk.work(&then, json!({"n": 1}));
    let outputs: BTreeMap<String, Value> =
        serde_json::from_str(walk.rows[&1].outputs.as_deref().unwrap()).unwrap();
    assert_eq!(json!(outputs), json!({"n": 1, "more": 2}));
    assert_eq!(walk.rows[&1].status, StepStatus::Completed);
}
