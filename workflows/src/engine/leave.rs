//! Leaving a step: its outputs, its guards, and the route that it takes.

use agents_domain::outcome::OutcomeClass;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ends, NoTurn, StepStatus, Wait};
use serde_json::{Map, Value};

use super::failure::{Class, Failure, told};
use super::state::{Phase, Spot};
use super::turning::{Next, Turning};
use crate::expression::Scope;
use crate::output::{Answer, Wrong, take};
use crate::workflow::{Route, Step, StepIndex, Target, Test};

impl Turning<'_> {
    /// Its outputs, then its guards.
    pub(super) fn done(
        &mut self,
        index: StepIndex,
        outputs: Map<String, Value>,
        text: Option<String>,
    ) -> Result<Next, NoTurn> {
        let step = self.step(index);
        let text = text.unwrap_or_else(|| Value::Object(outputs.clone()).to_string());
        let mut scope = self.scope(index)?;
        scope.set("answer", &Answer::read(&text).value());
        let (mut row, rows) = (self.present(index)?, self.rows.clone());
        let taken = take(&step.outputs, &text, &mut |expression, taken| {
            let so_far: Map<String, Value> =
                outputs.iter().chain(taken).map(|(k, v)| (k.clone(), v.clone())).collect();
            row.outputs = Some(Value::Object(so_far).to_string());
            rows.put(&step.id, Some(row.clone()));
            scope.bare(expression)
        });
        let mut all = outputs.clone();
        match taken {
            Ok(taken) => all.extend(taken),
            Err(Wrong::Output(why)) => {
                let failure = Failure { tail: text, ..Failure::new(Class::BadOutput, why) };
                return Ok(Next::Fail { step: index, failure });
            }
            Err(Wrong::Expression(bad)) => {
                let failure = self.evaluated::<()>(Err(bad))?.err();
                let failure = failure.unwrap_or_else(|| Failure::expression("an output can't be told"));
                return Ok(Next::Fail { step: index, failure });
            }
        }
        let mut row = self.present(index)?;
        row.outputs = Some(Value::Object(all).to_string());
        self.put(row);
        self.guards(index, 0)
    }

    /// Its guards, from that one on; then it is completed.
    pub(super) fn guards(&mut self, index: StepIndex, from: usize) -> Result<Next, NoTurn> {
        for (guard, validator) in self.step(index).validators.iter().enumerate().skip(from) {
            match &validator.test {
                Test::Exec(config) => return self.guard_job(index, config, (guard, 0)),
                Test::Condition(condition) => {
                    let scope = self.scope(index)?;
                    match self.evaluated(scope.truth(condition))? {
                        Ok(true) => {}
                        Ok(false) => return self.refused(index, guard),
                        Err(failure) => return Ok(Next::Fail { step: index, failure }),
                    }
                }
            }
        }
        self.completed(index)
    }

    /// A guard's condition is false: the step is executed again, or has failed.
    fn refused(&mut self, index: StepIndex, guard: usize) -> Result<Next, NoTurn> {
        let step = self.step(index);
        let validator = &step.validators[guard];
        let failure = match self.guard_failure(index, guard)? {
            Ok(failure) | Err(failure) => failure,
        };
        let mut row = self.present(index)?;
        if row.attempt > validator.retries {
            return Ok(Next::Fail { step: index, failure });
        }
        row.error = Some(failure.error(&step.id, row.attempt, &row.inputs).to_string());
        let attempt = row.attempt;
        self.put(row);
        self.again(index, attempt, validator.cooldown_ms)
    }

    /// What is said of a guard that stands against it.
    pub(super) fn guard_failure(
        &self,
        index: StepIndex,
        guard: usize,
    ) -> Result<Result<Failure, Failure>, NoTurn> {
        let validator = &self.step(index).validators[guard];
        let message = match &validator.message {
            Some(message) => {
                let scope = self.scope(index)?;
                match self.evaluated(scope.text(message))? {
                    Ok(message) => message,
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            None => match &validator.test {
                Test::Condition(condition) => format!("`{condition}` is false"),
                Test::Exec(_) => "its command has failed".to_owned(),
            },
        };
        let why = format!("validator `{}`: {message}", validator.name);
        Ok(Ok(Failure::new(Class::ValidatorFailed, why)))
    }

    /// The step is executed again, after a while.
    fn again(&mut self, index: StepIndex, attempt: u32, millis: u64) -> Result<Next, NoTurn> {
        let next = attempt.saturating_add(1);
        self.close(index, StepStatus::Failed, Some(format!("retry {next}")))?;
        if millis == 0 {
            return Ok(Next::Enter { step: index, attempt: next });
        }
        // It is open as long as it waits, so that one that was ended from outside can be told from it.
        let mut row = self.present(index)?;
        (row.status, row.ended_at) = (StepStatus::Waiting, None);
        self.put(row);
        let until = self.later(millis);
        self.wait(index, Phase::Retries { until: until.as_millis() }, Wait::Time { until })
    }

    fn completed(&mut self, index: StepIndex) -> Result<Next, NoTurn> {
        self.close(index, StepStatus::Completed, None)?;
        let step = self.step(index);
        let scope = self.scope(index)?;
        match self.routed(&step.on_success, "onSuccess", &scope)? {
            Ok((to, rule)) => {
                if step.parent.is_none() {
                    self.state.last = Some(step.id.clone());
                }
                self.lead(index, &rule, to)
            }
            Err(failure) => Ok(Next::Fail { step: index, failure }),
        }
    }

    /// Where a route leads, and by which rule.
    fn routed(
        &self,
        route: &Route,
        name: &str,
        scope: &Scope,
    ) -> Result<Result<(Target, String), Failure>, NoTurn> {
        let cases = match route {
            Route::To(to) => return Ok(Ok((*to, name.to_owned()))),
            Route::Cases(cases) => cases,
        };
        for (number, case) in cases.iter().enumerate() {
            let fits = match &case.when {
                None => Ok(true),
                Some(when) => self.evaluated(scope.truth(when))?,
            };
            match fits {
                Ok(true) => return Ok(Ok((case.to, format!("{name} case {}", number + 1)))),
                Ok(false) => {}
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Err(Failure::expression(format!(
            "none of the cases of {name} holds; a last one without a condition always does"
        ))))
    }

    /// The present execution has failed: it is tried again, or its route of failures is taken.
    pub(super) fn fail(&mut self, index: StepIndex, failure: Failure) -> Result<Next, NoTurn> {
        let step = self.step(index);
        let mut row = self.present(index)?;
        let (attempt, error) = (row.attempt, failure.error(&step.id, row.attempt, &row.inputs));
        row.error = Some(error.to_string());
        self.put(row);
        if failure.class.is_retried() && attempt <= step.retry.max {
            return self.again(index, attempt, backoff(step, attempt));
        }
        if self.state.handlers.is_none() && !failure.is_inner {
            self.state.origin = Some(Spot { step: step.id.clone(), frames: self.state.frames.clone() });
        }
        self.state.error = Some(error);
        self.close(index, StepStatus::Failed, None)?;
        let Some((route, name)) = route_of_failure(step, failure.class).filter(|_| !failure.is_final) else {
            return self.unhandled(index, failure);
        };
        let scope = self.scope(index)?;
        match self.routed(route, name, &scope)? {
            Ok((to, rule)) => self.handled(index, &rule, to),
            Err(failure) => Ok(Next::End(Ends::Failed {
                reason: format!("{}; where it goes on can't be told: {}", self.reason(), failure.message),
            })),
        }
    }

    /// A route of failures is taken. A handler that fails never comes back to one that has handled the same error.
    fn handled(&mut self, index: StepIndex, rule: &str, to: Target) -> Result<Next, NoTurn> {
        let route = format!("{rule}: {}", self.target(to));
        let mut row = self.present(index)?;
        row.route = Some(route);
        self.put(row);
        match to {
            Target::Step(handler) => {
                let id = &self.step(handler).id;
                let handlers = self.state.handlers.get_or_insert_default();
                if handlers.contains(id) {
                    let why =
                        format!("{}; `{id}` has handled that error before, and it ends here", self.reason());
                    return Ok(Next::End(Ends::Failed { reason: why }));
                }
                handlers.push(id.clone());
            }
            Target::End | Target::Break | Target::Continue => self.state.handlers = None,
            Target::Fail => {}
        }
        Ok(Next::Go { from: index, to })
    }

    /// Nobody handles it: the loop has failed, or the run.
    fn unhandled(&mut self, index: StepIndex, failure: Failure) -> Result<Next, NoTurn> {
        let Some(around) = self.step(index).parent else {
            return Ok(Next::End(Ends::Failed { reason: self.reason() }));
        };
        self.state.frames.pop();
        Ok(Next::Fail {
            step: around,
            failure: Failure { message: self.reason(), is_inner: true, is_final: false, ..failure },
        })
    }

    /// Goes on at a target of that step's.
    pub(super) fn go(&mut self, from: StepIndex, to: Target) -> Result<Next, NoTurn> {
        let around = self.step(from).parent;
        match (to, around) {
            (Target::Step(step), _) => self.leave_loops(step),
            (Target::End | Target::Break | Target::Continue, None) => self.finish(from),
            (Target::End | Target::Continue, Some(around)) => Ok(Next::Iterate { step: around }),
            (Target::Break, Some(around)) => Ok(self.loop_over(around, Map::new())),
            (Target::Fail, None) => Ok(Next::End(Ends::Failed { reason: self.failed_at(from)? })),
            (Target::Fail, Some(around)) => {
                let message = self.failed_at(from)?;
                self.state.frames.pop();
                let class = self.state.error.as_ref().and_then(|error| error.get("class")?.as_str());
                let class =
                    class.and_then(Class::from_name).unwrap_or(Class::Outcome(OutcomeClass::Unclassified));
                let failure = Failure { is_inner: true, ..Failure::new(class, message) };
                Ok(Next::Fail { step: around, failure })
            }
        }
    }

    /// Why it ends at a step that leads to `fail`.
    fn failed_at(&mut self, from: StepIndex) -> Result<String, NoTurn> {
        if self.present(from)?.status == StepStatus::Failed {
            return Ok(self.state.error.as_ref().map_or_else(String::new, told));
        }
        let id = self.step(from).id.clone();
        let why = format!("step `{id}` leads to `fail`");
        self.state.origin = Some(Spot { step: id, frames: self.state.frames.clone() });
        Ok(why)
    }

    /// Enters a step, and leaves the loops that it is not in.
    fn leave_loops(&mut self, step: StepIndex) -> Result<Next, NoTurn> {
        let (id, around) = (&self.step(step).id, self.step(step).parent.map(|around| &self.step(around).id));
        while self.state.frames.last().map(|frame| &frame.step) != around {
            let Some(frame) = self.state.frames.pop() else {
                let reason = format!("step `{id}` is inside of a loop that the run is not in");
                return Ok(Next::End(Ends::Failed { reason }));
            };
            let looped = self.index(&frame.step)?;
            self.close(looped, StepStatus::Completed, Some(format!("left: {id}")))?;
        }
        Ok(Next::Enter { step, attempt: 1 })
    }

    /// A target as people write it.
    pub(super) fn target(&self, to: Target) -> &str {
        match to {
            Target::Step(step) => &self.step(step).id,
            Target::End => "end",
            Target::Fail => "fail",
            Target::Break => "break",
            Target::Continue => "continue",
        }
    }
}

/// Which route a failure takes, and its key.
fn route_of_failure(step: &Step, class: Class) -> Option<(&Route, &'static str)> {
    let by_class = match class {
        Class::Outcome(class) => step.on_outcome.get(&class),
        Class::Rejected
        | Class::LoopBound
        | Class::ValidatorFailed
        | Class::BadOutput
        | Class::Expression => step.on_class.get(class.as_str()),
    };
    let by_class = by_class.map(|route| (route, "onOutcome"));
    let by_time = step.on_timeout.as_ref().filter(|_| class.is_timeout()).map(|route| (route, "onTimeout"));
    by_class.or(by_time).or_else(|| step.on_failure.as_ref().map(|route| (route, "onFailure")))
}

/// How long it waits before the next try, in milliseconds.
fn backoff(step: &Step, attempt: u32) -> u64 {
    let retry = &step.retry;
    let power = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let millis = retry.backoff_ms as f64 * retry.factor.max(0.0).powi(power);
    // A number that is too large, or none at all, is the most that is allowed.
    if millis.is_finite() { (millis as u64).min(retry.max_backoff_ms) } else { retry.max_backoff_ms }
}

/// A moment of the state.
pub(super) fn moment_of(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}
