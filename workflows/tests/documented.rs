//! What docs/workflows.md shows is right: its workflows, modules and cases, and the cases of the examples.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agents_definitions::node;
use agents_domain::workflow::Ends;
use agents_workflows::trial::{Trial, read_stubs};
use agents_workflows::{Modules, Workflow, read, read_module, shipped};
use serde_json::Value;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn page() -> String {
    std::fs::read_to_string(docs().join("workflows.md")).unwrap()
}

fn modules() -> Modules {
    let mut modules = Modules::default();
    for (name, text) in shipped() {
        modules.read(text, name, name).unwrap_or_else(|problems| panic!("{problems}"));
    }
    modules
}

/// The blocks of YAML in a page, each with the file that its first line names.
fn blocks(page: &str) -> Vec<(Option<String>, String)> {
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let named = |block: String| {
        let file = block.lines().next().and_then(|line| line.strip_prefix("# .agents/")).map(str::to_owned);
        (file, block)
    };
    blocks.map(named).collect()
}

fn stem(file: &str) -> &str {
    Path::new(file).file_stem().unwrap().to_str().unwrap()
}

fn workflow(text: &str, id: &str) -> Workflow {
    read(text, id, id, &modules()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Drives each case of a file, and holds its route, its end and the classes of its steps against what it expects.
fn hold(cases: &Value, workflow: &Workflow) -> usize {
    let cases = cases["cases"].as_array().unwrap();
    for case in cases {
        let mut trial = Trial::new(workflow.clone());
        trial.params = case["params"].as_object().unwrap().clone();
        let stubs = case["stubs"].as_object().cloned().unwrap_or_default();
        trial.stubs = read_stubs(&stubs, workflow).unwrap();
        let tried = trial.run();
        let (name, expect) = (case["name"].as_str().unwrap(), &case["expect"]);
        let route: Vec<&str> = tried.route.iter().map(|passed| passed.step.as_str()).collect();
        assert_eq!(serde_json::json!(route), expect["route"], "{name}");
        let end = match &tried.end {
            Ends::Complete { .. } => "completed",
            Ends::Failed { .. } => "failed",
            Ends::Cancelled { .. } => "cancelled",
        };
        assert_eq!(end, expect["status"], "{name}");
        for (step, wanted) in expect["steps"].as_object().into_iter().flatten() {
            let last = tried.route.iter().rfind(|passed| passed.step == *step).unwrap();
            assert_eq!(last.outcome, wanted["class"], "{name}: {step}");
        }
    }
    cases.len()
}

#[test]
fn the_page_shows_workflows_modules_and_cases_that_are_right() {
    let (mut workflows, mut modules, mut cases) = (BTreeMap::new(), 0, 0);
    for (file, block) in blocks(&page()) {
        let node = node::parse(&block).unwrap_or_else(|problems| panic!("{problems:?} in: {block}"));
        let Some(file) = file else { continue };
        if file.starts_with("modules/") {
            read_module(&block, &file, stem(&file)).unwrap_or_else(|problems| panic!("{problems}"));
            modules += 1;
        } else if file.contains("/tests/") {
            cases += hold(&node.json(), &workflows[stem(&file).strip_suffix(".test").unwrap()]);
        } else {
            workflows.insert(stem(&file).to_owned(), workflow(&block, stem(&file)));
        }
    }
    assert_eq!((workflows.len(), modules, cases), (1, 1, 1));
}

#[test]
fn the_cases_of_the_examples_hold() {
    let folder = docs().join("examples/workflows");
    let text = std::fs::read_to_string(folder.join("tests/implement-feature.test.yaml")).unwrap();
    let example = std::fs::read_to_string(folder.join("implement-feature.yaml")).unwrap();
    assert_eq!(hold(&node::parse(&text).unwrap().json(), &workflow(&example, "implement-feature")), 4);
}

#[test]
fn the_page_names_every_shipped_action_and_every_example() {
    let page = page();
    for module in modules().all() {
        let line = page.lines().find(|line| line.starts_with(&format!("| `{}` |", module.name))).unwrap();
        let named: Vec<&str> = line.split('`').skip(3).step_by(2).collect();
        let there: Vec<&str> = module.actions.iter().map(|action| action.name.as_str()).collect();
        assert_eq!(named, there, "{}", module.name);
    }
    for entry in std::fs::read_dir(docs().join("examples/workflows")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("(examples/workflows/{name})")) || name == "tests", "{name}");
    }
}
