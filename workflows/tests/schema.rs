//! The JSON Schemas for editors take what the reader takes, and refuse what is wrong by its form alone.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use agents_definitions::node;
use agents_workflows::{module_schema, schema};
use serde_json::Value;

fn files(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

fn json(path: &Path) -> Option<Value> {
    node::parse(&fs::read_to_string(path).unwrap()).ok().map(|node| node.json())
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::draft202012::new(schema).unwrap()
}

#[test]
fn both_schemas_are_schemas() {
    for schema in [schema(), module_schema()] {
        assert_eq!(jsonschema::meta::validate(&schema).map_err(|error| error.to_string()), Ok(()));
    }
}

#[test]
fn the_good_examples_fit_their_schema() {
    for (folder, schema) in [("good", schema()), ("modules", module_schema())] {
        let validator = validator(&schema);
        for path in files(folder) {
            let errors: Vec<String> = validator
                .iter_errors(&json(&path).unwrap())
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
        }
    }
}

/// Broken by what they mean, which a schema can't say.
const BY_MEANING: [&str; 72] = [
    "answer-in-a-route",
    "bad-delay",
    "break-outside",
    "circle",
    "circle-of-failures",
    "circle-of-itself",
    "condition-is-a-number",
    "condition-is-a-text",
    "condition-is-an-object",
    "condition-with-on-success",
    "condition-with-outputs",
    "condition-with-text-around",
    "duplicate-id",
    "each-bad-name",
    "each-of-a-text",
    "each-taken-name",
    "input-number-for-text",
    "input-of-wrong-type",
    "input-text-around",
    "inputs-elsewhere",
    "inputs-of-a-delay",
    "into-a-loop",
    "item-outside",
    "job-type-of-a-pm",
    "loop-key-outside",
    "loop-without-steps",
    "missing-input",
    "module-names",
    "module-other-name",
    "module-secret",
    "never-executed-before",
    "on-another-branch",
    "out-of-a-loop",
    "output-against-the-action",
    "output-bad-regex",
    "output-of-none",
    "output-text-as-number",
    "output-twice",
    "output-value-of-wrong-type",
    "own-failure",
    "own-result-too-early",
    "own-timeout",
    "param-declared-differently",
    "param-without-prefix",
    "property-of-a-text",
    "route-case-too-late",
    "secret-as-input",
    "secret-in-command",
    "starts-itself",
    "switch-case-twice",
    "switch-missing-choice",
    "switch-without-default",
    "template-in-a-condition",
    "template-syntax",
    "too-many-retries",
    "unbounded-until",
    "unbounded-while",
    "unknown-action",
    "unknown-failure-target",
    "unknown-filter",
    "unknown-input",
    "unknown-module",
    "unknown-name",
    "unknown-output",
    "unknown-param",
    "unknown-property",
    "unknown-step-in-expression",
    "unknown-target",
    "unknown-trigger-param",
    "unreachable",
    "unreachable-island",
    "workflow-output-unknown",
];

#[test]
fn what_is_broken_by_its_form_does_not_fit() {
    let (workflow, module) = (validator(&schema()), validator(&module_schema()));
    let mut fitting: Vec<String> = files("broken")
        .into_iter()
        .filter(|path| {
            let is_module = path.file_stem().unwrap().to_str().unwrap().starts_with("module-");
            let validator = if is_module { &module } else { &workflow };
            json(path).is_some_and(|json| validator.is_valid(&json))
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    fitting.sort();
    assert_eq!(fitting, BY_MEANING);
}
