//! Loops: their iterations, their bounds, and their ends.

use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ends, NoTurn, StepStatus, Wait};
use serde_json::{Map, Value, json};

use super::failure::{Class, Failure};
use super::leave::moment_of;
use super::state::{Frame, Phase};
use super::turning::{Next, Turning};
use crate::expression::named;
use crate::workflow::{Does, Loop, LoopKind, StepIndex};

impl<'a> Turning<'a> {
    fn told_loop(&self, index: StepIndex) -> Result<&'a Loop, NoTurn> {
        match &self.step(index).does {
            Does::Loop(looped) => Ok(looped),
            Does::Work(_)
            | Does::Condition { .. }
            | Does::Switch { .. }
            | Does::Delay { .. }
            | Does::Approval { .. }
            | Does::Assignment { .. }
            | Does::Workflow { .. } => {
                Err(NoTurn::Refused(format!("step `{}` is no loop", self.step(index).id)))
            }
        }
    }

    pub(super) fn begin_loop(&mut self, index: StepIndex) -> Result<Next, NoTurn> {
        let of = match &self.told_loop(index)?.kind {
            LoopKind::Times { count } => Some(*count),
            LoopKind::While { .. } | LoopKind::Until { .. } => None,
            LoopKind::ForEach { items, name: _ } => {
                let scope = self.scope(index)?;
                match self.evaluated(scope.bare(items))? {
                    Ok(Value::Array(items)) => {
                        let of = u32::try_from(items.len()).unwrap_or(u32::MAX);
                        let mut row = self.present(index)?;
                        let mut inputs: Map<String, Value> =
                            serde_json::from_str(&row.inputs).unwrap_or_default();
                        inputs.insert("items".to_owned(), Value::Array(items));
                        row.inputs = Value::Object(inputs).to_string();
                        self.put(row);
                        Some(of)
                    }
                    Ok(other) => {
                        let why = format!("forEach wants a list, and `{items}` is {}", named(&other));
                        return Ok(Next::Fail { step: index, failure: Failure::expression(why) });
                    }
                    Err(failure) => return Ok(Next::Fail { step: index, failure }),
                }
            }
        };
        self.state.frames.push(Frame {
            step: self.step(index).id.clone(),
            iteration: 0,
            of,
            since: self.ask.now.as_millis(),
            spent: self.ask.spent_micro_usd,
            visits: std::collections::BTreeMap::new(),
        });
        self.iteration(index, 0)
    }

    /// An iteration has ended.
    pub(super) fn iterate(&mut self, index: StepIndex) -> Result<Next, NoTurn> {
        if let LoopKind::Until { condition } = &self.told_loop(index)?.kind {
            let scope = self.scope(index)?;
            match self.evaluated(scope.truth(condition))? {
                Ok(true) => {
                    self.count_iteration();
                    return Ok(self.loop_over(index, Map::new()));
                }
                Ok(false) => {}
                Err(failure) => return Ok(self.loop_failed(index, failure)),
            }
        }
        let next = self.count_iteration();
        self.iteration(index, next)
    }

    /// The next iteration's number.
    fn count_iteration(&mut self) -> u32 {
        let Some(frame) = self.state.frames.last_mut() else { return 0 };
        frame.iteration = frame.iteration.saturating_add(1);
        frame.visits.clear();
        frame.iteration
    }

    fn iteration(&mut self, index: StepIndex, number: u32) -> Result<Next, NoTurn> {
        let looped = self.told_loop(index)?;
        let of = self.state.frames.last().and_then(|frame| frame.of);
        if of.is_some_and(|of| number >= of) {
            return Ok(self.loop_over(index, Map::new()));
        }
        if let LoopKind::While { condition } = &looped.kind {
            let scope = self.scope(index)?;
            match self.evaluated(scope.truth(condition))? {
                Ok(true) => {}
                Ok(false) => return Ok(self.loop_over(index, Map::new())),
                Err(failure) => return Ok(self.loop_failed(index, failure)),
            }
        }
        if let Some(next) = self.expired()? {
            return Ok(next);
        }
        if let Some(most) = looped.max_iterations.filter(|most| number >= *most) {
            return self.bound(index, &format!("{most} iterations are the most"));
        }
        match looped.delay_ms.filter(|millis| *millis > 0 && number > 0) {
            None => Ok(Next::Enter { step: looped.body, attempt: 1 }),
            Some(millis) => {
                let until = self.later(millis);
                self.wait(index, Phase::Turns { until: until.as_millis() }, Wait::Time { until })
            }
        }
    }

    /// The next iteration, after it was waited for.
    pub(super) fn body(&self, index: StepIndex) -> Result<Next, NoTurn> {
        Ok(Next::Enter { step: self.told_loop(index)?.body, attempt: 1 })
    }

    /// The innermost loop has come to its end.
    pub(super) fn loop_over(&mut self, index: StepIndex, mut outputs: Map<String, Value>) -> Next {
        let frame = self.state.frames.pop();
        outputs.insert("iterations".to_owned(), json!(frame.map_or(0, |frame| frame.iteration)));
        Next::Done { step: index, outputs, text: None }
    }

    fn loop_failed(&mut self, index: StepIndex, failure: Failure) -> Next {
        self.state.frames.pop();
        Next::Fail { step: index, failure }
    }

    /// A bound ends the innermost loop.
    fn bound(&mut self, index: StepIndex, why: &str) -> Result<Next, NoTurn> {
        let looped = self.told_loop(index)?;
        let Some(to) = looped.on_bound else {
            let why = format!("loop `{}` has come to its bound: {why}", self.step(index).id);
            return Ok(self.loop_failed(index, Failure::new(Class::LoopBound, why)));
        };
        let frame = self.state.frames.pop();
        let iterations = frame.map_or(0, |frame| frame.iteration);
        self.left(index, json!({"iterations": iterations, "bound": why}))?;
        self.lead(index, "onBound", to)
    }

    fn left(&mut self, index: StepIndex, outputs: Value) -> Result<(), NoTurn> {
        let mut row = self.present(index)?;
        row.outputs = Some(outputs.to_string());
        self.put(row);
        Ok(())
    }

    /// A person ends the innermost loop.
    pub(super) fn break_loop(&mut self, reason: Option<&str>) -> Result<Next, NoTurn> {
        let Some(frame) = self.state.frames.last() else {
            return Err(NoTurn::Refused("it is in no loop; `agents cancel` ends the run".to_owned()));
        };
        let (index, iterations) = (self.index(&frame.step)?, frame.iteration);
        self.abandon("broken off", &frame.step.clone())?;
        let broken = reason.map_or(json!(true), |reason| json!(reason));
        match self.told_loop(index)?.on_break {
            Some(to) => {
                self.state.frames.pop();
                self.left(index, json!({"iterations": iterations, "broken": broken}))?;
                self.lead(index, "onBreak", to)
            }
            None => Ok(self.loop_over(index, Map::from_iter([("broken".to_owned(), broken)]))),
        }
    }

    /// What it is at is wanted no more: its job is cancelled, its execution ends. `but`: that step's goes on.
    pub(super) fn abandon(&mut self, why: &str, but: &str) -> Result<(), NoTurn> {
        let Some(stand) = self.state.at.take() else { return Ok(()) };
        match &stand.phase {
            Phase::Works { job } | Phase::Guards { job, .. } => self.cancel(job),
            Phase::Passes
            | Phase::Cools { .. }
            | Phase::Retries { .. }
            | Phase::Delays { .. }
            | Phase::Asks { .. }
            | Phase::Starts { .. }
            | Phase::Runs { .. }
            | Phase::Turns { .. } => {}
        }
        let index = self.index(&stand.step)?;
        if stand.step != but && !self.present(index)?.status.is_final() {
            self.close(index, StepStatus::Cancelled, Some(why.to_owned()))?;
        }
        Ok(())
    }

    /// What follows if the time or the money of the run, or of a loop that it is in, is used up.
    pub(super) fn expired(&mut self) -> Result<Option<Next>, NoTurn> {
        let now = self.ask.now;
        if let Some(most) =
            self.graph.workflow().timeout_ms.filter(|most| self.is_past(self.state.since, *most))
        {
            let reason = format!("the run has taken longer than its {most} ms");
            return Ok(Some(Next::End(Ends::Failed { reason })));
        }
        for depth in 0..self.state.frames.len() {
            let frame = self.state.frames[depth].clone();
            let index = self.index(&frame.step)?;
            let looped = self.told_loop(index)?;
            let spent = self.ask.spent_micro_usd.saturating_sub(frame.spent);
            let why = match (looped.timeout_ms, looped.max_cost_micro_usd) {
                (Some(most), _) if moment_of(frame.since).after(millis(most)) <= now => {
                    format!("it may take {most} ms")
                }
                (_, Some(most)) if spent >= most => {
                    format!("it may cost {:.2} USD", most as f64 / 1_000_000.0)
                }
                _ => continue,
            };
            self.abandon(&why, &frame.step)?;
            while self.state.frames.len() > depth + 1 {
                if let Some(inner) = self.state.frames.pop() {
                    let inner = self.index(&inner.step)?;
                    self.close(inner, StepStatus::Cancelled, Some(why.clone()))?;
                }
            }
            return self.bound(index, &why).map(Some);
        }
        Ok(None)
    }

    fn is_past(&self, since: i64, most: u64) -> bool {
        moment_of(since).after(millis(most)) <= self.ask.now
    }

    /// When the time of the run or of a loop is up.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let run =
            self.graph.workflow().timeout_ms.map(|most| moment_of(self.state.since).after(millis(most)));
        let of_frame = |frame: &Frame| {
            let looped = self.index(&frame.step).and_then(|index| self.told_loop(index)).ok()?;
            looped.timeout_ms.map(|most| moment_of(frame.since).after(millis(most)))
        };
        self.state.frames.iter().filter_map(of_frame).chain(run).min()
    }
}

fn millis(millis: u64) -> std::time::Duration {
    std::time::Duration::from_millis(millis)
}
