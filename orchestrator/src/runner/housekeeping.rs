//! The runner's chore: cleans up now and then, beside the loop and never before it. Its failure is logged and no more.

use std::sync::Arc;
use std::time::Duration;

use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::attempt::Surroundings;
use crate::housekeeping::{Bounds, Mode, Sweep, SweepReport, sweep};

/// The first time: the runner has better to do when it starts.
const FIRST: Duration = Duration::from_secs(5 * 60);
/// From one to the next.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// What one may do at most.
const REMOVALS: usize = 1000;
const LONGEST: Duration = Duration::from_secs(10);
/// How long what has happened is kept, and what webhooks have received: 30 days, in milliseconds.
const KEEP_HAPPENINGS_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// How many of them go at once: the writer is nobody's for long.
const FORGET_AT_ONCE: u32 = 5000;

/// When the chore is due, and the one that is at work. It ends with its owner.
pub(super) struct Chore {
    /// `None`: never.
    next: Option<Instant>,
    first_shard: u16,
    at_work: JoinSet<Result<SweepReport, StoreError>>,
}

impl Chore {
    /// A runner that ends when nothing is left to do has no time for it.
    pub fn new(is_passing: bool, now: Instant) -> Self {
        Self { next: (!is_passing).then_some(now + FIRST), first_shard: 0, at_work: JoinSet::new() }
    }

    /// Starts it if it is due, and hears what the last one has done. To be called when the runner has looked for work.
    pub fn start_if_due(&mut self, around: &Surroundings, database_url: &str) {
        while let Some(ended) = self.at_work.try_join_next() {
            self.hear(ended);
        }
        if !self.is_due(Instant::now()) {
            return;
        }
        let chore = Sweep {
            store: Arc::clone(&around.store),
            settings: Arc::clone(&around.settings),
            data_folder: around.data_folder.clone(),
            database_url: database_url.to_owned(),
            now: around.clock.now(),
            only: None,
            mode: Mode::Remove,
            bounds: Bounds {
                removals: REMOVALS,
                until: Some((Instant::now() + LONGEST).into_std()),
                first_shard: self.first_shard,
            },
        };
        self.at_work.spawn(async move {
            let before = Timestamp::from_millis(chore.now.as_millis().saturating_sub(KEEP_HAPPENINGS_MS));
            let forgotten = chore.store.forget_happenings(before, FORGET_AT_ONCE).await?;
            tracing::debug!(events = forgotten, "forgot what has happened long ago");
            sweep(&chore).await
        });
    }

    /// Whether it is to start now; then it is not due again for a while.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.at_work.is_empty() && self.next.is_some_and(|next| next <= now);
        if is_due {
            self.next = Some(now + INTERVAL);
        }
        is_due
    }

    fn hear(&mut self, ended: Result<Result<SweepReport, StoreError>, tokio::task::JoinError>) {
        match ended {
            Ok(Ok(report)) => {
                self.first_shard = report.next_shard.unwrap_or(0);
                let events: u64 = report.histories.iter().map(|history| history.events).sum();
                let worktrees = report.worktrees.len();
                let outputs = report.outputs.len();
                tracing::debug!(folders = report.folders.len(), outputs, events, worktrees, "cleaned up");
                for left in report.left {
                    tracing::warn!(what = left.what, why = left.why, "could not be cleaned up");
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "could not clean up"),
            Err(error) => tracing::error!(%error, "cleaning up broke down"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::key::SigningKey;
    use crate::housekeeping::tests::{SameEverywhere, old_folder};
    use crate::store::SqlStore;
    use crate::system::{SystemClock, SystemIds};
    use agents_domain::retention::Retention;

    #[test]
    fn it_is_due_some_minutes_after_the_start_and_then_once_an_hour() {
        let start = Instant::now();
        let mut chore = Chore::new(false, start);
        assert!(!chore.is_due(start));
        assert!(!chore.is_due(start + FIRST - Duration::from_secs(1)));
        assert!(chore.is_due(start + FIRST));
        assert!(!chore.is_due(start + FIRST));
        assert!(chore.is_due(start + FIRST + INTERVAL));
    }

    #[test]
    fn a_runner_that_ends_when_nothing_is_left_never_does_it() {
        let start = Instant::now();
        assert!(!Chore::new(true, start).is_due(start + 100 * INTERVAL));
    }

    #[tokio::test]
    async fn it_is_not_started_beside_one_that_is_still_at_work() {
        let start = Instant::now();
        let mut chore = Chore::new(false, start);
        chore.at_work.spawn(std::future::pending());
        assert!(!chore.is_due(start + FIRST + INTERVAL));
    }

    #[tokio::test]
    async fn what_is_due_is_done_beside_the_runner() {
        let data = tempfile::tempdir().unwrap();
        let folder = old_folder(data.path(), 9);
        let url = format!("sqlite:{}", data.path().join("agents.db").display());
        let store = SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap();
        let store: Arc<dyn agents_domain::store::Store> = Arc::new(store);
        let settings = Arc::new(SameEverywhere(Ok(Retention::default())));
        let around = Surroundings {
            store: Arc::clone(&store),
            settings: settings.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            starter: Arc::new(crate::start::FromDefinitions::new(crate::start::Sources {
                store,
                settings,
                ids: Arc::new(SystemIds),
                skills: Arc::new(crate::start::NoSkills),
                data_folder: data.path().to_owned(),
                here: None,
            })),
            data_folder: data.path().to_owned(),
            agents_program: "agents".into(),
            keeper: "agents".into(),
            lease: Duration::from_secs(60),
            key: Arc::new(SigningKey::draw().unwrap()),
        };
        let mut chore = Chore::new(false, Instant::now());
        chore.start_if_due(&around, &url);
        assert!(chore.at_work.is_empty(), "the runner has only just started");
        chore.next = Some(Instant::now());
        chore.start_if_due(&around, &url);
        assert!(folder.exists(), "it is not done before the runner goes on");
        let report = chore.at_work.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(report.folders.iter().map(|gone| &gone.path).collect::<Vec<_>>(), [&folder]);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn one_that_ended_early_is_followed_by_one_that_begins_there() {
        let mut chore = Chore::new(false, Instant::now());
        chore.hear(Ok(Ok(SweepReport { next_shard: Some(7), ..SweepReport::default() })));
        assert_eq!(chore.first_shard, 7);
        let why = "disk".to_owned();
        chore.hear(Ok(Err(StoreError::Database { doing: "testing", why })));
        assert_eq!(chore.first_shard, 7, "a failure is logged and no more");
        chore.hear(Ok(Ok(SweepReport::default())));
        assert_eq!(chore.first_shard, 0);
    }
}
