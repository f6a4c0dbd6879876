//! `complete`: only when the evidence bears it; by force only by a person, and then it is recorded as that.

use super::{About, Aggregate, Context, Rejection};
use crate::assignment::AssignmentState;
use crate::decision::Place;
use crate::evidence::gate::{self, Case};
use crate::evidence::{Tie, Ties, TreeState};
use crate::history::EventKind;
use crate::id::JobId;

/// What each criterion is tied to.
type Shown = Vec<(u32, Tie)>;

/// How often in a row a PM's `complete` is refused before a person is asked.
const REFUSALS_MOST: u32 = 3;

impl Aggregate {
    /// What each criterion is tied to, or what stands against `complete`. The present tree is the one that was measured
    /// last: a PM's attempt is measured when it ends.
    pub(super) fn judge(&self, ties: &Ties) -> Result<Shown, Vec<String>> {
        self.judge_of(ties, None)
    }

    /// The same of this tree.
    fn judge_of(&self, ties: &Ties, tree: Option<&TreeState>) -> Result<Shown, Vec<String>> {
        let standing = self.assignment.standing();
        gate::judge(Case {
            checks: self.assignment.checks(),
            criteria: self.assignment.criteria(),
            standing,
            tree: tree.or(standing.tree.as_ref()),
            ties,
        })
    }

    /// A PM's decision, when its job has ended.
    pub(super) fn complete_or_refuse(&mut self, pm: JobId, reason: String, ties: &Ties, ctx: &Context<'_>) {
        match self.judge(ties) {
            Ok(shown) => {
                // Jobs wait only where a limit is reached; then nobody does them any more.
                self.close_open_jobs("a limit is reached, and the PM completed the assignment", ctx);
                self.complete_by(shown, Some(reason), ctx);
            }
            Err(against) if self.assignment.budget.over.is_some() => {
                let against = against.join("; ");
                self.block_over(
                    Some(&format!(
                        "the PM decided that it is complete, and the evidence stands against it: {against}"
                    )),
                    ctx,
                );
            }
            Err(against) => self.refuse_completion(pm, &against.join("; "), ctx),
        }
    }

    /// The refusal is the PM's next input; after some of them in a row a person is asked.
    fn refuse_completion(&mut self, pm: JobId, against: &str, ctx: &Context<'_>) {
        let standing = &mut self.assignment.proof.standing;
        standing.refusals += 1;
        standing.refusal = Some(against.to_owned());
        let refusals = standing.refusals;
        let details = vec![("reason", against.to_owned()), ("refusals", refusals.to_string())];
        self.note_event(ctx, EventKind::CompletionRefused, About::job(pm), details);
        if refusals < REFUSALS_MOST {
            self.ask_pm(Place::After(pm), ctx);
            return;
        }
        self.assignment.proof.standing.refusals = 0;
        let why = format!(
            "the PM decided {refusals} times that it is complete, and the evidence stands against it: {against}"
        );
        self.block(why, None, ctx);
    }

    /// The PM goes on with the work, so what was refused is dealt with.
    pub(super) fn forget_refusals(&mut self) {
        let standing = &mut self.assignment.proof.standing;
        standing.refusals = 0;
        standing.refusal = None;
    }

    /// Without a PM nobody can tie criteria; the checks count.
    pub(super) fn complete_undirected(&mut self, ctx: &Context<'_>) {
        match self.judge(&Ties::new()) {
            Ok(shown) => self.complete_by(shown, None, ctx),
            Err(against) => {
                let id = self.assignment.id.short();
                let why = format!(
                    "its jobs are done, and the evidence stands against it: {}. To accept it all the same: \
                     agents update-assignment {id} --status complete --force --reason \"…\"",
                    against.join("; ")
                );
                self.block(why, None, ctx);
            }
        }
    }

    /// A person's word. Without `force` it is held to the same evidence; with it, what stood against it is told.
    pub(super) fn completable(
        &self,
        (ties, tree): (&Ties, Option<&TreeState>),
        force: bool,
    ) -> Result<(Shown, Option<String>), Rejection> {
        match self.judge_of(ties, tree) {
            Ok(shown) => Ok((shown, None)),
            Err(against) if force => Ok((Shown::new(), Some(against.join("; ")))),
            Err(against) => Err(Rejection::NotShown { against }),
        }
    }

    pub(super) fn complete_by(&mut self, shown: Shown, reason: Option<String>, ctx: &Context<'_>) {
        self.tie(&shown);
        self.complete(reason, None, ctx);
    }

    pub(super) fn tie(&mut self, shown: &[(u32, Tie)]) {
        for criterion in &mut self.assignment.proof.criteria {
            criterion.tie = shown.iter().find(|(number, _)| *number == criterion.number).map(|(_, tie)| *tie);
        }
        self.forget_refusals();
    }

    /// Active or blocked -> complete. `against`: what stands against it, if it was forced.
    pub(super) fn complete(&mut self, reason: Option<String>, against: Option<String>, ctx: &Context<'_>) {
        let mut details: Vec<_> = reason.iter().map(|reason| ("reason", reason.clone())).collect();
        if let Some(against) = against {
            details.push(("forced", "true".to_owned()));
            details.push(("against", against));
        }
        self.assignment.change(AssignmentState::Complete { reason }, ctx.now);
        self.note_event(ctx, EventKind::AssignmentCompleted, About::ASSIGNMENT, details);
    }
}
