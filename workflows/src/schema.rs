//! JSON Schemas of workflows and modules, for editors: what keys there are and what they hold. What a workflow means (names, types of
//! expressions, the graph) only [`crate::read`] can say.

use agents_definitions::Worker;
use agents_definitions::parts;
use agents_domain::outcome::OutcomeClass;
use serde_json::{Map, Value, json};

use crate::check::kind;
use crate::read::RESERVED;
use crate::workflow::OWN_CLASSES;

/// Names that expressions can name.
const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a workflow's file.
pub fn schema() -> Value {
    let mut definitions = shared();
    definitions.extend(routes());
    definitions.extend(doing());
    definitions.extend(params());
    definitions.insert("step".to_owned(), step());
    definitions.insert("steps".to_owned(), json!({ "type": "array", "minItems": 1, "items": to("step") }));
    definitions.insert("trigger".to_owned(), trigger());
    json!({
        "$schema": DRAFT,
        "title": "Workflow",
        "type": "object",
        "required": ["steps"],
        "additionalProperties": false,
        "properties": {
            "name": described("What it calls itself.", plain()),
            "version": described("The version of this text.", plain()),
            "description": plain(),
            "params": to("params"),
            "triggers": { "type": "array", "items": to("trigger") },
            "workspace": described(
                "Where its steps work. auto: in a worktree of its own if one of them may edit.",
                json!({ "enum": ["auto", "worktree", "shared"] }),
            ),
            "priority": { "enum": ["immediate", "scheduled", "deferred"] },
            "limits": to("limits"),
            "timeout": described("How long the whole run may take.", to("span")),
            "defaults": {
                "description": "What holds for steps that don't say it themselves.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "onSuccess": to("target"),
                    "onFailure": to("target"),
                    "timeout": to("span"),
                    "maxRetries": count(0),
                },
            },
            "outputs": described("What a run answers: expressions by name.", json!({ "type": "object" })),
            "steps": to("steps"),
        },
        "$defs": definitions,
    })
}

/// The schema of a module's file.
pub fn module_schema() -> Value {
    let mut action = Map::from_iter([
        ("name".to_owned(), plain()),
        ("description".to_owned(), plain()),
        ("inputs".to_owned(), to("fields")),
        ("outputs".to_owned(), to("outputs")),
        ("timeout".to_owned(), to("span")),
        ("failsRun".to_owned(), described("A run that has been here ends as failed.", flag())),
    ]);
    action.extend(Worker::ALL.map(|worker| (worker.as_str().to_owned(), told(worker))));
    json!({
        "$schema": DRAFT,
        "title": "Module",
        "type": "object",
        "required": ["module", "actions"],
        "additionalProperties": false,
        "properties": {
            "module": plain(),
            "version": plain(),
            "description": plain(),
            "actions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": false,
                    "properties": action,
                    "oneOf": Worker::ALL.map(|worker| json!({ "required": [worker.as_str()] })),
                },
            },
        },
        "$defs": shared(),
    })
}

fn to(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn described(text: &str, mut schema: Value) -> Value {
    if let Value::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), json!(text));
    }
    schema
}

/// A text; a number or a boolean is one as it is written.
fn plain() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn count(least: u32) -> Value {
    json!({ "type": "integer", "minimum": least })
}

/// A map with these keys and no others.
fn closed(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

/// Exactly one of these keys must be there.
fn one_of(schema: &mut Value, names: &[&str]) {
    if let Value::Object(fields) = schema {
        let each: Vec<Value> = names.iter().map(|name| json!({ "required": [name] })).collect();
        fields.insert("oneOf".to_owned(), Value::Array(each));
    }
}

/// What a worker is told.
fn told(worker: Worker) -> Value {
    let mut properties: Map<String, Value> =
        parts::keys(worker).into_iter().map(|key| (key, json!({}))).collect();
    if worker == Worker::Agent {
        let text = "What kind of job it is: implement, review, plan, document, none, or one of your own.";
        properties.insert("type".to_owned(), described(text, plain()));
    }
    let required = parts::needed_keys(worker);
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

/// What workflows and modules both have.
fn shared() -> Map<String, Value> {
    let field = json!({
        "name": { "type": "string", "pattern": NAME },
        "type": to("kind"),
        "description": plain(),
        "required": flag(),
        "default": {},
        "properties": to("kinds"),
        "items": to("kind"),
    });
    let mut output = field.clone();
    if let Value::Object(fields) = &mut output {
        let regex = "The first group of its first match in the text, else the whole match.";
        fields.insert("regex".to_owned(), described(regex, plain()));
        fields.insert("text".to_owned(), described("The whole text.", flag()));
        fields.insert("value".to_owned(), described("An expression over answer, steps, params.", json!({})));
    }
    let declared = |properties: Value| {
        let one = |required: &[&str]| {
            let mut one = closed(properties.clone(), required);
            if let Value::Object(fields) = &mut one {
                let two = [["regex", "text"], ["regex", "value"], ["text", "value"]];
                let two = two.map(|names| json!({ "required": names }));
                fields.insert("not".to_owned(), json!({ "anyOf": two }));
            }
            one
        };
        let short = json!({ "anyOf": [to("kindName"), one(&[]), { "type": "null" }] });
        json!({ "anyOf": [
            { "type": "array", "items": one(&["name"]) },
            { "type": "object", "propertyNames": { "pattern": NAME }, "additionalProperties": short },
        ] })
    };
    let more =
        json!({ "type": to("kind"), "description": plain(), "properties": to("kinds"), "items": to("kind") });
    let limits = closed(json!({ "cost": {}, "tokens": {}, "timeMs": {}, "toolCalls": {} }), &[]);
    Map::from_iter(
        [
            ("kindName", json!({ "enum": kind::NAMES })),
            ("kind", json!({ "anyOf": [to("kindName"), { "type": "object", "properties": more }] })),
            ("kinds", json!({ "type": "object", "additionalProperties": to("kind") })),
            ("fields", declared(field)),
            ("outputs", declared(output)),
            (
                "span",
                json!({
                    "description": "90s, 30m, 1h30m, 2d, or milliseconds.",
                    "type": ["string", "integer"],
                    "pattern": "^\\s*([0-9]+(ms|s|m|min|h|d))+\\s*$|^\\s*[0-9]+\\s*$",
                    "minimum": 1,
                }),
            ),
            ("limits", closed(json!({ "attempt": limits, "job": limits, "assignment": limits }), &[])),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    )
}

/// Where steps lead.
fn routes() -> Map<String, Value> {
    let fork = closed(
        json!({ "condition": to("condition"), "then": to("target"), "else": to("target") }),
        &["condition", "then", "else"],
    );
    let case =
        closed(json!({ "condition": to("condition"), "then": to("target"), "else": to("target") }), &[]);
    let classes = OutcomeClass::ALL.iter().skip(1).map(|class| class.as_str()).chain(OWN_CLASSES);
    let outcomes: Map<String, Value> = classes.map(|class| (class.to_owned(), to("route"))).collect();
    Map::from_iter(
        [
            ("target", described("The id of a step, or next, end, fail; in loops break, continue.", plain())),
            ("condition", described("An expression that comes to true or false.", plain())),
            (
                "route",
                json!({ "anyOf": [to("target"), fork, { "type": "array", "minItems": 1, "items": case }] }),
            ),
            ("outcomes", closed(Value::Object(outcomes), &[])),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    )
}

/// What steps do, besides workers.
fn doing() -> Map<String, Value> {
    let bounds = json!({
        "maxIterations": count(1),
        "timeout": to("span"),
        "maxCost": { "type": "number", "exclusiveMinimum": 0, "description": "In US dollars." },
        "delay": to("span"),
        "onBound": to("target"),
        "onBreak": to("target"),
        "steps": to("steps"),
    });
    let with = |more: Value| match (bounds.clone(), more) {
        (Value::Object(mut bounds), Value::Object(more)) => {
            bounds.extend(more);
            Value::Object(bounds)
        }
        (bounds, _) => bounds,
    };
    let looped = with(json!({ "while": to("condition"), "until": to("condition"), "times": count(1) }));
    let mut looped = closed(looped, &[]);
    one_of(&mut looped, &["while", "until", "times"]);
    let each = with(json!({ "items": { "type": ["string", "array"] }, "as": plain() }));
    let fork = json!({ "if": to("condition"), "then": to("target"), "else": to("target") });
    let case = closed(json!({ "value": {}, "then": to("target") }), &["value", "then"]);
    let cases = json!({ "anyOf": [
        { "type": "object", "additionalProperties": to("target") },
        { "type": "array", "minItems": 1, "items": case },
    ] });
    let switch = closed(json!({ "on": plain(), "cases": cases, "default": to("target") }), &["on", "cases"]);
    let text_or = |name: &str| {
        let map = closed(Value::Object(Map::from_iter([(name.to_owned(), plain())])), &[name]);
        json!({ "anyOf": [plain(), map] })
    };
    let mut either = closed(json!({ "for": plain(), "until": plain() }), &[]);
    one_of(&mut either, &["for", "until"]);
    let delay = json!({ "anyOf": [to("span"), plain(), either] });
    let workflow = closed(json!({ "name": plain(), "params": { "type": "object" } }), &["name"]);
    Map::from_iter(
        [
            ("loop", looped),
            ("forEach", json!({ "anyOf": [{ "type": ["string", "array"] }, closed(each, &["items"])] })),
            ("fork", closed(fork, &["if", "then", "else"])),
            ("switch", switch),
            ("approval", text_or("question")),
            ("assignment", text_or("northStar")),
            ("delay", delay),
            ("workflow", json!({ "anyOf": [plain(), workflow] })),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    )
}

fn step() -> Value {
    let validator = json!({
        "name": plain(),
        "condition": to("condition"),
        "exec": told(Worker::Exec),
        "maxRetries": count(0),
        "cooldown": to("span"),
        "message": plain(),
    });
    let retry = json!({
        "max": count(0),
        "backoff": to("span"),
        "factor": { "type": "number", "minimum": 1 },
        "maxBackoff": to("span"),
    });
    let reserved = RESERVED.map(|(word, _)| word);
    let mut properties = Map::from_iter(
        [
            ("id", json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$", "not": { "enum": reserved } })),
            ("description", plain()),
            ("inputs", described("What it is told; texts are templates.", json!({ "type": "object" }))),
            ("outputs", to("outputs")),
            ("onSuccess", to("route")),
            ("onFailure", to("route")),
            ("onTimeout", to("route")),
            ("onOutcome", to("outcomes")),
            ("maxRetries", described("Tries after the first; in a circle also how often it may come round.", count(0))),
            ("retry", closed(retry, &[])),
            ("cooldown", to("span")),
            ("maxVisits", count(1)),
            ("timeout", to("span")),
            ("validators", json!({ "type": "array", "items": closed(validator, &[]) })),
            ("limits", to("limits")),
            ("failsRun", described("A run that has been here ends as failed.", flag())),
            ("module", plain()),
            ("action", plain()),
            ("condition", to("fork")),
            ("switch", to("switch")),
            ("loop", to("loop")),
            ("forEach", to("forEach")),
            ("as", plain()),
            ("steps", to("steps")),
            ("maxIterations", count(1)),
            ("maxCost", json!({ "type": "number", "exclusiveMinimum": 0 })),
            ("onBound", to("target")),
            ("onBreak", to("target")),
            ("delay", to("delay")),
            ("approval", to("approval")),
            ("assignment", to("assignment")),
            ("workflow", to("workflow")),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    );
    properties.extend(Worker::ALL.map(|worker| (worker.as_str().to_owned(), told(worker))));
    let others =
        ["module", "condition", "switch", "loop", "forEach", "delay", "approval", "assignment", "workflow"];
    let does = Worker::ALL.map(Worker::as_str).into_iter().chain(others);
    let does: Vec<&str> = does.collect();
    let mut step = json!({
        "type": "object",
        "required": ["id"],
        "additionalProperties": false,
        "properties": properties,
        "dependentRequired": { "module": ["action"], "action": ["module"] },
    });
    one_of(&mut step, &does);
    step
}

/// What a workflow can be told when it is run.
fn params() -> Map<String, Value> {
    let types = ["string", "number", "integer", "boolean", "json"];
    let param = |types: &[&str]| {
        json!({
            "type": { "enum": types },
            "description": plain(),
            "default": {},
            "required": flag(),
            "choices": { "type": "array" },
        })
    };
    let by_name = closed(param(&types), &[]);
    let mut named = param(&[&types[..], &["object", "array", "any"]].concat());
    if let Value::Object(fields) = &mut named {
        fields.insert("name".to_owned(), plain());
    }
    let list = json!({ "type": "array", "items": closed(named, &["name"]) });
    let by_name = json!({ "anyOf": [by_name, { "type": "null" }] });
    let params = json!({ "anyOf": [list, { "type": "object", "additionalProperties": by_name }] });
    // Of a trigger: declared as a list, or given by name.
    let given = json!({ "anyOf": [list, { "type": "object" }] });
    Map::from_iter([("params".to_owned(), params), ("given".to_owned(), given)])
}

fn trigger() -> Value {
    let params = to("given");
    let one = |kind: &str, more: Value| {
        let mut properties = Map::from_iter([
            ("type".to_owned(), json!({ "const": kind })),
            ("params".to_owned(), params.clone()),
        ]);
        if let Value::Object(more) = more {
            properties.extend(more);
        }
        closed(Value::Object(properties), &["type"])
    };
    json!({ "oneOf": [
        one("cli", json!({ "command": plain() })),
        one("schedule", json!({ "cron": plain(), "every": plain(), "zone": plain() })),
        one("webhook", json!({ "path": plain() })),
        one("event", json!({ "event": plain(), "filter": plain() })),
    ] })
}
