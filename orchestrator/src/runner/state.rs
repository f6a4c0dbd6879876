//! What the runner's loop knows, and what can happen in it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use agents_domain::attempt::AttemptReport;
use agents_domain::id::{AssignmentId, AttemptId};
use agents_domain::namespace::Namespace;
use agents_domain::store::{Claimed, Claims, StoreError};
use agents_domain::timestamp::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::event::Control;
use super::heartbeat::Beat;
use super::lookahead::Lookahead;
use super::recovery::Lookout;
use crate::attempt::StopReason;
use crate::schedule::{Looked, More};

/// How often is looked at what has happened, while very short jobs end all the time.
const LOOK_AROUND: Duration = Duration::from_millis(50);

/// What happens in the loop.
pub(super) enum Event {
    Rung,
    /// The process of an attempt has ended.
    Ended(Box<Result<(tokio::task::Id, Ended), JoinError>>),
    /// The store knows the end of an attempt, and whether a due time may have waited for it.
    Finished(Result<bool, JoinError>),
    /// The store has answered what there is to do, up to the limit that is with it.
    Claimed(Result<Result<(Claims, usize), StoreError>, JoinError>),
    /// The schedules that were due have been looked at.
    Fired(Result<Result<Looked, StoreError>, JoinError>),
    /// A schedule is due.
    Due,
    Beat(Beat),
    Control(Option<Control>),
    /// The runner has looked at what has happened, and has started so many runs.
    Reacted(usize),
    /// So many workflows that waited have gone on.
    Flowed(usize),
    /// The runner has told of what has happened, or it is time to.
    Told,
    Tick,
}

impl Event {
    /// Whether a job may be ready or a slot free that was not before.
    pub fn may_bring_work(&self) -> bool {
        match self {
            Event::Rung | Event::Ended(_) | Event::Finished(_) | Event::Tick => true,
            Event::Reacted(moved) | Event::Flowed(moved) => *moved > 0,
            Event::Claimed(_)
            | Event::Fired(_)
            | Event::Due
            | Event::Beat(_)
            | Event::Control(_)
            | Event::Told => false,
        }
    }

    /// Whether something may have happened that somebody has subscribed to.
    pub fn may_be_told_of(&self) -> bool {
        match self {
            Event::Rung | Event::Finished(_) | Event::Fired(_) | Event::Tick => true,
            Event::Reacted(moved) | Event::Flowed(moved) => *moved > 0,
            Event::Claimed(_)
            | Event::Due
            | Event::Ended(_)
            | Event::Beat(_)
            | Event::Control(_)
            | Event::Told => false,
        }
    }
}

impl Event {
    /// Whether a workflow may have to be looked at.
    pub fn may_move_workflows(&self) -> bool {
        match self {
            Event::Rung | Event::Tick => true,
            Event::Reacted(moved) | Event::Flowed(moved) => *moved > 0,
            Event::Finished(_)
            | Event::Fired(_)
            | Event::Claimed(_)
            | Event::Due
            | Event::Ended(_)
            | Event::Beat(_)
            | Event::Control(_)
            | Event::Told => false,
        }
    }
}

/// What the last look for work has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Jobs,
    Nothing,
    NotLooked,
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
    /// Ends that are being handed to the store, and whether they are those of runs. They need no slot.
    pub finishing: JoinSet<bool>,
    /// The question to the store, while it has not answered.
    pub claiming: JoinSet<Result<(Claims, usize), StoreError>>,
    /// The look at the schedules that are due, while it goes on.
    pub firing: JoinSet<Result<Looked, StoreError>>,
    /// Whether a schedule may be due that the last look has not seen.
    pub must_fire: bool,
    /// Where the next look at schedules begins.
    pub fires_behind: More,
    /// When the next schedule is due.
    pub next_due: Option<Timestamp>,
    /// A job has ended that a workflow directs, and nobody has looked at it yet.
    pub has_directed: bool,
    /// Whether there may be work that the last look has not seen.
    pub must_look: bool,
    pub found: Found,
    pub lookahead: Lookahead,
    pub is_draining: bool,
    /// Running jobs are being stopped, and it was said.
    pub is_stopping: bool,
    pub has_listener: bool,
    pub finished: usize,
    pub trouble: Option<Duration>,
    /// When the slow tick was last served.
    pub ticked_at: Instant,
    /// When was last looked at what has happened.
    looked_around_at: Option<Instant>,
    /// Namespaces of which was told that their day is spent.
    pub spent_days: BTreeSet<Namespace>,
    /// What has been seen of other runners' attempts.
    pub lookout: Lookout,
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
            claiming: JoinSet::new(),
            firing: JoinSet::new(),
            must_fire: true,
            has_directed: false,
            fires_behind: More::Nothing,
            next_due: None,
            must_look: true,
            found: Found::NotLooked,
            lookahead: Lookahead::default(),
            is_draining,
            is_stopping: false,
            has_listener: true,
            finished: 0,
            trouble: None,
            ticked_at: Instant::now(),
            looked_around_at: None,
            spent_days: BTreeSet::new(),
            lookout: Lookout::default(),
        }
    }

    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
            && self.finishing.is_empty()
            && self.waiting.is_empty()
            && self.claiming.is_empty()
            && self.firing.is_empty()
    }

    /// Whether it is time to look at what has happened; then it counts as looked at.
    pub fn may_look_around(&mut self, now: Instant) -> bool {
        let is_early = self.looks_around_at().is_some_and(|moment| moment > now);
        if !is_early {
            self.looked_around_at = Some(now);
        }
        !is_early
    }

    /// When it will be time to look at what has happened. `None`: at any time. Beside very short jobs, each of which has
    /// something to tell, a look for each of them would cost more than they do.
    pub fn looks_around_at(&self) -> Option<Instant> {
        let is_flooded = self.lookahead.is_on() && !self.is_idle();
        self.looked_around_at.filter(|_| is_flooded).map(|at| at + LOOK_AROUND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beside_a_flood_of_short_jobs_what_happens_is_looked_at_together() {
        let (mut state, now) = (State::new(false), Instant::now());
        state.firing.spawn(std::future::pending());
        assert!(state.may_look_around(now) && state.may_look_around(now), "at any time");
        assert_eq!(state.looks_around_at(), None);
        (0..100).for_each(|_| state.lookahead.saw(Duration::ZERO));
        assert!(!state.may_look_around(now), "it was looked at just now");
        let next = now + LOOK_AROUND;
        assert_eq!(state.looks_around_at(), Some(next));
        assert!(state.may_look_around(next) && !state.may_look_around(next), "once for all of them");
        state.firing.abort_all();
        while state.firing.join_next().await.is_some() {}
        assert!(state.may_look_around(next), "there is nothing else to do");
    }
}
