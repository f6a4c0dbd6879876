//! What the PM decides after a job, and how several words of it in one attempt become one decision.

use crate::evidence::Ties;
use crate::id::JobId;
use crate::job_type::JobType;

/// A job that is to be inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    pub id: JobId,
    pub job_type: JobType,
    /// `None`: the default of the job type, as the config has it.
    pub harness: Option<String>,
    pub model: Option<String>,
    pub context: String,
    pub timeout_ms: Option<u64>,
}

/// Where new jobs go among those that have not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// After all the others.
    End,
    /// Before all that have not started.
    First,
    /// Directly after this job.
    After(JobId),
}

/// What comes next, in the PM's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// These jobs come next.
    /// `accept`: what else must hold before the assignment is complete.
    InsertJobs { reason: String, jobs: Vec<(NewJob, Place)>, accept: Vec<String> },
    /// The north star is reached.
    Complete { reason: String, ties: Ties },
    /// A person is needed.
    Blocked { reason: String, question: Option<String> },
    /// The jobs that already wait in the list are right; go on with them.
    Continue { reason: String },
}

/// Two decisions of one attempt contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this PM job has already decided `{earlier}`, so it cannot also decide `{later}`")]
pub struct DecisionConflict {
    earlier: &'static str,
    later: &'static str,
}

impl Decision {
    /// The name in JSON and in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Decision::InsertJobs { .. } => "insert_job",
            Decision::Complete { .. } => "complete",
            Decision::Blocked { .. } => "blocked",
            Decision::Continue { .. } => "continue",
        }
    }

    /// Why, in the PM's words.
    pub fn reason(&self) -> &str {
        match self {
            Decision::InsertJobs { reason, .. }
            | Decision::Complete { reason, .. }
            | Decision::Blocked { reason, .. }
            | Decision::Continue { reason } => reason,
        }
    }

    /// One decision out of what was decided before in the same attempt and what is decided now. More jobs add
    /// to earlier ones; a better reason replaces a reason; anything else contradicts.
    pub fn merged(earlier: Option<Decision>, later: Decision) -> Result<Decision, DecisionConflict> {
        let Some(earlier) = earlier else { return Ok(later) };
        match (earlier, later) {
            (
                Decision::InsertJobs { reason: old, mut jobs, mut accept },
                Decision::InsertJobs { reason, jobs: more, accept: other },
            ) => {
                jobs.extend(more);
                accept.extend(other);
                Ok(Decision::InsertJobs {
                    reason: if reason.is_empty() { old } else { reason },
                    jobs,
                    accept,
                })
            }
            (earlier, later) if earlier.name() == later.name() => Ok(later),
            (earlier, later) => Err(DecisionConflict { earlier: earlier.name(), later: later.name() }),
        }
    }
}
