//! Reads a row's columns one after the other, and says which one is bad.

use agents_domain::priority::Priority;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

/// The columns of one row, handed out in the order of the query.
pub(super) struct Columns<'r> {
    row: &'r AnyRow,
    table: &'static str,
    names: &'static [&'static str],
    first: usize,
    next: usize,
}

impl<'r> Columns<'r> {
    /// The columns `names` of `table` stand in the row from `first` on; the first of them tells rows apart.
    pub fn new(row: &'r AnyRow, table: &'static str, names: &'static [&'static str], first: usize) -> Self {
        Self { row, table, names, first, next: first }
    }

    fn take<T>(&mut self) -> Result<T, StoreError>
    where
        T: for<'q> sqlx::Decode<'q, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        let index = self.next;
        self.next += 1;
        self.row.try_get(index).map_err(|error| self.bad(&error.to_string()))
    }

    pub fn text(&mut self) -> Result<String, StoreError> {
        self.take()
    }

    pub fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        self.take()
    }

    pub fn integer(&mut self) -> Result<i64, StoreError> {
        self.take()
    }

    pub fn optional_integer(&mut self) -> Result<Option<i64>, StoreError> {
        self.take()
    }

    /// A number that `T` can hold, or none.
    pub fn optional_number<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, StoreError> {
        match self.optional_integer()? {
            None => Ok(None),
            Some(value) => T::try_from(value).map(Some).map_err(|_| self.bad(&value.to_string())),
        }
    }

    pub fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.integer()? != 0)
    }

    /// A class by its place in the order.
    pub fn ranked(&mut self) -> Result<Priority, StoreError> {
        let rank = self.integer()?;
        Priority::from_rank(rank).ok_or_else(|| self.bad(&rank.to_string()))
    }

    pub fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.integer().map(Timestamp::from_millis)
    }

    pub fn optional_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.optional_integer()?.map(Timestamp::from_millis))
    }

    pub fn count(&mut self) -> Result<u32, StoreError> {
        let value = self.integer()?;
        u32::try_from(value).map_err(|_| self.bad(&value.to_string()))
    }

    /// A text that `read` understands.
    pub fn parsed<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        let text = self.text()?;
        read(&text).ok_or_else(|| self.bad(&text))
    }

    /// A text that `read` understands, or none.
    pub fn optional_parsed<T>(
        &mut self,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.optional_text()? {
            None => Ok(None),
            Some(text) => read(&text).map(Some).ok_or_else(|| self.bad(&text)),
        }
    }

    /// The column that was read last holds what it can't hold.
    pub fn bad(&self, value: &str) -> StoreError {
        StoreError::BadRow {
            table: self.table,
            column: self.names[self.next - 1 - self.first],
            row: self.row.try_get::<String, _>(self.first).unwrap_or_default(),
            value: value.to_owned(),
        }
    }
}
