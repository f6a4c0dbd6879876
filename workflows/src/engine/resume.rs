//! Going on with a run that has stopped: at a step of a person's choice, else at the one that it has stopped by. Nothing that
//! has finished is executed again unless a route leads there.

use agents_definitions::suggestion;
use agents_domain::workflow::{NoTurn, StepStatus};

use super::state::{Ended, Frame, Spot};
use super::turning::{Next, Turning};
use crate::workflow::StepIndex;

impl Turning<'_> {
    pub(super) fn go_on(&mut self, from: Option<&str>) -> Result<Next, NoTurn> {
        let stopped = self.stopped()?;
        let (index, frames) = match from {
            None => (self.index(&stopped.step)?, stopped.frames),
            Some(id) => self.chosen(id, stopped.frames)?,
        };
        let step = self.step(index);
        self.state.since = self.ask.now.as_millis();
        self.state.frames = frames;
        self.reopen()?;
        // Else its bound would end it at once.
        self.state.visits().remove(&step.id);
        (self.state.ended, self.state.fails, self.state.handlers) = (None, None, None);
        (self.state.origin, self.state.at) = (None, None);
        Ok(Next::Enter { step: index, attempt: 1 })
    }

    /// Where it has stopped; a run that has not is refused.
    fn stopped(&self) -> Result<Spot, NoTurn> {
        let refused = |why: &str| Err(NoTurn::Refused(why.to_owned()));
        match (self.state.ended, &self.state.origin, &self.state.at) {
            (Some(Ended::Completed), _, _) => {
                refused("the run is completed; `agents workflow replay` does it once more")
            }
            (Some(Ended::Failed), Some(spot), _) => Ok(spot.clone()),
            (Some(Ended::Failed), None, _) => {
                refused("where it has stopped is not known: say at which step it goes on")
            }
            // A run that somebody has cancelled: its open execution was ended from outside.
            (None, _, Some(stand)) => {
                let index = self.index(&stand.step)?;
                if !self.present(index)?.status.is_final() {
                    return refused("the run has not stopped");
                }
                Ok(Spot { step: stand.step.clone(), frames: self.state.frames.clone() })
            }
            (None, _, None) => refused("the run has not stopped"),
        }
    }

    /// A step of a person's choice, and the loops around it.
    fn chosen(&self, id: &str, mut frames: Vec<Frame>) -> Result<(StepIndex, Vec<Frame>), NoTurn> {
        let Some(index) = self.graph.ids.get(id).copied() else {
            let known: Vec<String> = self.graph.workflow().steps.iter().map(|step| step.id.clone()).collect();
            let hint = suggestion::did_you_mean(id, &known, "its steps are");
            return Err(NoTurn::Refused(format!("there is no step `{id}`: {hint}")));
        };
        let around = self.step(index).parent.map(|around| &self.step(around).id);
        while frames.last().map(|frame| &frame.step) != around {
            if frames.pop().is_none() {
                let looped = around.map_or("", String::as_str);
                let why =
                    format!("step `{id}` is inside of the loop `{looped}`, where the run has not stopped");
                return Err(NoTurn::Refused(format!("{why}: go on at `{looped}`")));
            }
        }
        Ok((index, frames))
    }

    /// The loops that it goes on in are open again, and their time begins anew.
    fn reopen(&mut self) -> Result<(), NoTurn> {
        let now = self.ask.now.as_millis();
        for depth in 0..self.state.frames.len() {
            let frame = &mut self.state.frames[depth];
            frame.since = now;
            frame.spent = self.ask.spent_micro_usd;
            let step = frame.step.clone();
            let mut row = self.present(self.index(&step)?)?;
            (row.status, row.ended_at, row.error, row.route) = (StepStatus::Running, None, None, None);
            self.put(row);
        }
        Ok(())
    }
}
