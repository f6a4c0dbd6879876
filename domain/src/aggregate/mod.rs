//! An assignment together with its jobs and running attempts: the unit that every command changes as a whole.
//!
//! A command is decided here, by pure functions of what is stored and what has just happened; the store loads
//! an aggregate, lets it decide, and writes what has changed and the events in one transaction.

mod branch;
mod checks;
mod claim;
mod completion;
mod create;
mod criteria;
mod direct;
mod evidence;
mod finish;
mod insert;
mod money;
mod obstacle;
mod repair;
mod repeat;
mod reviewer;
mod settle;
mod update;
mod wish;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::actor::Actor;
use crate::assignment::{Assignment, AssignmentStatus};
use crate::attempt::Attempt;
use crate::cooldown::Cooldown;
use crate::decision::{DecisionConflict, NewJob};
use crate::history::{EventKind, HistoryEvent, cut};
use crate::id::{AssignmentId, AttemptId, IdSource, JobId};
use crate::job::Job;
use crate::job_type::JobType;
use crate::limits::Reached;
use crate::run::RunOrigin;
use crate::spending::Spending;
use crate::timestamp::Timestamp;
use crate::workflow::{NewFlow, Signal};

pub use branch::BranchMove;
pub use checks::CheckEdit;
pub use claim::Routes;
pub use create::{First, NewAssignment};
pub use criteria::CriterionEdit;
pub use evidence::{REPEATS_MOST, REPEATS_TOLD};
pub use repeat::Repetition;
pub use reviewer::Reviewers;
pub use update::StatusChange;
pub use wish::PauseMode;

/// Which harness does which type of job when nobody says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HarnessDefaults {
    pub default: String,
    pub by_type: BTreeMap<String, String>,
    pub reviewers: Reviewers,
}

impl HarnessDefaults {
    /// The harness for that type of job.
    pub fn harness_for(&self, job_type: &JobType) -> &str {
        self.by_type.get(job_type.as_str()).unwrap_or(&self.default)
    }
}

/// What a command may draw on besides the aggregate.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "an id source has nothing to show")]
pub struct Context<'a> {
    pub now: Timestamp,
    pub ids: &'a dyn IdSource,
    pub harness_defaults: Arc<HarnessDefaults>,
    pub actor: Actor,
}

/// An assignment with its jobs and its running attempts.
#[derive(Debug, Clone)]
pub struct Aggregate {
    assignment: Assignment,
    jobs: Vec<Job>,
    attempts: Vec<Attempt>,
    events: Vec<HistoryEvent>,
    contexts: Vec<(JobId, String)>,
    cooldowns: Vec<Cooldown>,
    spendings: Vec<Spending>,
    /// Of a new run.
    run: Option<Box<RunOrigin>>,
    /// Of a new run of a workflow.
    flow: Option<Box<NewFlow>>,
    /// What its workflow has not been told yet.
    signal: Option<Signal>,
}

/// What has happened to an aggregate and is not yet written, beside what it has become.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct News {
    pub events: Vec<HistoryEvent>,
    /// What new jobs are told.
    pub contexts: Vec<(JobId, String)>,
    /// Harnesses that cool down from now on, for every assignment.
    pub cooldowns: Vec<Cooldown>,
    /// What attempts that have ended have spent.
    pub spendings: Vec<Spending>,
    /// What it was started from, of a new run.
    pub run: Option<Box<RunOrigin>>,
}

/// Why a command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the north star is empty")]
    EmptyNorthStar,
    #[error("assignment {} works in {folder} itself, and two would trample on each other", by.short())]
    FolderTaken { folder: String, by: AssignmentId },
    #[error("assignment {assignment} is {}", status.as_str())]
    Closed { assignment: AssignmentId, status: AssignmentStatus },
    #[error("job {job} is not in assignment {assignment}")]
    NotInAssignment { job: JobId, assignment: AssignmentId },
    #[error("assignment {assignment} already has its {limit} jobs")]
    TooManyJobs { assignment: AssignmentId, limit: u32 },
    #[error("attempt {attempt} no longer owns its job")]
    StaleAttempt { attempt: AttemptId },
    #[error("job {job} is not a PM job, and only the PM decides")]
    NotThePm { job: JobId },
    #[error("job {job} is not ready to start")]
    NotReady { job: JobId },
    #[error("job {job} is running")]
    StillRunning { job: JobId },
    #[error("job {job} is completed, and what it did stands")]
    AlreadyDone { job: JobId },
    #[error("job {job} is done again already, as job {by}")]
    AlreadyRepeated { job: JobId, by: JobId },
    #[error("job {job} is a question")]
    IsQuestion { job: JobId },
    #[error("a workflow leads assignment {assignment}: {hint}")]
    Directed { assignment: AssignmentId, hint: &'static str },
    #[error("no workflow leads assignment {assignment}")]
    Undirected { assignment: AssignmentId },
    /// Its workflow does not take what it was told.
    #[error("{why}")]
    NotNow { why: String },
    #[error("no reason is given, and a {} assignment needs one", status.as_str())]
    ReasonNeeded { status: AssignmentStatus },
    #[error("the evidence stands against it: {}", against.join("; "))]
    NotShown { against: Vec<String> },
    #[error("a criterion says nothing")]
    EmptyCriterion,
    #[error("assignment {assignment} has no criterion {number}")]
    NoCriterion { assignment: AssignmentId, number: u32 },
    #[error("a check has no command")]
    EmptyCheck,
    #[error("there is another check called `{name}`")]
    CheckTwice { name: String },
    #[error("assignment {assignment} has no check `{name}`")]
    NoCheck { assignment: AssignmentId, name: String },
    /// A limit stands against it.
    #[error("{reached}")]
    OutOfBudget { reached: Reached },
    #[error("{reason}: the PM can only complete or block the assignment")]
    WrapsUp { reason: String },
    #[error(transparent)]
    Conflict(#[from] DecisionConflict),
}

impl Aggregate {
    /// The aggregate as it was stored: all the jobs in order, and the running attempts.
    pub fn restore(assignment: Assignment, jobs: Vec<Job>, attempts: Vec<Attempt>) -> Self {
        let (events, contexts, cooldowns) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            assignment,
            jobs,
            attempts,
            events,
            contexts,
            cooldowns,
            spendings: Vec::new(),
            run: None,
            flow: None,
            signal: None,
        }
    }

    /// The assignment itself.
    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// All its jobs, in order.
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// Its attempts that were running when it was loaded or have been started since.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// What has happened since it was loaded.
    pub fn take_news(&mut self) -> News {
        News {
            events: std::mem::take(&mut self.events),
            contexts: std::mem::take(&mut self.contexts),
            cooldowns: std::mem::take(&mut self.cooldowns),
            spendings: std::mem::take(&mut self.spendings),
            run: self.run.take(),
        }
    }

    fn job_index(&self, id: JobId) -> Option<usize> {
        self.jobs.iter().position(|job| job.id == id)
    }

    fn note_event(
        &mut self,
        ctx: &Context<'_>,
        kind: EventKind,
        about: About,
        details: Vec<(&'static str, String)>,
    ) {
        let mut details: Vec<_> =
            details.into_iter().map(|(key, value)| (Cow::Borrowed(key), cut(value))).collect();
        let job_type =
            about.job.and_then(|id| self.job_index(id)).map(|index| self.jobs[index].job_type.to_string());
        details.extend(job_type.map(|job_type| (Cow::Borrowed("type"), job_type)));
        if ctx.actor != Actor::Person {
            details.push((Cow::Borrowed("by"), ctx.actor.to_string()));
        }
        let assignment = self.assignment.id;
        self.events.push(HistoryEvent {
            at: ctx.now,
            kind,
            assignment,
            job: about.job,
            attempt: about.attempt,
            details,
        });
    }
}

/// Which part of the aggregate an event is about.
#[derive(Debug, Clone, Copy, Default)]
struct About {
    job: Option<JobId>,
    attempt: Option<AttemptId>,
}

impl About {
    const ASSIGNMENT: About = About { job: None, attempt: None };

    fn job(job: JobId) -> Self {
        Self { job: Some(job), attempt: None }
    }

    fn attempt(job: JobId, attempt: AttemptId) -> Self {
        Self { job: Some(job), attempt: Some(attempt) }
    }
}

/// The words that the PM is given when it is asked for the first job.
fn kick_off_context() -> String {
    "No job has run yet. Decide on the first one.".to_owned()
}

/// A new PM job's description.
fn pm_job(ctx: &Context<'_>, context: String) -> NewJob {
    NewJob {
        id: JobId::new(ctx.ids.next()),
        job_type: JobType::pm(),
        harness: None,
        model: None,
        context,
        timeout_ms: None,
    }
}
