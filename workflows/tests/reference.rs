//! `docs/workflows-reference.md` is made from the types: the keys of workflows and modules as their JSON Schemas have them.
//! With `AGENTS_WRITE_REFERENCE` set, the test writes the file anew.

#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]
#![allow(clippy::disallowed_methods, reason = "whoever changes the schema says so by a variable")]

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value};

const HEAD: &str = "# Workflows: the keys

Made from the types by a test (`workflows/tests/reference.rs`); what each means is in [workflows](workflows.md). A text is a template unless it names
something. `agents workflow schema` prints the same as a JSON Schema for editors.
";

#[test]
fn the_reference_is_what_the_types_say() {
    let mut text = HEAD.to_owned();
    part(&mut text, "A workflow", &agents_workflows::schema());
    part(&mut text, "A module", &agents_workflows::module_schema());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/workflows-reference.md");
    if std::env::var_os("AGENTS_WRITE_REFERENCE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == text,
        "docs/workflows-reference.md is not what the types say: \
         AGENTS_WRITE_REFERENCE=1 cargo test -p agents-workflows --test reference"
    );
}

/// A document, and every part of it that has a name.
fn part(text: &mut String, title: &str, schema: &Value) {
    writeln!(text, "\n## {title}").unwrap();
    table(text, schema);
    for (name, inner) in schema["$defs"].as_object().into_iter().flatten() {
        if name == "outcomes" {
            continue;
        }
        let forms = objects(inner);
        if forms.is_empty() {
            continue;
        }
        writeln!(text, "\n### {title}: `{name}`\n\n{}.", said(inner)).unwrap();
        for form in forms {
            table(text, form);
        }
    }
}

/// The forms of it that have keys.
fn objects(schema: &Value) -> Vec<&Value> {
    let own = schema.get("properties").map(|_| schema);
    let choices = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    let items = schema.get("items").into_iter();
    own.into_iter().chain(choices.chain(items).flat_map(objects)).collect()
}

fn table(text: &mut String, schema: &Value) {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    writeln!(text, "\n| key | holds | needed |\n| --- | --- | --- |").unwrap();
    for (key, value) in properties {
        let needed = if required.contains(&key.as_str()) { "yes" } else { "" };
        writeln!(text, "| `{key}` | {} | {needed} |", said(value).replace('|', "\\|")).unwrap();
    }
}

/// What a value may be, in words.
fn said(schema: &Value) -> String {
    let what = kind(schema);
    match schema["description"].as_str() {
        Some(about) => format!("{what}: {}", about.trim_end_matches('.')),
        None => what,
    }
}

fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return format!("`{}`", name.rsplit('/').next().unwrap());
    }
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .map(|word| format!("`{}`", word.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("`{word}`");
    }
    let choices = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema[key].as_array()).next();
    if let (Some(choices), None) = (choices, schema.get("properties")) {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("a list of {}", kind(&schema["items"])),
        Some("object") if schema.get("properties").is_some() => "a map of the keys below".to_owned(),
        Some("object") => match schema.get("additionalProperties") {
            Some(Value::Object(inner)) if !inner.is_empty() => {
                format!("a map of {}", kind(&Value::Object(inner.clone())))
            }
            _ => "a map".to_owned(),
        },
        Some("string") => "a text".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("integer") => "a whole number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some(_) | None => match schema["type"].as_array() {
            Some(kinds) if kinds.contains(&"array".into()) => "an expression or a list".to_owned(),
            Some(_) => "a text".to_owned(),
            None => "anything".to_owned(),
        },
    }
}
