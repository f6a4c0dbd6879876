//! Small lookups: ids by a part of them, namespaces, the soundness of the file.

use std::str::FromStr;

use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::Statement;

/// The most ids that a search by a part gives: one is the answer, two are ambiguous, three say "and more".
const MOST: usize = 3;

/// A table that is searched by a part of its id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    Assignments,
    Jobs,
}

/// An id's text from its end, without hyphens: an end is searched as a beginning of this.
pub(super) fn reversed(id: &str) -> String {
    id.chars().rev().filter(|c| *c != '-').collect()
}

/// Ids that begin or end with the part; upper and lower case and hyphens do not matter.
pub(super) async fn ids_like<T: FromStr>(
    on: &mut Connection,
    table: Table,
    part: &str,
) -> Result<Vec<T>, StoreError> {
    let digits: String = part.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if digits.is_empty() || digits.len() > 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let (begin, end) = match table {
        Table::Assignments => (
            "SELECT id FROM assignments WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 3",
            "SELECT id FROM assignments WHERE id_reversed >= $1 AND id_reversed < $2 ORDER BY id LIMIT 3",
        ),
        Table::Jobs => (
            "SELECT id FROM jobs WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 3",
            "SELECT id FROM jobs WHERE id_reversed >= $1 AND id_reversed < $2 ORDER BY id LIMIT 3",
        ),
    };
    let mut texts: Vec<String> = Vec::new();
    for (sql, from) in [(begin, hyphenated(&digits)), (end, reversed(&digits))] {
        // `~` sorts after every character of an id.
        let rows = Statement::new(sql)
            .bind(from.as_str())
            .bind(format!("{from}~"))
            .fetch(on, "looking for an id")
            .await?;
        for row in &rows {
            let text = Columns::new(row, "ids", &["id"], 0).text()?;
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    texts.truncate(MOST);
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

/// The digits with hyphens where a UUID has them.
fn hyphenated(digits: &str) -> String {
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// The folder that a namespace was first used in.
pub(super) async fn namespace_root(
    on: &mut Connection,
    namespace: &Namespace,
) -> Result<Option<String>, StoreError> {
    let rows = Statement::new("SELECT root FROM namespaces WHERE name = $1")
        .bind(namespace.as_str())
        .fetch(on, "reading the namespace")
        .await?;
    rows.first().map(|row| Columns::new(row, "namespaces", &["root"], 0).text()).transpose()
}

/// All namespaces.
pub(super) async fn namespaces(on: &mut Connection) -> Result<Vec<Namespace>, StoreError> {
    let rows =
        Statement::new("SELECT name FROM namespaces ORDER BY name").fetch(on, "reading namespaces").await?;
    let read = |row| Columns::new(row, "namespaces", &["name"], 0).parsed(|text| Namespace::new(text).ok());
    rows.iter().map(read).collect()
}

/// What the database says of its own integrity, if it is not sound.
pub(super) async fn integrity(on: &mut Connection) -> Result<Option<String>, StoreError> {
    let rows = Statement::new("PRAGMA quick_check(1)").fetch(on, "checking the database").await?;
    let said =
        rows.first().map(|row| Columns::new(row, "quick_check", &["quick_check"], 0).text()).transpose()?;
    Ok(said.filter(|said| said != "ok"))
}
