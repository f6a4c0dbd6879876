//! What a runner is told from outside, and what it tells.

use agents_domain::attempt::Wish;
use agents_domain::history::HistoryEvent;
use agents_domain::id::AttemptId;
use agents_domain::namespace::Namespace;
use agents_domain::schedule::schedules::FiredSchedule;
use agents_domain::store::DayLine;

/// What somebody outside wants of the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Take no more jobs; end when the running ones have.
    Drain,
    /// Leave the running ones to the next runner, and end.
    HandOver,
    /// End the running ones now, cleanly; their jobs are pending again.
    Stop,
}

/// What a runner tells while it works.
#[derive(Debug, Clone)]
pub enum RunnerEvent {
    Started {
        recovered: usize,
    },
    /// Something of the history happened.
    Happened {
        namespace: Namespace,
        event: HistoryEvent,
    },
    /// An attempt is being ended, because a person wants it.
    Ending {
        attempt: AttemptId,
        wish: Wish,
    },
    /// An attempt ended after its job had moved on without it; nothing has changed.
    Stale {
        attempt: AttemptId,
    },
    /// The store can't be used at present. Running agents go on.
    StoreTrouble {
        error: String,
    },
    StoreMended,
    Draining {
        running: usize,
    },
    Stopping {
        running: usize,
    },
    /// The running agents go on, and wait for the next runner.
    HandedOver {
        running: usize,
    },
    /// Jobs of that namespace wait for the next day: what this one may cost is spent.
    DaySpent {
        day: Box<DayLine>,
    },
    /// Something was decided for due times of a schedule.
    Fired {
        schedule: Box<FiredSchedule>,
    },
    Ended {
        finished: usize,
    },
}

/// Who listens to a runner.
pub trait Listener: Send + Sync {
    fn hear(&self, event: &RunnerEvent);
}
