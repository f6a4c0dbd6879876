//! The end of a run.

use agents_domain::workflow::{Ends, NoTurn, StepStatus, Then};
use serde_json::{Map, Value};

use super::state::{Ended, Spot};
use super::turning::{Next, Turning};
use crate::workflow::StepIndex;

impl Turning<'_> {
    /// Nothing follows that step.
    pub(super) fn finish(&mut self, from: StepIndex) -> Result<Next, NoTurn> {
        if let Some(reason) = self.state.fails.clone() {
            return Ok(Next::End(Ends::Failed { reason }));
        }
        let outputs = &self.graph.workflow().outputs;
        let result = if outputs.is_empty() {
            self.last_outputs()?
        } else {
            let told: Map<String, Value> =
                outputs.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let scope = self.scope(from)?;
            match self.evaluated(scope.inputs(&told))? {
                Ok(told) => Value::Object(told).to_string(),
                Err(failure) => {
                    let reason = format!("the outputs of the workflow can't be told: {}", failure.message);
                    return Ok(Next::End(Ends::Failed { reason }));
                }
            }
        };
        Ok(Next::End(Ends::Complete { result }))
    }

    fn last_outputs(&self) -> Result<String, NoTurn> {
        let Some(last) = &self.state.last else { return Ok(String::new()) };
        let outputs = self.row(self.index(last)?)?.and_then(|row| row.outputs);
        Ok(outputs.filter(|outputs| outputs != "{}").unwrap_or_default())
    }

    /// The run ends; what is still open of it ends with it.
    pub(super) fn end(&mut self, ends: Ends) -> Result<Then, NoTurn> {
        let (ended, status) = match &ends {
            Ends::Complete { .. } => (Ended::Completed, StepStatus::Completed),
            Ends::Failed { .. } | Ends::Cancelled { .. } => (Ended::Failed, StepStatus::Cancelled),
        };
        if ended == Ended::Failed && self.state.origin.is_none() {
            let step = self.state.at.as_ref().map(|stand| stand.step.clone());
            self.state.origin = step.map(|step| Spot { step, frames: self.state.frames.clone() });
        }
        self.abandon("the run has ended", "")?;
        while let Some(frame) = self.state.frames.pop() {
            let looped = self.index(&frame.step)?;
            self.close(looped, status, Some("the run has ended".to_owned()))?;
        }
        self.state.ended = Some(ended);
        if ended == Ended::Completed {
            self.state.origin = None;
        }
        Ok(Then::End(ends))
    }
}
