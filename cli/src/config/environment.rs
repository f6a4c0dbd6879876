//! The environment variables that are part of the configuration.

use std::collections::BTreeMap;

/// The variables, in the order of the docs.
const NAMES: [&str; 5] =
    ["AGENTS_NAMESPACE", "AGENTS_DATABASE_URL", "AGENTS_DATA_DIR", "AGENTS_CONCURRENCY", "AGENTS_TIMEOUT_MS"];

/// The environment's share of the configuration. An empty variable is as one that is not set.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<&'static str, String>);

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        let value = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let set = NAMES.into_iter().filter_map(|name| Some((name, value(name)?)));
        Self(set.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value of that variable.
    pub(super) fn get(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
