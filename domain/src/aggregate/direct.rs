//! A workflow directs the assignment: what it is told, and what follows from its turns.

use super::{About, Aggregate, Context, Rejection};
use crate::assignment::{AssignmentState, AssignmentStatus};
use crate::decision::Place;
use crate::director::Director;
use crate::evidence::Ties;
use crate::history::EventKind;
use crate::job::JobStatus;
use crate::outcome::Outcome;
use crate::workflow::{Ends, NewFlow, Signal, StepJob, Then, Turn, Wait};

impl Aggregate {
    /// A new run of a workflow.
    pub(super) fn begin(&mut self, flow: Box<NewFlow>) {
        self.flow = Some(flow);
        self.signal = Some(Signal::Begin);
    }

    /// The job of its present step has ended for good.
    pub(super) fn hear_end(&mut self, index: usize, outcome: &Outcome) {
        let job = self.jobs[index].id;
        self.signal = Some(Signal::JobEnded { job, class: outcome.class, text: outcome.text.clone() });
    }

    /// What its workflow has not been told yet; it counts as told.
    pub fn take_signal(&mut self) -> Option<Signal> {
        self.signal.take()
    }

    /// How its workflow begins, of a new run of one.
    pub fn take_flow(&mut self) -> Option<Box<NewFlow>> {
        self.flow.take()
    }

    /// Whether its workflow has not been told everything.
    pub fn has_signal(&self) -> bool {
        self.signal.is_some()
    }

    pub(super) fn refuse_if_directed(&self, hint: &'static str) -> Result<(), Rejection> {
        match self.assignment.director {
            Director::Workflow => Err(Rejection::Directed { assignment: self.assignment.id, hint }),
            Director::Pm | Director::None => Ok(()),
        }
    }

    /// Its workflow is told something that no job of it has brought.
    pub fn hear(&mut self, signal: Signal, ctx: &Context<'_>) -> Result<(), Rejection> {
        let assignment = self.assignment.id;
        if self.assignment.director != Director::Workflow {
            return Err(Rejection::Undirected { assignment });
        }
        match &signal {
            Signal::GoOn { .. } => match self.assignment.status() {
                AssignmentStatus::Failed | AssignmentStatus::Cancelled | AssignmentStatus::Blocked => {
                    self.activate(None, None, ctx);
                }
                AssignmentStatus::Active => {}
                AssignmentStatus::Complete => {
                    let why = format!(
                        "run {} is complete: agents workflow replay {0} does it once more",
                        assignment.short()
                    );
                    return Err(Rejection::NotNow { why });
                }
            },
            Signal::Begin
            | Signal::JobEnded { .. }
            | Signal::Woken
            | Signal::Answered { .. }
            | Signal::ChildStarted { .. }
            | Signal::ChildRefused { .. }
            | Signal::ChildEnded { .. }
            | Signal::Break { .. } => self.refuse_if_closed()?,
        }
        self.note_answer(&signal, ctx);
        self.signal = Some(signal);
        Ok(())
    }

    /// What a person says is told; the rest is told by what it comes from.
    fn note_answer(&mut self, signal: &Signal, ctx: &Context<'_>) {
        let (answer, comment) = match signal {
            Signal::Answered { approved: true, comment, .. } => ("approved", comment.clone()),
            Signal::Answered { approved: false, comment, .. } => ("rejected", comment.clone()),
            Signal::Break { reason } => ("break", reason.clone()),
            Signal::GoOn { from } => ("resumed", from.clone()),
            Signal::Begin
            | Signal::JobEnded { .. }
            | Signal::Woken
            | Signal::ChildStarted { .. }
            | Signal::ChildRefused { .. }
            | Signal::ChildEnded { .. } => return,
        };
        let mut details = vec![("answer", answer.to_owned())];
        details.extend(comment.map(|comment| ("comment", comment)));
        self.note_event(ctx, EventKind::StepAnswered, About::ASSIGNMENT, details);
    }

    /// What its workflow has said is done.
    pub fn follow_turn(&mut self, turn: Turn, ctx: &Context<'_>) {
        for job in turn.cancels {
            match self.job_index(job).map(|index| self.jobs[index].status()) {
                Some(JobStatus::Pending) => self.cancel_job(job, "its workflow goes on without it", ctx),
                Some(JobStatus::Running) => {
                    self.request_cancel(job, "its workflow goes on without it", ctx);
                }
                Some(JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled) | None => {}
            }
        }
        match turn.then {
            Then::Job(step) => self.put_step(*step, ctx),
            Then::Wait(Wait::Person { step, question, until: _ }) => {
                let details = vec![("for", "person".to_owned()), ("step", step), ("question", question)];
                self.note_event(ctx, EventKind::StepWaits, About::ASSIGNMENT, details);
            }
            Then::Wait(Wait::Time { .. } | Wait::Start { .. } | Wait::Run { .. }) | Then::GoOn => {}
            Then::End(ends) => self.end_flow(ends, ctx),
        }
        self.settle(ctx);
    }

    fn put_step(&mut self, step: StepJob, ctx: &Context<'_>) {
        self.assignment.budget.limits.change(&step.limits);
        let put = self.put_in(step.job, Place::End, ctx);
        debug_assert!(put.is_ok(), "the end of a list is always there");
    }

    /// The run ends as its workflow says. Checks that are required hold for it too.
    pub fn end_flow(&mut self, ends: Ends, ctx: &Context<'_>) {
        if self.assignment.is_closed() {
            return;
        }
        match ends {
            Ends::Complete { result } => match self.judge(&Ties::new()) {
                Ok(shown) => self.complete_by(shown, Some(result).filter(|result| !result.is_empty()), ctx),
                Err(against) => {
                    let why = format!(
                        "its steps are done, and the evidence stands against it: {}",
                        against.join("; ")
                    );
                    self.fail_run(why, ctx);
                }
            },
            Ends::Failed { reason } => self.fail_run(reason, ctx),
            Ends::Cancelled { reason } => {
                self.close_open_jobs("its workflow has ended", ctx);
                self.cancelled(Some(reason), ctx);
            }
        }
        self.settle(ctx);
    }

    /// A repair: an active run whose workflow has nothing next goes on where it stopped.
    pub(super) fn wake_flow(&mut self, ctx: &Context<'_>) {
        if self.assignment.director == Director::Workflow && self.assignment.is_active() {
            self.signal = Some(Signal::GoOn { from: None });
            self.assignment.change(AssignmentState::Active { held: false }, ctx.now);
            self.note_event(ctx, EventKind::AssignmentActivated, About::ASSIGNMENT, Vec::new());
        }
    }
}
