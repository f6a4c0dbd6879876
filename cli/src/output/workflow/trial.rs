//! What came of a trial, for people and as JSON.

use agents_domain::workflow::Ends;
use agents_workflows::trial::Passed;
use serde_json::{Value, json};

use super::run::nested;
use crate::output::table::{Cell, Table};
use crate::output::text::{DIM, GREEN, RED};

/// A step that was passed.
pub fn passed_json(passed: &Passed) -> Value {
    json!({
        "step": passed.step, "path": passed.path, "attempt": passed.attempt, "outcome": passed.outcome,
        "route": passed.route,
    })
}

/// `completed`, `failed`, `cancelled`.
pub fn end_status(end: &Ends) -> &'static str {
    match end {
        Ends::Complete { .. } => "completed",
        Ends::Failed { .. } => "failed",
        Ends::Cancelled { .. } => "cancelled",
    }
}

/// What it has answered, or why it has ended.
pub fn end_text(end: &Ends) -> &str {
    match end {
        Ends::Complete { result } => result,
        Ends::Failed { reason } | Ends::Cancelled { reason } => reason,
    }
}

/// How it has ended.
pub fn end_json(end: &Ends) -> Value {
    let result = match end {
        Ends::Complete { result } => {
            serde_json::from_str(result).unwrap_or_else(|_| Value::String(result.clone()))
        }
        Ends::Failed { .. } | Ends::Cancelled { .. } => Value::Null,
    };
    let reason = match end {
        Ends::Complete { .. } => None,
        Ends::Failed { reason } | Ends::Cancelled { reason } => Some(reason),
    };
    json!({ "status": end_status(end), "result": result, "reason": reason })
}

/// The same in words.
pub fn end_words(end: &Ends) -> String {
    match end_text(end) {
        "" => end_status(end).to_owned(),
        text => format!("{}: {text}", end_status(end)),
    }
}

/// The route in a table.
pub fn passed_table(route: &[Passed]) -> Table {
    let mut table = Table::new(&["STEP", "ATTEMPT", "OUTCOME", "ROUTE"]);
    for passed in route {
        let color = if passed.outcome == "completed" { GREEN } else { RED };
        table.row(vec![
            nested(&passed.path).into(),
            passed.attempt.to_string().into(),
            Cell::colored(color, &passed.outcome),
            Cell::colored(DIM, passed.route.as_deref().unwrap_or("-")),
        ]);
    }
    table
}
