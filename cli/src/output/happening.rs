//! What has happened: the list for people, and its JSON.

use agents_domain::happening::Happening;
use agents_domain::timestamp::Timestamp;
use serde::Serialize;

use super::table::{Cell, Table};
use super::text::DIM;
use super::time;

/// A happening.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HappeningView<'a> {
    seq: u64,
    id: String,
    at: String,
    namespace: &'a str,
    name: &'a str,
    source: &'static str,
    cause: Option<&'a str>,
    depth: u32,
    data: serde_json::Value,
}

impl<'a> From<&'a Happening> for HappeningView<'a> {
    fn from(happening: &'a Happening) -> Self {
        let what = &happening.what;
        let data = serde_json::from_str(&what.data);
        Self {
            seq: happening.seq,
            id: what.id.to_string(),
            at: happening.at.to_string(),
            namespace: what.namespace.as_str(),
            name: what.name.as_str(),
            source: what.source.as_str(),
            cause: what.cause.as_deref(),
            depth: what.depth,
            data: data.unwrap_or_else(|_| serde_json::Value::String(what.data.clone())),
        }
    }
}

/// One row for each, the oldest first.
pub fn table(happenings: &[Happening], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "WHEN", "EVENT", "FROM", "DATA"]);
    for happening in happenings {
        table.row(cells(happening, time::relative(happening.at, now)));
    }
    table
}

/// One line, for those who follow.
pub fn line(happening: &Happening, width: usize) -> String {
    let mut table = Table::new(&[]);
    table.row(cells(happening, time::clock(happening.at)));
    table.render(width, "")
}

fn cells(happening: &Happening, when: String) -> Vec<Cell> {
    let what = &happening.what;
    vec![
        Cell::from(what.id.short()),
        Cell::colored(DIM, when),
        Cell::from(what.name.as_str()),
        Cell::from(what.source.as_str()),
        Cell::colored(DIM, &what.data),
    ]
}
