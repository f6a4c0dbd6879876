//! What stands for a step's worker.

use std::collections::BTreeMap;

use agents_definitions::suggestion;
use agents_domain::outcome::OutcomeClass;
use serde_json::{Map, Value};

use crate::output::sample;
use crate::workflow::{From, Step, Workflow};

/// Stubs by the id of their step; of a guard's command by `step/guard`. Each execution takes the next one; the last one stays.
pub type Stubs = BTreeMap<String, Vec<Stub>>;

/// How an execution of a step ends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stub {
    pub fails: Option<Fails>,
    /// What it puts out; of the other declared outputs samples. Null: it doesn't.
    pub outputs: Map<String, Value>,
    /// What its worker says, instead of the outputs.
    pub text: Option<String>,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    Class(OutcomeClass),
    /// A person says no.
    Rejected,
}

/// Stubs as a file of cases has them: `{step: {status, class, outputs, text}}`, or a list of such for one step. Each
/// problem is one line.
pub fn read_stubs(told: &Map<String, Value>, workflow: &Workflow) -> Result<Stubs, Vec<String>> {
    let known: Vec<String> = workflow.steps.iter().map(|step| step.id.clone()).collect();
    let mut problems = Vec::new();
    let mut stubs = Stubs::new();
    for (id, told) in told {
        let step = id.split('/').next().unwrap_or_default();
        if !known.iter().any(|known| known == step) {
            problems.push(format!(
                "there is no step `{step}`: {}",
                suggestion::did_you_mean(step, &known, "its steps are")
            ));
            continue;
        }
        let each: Vec<&Value> = told.as_array().map_or_else(|| vec![told], |list| list.iter().collect());
        let mut read_all = Vec::with_capacity(each.len());
        for told in each {
            match read(told) {
                Ok(stub) => read_all.push(stub),
                Err(why) => problems.push(format!("step `{id}`: {why}")),
            }
        }
        stubs.insert(id.clone(), read_all);
    }
    if problems.is_empty() { Ok(stubs) } else { Err(problems) }
}

const KEYS: [&str; 4] = ["status", "class", "outputs", "text"];

fn read(told: &Value) -> Result<Stub, String> {
    let fields = told.as_object().ok_or("a stub is a map: {status: failed}, or {outputs: {…}}")?;
    if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let hint = suggestion::did_you_mean(key, &KEYS.map(str::to_owned), "it has");
        return Err(format!("there is no key `{key}`: {hint}"));
    }
    let word = |key: &str| match fields.get(key) {
        None => Ok(None),
        Some(Value::String(word)) => Ok(Some(word.as_str())),
        Some(other) => Err(format!("`{key}` is a text, and {other} is not")),
    };
    let outputs = match fields.get("outputs") {
        None => Map::new(),
        Some(Value::Object(outputs)) => outputs.clone(),
        Some(other) => return Err(format!("`outputs` is a map, and {other} is not")),
    };
    let by_status = match word("status")? {
        None | Some("completed" | "success" | "approved") => None,
        Some("failed" | "failure") => Some(Fails::Class(OutcomeClass::CommandFailed)),
        Some("rejected") => Some(Fails::Rejected),
        Some("timeout") => Some(Fails::Class(OutcomeClass::Timeout)),
        Some(other) => {
            return Err(format!("`{other}` is no status: use completed, failed, rejected or timeout"));
        }
    };
    let by_class = match word("class")? {
        None => by_status,
        Some("success") => None,
        Some("rejected") => Some(Fails::Rejected),
        Some(name) => Some(Fails::Class(
            OutcomeClass::from_name(name)
                .ok_or_else(|| format!("`{name}` is no class of outcome; docs/harnesses.md lists them"))?,
        )),
    };
    Ok(Stub { fails: by_class, outputs, text: word("text")?.map(str::to_owned) })
}

impl Stub {
    /// Its outputs, with samples of the others that the step declares.
    pub(super) fn outputs_of(&self, step: &Step) -> Map<String, Value> {
        let mut outputs = self.outputs.clone();
        let is_taken = |from: &From| match from {
            From::Answer | From::Regex(_) | From::Text => true,
            From::Expression(_) => false,
        };
        for output in step.outputs.iter().filter(|output| is_taken(&output.from)) {
            outputs.entry(output.field.name.clone()).or_insert_with(|| sample(&output.field.kind));
        }
        outputs.retain(|_, value| !value.is_null());
        outputs
    }

    /// What its worker says.
    pub(super) fn said(&self, step: &Step) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let outputs = self.outputs_of(step);
        // Whatever they are declared to be taken from; then as JSON, for expressions over `answer`.
        let mut text: String =
            outputs.iter().map(|(name, value)| format!("::set-output name={name}::{value}\n")).collect();
        text.push_str(&Value::Object(outputs).to_string());
        text
    }

    /// Why it has failed.
    pub(super) fn explained(&self) -> String {
        self.text.clone().unwrap_or_else(|| "the stub says so".to_owned())
    }
}
