//! The modules that are shipped and the examples of the docs: all of them read, and have what they are known for.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use agents_definitions::Worker;
use agents_workflows::{Kind, Modules, Workflow, read, shipped};

/// What steps do, in the examples.
const KEYS: [&str; 12] = [
    "agent",
    "exec",
    "ai",
    "http",
    "module",
    "switch",
    "loop",
    "forEach",
    "delay",
    "approval",
    "assignment",
    "workflow",
];

fn modules() -> Modules {
    let mut modules = Modules::default();
    for (name, text) in shipped() {
        modules.read(text, &format!("{name}.yaml"), name).unwrap_or_else(|problems| panic!("{problems}"));
    }
    modules
}

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/workflows");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

fn example(path: &Path, modules: &Modules) -> Workflow {
    let id = path.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    read(&text, id, id, modules).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Inputs or outputs in a line: `plan object, note? string`; what may be left out has a `?`.
fn fields<'a>(fields: impl Iterator<Item = &'a agents_workflows::Field>) -> String {
    let told = |field: &agents_workflows::Field| {
        let mark = if field.is_required { "" } else { "?" };
        format!("{}{mark} {}", field.name, field.kind.as_str())
    };
    fields.map(told).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_shipped_module_reads_and_says_what_it_is_for() {
    let modules = modules();
    let names: Vec<String> = shipped().iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(modules.names(), sorted);
    for name in names {
        let module = modules.get(&name).unwrap();
        assert!(module.description.is_some() && !module.actions.is_empty(), "{name}");
        for action in &module.actions {
            assert!(action.description.is_some(), "{name}/{}", action.name);
            assert!(
                action.worker == Worker::Agent || action.worker == Worker::Exec,
                "{name}/{}: what is shipped needs no server",
                action.name
            );
            // An agent without a type would work in a folder that nobody has made ready.
            assert_eq!(action.job_type.is_some(), action.worker == Worker::Agent, "{name}/{}", action.name);
        }
    }
}

#[test]
fn the_actions_that_others_build_on_take_and_put_out_what_they_always_have() {
    let modules = modules();
    let told = |module: &str, action: &str| {
        let action = modules.get(module).unwrap().action(action).unwrap();
        let outputs = fields(action.outputs.iter().map(|output| &output.field));
        format!("{action}: {} -> {outputs}", fields(action.inputs.iter()), action = action.name)
    };
    assert_eq!(
        [
            told("analysis", "analyze-requirements"),
            told("planning", "create-implementation-plan"),
            told("implementation", "implement-feature"),
            told("implementation", "rollback-changes"),
            told("testing", "run-tests"),
            told("testing", "fix-failing-tests"),
            told("documentation", "update-docs"),
            told("review", "create-pr"),
            told("system", "handle-error"),
            told("system", "notify-completion"),
        ],
        [
            "analyze-requirements: feature string -> complexity string, estimatedTime number",
            "create-implementation-plan: feature string, complexity? string -> plan object",
            "implement-feature: plan object -> codeChanges array",
            "rollback-changes: changes? array -> kept? string",
            "run-tests: changes? array, command? string -> testResults object",
            "fix-failing-tests: testResults object -> fixed boolean",
            "update-docs: feature string, changes? array -> documents? array",
            "create-pr: feature string, changes? array, base? string, remote? string, draft? boolean -> url? string",
            "handle-error: error? any -> ",
            "notify-completion: status string, message? string -> ",
        ]
    );
    let results = &modules.get("testing").unwrap().action("run-tests").unwrap().outputs[0].field.kind;
    let Kind::Object(properties) = results else { panic!("{results:?}") };
    assert_eq!((&properties["passed"], &properties["coverage"]), (&Kind::Boolean, &Kind::Number));
    let failing: Vec<&str> = modules
        .all()
        .flat_map(|module| &module.actions)
        .filter(|action| action.fails_run)
        .map(|action| action.name.as_str())
        .collect();
    assert_eq!(failing, ["handle-error"]);
}

#[test]
fn the_examples_of_the_docs_read_and_show_every_kind_of_step() {
    let modules = modules();
    let (mut shown, mut ids) = (BTreeSet::new(), Vec::new());
    for path in examples() {
        let workflow = example(&path, &modules);
        let text = fs::read_to_string(&path).unwrap();
        let begins = |key: &str| text.lines().any(|line| line.trim_start().starts_with(&format!("{key}:")));
        shown.extend(KEYS.into_iter().filter(|key| begins(key)));
        ids.push(workflow.id);
    }
    assert_eq!(
        ids,
        [
            "deploy",
            "implement-feature",
            "lint-files",
            "nightly-update",
            "release",
            "review-until-clean",
            "triage"
        ]
    );
    assert_eq!(shown, BTreeSet::from(KEYS));
}
