//! What was decided for one due time of one schedule.

use crate::id::{AssignmentId, ScheduleId};
use crate::run::RunStatus;
use crate::timestamp::Timestamp;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Its run was made.
    Started,
    /// Its run is made when the one before has ended.
    Waiting,
    /// It was due while no runner was there, and the schedule passes such times over.
    Missed,
    /// It was passed over since the run before was still open.
    Overlap,
    /// Its run could not be made.
    Refused,
    /// It waited when the schedule was switched off or paused itself.
    Dropped,
}

impl Decision {
    /// Every decision, in the order of the docs.
    pub const ALL: [Decision; 6] = [
        Decision::Started,
        Decision::Waiting,
        Decision::Missed,
        Decision::Overlap,
        Decision::Refused,
        Decision::Dropped,
    ];

    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Started => "started",
            Decision::Waiting => "waiting",
            Decision::Missed => "missed",
            Decision::Overlap => "overlap",
            Decision::Refused => "refused",
            Decision::Dropped => "dropped",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Decision> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == name)
    }
}

/// What was decided for one due time of one schedule, or for several that were missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    pub schedule: ScheduleId,
    /// The identity of what it starts. Of several that were missed, the latest.
    pub due: Timestamp,
    pub decision: Decision,
    pub decided_at: Timestamp,
    /// How many due times it stands for: 1, but for those that were missed.
    pub count: u64,
    pub run: Option<AssignmentId>,
    /// How its run has ended.
    pub outcome: Option<RunStatus>,
    pub ended_at: Option<Timestamp>,
    /// For a person, where nothing was started.
    pub reason: Option<String>,
}
