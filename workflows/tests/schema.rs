//! The JSON Schemas: what can be read fits them, and a key that nobody knows does not.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::fs;
use std::path::Path;

use agents_definitions::node;
use agents_workflows::{module_schema, schema, shipped};
use serde_json::{Value, json};

fn json_of(text: &str) -> Value {
    node::parse(text).unwrap().json()
}

/// The YAML files of a folder of the repository, as JSON.
fn files(folder: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.iter().map(|path| json_of(&fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_example_fits_the_schema_of_workflows() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let all = [files("../docs/examples/workflows"), files("tests/good")].concat();
    assert!(all.len() >= 8, "{}", all.len());
    for workflow in all {
        let wrong: Vec<String> = schema.iter_errors(&workflow).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{}", workflow["name"]);
    }
}

#[test]
fn every_shipped_module_fits_the_schema_of_modules() {
    let schema = jsonschema::validator_for(&module_schema()).unwrap();
    for (name, text) in shipped() {
        let module = json_of(text);
        let wrong: Vec<String> = schema.iter_errors(&module).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_nobody_knows_does_not_fit() {
    let workflows = jsonschema::validator_for(&schema()).unwrap();
    let good = json!({"steps": [{"id": "a", "exec": {"argv": ["true"]}, "onSuccess": "end"}]});
    assert!(workflows.is_valid(&good));
    for (pointer, key) in [("", "stepz"), ("/steps/0", "onSucces"), ("/steps/0/exec", "comand")] {
        let mut bad = good.clone();
        bad.pointer_mut(pointer).unwrap()[key] = json!("x");
        assert!(!workflows.is_valid(&bad), "{bad}");
    }
    let modules = jsonschema::validator_for(&module_schema()).unwrap();
    assert!(!modules.is_valid(&json!({"module": "m", "actions": [{"name": "a", "exek": {}}]})));
}
