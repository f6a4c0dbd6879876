//! Entering a step: a row of its own, its bounds, its inputs, and what it does.

use agents_definitions::milliseconds;
use agents_domain::start::Start;
use agents_domain::workflow::{NoTurn, StepRun, StepStatus, Wait};
use serde_json::{Map, Value, json};

use super::failure::{Class, Failure};
use super::state::{Phase, Stand};
use super::turning::{Next, Turning};
use crate::expression::parse_moment;
use crate::output::checked;
use crate::workflow::{Does, Field, Step, StepIndex, Target};

impl Turning<'_> {
    pub(super) fn enter(&mut self, index: StepIndex, attempt: u32) -> Result<Next, NoTurn> {
        let step = self.step(index);
        if let Some(next) = self.expired()? {
            return Ok(next);
        }
        let over = self.visit(step, attempt);
        self.begin(step, attempt);
        if step.fails_run && self.state.fails.is_none() {
            self.state.fails = Some(self.reason());
        }
        if let Some(failure) = over {
            return Ok(Next::Fail { step: index, failure });
        }
        match self.inputs(index)? {
            Ok(inputs) => {
                let mut row = self.present(index)?;
                row.inputs = Value::Object(inputs).to_string();
                self.put(row);
                self.does(index)
            }
            Err(failure) => Ok(Next::Fail { step: index, failure }),
        }
    }

    /// Counts a visit of a step that has a bound.
    fn visit(&mut self, step: &Step, attempt: u32) -> Option<Failure> {
        let most = step.max_visits.filter(|_| attempt == 1)?;
        let visits = self.state.visits().entry(step.id.clone()).or_insert(0);
        *visits = visits.saturating_add(1);
        if *visits <= most {
            return None;
        }
        let times = if most == 1 { "once".to_owned() } else { format!("{most} times") };
        let why = format!("step `{}` may be executed {times}, and would be once more", step.id);
        // Its route of failures may be a part of the circle, which ends when it comes here again.
        let is_final = *visits > most.saturating_add(1);
        Some(Failure { is_final, ..Failure::new(Class::LoopBound, why) })
    }

    fn begin(&mut self, step: &Step, attempt: u32) {
        self.state.count += 1;
        let row = StepRun {
            number: self.state.count,
            step: step.id.clone(),
            path: self.path(step),
            attempt,
            status: StepStatus::Running,
            inputs: "{}".to_owned(),
            outputs: None,
            error: None,
            job: None,
            child: None,
            started_at: self.ask.now,
            ended_at: None,
            route: None,
        };
        self.put(row);
        self.state.at = Some(Stand { step: step.id.clone(), attempt, phase: Phase::Passes });
    }

    /// `each-file[2]/lint`, counted from 1.
    fn path(&self, step: &Step) -> String {
        let mut path = String::new();
        for frame in &self.state.frames {
            path.push_str(&format!("{}[{}]/", frame.step, frame.iteration.saturating_add(1)));
        }
        path.push_str(&step.id);
        path
    }

    fn inputs(&self, index: StepIndex) -> Result<Result<Map<String, Value>, Failure>, NoTurn> {
        let step = self.step(index);
        let scope = self.scope(index)?;
        let mut inputs = match self.evaluated(scope.inputs(&step.inputs))? {
            Ok(inputs) => inputs,
            Err(failure) => return Ok(Err(failure)),
        };
        let Does::Work(work) = &step.does else { return Ok(Ok(inputs)) };
        for field in &work.inputs {
            if let Err(why) = accept(field, &mut inputs) {
                return Ok(Err(Failure::expression(why)));
            }
        }
        Ok(Ok(inputs))
    }

    fn does(&mut self, index: StepIndex) -> Result<Next, NoTurn> {
        match &self.step(index).does {
            Does::Work(work) => self.work(index, work),
            Does::Condition { when, otherwise } => self.condition(index, when, *otherwise),
            Does::Switch { on, cases, otherwise } => self.switch(index, on, (cases, *otherwise)),
            Does::Loop(_) => self.begin_loop(index),
            Does::Delay { span, until } => self.delay(index, span.as_deref(), until.as_deref()),
            Does::Approval { question } => self.approval(index, question),
            Does::Assignment { north_star } => {
                let scope = self.scope(index)?;
                match self.evaluated(scope.text(north_star))? {
                    Ok(text) => {
                        // What a value says is no template.
                        let params = json!({"northStar": text}).to_string();
                        self.start(
                            index,
                            Start::NorthStar { template: "{{ params.northStar }}".to_owned(), params },
                        )
                    }
                    Err(failure) => Ok(Next::Fail { step: index, failure }),
                }
            }
            Does::Workflow { name, params } => {
                let scope = self.scope(index)?;
                let told = scope.text(name).and_then(|name| Ok((name, scope.inputs(params)?)));
                match self.evaluated(told)? {
                    Ok((name, params)) => {
                        self.start(index, Start::Workflow { name, params: Value::Object(params).to_string() })
                    }
                    Err(failure) => Ok(Next::Fail { step: index, failure }),
                }
            }
        }
    }

    fn start(&mut self, index: StepIndex, start: Start) -> Result<Next, NoTurn> {
        let until = self.step(index).timeout_ms.map(|millis| self.later(millis).as_millis());
        self.wait(index, Phase::Starts { until }, Wait::Start { start })
    }

    fn condition(&mut self, index: StepIndex, when: &str, otherwise: Target) -> Result<Next, NoTurn> {
        let scope = self.scope(index)?;
        match self.evaluated(scope.truth(when))? {
            Ok(true) => Ok(Next::Done { step: index, outputs: Map::new(), text: None }),
            Ok(false) => self.lead(index, "else", otherwise),
            Err(failure) => Ok(Next::Fail { step: index, failure }),
        }
    }

    fn switch(
        &mut self,
        index: StepIndex,
        on: &str,
        (cases, otherwise): (&[(Value, Target)], Target),
    ) -> Result<Next, NoTurn> {
        let scope = self.scope(index)?;
        match self.evaluated(scope.bare(on))? {
            Ok(value) => match cases.iter().find(|(case, _)| is_equal(case, &value)) {
                Some((case, to)) => self.lead(index, &format!("case {case}"), *to),
                None => self.lead(index, "default", otherwise),
            },
            Err(failure) => Ok(Next::Fail { step: index, failure }),
        }
    }

    fn delay(&mut self, index: StepIndex, span: Option<&str>, until: Option<&str>) -> Result<Next, NoTurn> {
        let scope = self.scope(index)?;
        let zone = self.ask.facts.zone.as_deref();
        let text = match self.evaluated(scope.text(span.or(until).unwrap_or_default()))? {
            Ok(text) => text,
            Err(failure) => return Ok(Next::Fail { step: index, failure }),
        };
        let until = match span {
            Some(_) => milliseconds(&text).map(|millis| self.later(millis)),
            None => parse_moment(&text, zone),
        };
        match until {
            Ok(until) if until <= self.ask.now => {
                Ok(Next::Done { step: index, outputs: Map::new(), text: None })
            }
            Ok(until) => self.wait(index, Phase::Delays { until: until.as_millis() }, Wait::Time { until }),
            Err(why) => {
                let failure = Failure::expression(format!("`{text}` can't be waited for: {why}"));
                Ok(Next::Fail { step: index, failure })
            }
        }
    }

    fn approval(&mut self, index: StepIndex, question: &str) -> Result<Next, NoTurn> {
        let step = self.step(index);
        let scope = self.scope(index)?;
        match self.evaluated(scope.text(question))? {
            Ok(question) => {
                let until = step.timeout_ms.map(|millis| self.later(millis));
                let phase = Phase::Asks { until: until.map(|until| until.as_millis()) };
                self.wait(index, phase, Wait::Person { step: step.id.clone(), question, until })
            }
            Err(failure) => Ok(Next::Fail { step: index, failure }),
        }
    }

    /// A step that only leads on.
    pub(super) fn lead(&mut self, index: StepIndex, rule: &str, to: Target) -> Result<Next, NoTurn> {
        let route = format!("{rule}: {}", self.target(to));
        self.state.handlers = None;
        self.close(index, StepStatus::Completed, Some(route))?;
        Ok(Next::Go { from: index, to })
    }
}

/// Whether a value is that of a case: a number or a boolean may be written as a text.
fn is_equal(case: &Value, value: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let is_plain = |value: &Value| !value.is_array() && !value.is_object();
    let are_numbers = case.as_f64().zip(value.as_f64()).is_some_and(|(one, other)| one == other);
    case == value || are_numbers || (is_plain(case) && is_plain(value) && text(case) == text(value))
}

/// An input of an action: its default where nothing is given, and its type.
fn accept(field: &Field, inputs: &mut Map<String, Value>) -> Result<(), String> {
    let given = inputs.get(&field.name).filter(|value| !value.is_null());
    let value = given.cloned().or_else(|| field.default.clone());
    match value {
        Some(value) => {
            checked(&field.kind, &value, &format!("input `{}`", field.name))?;
            inputs.insert(field.name.clone(), value);
        }
        None if field.is_required => {
            return Err(format!("input `{}` is missing: give it under `inputs`", field.name));
        }
        None => {
            inputs.insert(field.name.clone(), Value::Null);
        }
    }
    Ok(())
}
