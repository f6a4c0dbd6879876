//! What a run keeps between two turns. It does not grow with the steps that were executed: only where it stands, the loops
//! that it is in, and how often steps with a bound were entered in the present iteration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of this form.
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    pub v: u32,
    /// How many executions of steps there were.
    pub count: u32,
    /// When it began, or went on after it had stopped, in milliseconds.
    pub since: i64,
    /// The loops that it is in, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Stand>,
    /// Of steps outside of loops that have a bound.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub visits: BTreeMap<String, u32>,
    /// The latest error of a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// An error is being handled, and these steps were reached by routes of failures since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handlers: Option<Vec<String>>,
    /// It will end as failed, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails: Option<String>,
    /// The step that has completed last, outside of loops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Where the error is from that it has stopped by, or would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Spot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// How it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ended {
    Completed,
    Failed,
}

/// A step, and the loops around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Spot {
    pub step: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
}

/// A loop that it is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Frame {
    pub step: String,
    /// The present one, from 0.
    pub iteration: u32,
    /// How many there will be, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// When it began, in milliseconds.
    pub since: i64,
    /// What the run had spent then.
    pub spent: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub visits: BTreeMap<String, u32>,
}

/// The step that it is at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stand {
    pub step: String,
    pub attempt: u32,
    pub phase: Phase,
}

/// What it does there. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "does")]
pub(super) enum Phase {
    /// It goes on in the same turn.
    Passes,
    Works {
        job: String,
    },
    /// A guard's command; so often it has failed.
    Guards {
        guard: usize,
        failed: u32,
        job: String,
    },
    /// The next try of a guard's command waits.
    Cools {
        guard: usize,
        failed: u32,
        until: i64,
    },
    /// The next try of the step waits.
    Retries {
        until: i64,
    },
    Delays {
        until: i64,
    },
    Asks {
        until: Option<i64>,
    },
    Starts {
        until: Option<i64>,
    },
    Runs {
        child: String,
        until: Option<i64>,
    },
    /// The loop's next iteration waits.
    Turns {
        until: i64,
    },
}

impl State {
    pub(super) fn new(since: i64) -> Self {
        Self {
            v: VERSION,
            count: 0,
            since,
            frames: Vec::new(),
            at: None,
            visits: BTreeMap::new(),
            error: None,
            handlers: None,
            fails: None,
            last: None,
            origin: None,
            ended: None,
        }
    }

    /// What was kept.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let state: Self = serde_json::from_str(text)
            .map_err(|error| format!("the state of this run can't be read: {error}"))?;
        if state.v != VERSION {
            return Err(format!(
                "the state of this run is of version {}, and this program knows {VERSION}",
                state.v
            ));
        }
        Ok(state)
    }

    pub(super) fn text(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| format!("the state can't be written: {error}"))
    }

    /// How often a step was entered, in the present iteration.
    pub(super) fn visits(&mut self) -> &mut BTreeMap<String, u32> {
        match self.frames.last_mut() {
            Some(frame) => &mut frame.visits,
            None => &mut self.visits,
        }
    }
}
