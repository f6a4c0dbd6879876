//! Ids for messages and tool calls, unique among all servers of one machine at one time, because a
//! resumed session carries the ids of an earlier server. Not random: the same run gives the same ids.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct Ids {
    port: u16,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new(port: u16) -> Self {
        Self { port, next: AtomicU64::new(0) }
    }

    /// A fresh id such as `toolu_48213x0007`. The characters are those that every protocol allows.
    pub(crate) fn fresh(&self, prefix: &str) -> String {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{prefix}_{}x{count:04}", self.port)
    }
}
