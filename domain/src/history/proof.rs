//! What a history says that an assignment must show, held against what is stored of it. Nothing but a transition changes either,
//! so where they differ something else has written to the store.

use std::collections::BTreeMap;

use super::{EventKind, HistoryEvent, cut};
use crate::assignment::Assignment;

/// Where what is stored differs from what the history says, in words. Of a history whose beginning is deleted nothing is said.
pub fn differences(history: &[HistoryEvent], assignment: &Assignment) -> Vec<String> {
    if history.first().is_none_or(|event| event.kind != EventKind::AssignmentCreated) {
        return Vec::new();
    }
    let told = Told::of(history);
    let mut found = Vec::new();
    for (name, check) in &told.checks {
        let stored = assignment.checks().iter().find(|stored| cut(stored.name.clone()) == *name);
        match stored.map(|stored| (cut(stored.command.clone()), stored.required.to_string())) {
            None => found.push(format!("the check `{name}` of the history is not there any more")),
            Some(stored) if stored != *check => {
                found.push(format!("the check `{name}` is another one by the history"))
            }
            Some(_) => {}
        }
    }
    for (number, text) in &told.criteria {
        let stored = assignment.criteria().iter().find(|stored| stored.number == *number);
        match stored {
            None => found.push(format!("criterion {number} of the history is not there any more")),
            Some(stored) if cut(stored.text.clone()) != *text => {
                found.push(format!("criterion {number} says something else by the history"));
            }
            Some(_) => {}
        }
    }
    found
}

#[derive(Default)]
struct Told {
    /// Command, and whether it is required, by name.
    checks: BTreeMap<String, (String, String)>,
    criteria: BTreeMap<u32, String>,
}

impl Told {
    fn of(history: &[HistoryEvent]) -> Self {
        let mut told = Self::default();
        for event in history.iter().filter(|event| event.kind == EventKind::ProofChanged) {
            let detail = |name: &str| event.detail(name).unwrap_or_default().to_owned();
            let is_dropped = event.detail("dropped").is_some();
            match event.detail("check") {
                Some(name) if is_dropped => _ = told.checks.remove(name),
                Some(name) => {
                    _ = told.checks.insert(name.to_owned(), (detail("command"), detail("required")))
                }
                None => {}
            }
            let Ok(number) = detail("criterion").parse::<u32>() else { continue };
            if is_dropped {
                told.criteria.remove(&number);
            } else {
                told.criteria.insert(number, detail("text"));
            }
        }
        told
    }
}
