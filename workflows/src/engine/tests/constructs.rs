//! Steps one after the other, conditions, switches, waits, people, and other runs.

use agents_domain::workflow::{Ends, StepStatus};
use serde_json::{Value, json};

use crate::trial::sketch::{exec, lines, object, step, to, tried, work, workflow};
use crate::workflow::{Case, Does, Kind, Route, Target};
use agents_definitions::Worker;

fn complete(result: &str) -> Ends {
    Ends::Complete { result: result.to_owned() }
}

fn of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn steps_follow_each_other_and_the_last_ones_outputs_are_the_answer() {
    let flow = workflow(vec![
        exec("first-one", "make").puts("count", Kind::Integer).then(Target::Step(1)),
        exec("second", "echo {{ steps[\"first-one\"].outputs.count }}").puts("name", Kind::String),
    ]);
    let done =
        tried(flow, json!({"first-one": {"outputs": {"count": 7}}, "second": {"outputs": {"name": "x"}}}));
    assert_eq!(
        lines(&done),
        ["first-one completed -> onSuccess: second", "second completed -> onSuccess: end"]
    );
    assert_eq!(done.end, complete(r#"{"name":"x"}"#));
    assert_eq!(done.steps[0].outputs.as_deref().map(of), Some(json!({"count": 7})));
    assert!(done.steps.iter().all(|row| row.status == StepStatus::Completed && row.ended_at.is_some()));
}

#[test]
fn the_run_answers_the_outputs_that_the_workflow_declares() {
    let mut flow = workflow(vec![exec("a", "make").puts("n", Kind::Number)]);
    flow.outputs = [("twice".to_owned(), json!("{{ steps.a.outputs.n * 2 }}"))].into();
    assert_eq!(tried(flow, json!({"a": {"outputs": {"n": 21}}})).end, complete(r#"{"twice":42}"#));
}

#[test]
fn a_condition_goes_to_one_of_two_steps_and_wants_true_or_false() {
    let flow = |when: &str| {
        workflow(vec![
            step("ask", Does::Condition { when: when.to_owned(), otherwise: Target::Step(2) })
                .then(Target::Step(1)),
            exec("yes", "true"),
            exec("no", "true"),
        ])
    };
    assert_eq!(
        lines(&tried(flow("{{ 1 < 2 }}"), json!({}))),
        ["ask completed -> onSuccess: yes", "yes completed -> onSuccess: end"]
    );
    assert_eq!(
        lines(&tried(flow("1 > 2"), json!({}))),
        ["ask completed -> else: no", "no completed -> onSuccess: end"]
    );
    let wrong = tried(flow("{{ 1 }}"), json!({}));
    assert_eq!(lines(&wrong), ["ask expression -> -"]);
    assert!(
        matches!(&wrong.end, Ends::Failed { reason } if reason.contains("the number 1: it must come to true or false")),
        "{:?}",
        wrong.end
    );
}

#[test]
fn a_switch_goes_to_the_first_equal_case() {
    let flow = |on: &str| {
        let cases = vec![(json!("a"), Target::Step(1)), (json!(2), Target::Step(2))];
        workflow(vec![
            step("switch", Does::Switch { on: on.to_owned(), cases, otherwise: Target::End }),
            exec("one", "true"),
            exec("two", "true"),
        ])
    };
    let route = |on: &str| tried(flow(on), json!({})).route[0].route.clone();
    assert_eq!(route("{{ 'a' }}").as_deref(), Some("case \"a\": one"));
    assert_eq!(route("{{ 1 + 1 }}").as_deref(), Some("case 2: two"));
    assert_eq!(route("{{ '2' }}").as_deref(), Some("case 2: two"));
    assert_eq!(route("{{ 'b' }}").as_deref(), Some("default: end"));
}

#[test]
fn a_route_with_cases_takes_the_first_that_holds() {
    let when = |when: &str, to| Case { when: Some(when.to_owned()), to: Target::Step(to) };
    let flow = |cases| {
        let mut first = exec("measure", "true").puts("n", Kind::Number);
        first.on_success = Route::Cases(cases);
        workflow(vec![first, exec("low", "true"), exec("high", "true")])
    };
    let cases =
        vec![when("{{ steps.measure.outputs.n < 10 }}", 1), when("{{ steps.measure.outputs.n >= 10 }}", 2)];
    let done = tried(flow(cases), json!({"measure": {"outputs": {"n": 12}}}));
    assert_eq!(lines(&done)[0], "measure completed -> onSuccess case 2: high");
    let none = tried(flow(vec![when("{{ false }}", 1)]), json!({}));
    assert_eq!(none.route[0].outcome, "expression");
}

#[test]
fn a_delay_waits_for_its_span_or_for_its_moment() {
    let flow = |span: Option<&str>, until: Option<&str>| {
        let does = Does::Delay { span: span.map(str::to_owned), until: until.map(str::to_owned) };
        workflow(vec![step("wait", does)])
    };
    assert_eq!(tried(flow(Some("10m"), None), json!({})).waited_ms, 600_000);
    assert_eq!(tried(flow(None, Some("2026-01-01T01:00:00Z")), json!({})).waited_ms, 3_600_000);
    assert_eq!(tried(flow(None, Some("2020-01-01T01:00:00Z")), json!({})).waited_ms, 0);
    assert_eq!(tried(flow(Some("soon"), None), json!({})).route[0].outcome, "expression");
}

#[test]
fn a_person_says_yes_or_no_or_nothing_in_time() {
    let flow = || {
        let mut ask = step("ask", Does::Approval { question: "Deploy?".to_owned() }).then(Target::Step(1));
        ask.timeout_ms = Some(60_000);
        ask.on_class = [("rejected".to_owned(), to(2))].into();
        ask.on_timeout = Some(to(3));
        workflow(vec![ask, exec("deploy", "true"), exec("drop", "true"), exec("remind", "true")])
    };
    let first = |stub: Value| lines(&tried(flow(), json!({"ask": stub})))[0].clone();
    assert_eq!(first(json!({})), "ask completed -> onSuccess: deploy");
    assert_eq!(first(json!({"status": "rejected", "text": "no"})), "ask rejected -> onOutcome: drop");
    assert_eq!(first(json!({"class": "timeout"})), "ask timeout -> onTimeout: remind");
}

#[test]
fn another_workflow_gives_its_outputs_and_its_failure() {
    let flow = || {
        let does = Does::Workflow { name: "other".to_owned(), params: object(json!({"x": "{{ 1 + 1 }}"})) };
        workflow(vec![
            step("call", does).puts("url", Kind::String).fails_to(Target::Step(1)),
            exec("mend", "true"),
        ])
    };
    let done = tried(flow(), json!({"call": {"outputs": {"url": "u"}}}));
    assert_eq!((done.steps.len(), done.end), (1, complete(r#"{"url":"u"}"#)));
    assert!(done.steps[0].child.is_some());
    let failed = tried(flow(), json!({"call": {"status": "failed"}}));
    assert_eq!(lines(&failed)[0], "call unclassified -> onFailure: mend");
}

#[test]
fn a_model_gets_a_schema_of_the_outputs_and_data_never_becomes_shell() {
    use crate::engine::tests::job_of;
    let ai = step("ask", work(Worker::Ai, json!({"provider": "mock", "prompt": "Count"})))
        .puts("n", Kind::Integer);
    let job = job_of(workflow(vec![ai]), json!({}));
    assert_eq!((job.harness.as_deref(), job.job_type.as_str()), (Some("ai:mock"), "run"));
    assert_eq!(of(&job.context)["schema"]["properties"], json!({"n": {"type": "integer"}}));
    let job = job_of(workflow(vec![exec("e", "echo {{ params.x }}")]), json!({"x": "; rm -rf /"}));
    assert_eq!(job.harness.as_deref(), Some("exec"));
    assert_eq!(of(&job.context)["command"], "echo \"${AGENTS_ARG_1}\"");
    assert_eq!(of(&job.context)["args"], json!({"AGENTS_ARG_1": "; rm -rf /"}));
}

#[test]
fn an_agent_is_told_the_json_that_it_must_end_with() {
    use crate::engine::tests::job_of;
    let mut agent =
        step("plan", work(Worker::Agent, json!({"prompt": "Plan {{ params.x }}.", "harness": "claude"})));
    agent.outputs = vec![crate::trial::sketch::output("steps", Kind::Array(Box::new(Kind::String)))];
    if let Does::Work(work) = &mut agent.does {
        work.job_type = Some("plan".to_owned());
    }
    let job = job_of(workflow(vec![agent]), json!({"x": "it"}));
    assert_eq!((job.harness.as_deref(), job.job_type.as_str()), (Some("claude"), "plan"));
    assert_eq!(
        job.context,
        "Plan it.\n\nYour last message must end with one line of JSON that has exactly this form, and nothing after \
         it:\n\n{\"steps\": [\"<text>\", …]}\n"
    );
}
