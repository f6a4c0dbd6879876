//! How a runner works.

use agents_domain::attempt::Holder;
use agents_domain::id::RunnerId;
use agents_domain::namespace::Namespace;

use crate::process::identity;

/// How a runner works.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    pub id: RunnerId,
    /// Host and process, for people.
    pub name: String,
    pub version: String,
    /// `None`: every namespace.
    pub namespace: Option<Namespace>,
    /// How many jobs run at the same time at most.
    pub concurrency: usize,
    /// Whether it ends when nothing is ready and nothing runs.
    pub once: bool,
    /// How long its right to an attempt lasts without a heartbeat.
    pub lease: std::time::Duration,
    /// The folder whose configuration says which harness stands in for one that cools down.
    pub folder: std::path::PathBuf,
    pub database_url: String,
    /// The folder of the doorbells.
    pub bells: std::path::PathBuf,
}

impl RunnerOptions {
    /// The runner as the holder of attempts.
    pub fn holder(&self) -> Holder {
        Holder { runner: self.id, host: identity::host(), lease: self.lease }
    }
}
