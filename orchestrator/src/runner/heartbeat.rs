//! The runner's heartbeat: renews its leases from a thread of its own, so that a busy loop can't make a healthy
//! runner look dead.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use agents_domain::id::{IdSource, RunnerId};
use agents_domain::store::{HeartbeatReply, Store, StoreError};
use agents_domain::timestamp::Clock;
use tokio::sync::mpsc;

use super::Board;
use crate::attempt::{Surroundings, files, keeper_lease};
use crate::process::custody;
use crate::store::SqlStore;

/// Beats in a lease: with four, three may fail before the lease is over.
const BEATS: u32 = 4;
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
    stop: Option<(SyncSender<()>, SyncSender<()>)>,
}

struct Heart {
    runner: RunnerId,
    database_url: String,
    lease: Duration,
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
            lease: around.lease,
            clock: Arc::clone(&around.clock),
            ids: Arc::clone(&around.ids),
            board: board.clone(),
            beats: sender,
        };
        let pulse =
            Pulse { data_folder: around.data_folder.clone(), lease: around.lease, board: board.clone() };
        let (stop_pulse, pulse_stopped) = sync_channel(1);
        let thread = std::thread::Builder::new().name("keepers".to_owned());
        if let Err(error) = thread.spawn(move || pulse.beat_until(&pulse_stopped)) {
            tracing::error!(%error, "keepers are not renewed: agents will be ended");
        }
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
        Self { beats, stop: Some((stop, stop_pulse)) }
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
            let interval = self.lease / BEATS;
            let pause = if self.board.attempts().is_empty() { interval } else { PROGRESS.min(interval) };
            match stopped.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            since_beat += pause;
            let is_beat = since_beat >= interval;
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
            let reply = open.heartbeat(self.runner, &self.board.attempts(), self.lease).await?;
            // Nobody listens any more when the runner ends at this moment.
            let heard = self.beats.send(Beat { reply });
            tracing::trace!(heard = heard.is_ok(), "heartbeat");
        }
        Ok(())
    }
}

/// Renews the leases of keepers, from a thread that nothing keeps: also while the store is in trouble, agents go on, since on
/// this machine nobody takes an attempt whose keeper lives.
struct Pulse {
    data_folder: PathBuf,
    lease: Duration,
    board: Board,
}

impl Pulse {
    fn beat_until(&self, stopped: &std::sync::mpsc::Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(self.lease / BEATS) {
            for attempt in self.board.attempts() {
                let files = files(&self.data_folder, attempt);
                if let Err(error) = custody::renew(&files, keeper_lease(self.lease)) {
                    tracing::warn!(%error, %attempt, "the lease of a keeper could not be renewed");
                }
                for check in files.checks() {
                    if let Err(error) = custody::renew(&check, keeper_lease(self.lease)) {
                        tracing::warn!(%error, %attempt, "the lease of a check could not be renewed");
                    }
                }
            }
        }
    }
}
