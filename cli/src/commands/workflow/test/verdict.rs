//! What is otherwise than a case expects.

use agents_domain::workflow::StepRun;
use agents_workflows::trial::{Passed, Tried};
use serde_json::{Map, Value, json};

use super::case::Expect;
use crate::output::workflow::trial::{end_status, end_text, end_words};

/// One thing that is otherwise.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    pub what: String,
    pub expected: String,
    pub got: String,
}

fn differs(what: impl Into<String>, expected: impl ToString, got: impl ToString) -> Difference {
    Difference { what: what.into(), expected: expected.to_string(), got: got.to_string() }
}

/// All that is otherwise.
pub fn differences(expect: &Expect, tried: &Tried) -> Vec<Difference> {
    let mut found = Vec::new();
    if let Some(status) = &expect.status
        && status != end_status(&tried.end)
    {
        found.push(differs("status", status, end_words(&tried.end)));
    }
    if let Some(route) = &expect.route
        && !is_route(route, &tried.route)
    {
        let got: Vec<&str> = tried.route.iter().map(|passed| passed.path.as_str()).collect();
        found.push(differs("route", route.join(" → "), got.join(" → ")));
    }
    if let Some(reason) = &expect.reason
        && !end_text(&tried.end).contains(reason.as_str())
    {
        found.push(differs("reason", reason, end_words(&tried.end)));
    }
    if let Some(outputs) = &expect.outputs {
        let got = serde_json::from_str(end_text(&tried.end)).unwrap_or(Value::Null);
        compare(&mut found, "outputs", (outputs, &got));
    }
    for (id, expected) in &expect.steps {
        of_step(&mut found, (id, expected), tried.steps.iter().rev().find(|step| step.step == *id));
    }
    found
}

/// Each is a step's id or its path.
fn is_route(expected: &[String], passed: &[Passed]) -> bool {
    expected.len() == passed.len()
        && expected.iter().zip(passed).all(|(name, passed)| *name == passed.step || *name == passed.path)
}

fn of_step(found: &mut Vec<Difference>, (id, expected): (&str, &Value), got: Option<&StepRun>) {
    let Some(step) = got else {
        found.push(differs(format!("step {id}"), expected, "it was not executed"));
        return;
    };
    let text = |key: &str| expected.get(key).and_then(Value::as_str);
    let parsed = |text: &Option<String>| {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
    };
    if let Some(status) = text("status").filter(|status| *status != step.status.as_str()) {
        found.push(differs(format!("status of {id}"), status, step.status.as_str()));
    }
    if let Some(class) = text("class") {
        let error = parsed(&step.error);
        let got = error.get("class").and_then(Value::as_str).unwrap_or("no error");
        if got != class {
            found.push(differs(format!("class of {id}"), class, got));
        }
    }
    if let Some(outputs) = expected.get("outputs").and_then(Value::as_object) {
        compare(found, &format!("outputs of {id}"), (outputs, &parsed(&step.outputs)));
    }
}

/// Those that are named.
fn compare(found: &mut Vec<Difference>, what: &str, (expected, got): (&Map<String, Value>, &Value)) {
    for (name, expected) in expected {
        let got = got.get(name).cloned().unwrap_or(json!(null));
        if got != *expected {
            found.push(differs(format!("{what}: {name}"), expected, got));
        }
    }
}
