//! The append-only history.

use std::borrow::Cow;
use std::fmt;

use agents_domain::history::{EventKind, HistoryEvent};
use agents_domain::id::AssignmentId;
use agents_domain::store::StoreError;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

use super::columns::Columns;
use super::connection::Connection;
use super::statement::Statement;

const COLUMNS: [&str; 6] = ["at", "kind", "assignment_id", "job_id", "attempt_id", "details"];

/// Appends events, in order.
pub(super) async fn insert(on: &mut Connection, events: &[HistoryEvent]) -> Result<(), StoreError> {
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

/// Named texts as a JSON object that keeps their order.
struct Details(Vec<(Cow<'static, str>, String)>);

fn details(event: &HistoryEvent) -> String {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut json);
    let entries = event.details.iter().map(|(key, value)| (key, value));
    serializer.collect_map(entries).expect("texts can always be written as JSON");
    String::from_utf8(json).expect("JSON is UTF-8")
}

fn read_details(text: &str) -> Option<Vec<(Cow<'static, str>, String)>> {
    serde_json::from_str::<Details>(text).ok().map(|details| details.0)
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DetailsVisitor)
    }
}

struct DetailsVisitor;

impl<'de> Visitor<'de> for DetailsVisitor {
    type Value = Details;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Details, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            entries.push((Cow::Owned(key), value));
        }
        Ok(Details(entries))
    }
}
