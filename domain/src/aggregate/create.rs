//! A new assignment, with its first job, the PM's kick-off, or nothing to do yet.

use super::{About, Aggregate, Context, Rejection, kick_off_context, pm_job};
use crate::assignment::{Assignment, AssignmentOrigin, AssignmentStatus, Proof};
use crate::decision::{NewJob, Place};
use crate::director::Director;
use crate::evidence::{Author, Check};
use crate::history::EventKind;
use crate::id::AssignmentId;
use crate::limits::OwnLimits;
use crate::namespace::Namespace;
use crate::priority::Priority;
use crate::run::RunOrigin;
use crate::workflow::NewFlow;
use crate::worktree::Worktree;

/// What a person says of a new assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAssignment {
    pub id: AssignmentId,
    pub namespace: Namespace,
    pub north_star: String,
    pub director: Director,
    pub workspace: String,
    pub worktree: Option<Worktree>,
    /// It works in the folder itself, and is refused while another open assignment does.
    pub alone: bool,
    pub max_jobs: u32,
    /// What it was started from and by, if it is a run.
    pub run: Option<Box<RunOrigin>>,
    /// `None`: by what has started it.
    pub priority: Option<Priority>,
    pub limits: Box<OwnLimits>,
    pub checks: Vec<Check>,
    /// What must hold before it is complete.
    pub accept: Vec<String>,
    pub first: First,
}

/// How a new assignment begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum First {
    /// The director is asked.
    Director,
    /// With this job.
    Job(NewJob),
    /// It waits for somebody to insert one.
    Hold,
    /// As its workflow says.
    Workflow(Box<NewFlow>),
}

impl NewAssignment {
    /// Whether that other assignment would edit the same files. What a run does there is its definition's own affair.
    pub fn tramples_on(&self, other: &Assignment) -> bool {
        let is_open = match other.status() {
            AssignmentStatus::Active | AssignmentStatus::Blocked => true,
            AssignmentStatus::Complete | AssignmentStatus::Failed | AssignmentStatus::Cancelled => false,
        };
        is_open
            && !other.ends_by_itself()
            && other.worktree.is_none()
            && (&other.namespace, &other.workspace) == (&self.namespace, &self.workspace)
    }
}

impl Aggregate {
    /// A new assignment.
    pub fn create(new: NewAssignment, ctx: &Context<'_>) -> Result<Self, Rejection> {
        if new.north_star.trim().is_empty() {
            return Err(Rejection::EmptyNorthStar);
        }
        let held = new.first == First::Hold;
        let origin = origin(&new, ctx);
        let mut aggregate = Self::restore(
            Assignment::new(origin, held, Proof { checks: new.checks, ..Proof::default() }),
            Vec::new(),
            Vec::new(),
        );
        aggregate.assignment.budget.limits = *new.limits;
        let mut details = vec![("northStar", new.north_star)];
        details.extend(new.run.iter().map(|run| ("trigger", run.trigger.kind().as_str().to_owned())));
        aggregate.note_event(ctx, EventKind::AssignmentCreated, About::ASSIGNMENT, details);
        aggregate.run = new.run;
        aggregate.tell_checks(ctx);
        aggregate.accept(new.accept, Author::Person, ctx);
        match new.first {
            First::Director => match new.director {
                Director::Pm => aggregate.put_in(pm_job(ctx, kick_off_context()), Place::End, ctx)?,
                Director::None | Director::Workflow => {}
            },
            First::Job(job) => aggregate.put_in(job, Place::End, ctx)?,
            First::Hold => {}
            First::Workflow(flow) => aggregate.begin(flow),
        }
        aggregate.settle(ctx);
        Ok(aggregate)
    }
}

impl Aggregate {
    /// So that whoever takes a check away in the store itself can't do so unnoticed.
    fn tell_checks(&mut self, ctx: &Context<'_>) {
        for check in self.assignment.checks().to_vec() {
            let details = vec![
                ("check", check.name),
                ("command", check.command),
                ("required", check.required.to_string()),
            ];
            self.note_event(ctx, EventKind::ProofChanged, About::ASSIGNMENT, details);
        }
    }
}

fn origin(new: &NewAssignment, ctx: &Context<'_>) -> AssignmentOrigin {
    let by_trigger = new.run.as_ref().map(|run| Priority::of(run.trigger.kind()));
    AssignmentOrigin {
        id: new.id,
        namespace: new.namespace.clone(),
        north_star: new.north_star.clone(),
        director: new.director,
        workspace: new.workspace.clone(),
        worktree: new.worktree.clone(),
        max_jobs: new.max_jobs,
        is_run: new.run.is_some(),
        priority: new.priority.or(by_trigger).unwrap_or_default(),
        created_at: ctx.now,
    }
}
