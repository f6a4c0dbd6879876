//! Tests of the crate as a whole: what is read, what is refused, and where data goes.

mod placing;
mod reading;
mod refusing;

use serde_json::{Map, Value, json};

use crate::{Definition, Given, Resolved, accept, read, resolve};

fn definition(yaml: &str) -> Definition {
    read(yaml, "job.yaml", "job").unwrap_or_else(|problems| panic!("{problems}"))
}

fn given(definition: &Definition, params: &Value, input: Option<Value>) -> Given {
    let params: Map<String, Value> = params.as_object().cloned().unwrap_or_default();
    Given {
        params: accept(&definition.params, &params).unwrap_or_else(|problems| panic!("{problems:?}")),
        input,
        today: "2026-11-21".to_owned(),
        now: "2026-11-21T21:30:00+01:00".to_owned(),
    }
}

fn resolved(yaml: &str, params: Value, input: Option<Value>) -> Result<Resolved, Vec<String>> {
    let definition = definition(yaml);
    resolve(&definition, &given(&definition, &params, input))
}

/// The spec that the worker gets.
fn spec(yaml: &str, params: Value) -> Value {
    let resolved =
        resolved(yaml, params, Some(json!({"a": {"b": [1, 2]}}))).unwrap_or_else(|why| panic!("{why:?}"));
    serde_json::from_str(&resolved.context).unwrap_or(Value::String(resolved.context))
}
