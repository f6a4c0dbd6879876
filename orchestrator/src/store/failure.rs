//! What the database driver says, as the errors that a person can do something about.

use agents_domain::store::StoreError;

/// SQLite's primary result codes (sqlite.org/rescode.html) that mean something to a person. The extended code
/// holds the primary one in its low byte.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

/// The error for what the driver said while `doing` something with the database at `path`.
pub(super) fn from_driver(error: sqlx::Error, path: &str, doing: &'static str) -> StoreError {
    let why = error.as_database_error().map_or_else(|| error.to_string(), |said| said.message().to_owned());
    let path = path.to_owned();
    match primary_code(&error) {
        Some(SQLITE_BUSY | SQLITE_LOCKED) => StoreError::Locked { path },
        Some(SQLITE_READONLY) => StoreError::ReadOnly { path, why },
        Some(SQLITE_FULL) => StoreError::Full { path },
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => StoreError::Corrupt { path, why },
        Some(SQLITE_CANTOPEN | SQLITE_IOERR) => StoreError::Unreachable { path, why },
        Some(_) | None => StoreError::Database { doing, why },
    }
}

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
