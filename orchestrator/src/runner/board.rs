//! What runs now, for everybody who wants to see it: the live view, the heartbeat.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agents_domain::attempt::AttemptProgress;
use agents_domain::id::{AssignmentId, AttemptId, JobId};
use agents_domain::namespace::Namespace;
use agents_domain::store::Claimed;
use agents_domain::timestamp::Timestamp;

use super::SharedLive;

/// One running attempt.
#[derive(Debug, Clone)]
pub struct Card {
    pub namespace: Namespace,
    pub assignment: AssignmentId,
    pub north_star: String,
    pub job: JobId,
    pub job_type: String,
    pub harness: String,
    pub attempt: AttemptId,
    pub number: u32,
    pub started_at: Timestamp,
    live: SharedLive,
}

impl Card {
    /// The card of an attempt that has just been claimed.
    pub fn of(claimed: &Claimed) -> Self {
        Self {
            namespace: claimed.assignment.namespace.clone(),
            assignment: claimed.assignment.id,
            north_star: claimed.assignment.north_star.clone(),
            job: claimed.job.id,
            job_type: claimed.job.job_type.to_string(),
            harness: claimed.attempt.harness.clone(),
            attempt: claimed.attempt.id,
            number: claimed.attempt.number,
            started_at: claimed.attempt.started_at,
            live: SharedLive::default(),
        }
    }

    /// How far it is.
    pub fn progress(&self) -> AttemptProgress {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).progress.clone()
    }
}

/// The cards of all running attempts.
#[derive(Debug, Clone, Default)]
pub struct Board {
    cards: Arc<Mutex<BTreeMap<AttemptId, Card>>>,
}

impl Board {
    /// The running attempts, the oldest first.
    pub fn cards(&self) -> Vec<Card> {
        self.lock().values().cloned().collect()
    }

    /// Their ids.
    pub fn attempts(&self) -> Vec<AttemptId> {
        self.lock().keys().copied().collect()
    }

    /// Those whose progress has not been seen by this function yet, with it.
    pub fn news(&self) -> Vec<(AttemptId, AttemptProgress)> {
        let cards = self.cards();
        let news = cards.iter().filter_map(|card| {
            let mut live = card.live.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut live.is_new).then(|| (card.attempt, live.progress.clone()))
        });
        news.collect()
    }

    pub(super) fn put(&self, card: Card) -> SharedLive {
        let live = Arc::clone(&card.live);
        self.lock().insert(card.attempt, card);
        live
    }

    pub(super) fn take(&self, attempt: AttemptId) {
        self.lock().remove(&attempt);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AttemptId, Card>> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
