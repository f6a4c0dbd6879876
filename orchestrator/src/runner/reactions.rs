//! The runner's eye on what happens: it reacts beside the loop, and never before jobs are looked for. What it fails to do is
//! logged, and done at the next look.

use std::time::Duration;

use agents_domain::id::RunnerId;
use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::attempt::Surroundings;
use crate::trigger::{React, react};

/// How long it waits after the store could not be used.
const TROUBLE: Duration = Duration::from_secs(2);

/// What one look has come to.
pub(super) type Looked = Result<Result<React, StoreError>, JoinError>;

/// When to look, and the look that is at work. It ends with its owner.
pub(super) struct Reactions {
    /// Whether this runner reacts at all.
    is_on: bool,
    /// Something may have happened since the last look.
    must_look: bool,
    not_before: Option<Instant>,
    at_work: JoinSet<Result<React, StoreError>>,
}

impl Reactions {
    /// A runner that does one job alone does not react.
    pub fn new(is_on: bool) -> Self {
        Self { is_on, must_look: is_on, not_before: None, at_work: JoinSet::new() }
    }

    /// Something may have happened.
    pub fn wake(&mut self) {
        self.must_look = self.is_on;
    }

    /// Nothing is to be looked at, and nothing is being looked at.
    pub fn is_quiet(&self) -> bool {
        !self.must_look && self.at_work.is_empty()
    }

    /// Begins a look, if there is something to look at. To be called when the runner has looked for work.
    pub fn look(&mut self, around: &Surroundings, namespace: Option<&Namespace>, by: RunnerId) {
        let is_early = self.not_before.is_some_and(|moment| moment > Instant::now());
        if !self.must_look || !self.at_work.is_empty() || is_early {
            return;
        }
        self.must_look = false;
        let (around, namespace) = (around.clone(), namespace.cloned());
        self.at_work.spawn(async move { react(&around, namespace.as_ref(), by).await });
    }

    /// The end of a look. It waits for ever while there is none.
    pub async fn looked(&mut self) -> Looked {
        match self.at_work.join_next().await {
            Some(looked) => looked,
            None => std::future::pending().await,
        }
    }

    /// Takes in what a look has come to. Gives how many runs it has started.
    pub fn hear(&mut self, looked: Looked) -> usize {
        match looked {
            Ok(Ok(done)) => {
                self.not_before = None;
                self.must_look |= done.has_more;
                done.started
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "could not react to what has happened");
                self.later();
                0
            }
            Err(error) => {
                tracing::error!(%error, "reacting to what has happened broke down");
                self.later();
                0
            }
        }
    }

    fn later(&mut self) {
        self.must_look = true;
        self.not_before = Some(Instant::now() + TROUBLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_at_the_start_and_then_when_it_is_woken() {
        let mut reactions = Reactions::new(true);
        assert!(!reactions.is_quiet());
        reactions.must_look = false;
        assert!(reactions.is_quiet());
        reactions.wake();
        assert!(!reactions.is_quiet());
        let mut off = Reactions::new(false);
        off.wake();
        assert!(off.is_quiet());
    }

    #[test]
    fn it_looks_again_after_a_full_page_and_after_trouble() {
        let mut reactions = Reactions::new(true);
        reactions.must_look = false;
        assert_eq!(reactions.hear(Ok(Ok(React { started: 3, has_more: false }))), 3);
        assert!(reactions.is_quiet());
        assert_eq!(reactions.hear(Ok(Ok(React { started: 0, has_more: true }))), 0);
        assert!(!reactions.is_quiet());
        reactions.must_look = false;
        let why = "disk".to_owned();
        reactions.hear(Ok(Err(StoreError::Database { doing: "testing", why })));
        assert!(!reactions.is_quiet() && reactions.not_before.is_some());
    }
}
