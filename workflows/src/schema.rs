//! The JSON Schema of workflows and modules, for editors. It knows the keys; whether names, routes and expressions are right
//! is what `agents workflow check` says.

use agents_definitions::Worker;
use agents_definitions::parts;
use serde_json::{Map, Value, json};

use crate::module;
use crate::read::{self, collect, field, looping, step};

/// Which dialect it is.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// That of a workflow.
pub fn schema() -> Value {
    let mut properties = keyed(read::KEYS);
    for (key, value) in [
        ("name", text("What it is called; it is run by the name of its file")),
        ("version", json!({ "type": ["string", "number"] })),
        ("description", text("What it is for")),
        ("params", params()),
        ("triggers", json!({ "type": "array", "items": trigger() })),
        ("workspace", choice(&["auto", "worktree", "shared"])),
        ("priority", choice(&["immediate", "scheduled", "deferred"])),
        ("timeout", span("How long a run may take")),
        ("defaults", object("What holds for steps that don't say it", keyed(read::DEFAULT_KEYS))),
        ("outputs", json!({ "type": "object" })),
        ("steps", steps("The first one is where it begins")),
    ] {
        properties.insert(key.to_owned(), value);
    }
    json!({
        "$schema": DIALECT,
        "title": "A workflow of agents",
        "type": "object",
        "required": ["steps"],
        "additionalProperties": false,
        "properties": properties,
        "$defs": { "step": a_step(), "route": route(), "target": target() },
    })
}

/// That of a module.
pub fn module_schema() -> Value {
    let mut action = keyed(module::ACTION_KEYS);
    for worker in Worker::ALL {
        if action.contains_key(worker.as_str()) {
            action.insert(worker.as_str().to_owned(), told(worker));
        }
    }
    for (key, value) in [
        ("name", text("What steps name it by")),
        ("description", text("What it does")),
        ("inputs", fields(&field::FIELD_KEYS)),
        ("outputs", fields(&field::OUTPUT_KEYS)),
        ("timeout", span("How long it may take")),
        ("failsRun", json!({ "type": "boolean", "description": "A run that has been here ends as failed" })),
    ] {
        action.insert(key.to_owned(), value);
    }
    let mut properties = keyed(module::KEYS);
    properties.insert("module".to_owned(), text("Its name: that of its file"));
    properties.insert("version".to_owned(), json!({ "type": ["string", "number"] }));
    properties.insert("description".to_owned(), text("What it is for"));
    let mut one = object("An action that steps can name", action);
    one["required"] = json!(["name"]);
    properties.insert("actions".to_owned(), json!({ "type": "array", "items": one }));
    json!({
        "$schema": DIALECT,
        "title": "A module of workflows of agents",
        "type": "object",
        "required": ["actions"],
        "additionalProperties": false,
        "properties": properties,
    })
}

/// Each key with anything.
fn keyed<'a>(keys: impl IntoIterator<Item = &'a str>) -> Map<String, Value> {
    keys.into_iter().map(|key| (key.to_owned(), json!({}))).collect()
}

fn object(description: &str, properties: Map<String, Value>) -> Value {
    json!({
        "description": description, "type": "object", "additionalProperties": false, "properties": properties,
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn span(description: &str) -> Value {
    json!({ "type": ["string", "integer"], "description": format!("{description}: 90s, 30m, 2h, or milliseconds") })
}

fn choice(words: &[&str]) -> Value {
    json!({ "enum": words })
}

fn count(description: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": description })
}

fn params() -> Value {
    json!({ "type": ["object", "array"], "description": "What a run is given, with types and defaults" })
}

fn fields(keys: &[&str]) -> Value {
    let one = object("A named value", keyed(keys.iter().copied()));
    json!({ "anyOf": [{ "type": "array", "items": one }, { "type": "object" }] })
}

fn trigger() -> Value {
    json!({
        "type": "object",
        "required": ["type"],
        "properties": { "type": choice(&["cli", "schedule", "webhook", "event"]) },
    })
}

fn steps(description: &str) -> Value {
    json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/step" }, "description": description })
}

/// A step's id, or a reserved word.
fn target() -> Value {
    json!({ "type": "string", "description": "A step's id, or: end, fail, next, break, continue" })
}

/// A target, a choice, or a list of cases.
fn route() -> Value {
    let target = || json!({ "$ref": "#/$defs/target" });
    let mut case = keyed(["condition"]);
    case.insert("then".to_owned(), target());
    case.insert("else".to_owned(), target());
    let choice = object("A condition and where it leads", case);
    json!({ "anyOf": [target(), choice, { "type": "array", "items": choice }] })
}

/// What a worker is told.
fn told(worker: Worker) -> Value {
    let mut properties = keyed(parts::keys(worker).iter().map(String::as_str));
    if worker == Worker::Agent {
        properties.insert(
            "type".to_owned(),
            text("The type of its job: implement, plan, review, document, none, …"),
        );
    }
    object("What its worker is told; texts may have expressions", properties)
}

fn a_step() -> Value {
    let mut properties = keyed(step::KEYS.into_iter().chain(step::ACTION_KEYS).chain(step::LOOP_KEYS));
    properties.extend(keyed(collect::DOES));
    for worker in Worker::ALL {
        if properties.contains_key(worker.as_str()) {
            properties.insert(worker.as_str().to_owned(), told(worker));
        }
    }
    let route = || json!({ "$ref": "#/$defs/route" });
    let mut looped = keyed(looping::LOOP_KEYS);
    looped.insert("steps".to_owned(), steps("Its body"));
    let mut each = keyed(looping::EACH_KEYS);
    each.insert("steps".to_owned(), steps("Its body"));
    for (key, value) in [
        ("id", text("Its name, of its own in the whole file")),
        ("description", text("What it is for")),
        ("inputs", json!({ "type": "object" })),
        ("outputs", fields(&field::OUTPUT_KEYS)),
        ("onSuccess", route()),
        ("onFailure", route()),
        ("onTimeout", route()),
        ("onOutcome", json!({ "type": "object", "additionalProperties": route() })),
        ("maxRetries", count("How often it is tried again after a failure, and entered again by a circle")),
        ("maxVisits", count("How often it is entered at most")),
        ("timeout", span("How long it may take")),
        ("cooldown", span("Before it is tried again")),
        ("validators", json!({ "type": "array" })),
        ("failsRun", json!({ "type": "boolean" })),
        ("module", text("The module whose action it does")),
        ("action", text("The action of the module")),
        ("steps", steps("The body of its loop")),
        ("loop", object("Goes round its steps", looped)),
        ("forEach", json!({ "anyOf": [{ "type": ["string", "array"] }, object("Once for each", each)] })),
    ] {
        properties.insert(key.to_owned(), value);
    }
    let mut step = object("A step: it has exactly one key that says what it does", properties);
    step["required"] = json!(["id"]);
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_read_is_in_the_schema() {
        let keys =
            |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let sorted = |all: Vec<&str>| {
            let mut all: Vec<String> = all.into_iter().map(str::to_owned).collect();
            all.sort();
            all.dedup();
            all
        };
        assert_eq!(sorted(keys(&schema()).iter().map(String::as_str).collect()), sorted(read::KEYS.to_vec()));
        let of_step: Vec<&str> = step::KEYS
            .into_iter()
            .chain(step::ACTION_KEYS)
            .chain(step::LOOP_KEYS)
            .chain(collect::DOES)
            .collect();
        let step = schema()["$defs"]["step"].clone();
        assert_eq!(sorted(keys(&step).iter().map(String::as_str).collect()), sorted(of_step));
        let module = module_schema();
        assert_eq!(sorted(keys(&module).iter().map(String::as_str).collect()), sorted(module::KEYS.to_vec()));
        let action = &module["properties"]["actions"]["items"];
        assert_eq!(
            sorted(keys(action).iter().map(String::as_str).collect()),
            sorted(module::ACTION_KEYS.to_vec())
        );
    }
}
