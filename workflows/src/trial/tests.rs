//! Trials of whole files: the workflow of the docs' first example goes each of its ways.

use agents_domain::workflow::Ends;
use serde_json::{Value, json};

use crate::module::Modules;
use crate::read::read;
use crate::trial::sketch::{lines, object};
use crate::trial::{Trial, Tried, read_stubs};

fn modules() -> Modules {
    let mut modules = Modules::default();
    for (name, text) in [
        ("analysis", include_str!("../../tests/modules/analysis.yaml")),
        ("documentation", include_str!("../../tests/modules/documentation.yaml")),
        ("implementation", include_str!("../../tests/modules/implementation.yaml")),
        ("planning", include_str!("../../tests/modules/planning.yaml")),
        ("review", include_str!("../../tests/modules/review.yaml")),
        ("system", include_str!("../../tests/modules/system.yaml")),
        ("testing", include_str!("../../tests/modules/testing.yaml")),
    ] {
        modules.read(text, name, name).unwrap_or_else(|problems| panic!("{problems}"));
    }
    modules
}

fn tried(stubs: Value) -> Tried {
    let text = include_str!("../../tests/good/implement-feature.yaml");
    let workflow = read(text, "implement-feature.yaml", "implement-feature", &modules());
    let workflow = workflow.unwrap_or_else(|problems| panic!("{problems}"));
    let stubs = read_stubs(&object(stubs), &workflow).unwrap_or_else(|problems| panic!("{problems:?}"));
    let params = object(json!({"feature": "log in"}));
    Trial { stubs, params, ..Trial::new(workflow) }.run()
}

fn ways(tried: &Tried) -> String {
    let steps: Vec<&str> = tried.route.iter().map(|passed| passed.step.as_str()).collect();
    steps.join(" ")
}

fn results(passed: bool) -> Value {
    json!({"outputs": {"testResults": {"passed": passed, "coverage": 81.5}}})
}

#[test]
fn the_tests_pass() {
    let done = tried(json!({"test": results(true)}));
    assert_eq!(ways(&done), "analyze plan implement test document review complete");
    assert_eq!(lines(&done)[3], "test completed -> onSuccess case 1: document");
    assert!(matches!(done.end, Ends::Complete { .. }), "{:?}", done.end);
    assert_eq!(done.steps.last().unwrap().inputs, r#"{"status":"completed"}"#);
}

#[test]
fn the_tests_fail_and_are_fixed_on_the_second_try() {
    let done = tried(json!({"test": [results(false), results(false), results(true)]}));
    assert_eq!(
        ways(&done),
        "analyze plan implement test fix-tests test fix-tests test document review complete"
    );
    assert!(matches!(done.end, Ends::Complete { .. }), "{:?}", done.end);
}

#[test]
fn the_tests_fail_three_times() {
    let done = tried(json!({"test": results(false)}));
    assert_eq!(
        ways(&done),
        "analyze plan implement test fix-tests test fix-tests test fix-tests test fix-tests error-handler complete"
    );
    let last = lines(&done);
    assert_eq!(last[10], "fix-tests loop_bound -> onFailure: error-handler");
    assert!(matches!(&done.end, Ends::Failed { reason } if reason.contains("loop_bound")), "{:?}", done.end);
    assert_eq!(done.steps.last().unwrap().inputs, r#"{"status":"failed"}"#);
}

#[test]
fn what_could_not_be_implemented_is_rolled_back() {
    let done = tried(json!({"implement": {"class": "crashed", "text": "bang"}}));
    assert_eq!(ways(&done), "analyze plan implement rollback error-handler complete");
    assert_eq!(done.steps[3].inputs, r#"{"changes":null}"#);
    let given: Value = serde_json::from_str(&done.steps[4].inputs).unwrap();
    assert_eq!((&given["error"]["step"], &given["error"]["class"]), (&json!("implement"), &json!("crashed")));
    assert_eq!(done.end, Ends::Failed { reason: "step `implement` has failed (crashed): bang".to_owned() });
}

#[test]
fn an_error_goes_to_its_handler_and_a_handler_that_fails_ends_the_run_all_the_same() {
    let done = tried(json!({"analyze": {"class": "auth"}}));
    assert_eq!(ways(&done), "analyze error-handler complete");
    let done = tried(json!({"analyze": {"class": "auth"}, "error-handler": {"status": "failed"}}));
    assert_eq!(ways(&done), "analyze error-handler complete");
    assert!(matches!(done.end, Ends::Failed { .. }), "{:?}", done.end);
    let bad = json!({"status": "failed"});
    let done = tried(json!({"analyze": bad, "error-handler": bad, "complete": bad}));
    assert_eq!(ways(&done), "analyze error-handler complete");
    assert!(matches!(done.end, Ends::Failed { .. }), "{:?}", done.end);
}

#[test]
fn every_kind_of_step_is_passed() {
    let text = include_str!("../../tests/good/every-step.yaml");
    let workflow = read(text, "every-step.yaml", "every-step", &modules());
    let workflow = workflow.unwrap_or_else(|problems| panic!("{problems}"));
    let stubs = json!({"ping": {"outputs": {"code": 200}}, "judge": {"outputs": {"score": 9}},
        "other": {"outputs": {"anything": {"at": {"all": "x"}}}}});
    let stubs = read_stubs(&object(stubs), &workflow).unwrap();
    let params = object(json!({"environment": "test", "count": 3, "strict": true}));
    let done = Trial { stubs, params, ..Trial::new(workflow) }.run();
    assert!(matches!(done.end, Ends::Complete { .. }), "{:?} {:#?}", done.end, lines(&done));
}

#[test]
fn stubs_that_make_no_sense_are_refused() {
    let text = include_str!("../../tests/good/implement-feature.yaml");
    let workflow = read(text, "implement-feature.yaml", "implement-feature", &modules()).unwrap();
    let check = |stubs: Value, why: &str| {
        assert_eq!(read_stubs(&object(stubs), &workflow), Err(vec![why.to_owned()]));
    };
    check(json!({"tset": {}}), "there is no step `tset`: did you mean `test`?");
    check(
        json!({"test": {"stats": "failed"}}),
        "step `test`: there is no key `stats`: did you mean `status`?",
    );
    check(
        json!({"test": {"class": "boom"}}),
        "step `test`: `boom` is no class of outcome; docs/harnesses.md lists them",
    );
    check(json!({"test": 5}), "step `test`: a stub is a map: {status: failed}, or {outputs: {…}}");
}
