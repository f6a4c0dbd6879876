//! Builds set-based statements: one statement for many rows, which is what makes the hot path fast.

use agents_domain::store::StoreError;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Arguments, AssertSqlSafe};

use super::connection::Connection;

/// A value to be bound.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    OptionalText(Option<String>),
    Integer(i64),
    OptionalInteger(Option<i64>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Value::OptionalText(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Integer(i64::from(number))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Integer(i64::from(flag))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Value::OptionalInteger(number)
    }
}

/// A statement with its values.
pub(super) struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), values: Vec::new() }
    }

    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Puts SQL before all the rest.
    pub fn after(mut self, sql: String) -> Self {
        self.sql = sql + &self.sql;
        self
    }

    /// Appends SQL.
    pub fn push(mut self, sql: &str) -> Self {
        self.sql.push_str(sql);
        self
    }

    fn push_parameter(&mut self) {
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
    }

    /// Appends `$n` with the value.
    pub fn push_bound(mut self, value: Value) -> Self {
        self.values.push(value);
        self.push_parameter();
        self
    }

    /// Appends `($n, $n+1, ...)` with the values.
    pub fn push_list(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.sql.push('(');
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                self.sql.push_str(", ");
            }
            self.values.push(value);
            self.push_parameter();
        }
        self.sql.push(')');
        self
    }

    /// Appends `VALUES ($1, ...), ($n, ...)` with the rows.
    pub fn push_rows(mut self, rows: Vec<Vec<Value>>) -> Self {
        self.sql.push_str("VALUES ");
        for (place, row) in rows.into_iter().enumerate() {
            if place > 0 {
                self.sql.push_str(", ");
            }
            self = self.push_list(row);
        }
        self
    }

    /// How many rows it has changed.
    pub async fn execute(self, on: &mut Connection, doing: &'static str) -> Result<u64, StoreError> {
        #[cfg(test)]
        on.said.lock().expect("no test panics while it holds this").push(self.sql.clone());
        let query = sqlx::query_with(AssertSqlSafe(on.dialect_sql(self.sql)), arguments(self.values));
        let done = query.execute(&mut on.raw).await;
        done.map(|done| done.rows_affected()).map_err(|error| on.failure(error, doing))
    }

    /// The rows it finds.
    pub async fn fetch(self, on: &mut Connection, doing: &'static str) -> Result<Vec<AnyRow>, StoreError> {
        #[cfg(test)]
        on.said.lock().expect("no test panics while it holds this").push(self.sql.clone());
        let query = sqlx::query_with(AssertSqlSafe(on.dialect_sql(self.sql)), arguments(self.values));
        query.fetch_all(&mut on.raw).await.map_err(|error| on.failure(error, doing))
    }
}

fn arguments(values: Vec<Value>) -> AnyArguments {
    let mut arguments = AnyArguments::default();
    for value in values {
        let added = match value {
            Value::Text(text) => arguments.add(text),
            Value::OptionalText(text) => arguments.add(text),
            Value::Integer(number) => arguments.add(number),
            Value::OptionalInteger(number) => arguments.add(number),
        };
        added.expect("texts and integers can always be encoded");
    }
    arguments
}

/// `a, b, c`, each with a prefix.
pub(super) fn names(prefix: &str, columns: &[&str]) -> String {
    columns.iter().map(|column| format!("{prefix}{column}")).collect::<Vec<_>>().join(", ")
}
