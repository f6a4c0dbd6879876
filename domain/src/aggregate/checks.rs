//! Checks of an assignment that is under way: only a person adds and drops them.

use super::{About, Aggregate, Context, Rejection};
use crate::evidence::Check;
use crate::history::EventKind;

/// What a person changes in the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckEdit {
    /// One whose command is there already becomes a required one.
    Add(Check),
    /// The one of that name.
    Drop(String),
}

impl Aggregate {
    /// A person changes the checks: all of it, or nothing if a part makes no sense.
    pub(super) fn edit_checks(&mut self, edits: Vec<CheckEdit>, ctx: &Context<'_>) -> Result<(), Rejection> {
        self.refuse_bad_checks(&edits)?;
        for edit in edits {
            match edit {
                CheckEdit::Add(check) => self.add_check(check, ctx),
                CheckEdit::Drop(name) => self.drop_check(&name, ctx),
            }
        }
        Ok(())
    }

    fn refuse_bad_checks(&self, edits: &[CheckEdit]) -> Result<(), Rejection> {
        let mut there: Vec<(&str, &str)> = self.assignment.checks().iter().map(name_and_command).collect();
        for edit in edits {
            match edit {
                CheckEdit::Add(check) if check.name.is_empty() || check.command.is_empty() => {
                    return Err(Rejection::EmptyCheck);
                }
                CheckEdit::Add(check) if there.iter().any(|(_, command)| *command == check.command) => {}
                CheckEdit::Add(check) if there.iter().any(|(name, _)| *name == check.name) => {
                    return Err(Rejection::CheckTwice { name: check.name.clone() });
                }
                CheckEdit::Add(check) => there.push(name_and_command(check)),
                CheckEdit::Drop(name) if there.iter().any(|(known, _)| known == name) => {
                    there.retain(|(known, _)| known != name);
                }
                CheckEdit::Drop(name) => {
                    return Err(Rejection::NoCheck { assignment: self.assignment.id, name: name.clone() });
                }
            }
        }
        Ok(())
    }

    fn add_check(&mut self, check: Check, ctx: &Context<'_>) {
        let checks = &mut self.assignment.proof.checks;
        let known = checks.iter_mut().find(|known| known.command == check.command);
        let name = match known {
            Some(known) if known.required => return,
            Some(known) => {
                known.required = true;
                known.name.clone()
            }
            None => {
                checks.push(check.clone());
                check.name
            }
        };
        let details = vec![("check", name), ("command", check.command), ("required", "true".to_owned())];
        self.note_event(ctx, EventKind::ProofChanged, About::ASSIGNMENT, details);
    }

    fn drop_check(&mut self, name: &str, ctx: &Context<'_>) {
        let proof = &mut self.assignment.proof;
        proof.checks.retain(|check| check.name != name);
        // Its last receipt must not speak for another check that gets its name.
        proof.standing.receipts.retain(|mark| mark.check != name);
        let details = vec![("check", name.to_owned()), ("dropped", "true".to_owned())];
        self.note_event(ctx, EventKind::ProofChanged, About::ASSIGNMENT, details);
    }
}

fn name_and_command(check: &Check) -> (&str, &str) {
    (&check.name, &check.command)
}
