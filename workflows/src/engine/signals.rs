//! What a signal means where the run stands.

use agents_domain::assignment::AssignmentStatus;
use agents_domain::id::{AssignmentId, JobId};
use agents_domain::outcome::OutcomeClass;
use agents_domain::workflow::{NoTurn, Signal, StepStatus, Then, Wait};
use serde_json::{Map, Value, json};

use super::failure::{Class, Failure};
use super::leave::moment_of;
use super::state::{Phase, Stand};
use super::turning::{Next, Turning};
use crate::output::salvage;
use crate::workflow::{Does, StepIndex, Test};

impl Turning<'_> {
    /// The first thing that follows.
    pub(super) fn signal(&mut self) -> Result<Next, NoTurn> {
        self.ask_for_all()?;
        match self.ask.signal {
            Signal::Begin => Ok(Next::Enter { step: 0, attempt: 1 }),
            Signal::GoOn { from } => self.go_on(from.as_deref()),
            Signal::Break { reason } => {
                self.refuse_ended()?;
                self.break_loop(reason.as_deref())
            }
            Signal::JobEnded { job, class, text } => self.job_ended(*job, *class, text),
            Signal::Woken => self.woken(),
            Signal::Answered { approved, by, comment } => self.answered(*approved, by, comment.as_deref()),
            Signal::ChildStarted { child } => self.child_started(*child),
            Signal::ChildRefused { why } => match self.standing()? {
                Some((index, Phase::Starts { .. })) => {
                    let class = Class::Outcome(OutcomeClass::RunnerError);
                    Ok(Next::Fail { step: index, failure: Failure::told(class, why) })
                }
                _ => Ok(stays()),
            },
            Signal::ChildEnded { child, status, text } => self.child_ended(*child, *status, text),
        }
    }

    /// What is probably looked at is asked for at once: the present step, the loops around it, and what it needs.
    fn ask_for_all(&self) -> Result<(), NoTurn> {
        let Some(stand) = &self.state.at else { return Ok(()) };
        self.rows.get(&stand.step);
        for id in self.graph.find(&stand.step).iter().flat_map(|step| &step.needs) {
            self.rows.get(id);
        }
        for frame in &self.state.frames {
            self.rows.get(&frame.step);
        }
        let wanted = self.rows.wanted();
        if wanted.is_empty() { Ok(()) } else { Err(NoTurn::Needs(wanted)) }
    }

    fn refuse_ended(&self) -> Result<(), NoTurn> {
        match self.state.ended {
            Some(_) => Err(NoTurn::Refused("the run has ended".to_owned())),
            None => Ok(()),
        }
    }

    /// The step that it is at, and what it does there.
    fn standing(&self) -> Result<Option<(StepIndex, Phase)>, NoTurn> {
        match (&self.state.at, self.state.ended) {
            (Some(Stand { step, phase, .. }), None) => Ok(Some((self.index(step)?, phase.clone()))),
            (Some(_) | None, _) => Ok(None),
        }
    }

    /// A job that nobody waits for has been cancelled before, and changes nothing.
    fn job_ended(&mut self, job: JobId, class: OutcomeClass, text: &str) -> Result<Next, NoTurn> {
        let is_it = |known: &str| known == job.to_string();
        match self.standing()? {
            Some((index, Phase::Works { job })) if is_it(&job) => self.worked(index, class, text),
            Some((index, Phase::Guards { guard, failed, job })) if is_it(&job) => {
                if class == OutcomeClass::Success {
                    return self.guards(index, guard + 1);
                }
                self.guard_failed(index, (guard, failed + 1), text)
            }
            Some(_) | None => Ok(stays()),
        }
    }

    fn worked(&mut self, index: StepIndex, class: OutcomeClass, text: &str) -> Result<Next, NoTurn> {
        if class == OutcomeClass::Success {
            return Ok(Next::Done { step: index, outputs: Map::new(), text: Some(text.to_owned()) });
        }
        let found = salvage(&self.step(index).outputs, text);
        if !found.is_empty() {
            let mut row = self.present(index)?;
            row.outputs = Some(Value::Object(found).to_string());
            self.put(row);
        }
        Ok(Next::Fail { step: index, failure: Failure::told(Class::Outcome(class), text) })
    }

    fn guard_failed(
        &mut self,
        index: StepIndex,
        (guard, failed): (usize, u32),
        text: &str,
    ) -> Result<Next, NoTurn> {
        let validator = &self.step(index).validators[guard];
        if failed > validator.retries {
            let failure = match self.guard_failure(index, guard)? {
                Ok(failure) | Err(failure) => failure,
            };
            return Ok(Next::Fail { step: index, failure: Failure { tail: text.to_owned(), ..failure } });
        }
        let until = self.later(validator.cooldown_ms);
        self.wait(index, Phase::Cools { guard, failed, until: until.as_millis() }, Wait::Time { until })
    }

    fn woken(&mut self) -> Result<Next, NoTurn> {
        let Some((index, phase)) = self.standing()? else { return Ok(stays()) };
        let now = self.ask.now;
        let is_due = |until: i64| moment_of(until) <= now;
        let late = || Failure::new(Class::Outcome(OutcomeClass::Timeout), "its time is up");
        if !matches!(phase, Phase::Works { .. } | Phase::Guards { .. })
            && let Some(next) = self.expired()?
        {
            return Ok(next);
        }
        match phase {
            Phase::Retries { until } if is_due(until) => {
                let attempt = self.present(index)?.attempt.saturating_add(1);
                self.close(index, StepStatus::Failed, None)?;
                Ok(Next::Enter { step: index, attempt })
            }
            Phase::Delays { until } if is_due(until) => {
                Ok(Next::Done { step: index, outputs: Map::new(), text: None })
            }
            Phase::Turns { until } if is_due(until) => self.body(index),
            Phase::Cools { guard, failed, until } if is_due(until) => {
                match &self.step(index).validators[guard].test {
                    Test::Exec(config) => self.guard_job(index, config, (guard, failed)),
                    Test::Condition(_) => self.guards(index, guard),
                }
            }
            Phase::Asks { until: Some(until) }
            | Phase::Starts { until: Some(until) }
            | Phase::Runs { until: Some(until), .. }
                if is_due(until) =>
            {
                Ok(Next::Fail { step: index, failure: late() })
            }
            Phase::Retries { until }
            | Phase::Delays { until }
            | Phase::Turns { until }
            | Phase::Cools { until, .. } => {
                Ok(Next::Pause(Then::Wait(self.bounded(Wait::Time { until: moment_of(until) }))))
            }
            Phase::Asks { .. }
            | Phase::Starts { .. }
            | Phase::Runs { .. }
            | Phase::Works { .. }
            | Phase::Guards { .. }
            | Phase::Passes => Ok(stays()),
        }
    }

    fn answered(&mut self, approved: bool, by: &str, comment: Option<&str>) -> Result<Next, NoTurn> {
        let Some((index, Phase::Asks { .. })) = self.standing()? else {
            return Err(NoTurn::Refused("the run waits for nobody's answer".to_owned()));
        };
        let outputs = json!({"approved": approved, "by": by, "comment": comment});
        let Value::Object(outputs) = outputs else { return Ok(stays()) };
        if approved {
            return Ok(Next::Done { step: index, outputs, text: None });
        }
        let mut row = self.present(index)?;
        row.outputs = Some(Value::Object(outputs).to_string());
        self.put(row);
        let why =
            comment.map_or_else(|| format!("rejected by {by}"), |said| format!("rejected by {by}: {said}"));
        Ok(Next::Fail { step: index, failure: Failure::new(Class::Rejected, why) })
    }

    fn child_started(&mut self, child: AssignmentId) -> Result<Next, NoTurn> {
        let Some((index, Phase::Starts { until })) = self.standing()? else { return Ok(stays()) };
        let mut row = self.present(index)?;
        row.child = Some(child);
        self.put(row);
        let phase = Phase::Runs { child: child.to_string(), until };
        self.wait(index, phase, Wait::Run { child, until: until.map(moment_of) })
    }

    fn child_ended(
        &mut self,
        child: AssignmentId,
        status: AssignmentStatus,
        text: &str,
    ) -> Result<Next, NoTurn> {
        let index = match self.standing()? {
            Some((index, Phase::Runs { child: known, .. })) if known == child.to_string() => index,
            Some(_) | None => return Ok(stays()),
        };
        let failed = |class| Failure::told(Class::Outcome(class), text);
        match status {
            AssignmentStatus::Active | AssignmentStatus::Blocked => Ok(stays()),
            AssignmentStatus::Complete => {
                let told = serde_json::from_str(text).ok().filter(|_| self.is_workflow(index));
                let outputs = told.unwrap_or_else(|| Map::from_iter([("result".to_owned(), json!(text))]));
                Ok(Next::Done { step: index, outputs, text: Some(text.to_owned()) })
            }
            AssignmentStatus::Failed => {
                Ok(Next::Fail { step: index, failure: failed(OutcomeClass::Unclassified) })
            }
            AssignmentStatus::Cancelled => {
                Ok(Next::Fail { step: index, failure: failed(OutcomeClass::Cancelled) })
            }
        }
    }

    fn is_workflow(&self, index: StepIndex) -> bool {
        matches!(self.step(index).does, Does::Workflow { .. })
    }
}

/// Nothing changes.
fn stays() -> Next {
    Next::Pause(Then::GoOn)
}
