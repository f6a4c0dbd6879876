//! The port to schedules: what people write, what runners look at, and the transaction that fires.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::actor::Actor;
use crate::aggregate::{HarnessDefaults, NewAssignment};
use crate::history::HistoryEvent;
use crate::id::{AssignmentId, ScheduleId};
use crate::namespace::Namespace;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

use super::calendar::Calendar;
use super::decide::{Decided, Record};
use super::entry::Schedule;
use super::firing::Firing;

/// A schedule that a person has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleWrite {
    pub schedule: Schedule,
    /// The revision that it takes the place of. `None`: it is new.
    pub replaces: Option<u32>,
    /// Its due times are counted from its progress on. Otherwise the stored progress stays.
    pub begins_anew: bool,
}

/// What came of a write. Nothing has changed unless it is `Done`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    Done,
    /// There is one of that name already.
    NameTaken {
        name: String,
    },
    /// It was changed or deleted since it was read.
    Changed {
        name: String,
    },
}

/// Which schedules a list shows.
#[derive(Debug, Clone, Default)]
pub struct ScheduleFilter {
    pub namespace: Option<Namespace>,
    pub name: Option<String>,
    /// Only those that are on, the next one first.
    pub next_first: bool,
    pub limit: Option<u32>,
}

/// Which schedules a runner looks at.
#[derive(Debug, Clone)]
pub struct DueFilter {
    /// `None`: those of every namespace.
    pub namespace: Option<Namespace>,
    pub now: Timestamp,
    /// Only those behind this one, in the order in which they are given.
    pub behind: Option<(Timestamp, ScheduleId)>,
    pub limit: u32,
}

/// A run that is ready to be stored.
#[derive(Debug, Clone)]
pub struct PreparedRun {
    pub new: NewAssignment,
    pub harness_defaults: Arc<HarnessDefaults>,
}

/// A schedule with the runs that it needs, as far as is known before the transaction.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "a calendar has nothing to show")]
pub struct Prepared {
    pub schedule: ScheduleId,
    pub revision: u32,
    /// Or why its pattern can't be read any more.
    pub calendar: Result<Arc<dyn Calendar>, String>,
    /// By due time; or why it can't be made.
    pub runs: BTreeMap<Timestamp, Result<PreparedRun, String>>,
    /// How long after each due time its run begins.
    pub delay: fn(&Schedule, Timestamp) -> std::time::Duration,
}

/// Schedules that are to be fired.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "a calendar has nothing to show")]
pub struct FireRequest {
    pub actor: Actor,
    /// What is due is held against this moment, for which it was prepared.
    pub now: Timestamp,
    pub schedules: Vec<Prepared>,
}

/// What was decided for a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct FiredSchedule {
    pub schedule: ScheduleId,
    pub namespace: Namespace,
    pub name: String,
    pub decided: Vec<Decided>,
    pub started: Vec<AssignmentId>,
    /// Runs that were cancelled, or asked to end.
    pub cancelled: Vec<AssignmentId>,
    /// It has paused itself, and why.
    pub paused: Option<String>,
    /// What has happened to runs, in order.
    pub events: Vec<HistoryEvent>,
}

/// What came of a firing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fired {
    /// Schedules of which something was decided.
    pub schedules: Vec<FiredSchedule>,
    /// What was prepared for these does not fit what has happened meanwhile; nothing of them was decided.
    pub unfit: Vec<ScheduleId>,
}

/// The port to schedules.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// Writes new and changed schedules, all or none.
    async fn write_schedules(&self, writes: Vec<ScheduleWrite>) -> Result<Written, StoreError>;

    /// Takes a schedule away, with its firings. Its runs stay. Whether it was there.
    async fn delete_schedule(&self, id: ScheduleId) -> Result<bool, StoreError>;

    /// Schedules, by namespace and name.
    async fn schedules(&self, filter: &ScheduleFilter) -> Result<Vec<Schedule>, StoreError>;

    /// What was decided for a schedule, the latest due time first.
    async fn firings(&self, schedule: ScheduleId, limit: u32) -> Result<Vec<Firing>, StoreError>;

    /// Schedules that a runner is to look at now, the one that waits longest first.
    async fn due_schedules(&self, filter: &DueFilter) -> Result<Vec<(Schedule, Record)>, StoreError>;

    /// When a runner is to look at one next.
    async fn next_look_at(&self, namespace: Option<&Namespace>) -> Result<Option<Timestamp>, StoreError>;

    /// Decides what is due and stores all that follows, in one transaction.
    async fn fire(&self, request: FireRequest) -> Result<Fired, StoreError>;
}
