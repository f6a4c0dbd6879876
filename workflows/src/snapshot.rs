//! What a run starts with, as one text: the workflow, the modules that it uses, and the skills.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::module::Modules;
use crate::read;
use crate::workflow::{Does, Workflow};

/// A skill as it was when a run was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSkill {
    /// Who uses it where the step doesn't say.
    pub harness: String,
    /// Its `SKILL.md`.
    pub file: String,
}

#[derive(Deserialize)]
struct Parts {
    workflow: Text,
    #[serde(default)]
    modules: BTreeMap<String, String>,
    #[serde(default)]
    skills: BTreeMap<String, SnapshotSkill>,
}

#[derive(Deserialize)]
struct Text {
    id: String,
    text: String,
}

/// The modules that the steps of a workflow use, by name.
pub fn used_modules(workflow: &Workflow) -> Vec<String> {
    let mut names: Vec<String> = workflow
        .steps
        .iter()
        .filter_map(|step| match &step.does {
            Does::Work(work) => work.action.as_ref().map(|(module, _)| module.clone()),
            Does::Condition { .. }
            | Does::Switch { .. }
            | Does::Loop(_)
            | Does::Delay { .. }
            | Does::Approval { .. }
            | Does::Assignment { .. }
            | Does::Workflow { .. } => None,
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The snapshot of a workflow that was read from `text`, with the modules that it uses. The same parts give the same text.
pub fn snapshot(
    workflow: &Workflow,
    text: &str,
    modules: &Modules,
    skills: &BTreeMap<String, SnapshotSkill>,
) -> String {
    let used: BTreeMap<String, &str> = used_modules(workflow)
        .into_iter()
        .filter_map(|name| modules.text(&name).map(|text| (name.clone(), text)))
        .collect();
    json!({
        "workflow": { "id": workflow.id, "text": text },
        "modules": used,
        "skills": skills,
    })
    .to_string()
}

/// The workflow of a snapshot, and its skills. The error is for a person.
pub fn read_snapshot_parts(snapshot: &str) -> Result<(Workflow, BTreeMap<String, SnapshotSkill>), String> {
    let parts: Parts =
        serde_json::from_str(snapshot).map_err(|error| format!("the snapshot can't be read: {error}"))?;
    let mut modules = Modules::default();
    for (name, text) in &parts.modules {
        modules.read(text, &format!("module {name}"), name).map_err(|problems| problems.to_string())?;
    }
    let source = format!("workflow {}", parts.workflow.id);
    let workflow = read::read(&parts.workflow.text, &source, &parts.workflow.id, &modules)
        .map_err(|problems| problems.to_string())?;
    Ok((workflow, parts.skills))
}
