//! What the runner's loop knows, and what can happen in it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use agents_domain::attempt::AttemptReport;
use agents_domain::id::{AssignmentId, AttemptId};
use agents_domain::store::Claimed;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::event::Control;
use super::heartbeat::Beat;
use super::lookahead::Lookahead;
use crate::attempt::StopReason;

/// What happens in the loop.
pub(super) enum Event {
    Rung,
    /// The process of an attempt has ended.
    Ended(Box<Result<(tokio::task::Id, Ended), JoinError>>),
    /// The store knows the end of an attempt.
    Finished(Result<(), JoinError>),
    Beat(Beat),
    Control(Option<Control>),
    Tick,
}

/// An attempt whose process has ended, and how.
pub(super) struct Ended {
    pub claimed: Claimed,
    pub report: AttemptReport,
}

/// A running attempt, as the loop sees it.
pub(super) struct Slot {
    pub stop: watch::Sender<Option<StopReason>>,
    pub began: Instant,
}

/// What the loop knows.
pub(super) struct State {
    /// Jobs that are ours and have not started yet.
    pub waiting: VecDeque<Claimed>,
    /// When jobs were last taken, or one ended.
    pub moved_at: Instant,
    pub slots: HashMap<AttemptId, Slot>,
    pub tasks: JoinSet<Ended>,
    pub by_task: HashMap<tokio::task::Id, (AttemptId, AssignmentId)>,
    /// Ends that are being handed to the store. They need no slot.
    pub finishing: JoinSet<()>,
    pub lookahead: Lookahead,
    pub is_draining: bool,
    pub has_listener: bool,
    pub finished: usize,
    pub trouble: Option<Duration>,
}

impl State {
    pub fn new(is_draining: bool) -> Self {
        Self {
            waiting: VecDeque::new(),
            moved_at: Instant::now(),
            slots: HashMap::new(),
            tasks: JoinSet::new(),
            by_task: HashMap::new(),
            finishing: JoinSet::new(),
            lookahead: Lookahead::default(),
            is_draining,
            has_listener: true,
            finished: 0,
            trouble: None,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.finishing.is_empty() && self.waiting.is_empty()
    }
}
