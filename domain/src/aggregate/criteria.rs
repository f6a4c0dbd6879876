//! Acceptance criteria: a person states, changes and drops them; a PM may only add some, and only before any work is done.

use super::{About, Aggregate, Context, Rejection};
use crate::evidence::{Author, Criterion};
use crate::history::EventKind;
use crate::job::JobStatus;

/// So many criteria a PM may add. What a person adds is not counted.
const PM_CRITERIA: usize = 20;
/// The longest criterion of a PM, in characters.
const PM_CRITERION: usize = 500;

/// What a person changes in the criteria.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CriterionEdit {
    Add(String),
    Drop(u32),
    /// It says this instead. What showed the old one does not show the new one.
    Reword(u32, String),
}

impl Aggregate {
    /// A person changes the criteria: all of it, or nothing if a part makes no sense.
    pub(super) fn edit_criteria(
        &mut self,
        edits: Vec<CriterionEdit>,
        ctx: &Context<'_>,
    ) -> Result<(), Rejection> {
        self.refuse_bad_edits(&edits)?;
        for edit in edits {
            match edit {
                CriterionEdit::Add(text) => self.accept(vec![text], Author::Person, ctx),
                CriterionEdit::Drop(number) => self.drop_criterion(number, ctx),
                CriterionEdit::Reword(number, text) => self.reword(number, &text, ctx),
            }
        }
        Ok(())
    }

    fn refuse_bad_edits(&self, edits: &[CriterionEdit]) -> Result<(), Rejection> {
        let mut there: Vec<u32> =
            self.assignment.criteria().iter().map(|criterion| criterion.number).collect();
        for edit in edits {
            let (number, text) = match edit {
                CriterionEdit::Add(text) => (None, Some(text)),
                CriterionEdit::Drop(number) => (Some(*number), None),
                CriterionEdit::Reword(number, text) => (Some(*number), Some(text)),
            };
            if text.is_some_and(|text| text.trim().is_empty()) {
                return Err(Rejection::EmptyCriterion);
            }
            if let Some(number) = number.filter(|number| !there.contains(number)) {
                return Err(Rejection::NoCriterion { assignment: self.assignment.id, number });
            }
            if matches!(edit, CriterionEdit::Drop(_)) {
                there.retain(|one| Some(*one) != number);
            }
        }
        Ok(())
    }

    /// Adds criteria that are not there yet.
    pub(super) fn accept(&mut self, texts: Vec<String>, by: Author, ctx: &Context<'_>) {
        for text in texts {
            let text = text.trim().to_owned();
            let proof = &mut self.assignment.proof;
            if text.is_empty() || proof.criteria.iter().any(|criterion| criterion.text == text) {
                continue;
            }
            proof.numbered += 1;
            let number = proof.numbered;
            proof.criteria.push(Criterion { number, text: text.clone(), by, tie: None });
            let details =
                vec![("criterion", number.to_string()), ("text", text), ("author", by.as_str().to_owned())];
            self.note_event(ctx, EventKind::ProofChanged, About::ASSIGNMENT, details);
        }
    }

    fn drop_criterion(&mut self, number: u32, ctx: &Context<'_>) {
        let proof = &mut self.assignment.proof;
        proof.criteria.retain(|criterion| criterion.number != number);
        proof.standing.met.retain(|(met, _)| *met != number);
        let details = vec![("criterion", number.to_string()), ("dropped", "true".to_owned())];
        self.note_event(ctx, EventKind::ProofChanged, About::ASSIGNMENT, details);
    }

    fn reword(&mut self, number: u32, text: &str, ctx: &Context<'_>) {
        let text = text.trim();
        let proof = &mut self.assignment.proof;
        let Some(criterion) = proof.criteria.iter_mut().find(|criterion| criterion.number == number) else {
            return;
        };
        if criterion.text == text {
            return;
        }
        *criterion = Criterion { number, text: text.to_owned(), by: Author::Person, tie: None };
        proof.standing.met.retain(|(met, _)| *met != number);
        let details = vec![
            ("criterion", number.to_string()),
            ("text", text.to_owned()),
            ("author", Author::Person.as_str().to_owned()),
        ];
        self.note_event(ctx, EventKind::ProofChanged, About::ASSIGNMENT, details);
    }

    /// What is wrong with criteria that a PM adds, if anything. The goal is set before the work, not after it.
    pub(super) fn unacceptable(&self, accept: &[String]) -> Option<String> {
        let new = accept.iter().filter(|text| !text.trim().is_empty());
        let is_known = |text: &str| self.assignment.criteria().iter().any(|one| one.text == text.trim());
        let new: Vec<&String> = new.filter(|text| !is_known(text)).collect();
        if new.is_empty() {
            return None;
        }
        if self.has_done_work() {
            return Some(
                "`accept` is only possible before the first job has completed; what matters now belongs into a job"
                    .to_owned(),
            );
        }
        let of_pm = self.assignment.criteria().iter().filter(|one| one.by == Author::Pm).count();
        if of_pm + new.len() > PM_CRITERIA {
            return Some(format!("`accept` names too many criteria: {PM_CRITERIA} at most"));
        }
        let is_long = |text: &&&String| text.chars().count() > PM_CRITERION;
        new.iter().find(is_long).map(|_| {
            format!("a criterion in `accept` is too long: {PM_CRITERION} characters at most, one thing each")
        })
    }

    /// Whether a job of the line, the PM's own apart, has completed.
    pub fn has_done_work(&self) -> bool {
        self.jobs.iter().any(|job| !job.shadow && job.status() == JobStatus::Completed)
    }
}
