//! The runner's voice: it makes notices of what has happened and sends them, beside the loop and never before jobs. What it fails to
//! do is logged, and done at the next look.

use std::path::Path;
use std::time::Duration;

use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::attempt::Surroundings;
use crate::notice::tell;

/// How long it waits at least from one look to the next, so that a notice that can't be sent does not make the loop spin.
const SHORTEST: Duration = Duration::from_secs(1);

/// What one look has come to: when the next notice is due.
type Looked = Result<Result<Option<Timestamp>, StoreError>, JoinError>;

/// When to look, and the look that is at work. It ends with its owner.
pub(super) struct Announcer {
    is_on: bool,
    must_look: bool,
    next: Option<Instant>,
    at_work: JoinSet<Result<Option<Timestamp>, StoreError>>,
}

impl Announcer {
    /// A runner that does one job alone tells nothing.
    pub fn new(is_on: bool) -> Self {
        Self { is_on, must_look: is_on, next: None, at_work: JoinSet::new() }
    }

    /// Something may have happened.
    pub fn wake(&mut self) {
        self.must_look = self.is_on;
    }

    /// Nothing is to be looked at, and nothing is being sent. A notice that is due later does not count.
    pub fn is_quiet(&self) -> bool {
        !self.must_look && self.at_work.is_empty()
    }

    /// Begins a look, if there is something to look at.
    pub fn look(&mut self, around: &Surroundings, namespace: Option<&Namespace>, folder: &Path) {
        let is_due = self.next.is_some_and(|next| next <= Instant::now());
        if !(self.must_look || is_due) || !self.at_work.is_empty() {
            return;
        }
        (self.must_look, self.next) = (false, None);
        let (around, namespace, folder) = (around.clone(), namespace.cloned(), folder.to_owned());
        self.at_work.spawn(async move { tell(&around, namespace.as_ref(), &folder).await });
    }

    /// The end of a look, or the time for the next one. Else it waits for ever.
    pub async fn looked(&mut self) -> Option<Looked> {
        match (self.at_work.join_next().await, self.next) {
            (Some(looked), _) => Some(looked),
            (None, Some(next)) => {
                tokio::time::sleep_until(next).await;
                None
            }
            (None, None) => std::future::pending().await,
        }
    }

    /// Takes in what a look has come to.
    pub fn hear(&mut self, looked: Option<Looked>, now: Timestamp) {
        match looked {
            None | Some(Ok(Ok(None))) => {}
            Some(Ok(Ok(Some(due)))) => self.next = Some(Instant::now() + due.since(now).max(SHORTEST)),
            Some(Ok(Err(error))) => {
                tracing::warn!(%error, "could not tell of what has happened");
                self.next = Some(Instant::now() + SHORTEST);
            }
            Some(Err(error)) => {
                tracing::error!(%error, "telling of what has happened broke down");
                self.next = Some(Instant::now() + SHORTEST);
            }
        }
    }
}
