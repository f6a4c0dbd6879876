//! What stands against a PM's decision when its job has ended: what a person has said meanwhile, or jobs that wait.

use super::Aggregate;
use crate::assignment::AssignmentStatus;
use crate::decision::Decision;

/// What stands against a PM's decision.
#[derive(Debug, Clone, Copy)]
pub(super) enum Obstacle {
    Closed(AssignmentStatus),
    Blocked,
    Paused,
    Waiting,
}

impl Obstacle {
    /// For the history.
    pub fn text(self) -> String {
        match self {
            Obstacle::Closed(status) => {
                format!("none: a person made the assignment {} meanwhile", status.as_str())
            }
            Obstacle::Blocked => "none: a person blocked the assignment meanwhile".to_owned(),
            Obstacle::Paused => {
                "none: a person paused the assignment meanwhile; the PM is asked again".to_owned()
            }
            Obstacle::Waiting => "none yet: jobs still wait in the list, and they run first".to_owned(),
        }
    }
}

impl Aggregate {
    /// Why a decision has no effect. What a person has said while the PM thought is the later word, and stands.
    pub(super) fn obstacle_to(&self, decision: &Decision) -> Option<Obstacle> {
        let status = self.assignment.status();
        match decision {
            _ if self.assignment.is_closed() => Some(Obstacle::Closed(status)),
            Decision::Complete { .. } | Decision::Blocked { .. } if status == AssignmentStatus::Blocked => {
                Some(Obstacle::Blocked)
            }
            Decision::Complete { .. } if self.has_waiting() && self.assignment.budget.over.is_none() => {
                Some(Obstacle::Waiting)
            }
            Decision::Complete { .. } if self.assignment.is_paused() => Some(Obstacle::Paused),
            Decision::Complete { .. }
            | Decision::Blocked { .. }
            | Decision::InsertJobs { .. }
            | Decision::Continue { .. } => None,
        }
    }
}
