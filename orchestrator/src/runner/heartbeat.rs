//! The runner's heartbeat: renews its leases from a thread of its own, so that a busy loop can't make a healthy
//! runner look dead.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use agents_domain::attempt::LEASE;
use agents_domain::id::{IdSource, RunnerId};
use agents_domain::store::{HeartbeatReply, Store, StoreError};
use agents_domain::timestamp::Clock;
use tokio::sync::mpsc;

use super::Board;
use crate::attempt::Surroundings;
use crate::store::SqlStore;

/// A quarter of the lease: three beats may fail before the lease is over.
const INTERVAL: Duration = Duration::from_secs(15);
/// How often the progress of running attempts is written, if there is any.
const PROGRESS: Duration = Duration::from_secs(5);

/// What a beat brought back.
#[derive(Debug)]
pub(super) struct Beat {
    pub reply: HeartbeatReply,
}

/// The running heartbeat. It ends with its owner.
pub(super) struct Heartbeat {
    pub beats: mpsc::UnboundedReceiver<Beat>,
    stop: Option<SyncSender<()>>,
}

struct Heart {
    runner: RunnerId,
    database_url: String,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    board: Board,
    beats: mpsc::UnboundedSender<Beat>,
}

impl Heartbeat {
    pub fn start(runner: RunnerId, database_url: &str, around: &Surroundings, board: &Board) -> Self {
        let (stop, stopped) = sync_channel(1);
        let (sender, beats) = mpsc::unbounded_channel();
        let heart = Heart {
            runner,
            database_url: database_url.to_owned(),
            clock: Arc::clone(&around.clock),
            ids: Arc::clone(&around.ids),
            board: board.clone(),
            beats: sender,
        };
        let thread = std::thread::Builder::new().name("heartbeat".to_owned());
        let started = thread.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            match runtime {
                Ok(runtime) => heart.beat_until(&stopped, &runtime),
                Err(error) => tracing::error!(%error, "no heartbeat: leases will run out"),
            }
        });
        if let Err(error) = started {
            tracing::error!(%error, "no heartbeat: leases will run out");
        }
        Self { beats, stop: Some(stop) }
    }

    pub fn stop(&mut self) {
        self.stop = None;
    }
}

impl Heart {
    fn beat_until(&self, stopped: &std::sync::mpsc::Receiver<()>, runtime: &tokio::runtime::Runtime) {
        let mut store = None;
        let mut since_beat = Duration::ZERO;
        loop {
            let pause = if self.board.attempts().is_empty() { INTERVAL } else { PROGRESS };
            match stopped.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            since_beat += pause;
            let is_beat = since_beat >= INTERVAL;
            match runtime.block_on(self.write(&mut store, is_beat)) {
                Ok(()) if is_beat => since_beat = Duration::ZERO,
                Ok(()) => {}
                Err(error) => {
                    store = None;
                    tracing::warn!(%error, "a heartbeat failed");
                }
            }
        }
    }

    async fn write(&self, store: &mut Option<SqlStore>, is_beat: bool) -> Result<(), StoreError> {
        let open = match store.take() {
            Some(open) => open,
            None => {
                SqlStore::open(&self.database_url, Arc::clone(&self.clock), Arc::clone(&self.ids)).await?
            }
        };
        let open = store.insert(open);
        open.progress(self.runner, &self.board.news()).await?;
        if is_beat {
            let reply = open.heartbeat(self.runner, &self.board.attempts(), LEASE).await?;
            // Nobody listens any more when the runner ends at this moment.
            let heard = self.beats.send(Beat { reply });
            tracing::trace!(heard = heard.is_ok(), "heartbeat");
        }
        Ok(())
    }
}
