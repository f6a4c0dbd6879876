//! Failures: retries, bounds, routes by class, guards, and handlers that fail themselves.

use agents_definitions::At;
use agents_domain::outcome::OutcomeClass;
use agents_domain::workflow::Ends;
use serde_json::{Value, json};

use crate::trial::sketch::{exec, lines, object, to, tried, workflow};
use crate::workflow::{Kind, Retry, Target, Test, Validator};

fn failed(end: &Ends) -> &str {
    match end {
        Ends::Failed { reason } => reason,
        Ends::Complete { .. } | Ends::Cancelled { .. } => panic!("{end:?}"),
    }
}

#[test]
fn a_failure_without_a_route_fails_the_run_and_says_all_of_it() {
    let mut flow = workflow(vec![exec("build", "make").then(Target::End)]);
    flow.steps[0].inputs = object(json!({"target": "{{ params.x | default('all') }}"}));
    let done = tried(flow, json!({"build": {"class": "command_failed", "text": "no rule\nto make"}}));
    assert_eq!(failed(&done.end), "step `build` has failed (command_failed): no rule");
    let error: Value = serde_json::from_str(done.steps[0].error.as_deref().unwrap()).unwrap();
    assert_eq!(
        error,
        json!({"message": "no rule", "class": "command_failed", "step": "build", "attempt": 1,
               "tail": "no rule\nto make", "input": {"target": "all"}})
    );
}

#[test]
fn a_failed_step_is_tried_again_with_longer_and_longer_waits() {
    let mut flow = workflow(vec![exec("flaky", "true")]);
    flow.steps[0].retry = Retry { max: 3, backoff_ms: 1_000, factor: 2.0, max_backoff_ms: 3_000 };
    let done = tried(flow.clone(), json!({"flaky": [{"status": "failed"}, {"status": "failed"}, {}]}));
    assert_eq!(
        lines(&done),
        [
            "flaky command_failed -> retry 2",
            "flaky command_failed -> retry 3",
            "flaky completed -> onSuccess: end"
        ]
    );
    assert_eq!((done.waited_ms, done.steps[2].attempt), (3_000, 3));
    let done = tried(flow, json!({"flaky": {"status": "failed"}}));
    assert_eq!((done.waited_ms, done.route.len()), (6_000, 4));
    assert_eq!(failed(&done.end), "step `flaky` has failed (command_failed): the stub says so");
}

#[test]
fn a_circle_ends_at_the_bound_of_its_visits() {
    let mut fix = exec("fix", "true").then(Target::Step(0)).fails_to(Target::Step(2));
    fix.max_visits = Some(3);
    let flow = workflow(vec![exec("test", "true").fails_to(Target::Step(1)), fix, exec("give-up", "true")]);
    let done = tried(flow, json!({"test": {"status": "failed"}}));
    assert_eq!(done.route.iter().filter(|passed| passed.step == "fix").count(), 4);
    assert_eq!(
        lines(&done)[7..],
        ["fix loop_bound -> onFailure: give-up", "give-up completed -> onSuccess: end"]
    );
}

#[test]
fn a_failure_takes_the_route_of_its_class_then_of_its_time_then_any() {
    let flow = || {
        let mut work = exec("work", "true").fails_to(Target::Step(3));
        work.on_outcome = [(OutcomeClass::Auth, to(1)), (OutcomeClass::SilenceTimeout, to(1))].into();
        work.on_timeout = Some(to(2));
        work.on_class = [("bad_output".to_owned(), to(2))].into();
        let work = work.puts("n", Kind::Number);
        workflow(vec![work, exec("log-in", "true"), exec("later", "true"), exec("other", "true")])
    };
    let check = |stub: Value, route: &str| {
        assert_eq!(lines(&tried(flow(), json!({"work": stub})))[0], route);
    };
    check(json!({"class": "auth"}), "work auth -> onOutcome: log-in");
    check(json!({"class": "silence_timeout"}), "work silence_timeout -> onOutcome: log-in");
    check(json!({"class": "timeout"}), "work timeout -> onTimeout: later");
    check(json!({"class": "crashed"}), "work crashed -> onFailure: other");
    check(json!({"text": "no JSON"}), "work bad_output -> onOutcome: later");
}

#[test]
fn a_handler_sees_the_error_and_one_that_fails_the_run_ends_it_as_failed() {
    let mut handler = exec("handle", "echo {{ error.step }} {{ error.class }}").then(Target::Step(2));
    handler.fails_run = true;
    let mut tell = exec("tell", "echo {{ workflow.status }} {{ workflow.error.message }}");
    tell.inputs = object(json!({"status": "{{ workflow.status }}"}));
    let flow = workflow(vec![exec("work", "true").fails_to(Target::Step(1)), handler, tell]);
    let done = tried(flow.clone(), json!({"work": {"class": "crashed", "text": "bang"}}));
    assert_eq!(
        lines(&done),
        [
            "work crashed -> onFailure: handle",
            "handle completed -> onSuccess: tell",
            "tell completed -> onSuccess: end"
        ]
    );
    assert_eq!(failed(&done.end), "step `work` has failed (crashed): bang");
    assert_eq!(done.steps[2].inputs, r#"{"status":"failed"}"#);
}

#[test]
fn handlers_that_fail_never_go_in_a_circle() {
    let flow = workflow(vec![
        exec("work", "true").fails_to(Target::Step(1)),
        exec("one", "true").fails_to(Target::Step(2)),
        exec("two", "true").fails_to(Target::Step(1)),
    ]);
    let bad = json!({"status": "failed"});
    let done = tried(flow, json!({"work": bad, "one": bad, "two": bad}));
    assert_eq!(lines(&done).len(), 3);
    assert!(failed(&done.end).contains("`one` has handled that error before"), "{:?}", done.end);
}

fn guard(name: &str, test: Test) -> Validator {
    Validator {
        at: At { line: 1, column: 1 },
        name: name.to_owned(),
        test,
        retries: 1,
        cooldown_ms: 5_000,
        message: None,
    }
}

#[test]
fn a_guards_condition_executes_the_step_again_and_its_command_only_itself() {
    let mut work = exec("work", "true").puts("n", Kind::Number);
    work.validators = vec![
        guard("enough", Test::Condition("steps.work.outputs.n > 5".to_owned())),
        guard("lint", Test::Exec(object(json!({"command": "lint"})))),
    ];
    let flow = workflow(vec![work]);
    let done = tried(
        flow.clone(),
        json!({"work": [{"outputs": {"n": 1}}, {"outputs": {"n": 9}}], "work/lint": [{"status": "failed"}, {}]}),
    );
    assert_eq!(lines(&done), ["work validator_failed -> retry 2", "work completed -> onSuccess: end"]);
    assert_eq!(done.waited_ms, 10_000);
    let done = tried(flow.clone(), json!({"work": {"outputs": {"n": 1}}}));
    assert_eq!(done.route.len(), 2);
    assert_eq!(
        failed(&done.end),
        "step `work` has failed (validator_failed): validator `enough`: `steps.work.outputs.n > 5` is false"
    );
    let done = tried(flow, json!({"work": {"outputs": {"n": 9}}, "work/lint": {"status": "failed"}}));
    assert_eq!(
        failed(&done.end),
        "step `work` has failed (validator_failed): validator `lint`: its command has failed"
    );
}

#[test]
fn what_a_step_has_not_put_out_is_none_as_an_input_and_an_error_in_a_command() {
    let mut back = exec("roll-back", "true");
    back.inputs = object(json!({"changes": "{{ steps.work.outputs.changes }}"}));
    let flow =
        workflow(vec![exec("work", "true").puts("changes", Kind::Any).fails_to(Target::Step(1)), back]);
    let done = tried(flow, json!({"work": {"status": "failed"}}));
    assert_eq!(done.steps[1].inputs, r#"{"changes":null}"#);
    let flow = workflow(vec![
        exec("work", "true").fails_to(Target::Step(1)),
        exec("show", "echo {{ steps.work.outputs.changes }}"),
    ]);
    let done = tried(flow, json!({"work": {"status": "failed"}}));
    assert!(failed(&done.end).contains("`steps.work.outputs.changes` is not there"), "{:?}", done.end);
    let mut none = exec("none", "rm -r {{ inputs.folder }}/x");
    none.inputs = object(json!({"folder": null}));
    let done = tried(workflow(vec![none]), json!({}));
    assert!(failed(&done.end).contains("a value that is none stands in a command"), "{:?}", done.end);
}

#[test]
fn control_steps_in_a_circle_end_within_one_turn() {
    use crate::trial::sketch::step;
    use crate::workflow::Does;
    let flow = workflow(vec![
        step("a", Does::Condition { when: "true".to_owned(), otherwise: Target::End }).then(Target::Step(0)),
    ]);
    let done = tried(flow, json!({}));
    assert!(failed(&done.end).contains("the run goes in a circle"), "{:?}", done.end);
    assert_eq!(done.route.len(), 1_000);
}

#[test]
fn the_time_of_the_run_ends_it_while_it_waits() {
    use crate::trial::sketch::step;
    use crate::workflow::Does;
    let mut flow = workflow(vec![step("wait", Does::Delay { span: Some("1h".to_owned()), until: None })]);
    flow.timeout_ms = Some(60_000);
    let done = tried(flow, json!({}));
    assert_eq!((failed(&done.end), done.waited_ms), ("the run has taken longer than its 60000 ms", 60_000));
}

#[test]
fn a_circle_through_the_failures_of_its_bounded_step_ends_too() {
    let mut fix = exec("fix", "true").then(Target::Step(0)).fails_to(Target::Step(2));
    fix.max_visits = Some(2);
    let pause = exec("pause", "true").then(Target::Step(0));
    let flow = workflow(vec![exec("test", "true").fails_to(Target::Step(1)), fix, pause]);
    let done = tried(flow, json!({"test": {"status": "failed"}}));
    assert_eq!(done.route.iter().filter(|passed| passed.step == "fix").count(), 4);
    assert!(failed(&done.end).contains("may be executed 2 times"), "{:?}", done.end);
}
