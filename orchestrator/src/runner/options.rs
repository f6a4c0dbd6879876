//! How a runner works.

use agents_domain::id::RunnerId;
use agents_domain::namespace::Namespace;

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
    pub database_url: String,
    /// The folder of the doorbells.
    pub bells: std::path::PathBuf,
}
