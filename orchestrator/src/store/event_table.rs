//! The append-only history.

use std::borrow::Cow;

use agents_domain::history::{EventKind, HistoryEvent};
use agents_domain::id::AssignmentId;
use agents_domain::store::StoreError;
use serde_json::{Map, Value as Json};

use super::columns::Columns;
use super::connection::Connection;
use super::statement::Statement;

const COLUMNS: [&str; 6] = ["at", "kind", "assignment_id", "job_id", "attempt_id", "details"];

/// Appends events, in order.
pub(super) async fn insert(on: &mut Connection, events: &[&HistoryEvent]) -> Result<(), StoreError> {
    let rows = events
        .iter()
        .map(|event| {
            vec![
                event.at.as_millis().into(),
                event.kind.as_str().into(),
                event.assignment.to_string().into(),
                event.job.map(|id| id.to_string()).into(),
                event.attempt.map(|id| id.to_string()).into(),
                details(event).into(),
            ]
        })
        .collect();
    Statement::new("INSERT INTO events (at, kind, assignment_id, job_id, attempt_id, details) ")
        .push_rows(rows)
        .execute(on, "writing the history")
        .await?;
    Ok(())
}

/// The history of an assignment, oldest first.
pub(super) async fn load(
    on: &mut Connection,
    assignment: AssignmentId,
) -> Result<Vec<HistoryEvent>, StoreError> {
    let rows = Statement::new(
        "SELECT at, kind, assignment_id, job_id, attempt_id, details FROM events WHERE assignment_id = $1 ORDER BY seq",
    )
    .bind(assignment.to_string())
    .fetch(on, "reading the history")
    .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::new(row, "events", &COLUMNS, 0);
        events.push(HistoryEvent {
            at: columns.time()?,
            kind: columns.parsed(EventKind::from_name)?,
            assignment: columns.parsed(|text| text.parse().ok())?,
            job: columns.optional_parsed(|text| text.parse().ok())?,
            attempt: columns.optional_parsed(|text| text.parse().ok())?,
            details: columns.parsed(read_details)?,
        });
    }
    Ok(events)
}

fn details(event: &HistoryEvent) -> String {
    let entries = event.details.iter().map(|(key, value)| (key.to_string(), Json::String(value.clone())));
    Json::Object(entries.collect::<Map<_, _>>()).to_string()
}

fn read_details(text: &str) -> Option<Vec<(Cow<'static, str>, String)>> {
    let object: Map<String, Json> = serde_json::from_str(text).ok()?;
    let entry =
        |(key, value): (String, Json)| value.as_str().map(|value| (Cow::Owned(key), value.to_owned()));
    object.into_iter().map(entry).collect()
}
