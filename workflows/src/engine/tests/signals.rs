//! What people do to a run: break a loop, go on with it; and words that come too late.

use agents_domain::id::{AssignmentId, JobId};
use agents_domain::outcome::OutcomeClass;
use agents_domain::start::Start;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ends, Signal, StepStatus, Then, Wait};
use serde_json::{Value, json};
use uuid::Uuid;

use super::walk::{Walk, is_complete, job};
use crate::trial::sketch::{exec, looped, object, step, workflow};
use crate::workflow::{Does, Kind, LoopKind, Retry, Target, Workflow};

fn two() -> Workflow {
    workflow(vec![exec("first", "true").then(Target::Step(1)), exec("second", "true")])
}

#[test]
fn a_word_of_a_job_that_nobody_waits_for_changes_nothing() {
    let mut walk = Walk::new(two());
    let then = walk.begin();
    let late = Signal::JobEnded {
        job: JobId::new(Uuid::from_u128(99)),
        class: OutcomeClass::Success,
        text: String::new(),
    };
    let before = walk.state.clone();
    let turn = walk.look(&late).unwrap();
    assert_eq!((turn.then, turn.steps, turn.state), (Then::GoOn, vec![], before));
    assert!(is_complete(&{
        let then = walk.work(&then, json!({}));
        walk.work(&then, json!({}))
    }));
    assert_eq!(walk.then(late), Then::GoOn);
}

#[test]
fn a_run_that_has_failed_goes_on_where_it_stopped_and_no_finished_step_again() {
    let mut walk = Walk::new(two());
    let then = walk.begin();
    let refused = walk.look(&Signal::GoOn { from: None });
    assert_eq!(refused, Err("the run has not stopped".to_owned()));
    let then = walk.work(&then, json!({}));
    assert!(matches!(walk.fail(&then), Then::End(Ends::Failed { .. })));
    let then = walk.then(Signal::GoOn { from: None });
    assert!(is_complete(&walk.work(&then, json!({}))));
    assert_eq!(
        walk.lines(),
        ["first completed -> onSuccess: second", "second failed -> -", "second completed -> onSuccess: end"]
    );
    let refused = walk.look(&Signal::GoOn { from: None }).unwrap_err();
    assert!(refused.contains("the run is completed"), "{refused}");
}

#[test]
fn a_run_goes_on_at_the_step_that_a_person_names() {
    let mut walk = Walk::new(two());
    let then = walk.begin();
    let then = walk.work(&then, json!({}));
    walk.fail(&then);
    let refused = walk.look(&Signal::GoOn { from: Some("frist".to_owned()) });
    assert_eq!(refused, Err("there is no step `frist`: did you mean `first`?".to_owned()));
    walk.then(Signal::GoOn { from: Some("first".to_owned()) });
    assert_eq!(walk.lines()[2], "first running -> -");
}

#[test]
fn a_run_that_was_ended_from_outside_goes_on_at_its_open_step() {
    let mut walk = Walk::new(two());
    walk.begin();
    walk.rows.values_mut().for_each(|row| row.status = StepStatus::Cancelled);
    let then = walk.then(Signal::GoOn { from: None });
    assert!(matches!(then, Then::Job(_)));
    assert_eq!(walk.lines(), ["first cancelled -> -", "first running -> -"]);
}

#[test]
fn a_run_goes_on_in_the_iteration_in_which_it_stopped() {
    let items = LoopKind::ForEach { items: "{{ [1, 2, 3] }}".to_owned(), name: "x".to_owned() };
    let mut body = exec("body", "true").within(0);
    body.inputs = object(json!({"x": "{{ x }}"}));
    let mut walk = Walk::new(workflow(vec![looped("each", items, 1), body]));
    let then = walk.begin();
    let then = walk.work(&then, json!({}));
    walk.fail(&then);
    assert_eq!(
        walk.lines(),
        ["each failed -> -", "each[1]/body completed -> onSuccess: end", "each[2]/body failed -> -"]
    );
    let then = walk.then(Signal::GoOn { from: None });
    let then = walk.work(&then, json!({}));
    assert!(is_complete(&walk.work(&then, json!({}))));
    assert_eq!(
        walk.lines()[3..],
        ["each[2]/body completed -> onSuccess: end", "each[3]/body completed -> onSuccess: end"]
    );
    assert_eq!(walk.lines()[0], "each completed -> onSuccess: end");
    assert_eq!(walk.rows[&4].inputs, r#"{"x":2}"#);
}

#[test]
fn a_step_that_waits_for_its_retry_has_not_stopped() {
    let mut flow = two();
    flow.steps[0].retry = Retry { max: 1, ..Retry::default() };
    let mut walk = Walk::new(flow);
    let then = walk.begin();
    let until = Timestamp::from_millis(1_000);
    assert_eq!(walk.fail(&then), Then::Wait(Wait::Time { until }));
    assert_eq!(walk.look(&Signal::GoOn { from: None }), Err("the run has not stopped".to_owned()));
    assert_eq!(walk.then(Signal::Woken), Then::Wait(Wait::Time { until }), "it was woken too early");
    walk.now = until;
    assert!(matches!(walk.then(Signal::Woken), Then::Job(_)));
    assert_eq!(walk.lines(), ["first failed -> retry 2", "first running -> -"]);
}

#[test]
fn a_person_breaks_the_innermost_loop_and_its_job_is_cancelled() {
    let mut flow = workflow(vec![
        looped("again", LoopKind::Times { count: 5 }, 1).then(Target::Step(2)),
        exec("body", "true").within(0),
        exec("after", "true"),
    ]);
    let mut walk = Walk::new(flow.clone());
    let then = walk.begin();
    let then = walk.work(&then, json!({}));
    let turn = walk.give(Signal::Break { reason: Some("enough".to_owned()) }).unwrap();
    assert_eq!(turn.cancels, [job(&then)]);
    assert_eq!(
        walk.lines(),
        [
            "again completed -> onSuccess: after",
            "again[1]/body completed -> onSuccess: end",
            "again[2]/body cancelled -> broken off",
            "after running -> -",
        ]
    );
    let outputs: Value = serde_json::from_str(walk.rows[&1].outputs.as_deref().unwrap()).unwrap();
    assert_eq!(outputs, json!({"broken": "enough", "iterations": 1}));
    assert_eq!(walk.fail(&then), Then::GoOn, "the cancelled job's own end");
    assert!(is_complete(&walk.work(&turn.then, json!({}))));
    let refused = walk.look(&Signal::Break { reason: None });
    assert_eq!(refused, Err("the run has ended".to_owned()));
    if let Does::Loop(told) = &mut flow.steps[0].does {
        told.on_break = Some(Target::End);
    }
    let mut walk = Walk::new(flow);
    walk.begin();
    assert!(is_complete(&walk.then(Signal::Break { reason: None })));
    assert_eq!(walk.lines()[0], "again completed -> onBreak: end");
    let mut walk = Walk::new(two());
    walk.begin();
    let refused = walk.look(&Signal::Break { reason: None });
    assert_eq!(refused, Err("it is in no loop; `agents cancel` ends the run".to_owned()));
}

#[test]
fn the_money_of_a_loop_ends_it() {
    let mut flow =
        workflow(vec![looped("again", LoopKind::Times { count: 5 }, 1), exec("body", "true").within(0)]);
    if let Does::Loop(told) = &mut flow.steps[0].does {
        told.max_cost_micro_usd = Some(1_000_000);
    }
    let mut walk = Walk::new(flow);
    let then = walk.begin();
    walk.spent = 900_000;
    let then = walk.work(&then, json!({}));
    walk.spent = 1_100_000;
    let Then::End(Ends::Failed { reason }) = walk.work(&then, json!({})) else {
        panic!("{:?}", walk.lines())
    };
    assert!(reason.ends_with("it may cost 1.00 USD"), "{reason}");
}

#[test]
fn an_assignment_is_started_with_its_words_as_data_and_waited_for() {
    let does = Does::Assignment { north_star: "Mend {{ steps.find.outputs.what }}".to_owned() };
    let mut lead = step("lead", does).puts("fixed", Kind::Boolean);
    lead.timeout_ms = Some(60_000);
    let flow = workflow(vec![exec("find", "true").puts("what", Kind::String).then(Target::Step(1)), lead]);
    let mut walk = Walk::new(flow);
    let then = walk.begin();
    let Then::Wait(Wait::Start { start }) = walk.work(&then, json!({"what": "{{ now }}"})) else { panic!() };
    let params = json!({"northStar": "Mend {{ now }}"}).to_string();
    assert_eq!(start, Start::NorthStar { template: "{{ params.northStar }}".to_owned(), params });
    let child = AssignmentId::new(Uuid::from_u128(7));
    let until = Some(Timestamp::from_millis(60_000));
    assert_eq!(walk.then(Signal::ChildStarted { child }), Then::Wait(Wait::Run { child, until }));
    assert_eq!((walk.rows[&2].child, walk.rows[&2].status), (Some(child), StepStatus::Waiting));
    let other = AssignmentId::new(Uuid::from_u128(8));
    let ended = |child, text: &str| Signal::ChildEnded {
        child,
        status: agents_domain::assignment::AssignmentStatus::Complete,
        text: text.to_owned(),
    };
    assert_eq!(walk.then(ended(other, "x")), Then::GoOn);
    assert!(is_complete(&walk.then(ended(child, "Done.\n{\"fixed\": true}"))));
    let outputs: Value = serde_json::from_str(walk.rows[&2].outputs.as_deref().unwrap()).unwrap();
    assert_eq!(outputs, json!({"fixed": true, "result": "Done.\n{\"fixed\": true}"}));
}

#[test]
fn a_run_that_could_not_be_started_or_takes_too_long_fails_its_step() {
    let flow = || {
        let mut call =
            step("call", Does::Workflow { name: "other".to_owned(), params: object(json!({"n": 1})) });
        call.timeout_ms = Some(60_000);
        workflow(vec![call])
    };
    let mut walk = Walk::new(flow());
    let start = Start::Workflow { name: "other".to_owned(), params: r#"{"n":1}"#.to_owned() };
    assert_eq!(walk.begin(), Then::Wait(Wait::Start { start }));
    let Then::End(Ends::Failed { reason }) =
        walk.then(Signal::ChildRefused { why: "no such workflow".to_owned() })
    else {
        panic!()
    };
    assert_eq!(reason, "step `call` has failed (runner_error): no such workflow");
    let mut walk = Walk::new(flow());
    walk.begin();
    walk.then(Signal::ChildStarted { child: AssignmentId::new(Uuid::from_u128(7)) });
    walk.now = Timestamp::from_millis(60_000);
    let Then::End(Ends::Failed { reason }) = walk.then(Signal::Woken) else { panic!() };
    assert_eq!(reason, "step `call` has failed (timeout): its time is up");
}

#[test]
fn an_answer_that_nobody_waits_for_is_refused() {
    let mut walk = Walk::new(two());
    walk.begin();
    let answer = Signal::Answered { approved: true, by: "me".to_owned(), comment: None };
    assert_eq!(walk.look(&answer), Err("the run waits for nobody's answer".to_owned()));
    assert_eq!(Walk::new(two()).look(&Signal::Woken), Err("the run has not begun".to_owned()));
}

#[test]
fn a_state_of_another_version_is_refused() {
    let mut walk = Walk::new(two());
    walk.begin();
    walk.state = walk.state.replace("\"v\":1", "\"v\":2");
    let why = walk.look(&Signal::Woken).unwrap_err();
    assert_eq!(why, "the state of this run is of version 2, and this program knows 1");
}
