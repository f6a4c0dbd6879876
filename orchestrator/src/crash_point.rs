//! Points between two writes at which a debug build dies when it is told to, as `kill -9` would have it: so that tests can
//! kill a runner or a keeper at every one of them in turn. A release build has none.
//!
//! `AGENTS_CRASH_AT=<n>` kills a runner at the n-th point that it passes, `AGENTS_KEEPER_CRASH_AT=<n>` its keepers;
//! `AGENTS_CRASH_LOG=<file>` collects the names of the points that a runner passes.

/// The variable that kills this process; a keeper gets the value of [`OF_KEEPER`] in its place.
pub const OF_RUNNER: &str = "AGENTS_CRASH_AT";
/// The variable that kills keepers.
pub const OF_KEEPER: &str = "AGENTS_KEEPER_CRASH_AT";
/// The variable that names the file in which points are collected.
pub const LOG: &str = "AGENTS_CRASH_LOG";

/// Passes the point of that name.
#[cfg(not(debug_assertions))]
pub fn pass(_: &str) {}

/// Passes the point of that name, if that is what it is told.
#[cfg(debug_assertions)]
pub fn pass(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TOLD: OnceLock<Option<Told>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    if let Some(told) = TOLD.get_or_init(Told::of_process) {
        told.pass(PASSED.fetch_add(1, Ordering::SeqCst) + 1, name);
    }
}

#[cfg(debug_assertions)]
struct Told {
    die_at: Option<u64>,
    log: Option<std::path::PathBuf>,
}

#[cfg(debug_assertions)]
impl Told {
    fn of_process() -> Option<Self> {
        let die_at = std::env::var(OF_RUNNER).ok().and_then(|number| number.parse().ok());
        let log = std::env::var_os(LOG).map(Into::into);
        (die_at.is_some() || log.is_some()).then_some(Self { die_at, log })
    }

    fn pass(&self, number: u64, name: &str) {
        use std::io::Write;
        let opened = self
            .log
            .as_ref()
            .and_then(|log| std::fs::OpenOptions::new().create(true).append(true).open(log).ok());
        if let Some(mut log) = opened
            && writeln!(log, "{name}").is_err()
        {
            tracing::warn!("a crash point could not be written down");
        }
        if self.die_at == Some(number) {
            // Nothing is flushed, dropped or said.
            let killed =
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            tracing::error!(?killed, "still alive at a crash point");
        }
    }
}
