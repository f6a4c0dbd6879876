//! What expressions can name, and the steps' results, which are looked up when they are named.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agents_definitions::value_of;
use agents_domain::workflow::StepRun;
use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use serde_json::Value as Json;

/// Names and their values, with the results of steps.
#[derive(Clone)]
pub(crate) struct Scope {
    names: BTreeMap<String, Value>,
    rows: Rows,
}

impl Scope {
    /// With the results of steps, under `steps`.
    pub(crate) fn new(rows: Rows) -> Self {
        let mut names = BTreeMap::new();
        names.insert("steps".to_owned(), Value::from_object(Steps(rows.clone())));
        Self { names, rows }
    }

    /// One more name.
    pub(crate) fn set(&mut self, name: &str, value: &Json) {
        self.names.insert(name.to_owned(), value_of(value));
    }

    /// All of them, for a template.
    pub(crate) fn names(&self) -> Value {
        Value::from(self.names.clone())
    }

    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.names.keys().map(|name| format!("`{name}`")).collect()
    }
}

#[derive(Default)]
struct Held {
    /// The latest executions. `None`: it was not executed.
    latest: HashMap<String, Option<Arc<StepRun>>>,
    /// Asked for, and not known.
    wanted: BTreeSet<String>,
}

/// The latest executions of steps, and what was asked for besides.
#[derive(Clone)]
pub(crate) struct Rows {
    ids: Arc<HashMap<String, usize>>,
    held: Arc<Mutex<Held>>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows")
    }
}

impl Rows {
    /// Nothing is known yet of the steps with these ids.
    pub(crate) fn new(ids: Arc<HashMap<String, usize>>) -> Self {
        Self { ids, held: Arc::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_step(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// The latest execution of that step is this.
    pub(crate) fn put(&self, step: &str, row: Option<StepRun>) {
        self.held().latest.insert(step.to_owned(), row.map(Arc::new));
    }

    /// The latest execution of that step. Outer `None`: it isn't known, and is asked for.
    pub(crate) fn get(&self, step: &str) -> Option<Option<Arc<StepRun>>> {
        let mut held = self.held();
        let found = held.latest.get(step).cloned();
        if found.is_none() {
            held.wanted.insert(step.to_owned());
        }
        found
    }

    /// What was asked for and isn't known.
    pub(crate) fn wanted(&self) -> BTreeSet<String> {
        self.held().wanted.clone()
    }
}

#[derive(Debug)]
struct Steps(Rows);

impl Object for Steps {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let id = key.as_str()?;
        if !self.0.is_step(id) {
            return None;
        }
        // What isn't known is asked for, and then evaluated once more.
        let row = self.0.get(id).flatten();
        Some(told(row.as_deref()))
    }

    /// Steps are named, not counted.
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

fn told(row: Option<&StepRun>) -> Value {
    let read = |text: Option<&String>| text.and_then(|text| serde_json::from_str::<Json>(text).ok());
    let outputs = row.and_then(|row| read(row.outputs.as_ref()));
    let error = row.and_then(|row| read(row.error.as_ref()));
    let names: BTreeMap<&'static str, Value> = BTreeMap::from([
        (
            "outputs",
            outputs.map_or_else(
                || value_of(&Json::Object(serde_json::Map::new())),
                |outputs| value_of(&outputs),
            ),
        ),
        ("status", Value::from(row.map_or("pending", |row| row.status.as_str()))),
        ("error", value_of(&error.unwrap_or(Json::Null))),
    ]);
    Value::from(names)
}
