//! Definitions that must read, and definitions that must be refused with exactly the text beside them.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use agents_workflows::{
    Case, Does, LoopKind, Modules, Route, SnapshotSkill, Target, Workflow, read, read_module,
    read_snapshot_parts, snapshot,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

fn modules() -> Modules {
    let mut modules = Modules::default();
    for path in files("modules") {
        let text = fs::read_to_string(&path).unwrap();
        modules.read(&text, stem(&path), stem(&path)).unwrap_or_else(|problems| panic!("{problems}"));
    }
    modules
}

fn good(name: &str) -> Workflow {
    let text = fs::read_to_string(folder("good").join(format!("{name}.yaml"))).unwrap();
    read(&text, name, name, &modules()).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_good_examples_read() {
    for path in files("good") {
        good(stem(&path));
    }
}

#[test]
fn the_example_is_the_graph_that_it_draws() {
    let workflow = good("implement-feature");
    let step = |id: &str| workflow.steps.iter().find(|step| step.id == id).unwrap();
    let index = |id: &str| workflow.steps.iter().position(|step| step.id == id).unwrap();
    let to = |id: &str| Route::To(Target::Step(index(id)));
    assert_eq!(workflow.title, "Implement New Feature");
    let params: Vec<&str> = workflow.params.iter().map(|param| param.name.as_str()).collect();
    assert_eq!(params, ["feature"]);
    assert_eq!(step("analyze").on_success, to("plan"));
    assert_eq!(step("implement").on_failure, Some(to("rollback")));
    let passed = Some("{{ steps.test.outputs.testResults.passed }}".to_owned());
    assert_eq!(
        step("test").on_success,
        Route::Cases(vec![
            Case { when: passed, to: Target::Step(index("document")) },
            Case { when: None, to: Target::Step(index("fix-tests")) },
        ])
    );
    assert_eq!((step("fix-tests").retry.max, step("fix-tests").max_visits), (3, Some(3)));
    assert_eq!((step("test").retry.max, step("test").max_visits), (0, None));
    assert_eq!(step("test").timeout_ms, Some(1_800_000), "as its action says");
    assert!(step("error-handler").fails_run && !step("complete").fails_run);
    assert_eq!(step("complete").on_success, Route::To(Target::End));
    assert_eq!(step("plan").needs, ["analyze"]);
    assert_eq!(step("test").needs, ["implement"], "what fix-tests and document name, and not itself");
    assert_eq!(step("fix-tests").needs, ["implement", "test"]);
}

#[test]
fn ids_with_hyphens_are_written_as_the_language_wants_them() {
    let workflow = good("every-step");
    assert_eq!(
        workflow.outputs,
        BTreeMap::from([
            ("files".to_owned(), "{{ steps[\"look-around\"].outputs.files }}".into()),
            ("verdict".to_owned(), "{{ steps.judge.outputs.verdict }} of {{ run.id }}".into()),
        ])
    );
    let looped = workflow.steps.iter().find(|step| step.id == "each-file").unwrap();
    let Does::Loop(looped) = &looped.does else { panic!("{looped:?}") };
    assert_eq!(
        looped.kind,
        LoopKind::ForEach {
            items: "{{ steps[\"look-around\"].outputs.files }}".to_owned(),
            name: "file".to_owned()
        }
    );
}

#[test]
fn a_snapshot_has_the_modules_that_are_used_and_reads_as_the_same_workflow() {
    let text = fs::read_to_string(folder("good").join("every-step.yaml")).unwrap();
    let workflow = good("every-step");
    let skill = SnapshotSkill { harness: "claude".to_owned(), file: "# Mending".to_owned() };
    let skills = BTreeMap::from([("mending".to_owned(), skill)]);
    let snapshot = snapshot(&workflow, &text, &modules(), &skills);
    let json: serde_json::Value = serde_json::from_str(&snapshot).unwrap();
    let modules: Vec<&String> = json["modules"].as_object().unwrap().keys().collect();
    assert_eq!(modules, ["testing"]);
    assert_eq!(read_snapshot_parts(&snapshot), Ok((workflow, skills)));
    let broken = read_snapshot_parts("{}").unwrap_err();
    assert_eq!(broken, "the snapshot can't be read: missing field `workflow` at line 1 column 2");
}

/// What is said of a definition that must be refused.
fn said(path: &Path, modules: &Modules) -> String {
    let name = stem(path);
    let text = fs::read_to_string(path).unwrap();
    let source = format!("{name}.yaml");
    let problems = match name.starts_with("module-") {
        true => read_module(&text, &source, name).err(),
        false => read(&text, &source, name, modules).err(),
    };
    problems.map_or_else(|| "it reads\n".to_owned(), |problems| format!("{problems}\n"))
}

#[test]
fn each_broken_definition_is_refused_with_the_text_beside_it() {
    let modules = modules();
    let files = files("broken");
    assert!(files.len() >= 100, "{}", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let said = said(&path, &modules);
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap();
        if said != expected {
            wrong.push(format!("--- {} is expected to say:\n{expected}--- and says:\n{said}", stem(&path)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
