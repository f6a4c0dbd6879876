//! How the database is opened: its address, its settings, its schema. What differs between engines is here.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use agents_domain::store::StoreError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, Connection as _, Executor, Row};

use super::failure;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The latest version of the schema that this program knows.
pub const SCHEMA_VERSION: i64 = 16;

/// Settings of every connection. `synchronous = FULL`: what was acknowledged survives a power cut; an agent's
/// run is worth an fsync. The journal is cut back to 64 MiB after a checkpoint.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA journal_size_limit = 67108864;";

/// How long a connection waits for other processes; in this one there is a single writer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause before another try where SQLite does not wait by itself: two that turn a new file to WAL at once,
/// or that have both read before they write, would wait for each other for ever.
const PAUSE: Duration = Duration::from_millis(10);

static DRIVERS: Once = Once::new();

/// Where the database is.
pub(super) struct Database {
    url: String,
    path: PathBuf,
    patience: Duration,
    /// What was said to the database, for the test that looks at the plans of statements.
    #[cfg(test)]
    pub said: Said,
}

/// Statements, in the order in which they were executed.
#[cfg(test)]
pub(super) type Said = std::sync::Arc<std::sync::Mutex<Vec<String>>>;

/// An open connection.
pub(super) struct Connection {
    pub raw: AnyConnection,
    path: String,
    #[cfg(test)]
    pub said: Said,
}

impl Connection {
    /// The statement as this engine takes it best.
    ///
    /// SQLite knows `$1` as a name and looks through all the names for each parameter that it meets, so that a
    /// statement over many rows costs the square of its parameters; `?` costs nothing. The two mean the same
    /// where each parameter stands once and in order, which is so in every statement over many rows.
    pub fn dialect_sql(&self, sql: String) -> String {
        anonymous(&sql).unwrap_or(sql)
    }

    /// The error for what the driver said while `doing` something.
    pub fn failure(&self, error: sqlx::Error, doing: &'static str) -> StoreError {
        failure::from_driver(error, &self.path, doing)
    }
}

impl Database {
    /// Understands `sqlite:<path>`, `sqlite://<path>`, `file:<path>` and a plain path.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let bad = |why: &str| StoreError::BadUrl { url: url.to_owned(), why: why.to_owned() };
        let path = match url.split_once(':') {
            Some(("sqlite" | "file", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some((scheme @ ("postgres" | "postgresql" | "mysql" | "http" | "https"), _)) => {
                return Err(bad(&format!(
                    "this version stores in SQLite only, not in {scheme}; use sqlite:<path>"
                )));
            }
            Some(_) | None => url,
        };
        if path.is_empty() {
            return Err(bad("it names no file"));
        }
        let path = PathBuf::from(path);
        Ok(Self {
            url: sqlite_url(&path),
            path,
            patience: PATIENCE,
            #[cfg(test)]
            said: Said::default(),
        })
    }

    /// The same with another time that its connections wait for other processes.
    #[cfg(test)]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Opens a connection and brings the schema up to date.
    pub async fn open_and_migrate(&self) -> Result<Connection, StoreError> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| self.unreachable(&error))?;
        }
        self.refuse_what_is_no_file()?;
        self.refuse_what_was_truncated()?;
        let give_up_at = Instant::now() + self.patience;
        loop {
            let opened = self.connect_and_migrate().await;
            let is_locked = matches!(opened, Err(StoreError::Locked { .. }));
            if !is_locked || Instant::now() >= give_up_at {
                return opened;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn connect_and_migrate(&self) -> Result<Connection, StoreError> {
        let mut connection = self.connect().await?;
        match schema_version(&mut connection).await? {
            Some(version) if version == SCHEMA_VERSION => Ok(connection),
            Some(version) if version > SCHEMA_VERSION => {
                Err(StoreError::Newer { path: self.shown(), found: version, known: SCHEMA_VERSION })
            }
            Some(_) | None => {
                migrate(&mut connection).await?;
                Ok(connection)
            }
        }
    }

    /// Opens one more connection.
    pub async fn connect(&self) -> Result<Connection, StoreError> {
        DRIVERS.call_once(|| sqlx::any::install_drivers(&[sqlx::sqlite::any::DRIVER]).unwrap_or(()));
        let opened = AnyConnection::connect(&self.url).await;
        let mut raw =
            opened.map_err(|error| failure::from_driver(error, &self.shown(), "opening the database"))?;
        let settings = format!("PRAGMA busy_timeout = {}; {SETTINGS}", self.patience.as_millis());
        let settings = raw.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(settings))).await;
        settings.map_err(|error| failure::from_driver(error, &self.shown(), "setting up the connection"))?;
        Ok(Connection {
            raw,
            path: self.shown(),
            #[cfg(test)]
            said: Said::clone(&self.said),
        })
    }

    fn refuse_what_is_no_file(&self) -> Result<(), StoreError> {
        if self.path.is_dir() {
            let why = "it is a folder, and the database is a file".to_owned();
            return Err(StoreError::Unreachable { path: self.shown(), why });
        }
        Ok(())
    }

    /// SQLite takes an empty file for a new database and deletes the journal beside it, which may have everything. A
    /// new database never looks so: its first page is there before its journal is.
    fn refuse_what_was_truncated(&self) -> Result<(), StoreError> {
        let mut journal = self.path.clone().into_os_string();
        journal.push("-wal");
        let length = |path: &Path| std::fs::metadata(path).map(|data| data.len()).ok();
        let journal = length(Path::new(&journal)).unwrap_or(0);
        if journal > 0 && length(&self.path).is_none_or(|length| length == 0) {
            return Err(StoreError::Truncated { path: self.shown() });
        }
        Ok(())
    }

    fn unreachable(&self, error: &std::io::Error) -> StoreError {
        StoreError::Unreachable { path: self.shown(), why: error.to_string() }
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

/// The file of the database at that address.
pub fn file_of(url: &str) -> Result<PathBuf, StoreError> {
    Database::parse(url).map(|database| database.path)
}

/// The statement with `?` for `$1`, `$2` ...; `None` if they do not stand once each and in order.
fn anonymous(sql: &str) -> Option<String> {
    let mut pieces = sql.split('$');
    let mut rewritten = String::with_capacity(sql.len());
    rewritten.push_str(pieces.next()?);
    for (place, piece) in pieces.enumerate() {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        if piece[..digits].parse() != Ok(place + 1) {
            return None;
        }
        rewritten.push('?');
        rewritten.push_str(&piece[digits..]);
    }
    Some(rewritten)
}

/// A URL for the driver: what means something in a URL is escaped in the path.
fn sqlite_url(path: &Path) -> String {
    let mut url = String::from("sqlite://");
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'?' | b'#' | b'%' | b' ' => url.push_str(&format!("%{byte:02X}")),
            _ if byte.is_ascii() => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url + "?mode=rwc"
}

/// The version of the schema that is there; `None`: none is.
async fn schema_version(connection: &mut Connection) -> Result<Option<i64>, StoreError> {
    let table = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let found = sqlx::query(table).fetch_one(&mut connection.raw).await;
    let found: i64 = found
        .and_then(|row| row.try_get(0))
        .map_err(|error| connection.failure(error, "looking for the schema"))?;
    if found == 0 {
        return Ok(None);
    }
    let version =
        sqlx::query("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(&mut connection.raw);
    version
        .await
        .and_then(|row| row.try_get::<Option<i64>, _>(0))
        .map_err(|error| connection.failure(error, "reading the schema's version"))
}

/// Brings the schema up to date. Ten processes may do so at once: each migration is one transaction, and who comes
/// second finds its work done.
async fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    const TURNS: usize = 5;
    let mut turn = 1;
    loop {
        let Err(error) = MIGRATOR.run_direct(None, &mut connection.raw, false).await else { return Ok(()) };
        let failure = migration_failure(connection, error);
        if matches!(failure, StoreError::Locked { .. }) {
            return Err(failure);
        }
        if schema_version(connection).await? == Some(SCHEMA_VERSION) {
            return Ok(());
        }
        if turn == TURNS {
            return Err(failure);
        }
        turn += 1;
    }
}

fn migration_failure(connection: &Connection, error: MigrateError) -> StoreError {
    let doing = "bringing the schema up to date";
    if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
        return connection.failure(error, doing);
    }
    StoreError::Database { doing, why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_anonymous_only_where_they_stand_once_and_in_order() {
        assert_eq!(anonymous("a = $1 AND b IN ($2, $3)").unwrap(), "a = ? AND b IN (?, ?)");
        assert_eq!(anonymous("no parameter").unwrap(), "no parameter");
        assert_eq!(anonymous("$1 OR $1"), None);
        assert_eq!(anonymous("$2, $1"), None);
        assert_eq!(anonymous("'$' || $1"), None);
    }
}
