//! Loops of each kind, one in the other, and their bounds.

use agents_domain::workflow::Ends;
use serde_json::json;

use crate::trial::sketch::{a_loop, exec, lines, looped, step, tried, workflow};
use crate::workflow::{Does, Kind, LoopKind, Target, Workflow};

fn each(items: &str, name: &str) -> LoopKind {
    LoopKind::ForEach { items: items.to_owned(), name: name.to_owned() }
}

#[test]
fn for_each_has_its_element_and_its_index() {
    let mut body = exec("lint", "lint {{ file }} {{ index }}").within(0);
    body.inputs.insert("file".to_owned(), json!("{{ file }}{{ index }}"));
    let flow = workflow(vec![
        looped("files", each("{{ ['a', 'b'] }}", "file"), 1).then(Target::Step(2)),
        body,
        exec("end-it", "true"),
    ]);
    let done = tried(flow, json!({}));
    assert_eq!(
        lines(&done),
        [
            "files completed -> onSuccess: end-it",
            "files[1]/lint completed -> onSuccess: end",
            "files[2]/lint completed -> onSuccess: end",
            "end-it completed -> onSuccess: end",
        ]
    );
    let inputs: Vec<&str> = done.steps[1..3].iter().map(|row| row.inputs.as_str()).collect();
    assert_eq!(inputs, [r#"{"file":"a0"}"#, r#"{"file":"b1"}"#]);
    assert_eq!(done.steps[0].outputs.as_deref(), Some(r#"{"iterations":2}"#));
}

#[test]
fn loops_stand_one_in_the_other() {
    let flow = workflow(vec![
        looped("outer", each("{{ [1, 2] }}", "x"), 1),
        looped("inner", LoopKind::Times { count: 2 }, 2).within(0),
        exec("work", "echo {{ x }}").within(1),
    ]);
    let done = tried(flow, json!({}));
    let paths: Vec<&str> = done.route.iter().map(|passed| passed.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "outer",
            "outer[1]/inner",
            "outer[1]/inner[1]/work",
            "outer[1]/inner[2]/work",
            "outer[2]/inner",
            "outer[2]/inner[1]/work",
            "outer[2]/inner[2]/work",
        ]
    );
    assert!(matches!(done.end, Ends::Complete { .. }), "{:?}", done.end);
}

fn until(max: u32) -> Workflow {
    let condition = "{{ steps.try_it.outputs.ok }}".to_owned();
    let mut flow = workflow(vec![
        looped("again", LoopKind::Until { condition }, 1),
        exec("try_it", "true").within(0).puts("ok", Kind::Boolean),
        exec("bounded", "true"),
    ]);
    if let Does::Loop(told) = &mut flow.steps[0].does {
        told.max_iterations = Some(max);
        told.delay_ms = Some(1_000);
    }
    flow
}

#[test]
fn until_looks_after_each_iteration_and_waits_between_them() {
    let (no, yes) = (json!({"outputs": {"ok": false}}), json!({"outputs": {"ok": true}}));
    let done = tried(until(10), json!({"try_it": [no, no, yes]}));
    assert_eq!((done.route.len(), done.waited_ms), (4, 2_000));
    assert_eq!(done.steps[0].outputs.as_deref(), Some(r#"{"iterations":3}"#));
}

#[test]
fn a_bound_ends_a_loop_as_a_failure_or_where_it_says() {
    let no = json!({"try_it": {"outputs": {"ok": false}}});
    let done = tried(until(2), no.clone());
    assert_eq!(
        done.end,
        Ends::Failed {
            reason: "step `again` has failed (loop_bound): loop `again` has come to its bound: 2 iterations are the most"
                .to_owned()
        }
    );
    let mut flow = until(2);
    if let Does::Loop(told) = &mut flow.steps[0].does {
        told.on_bound = Some(Target::Step(2));
    }
    let done = tried(flow, no.clone());
    assert_eq!(done.route[0].route.as_deref(), Some("onBound: bounded"));
    assert!(matches!(done.end, Ends::Complete { .. }), "{:?}", done.end);
    let mut flow = until(1_000);
    if let Does::Loop(told) = &mut flow.steps[0].does {
        told.timeout_ms = Some(4_500);
    }
    let done = tried(flow, no);
    assert_eq!(done.waited_ms, 4_500);
    assert!(
        matches!(&done.end, Ends::Failed { reason } if reason.contains("it may take 4500 ms")),
        "{:?}",
        done.end
    );
}

#[test]
fn while_looks_before_each_iteration() {
    let flow = |condition: &str| {
        let kind = LoopKind::While { condition: condition.to_owned() };
        workflow(vec![looped("run", kind, 1), exec("body", "true").within(0)])
    };
    assert_eq!(tried(flow("{{ false }}"), json!({})).route.len(), 1);
    assert_eq!(tried(flow("index < 3"), json!({})).route.len(), 4);
}

#[test]
fn break_and_continue_lead_out_of_an_iteration() {
    let ask = |when: &str, to| {
        step("ask", Does::Condition { when: when.to_owned(), otherwise: Target::Step(2) }).within(0).then(to)
    };
    let flow = |asked| {
        workflow(vec![
            step("loop", Does::Loop(Box::new(a_loop(LoopKind::Times { count: 3 }, 1)))),
            asked,
            exec("work", "true").within(0),
        ])
    };
    let paths = |flow| {
        let done = tried(flow, json!({}));
        done.route.iter().map(|passed| passed.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        paths(flow(ask("index == 1", Target::Break))),
        ["loop", "loop[1]/ask", "loop[1]/work", "loop[2]/ask"]
    );
    assert_eq!(
        paths(flow(ask("index == 1", Target::Continue))),
        ["loop", "loop[1]/ask", "loop[1]/work", "loop[2]/ask", "loop[3]/ask", "loop[3]/work"]
    );
}

#[test]
fn a_failure_in_a_body_is_the_loops_unless_the_body_handles_it() {
    let flow = workflow(vec![
        looped("files", each("{{ [1, 2] }}", "file"), 1).fails_to(Target::Step(2)),
        exec("lint", "true").within(0),
        exec("mend", "true"),
    ]);
    let done = tried(flow.clone(), json!({"lint": {"status": "failed"}}));
    assert_eq!(
        lines(&done),
        [
            "files command_failed -> onFailure: mend",
            "files[1]/lint command_failed -> -",
            "mend completed -> onSuccess: end",
        ]
    );
    let mut flow = flow;
    flow.steps[1] = exec("lint", "true").within(0).fails_to(Target::Continue);
    let done = tried(flow, json!({"lint": {"status": "failed"}}));
    assert_eq!((done.route.len(), &done.route[0].outcome[..]), (3, "completed"));
}
