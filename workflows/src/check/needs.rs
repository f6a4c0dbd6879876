//! Which steps' results must be known when a step is left: those that its own expressions name, and those that are named by
//! what is evaluated on the way to the next job.

use std::collections::BTreeSet;

use super::graph;
use crate::workflow::{Does, Step, StepIndex, Target};

/// How many steps without a job are followed in a row. What lies beyond is asked for when it is needed, so that a file of
/// nothing but conditions is not followed to its end from each of them.
const FOLLOWED_MAX: usize = 32;

/// The steps that the expressions of one step name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Before it begins: its inputs and what it does.
    pub entering: BTreeSet<StepIndex>,
    /// When it ends: its outputs, validators and routes.
    pub leaving: BTreeSet<StepIndex>,
}

/// For each step the ids that it needs. `ending`: the steps that the workflow's own outputs name.
pub fn needs(steps: &[Step], names: &[Names], ending: &BTreeSet<StepIndex>) -> Vec<Vec<String>> {
    let of = |index: StepIndex| {
        let mut walk = Walk { steps, names, ending, found: BTreeSet::new(), followed: BTreeSet::new() };
        walk.found.extend(names[index].entering.iter().chain(&names[index].leaving));
        walk.onward(index);
        // When it is left its own result is at hand.
        if !names[index].entering.contains(&index) {
            walk.found.remove(&index);
        }
        walk.found.iter().map(|index| steps[*index].id.clone()).collect()
    };
    (0..steps.len()).map(of).collect()
}

struct Walk<'a> {
    steps: &'a [Step],
    names: &'a [Names],
    ending: &'a BTreeSet<StepIndex>,
    found: BTreeSet<StepIndex>,
    followed: BTreeSet<StepIndex>,
}

impl Walk<'_> {
    /// All that may come after a step.
    fn onward(&mut self, index: StepIndex) {
        let step = &self.steps[index];
        for target in graph::targets(step) {
            match target {
                Target::Step(next) => self.enter(next),
                Target::End if step.parent.is_none() => self.found.extend(self.ending),
                Target::End | Target::Fail | Target::Break | Target::Continue => {}
            }
        }
        if let Does::Loop(looped) = &step.does {
            self.enter(looped.body);
        }
        // Its iteration may end, or its loop.
        if let Some(parent) = step.parent {
            self.enter(parent);
        }
    }

    fn enter(&mut self, index: StepIndex) {
        self.found.extend(&self.names[index].entering);
        let is_passed = match self.steps[index].does {
            Does::Condition { .. } | Does::Switch { .. } | Does::Loop(_) => true,
            Does::Work(_)
            | Does::Delay { .. }
            | Does::Approval { .. }
            | Does::Assignment { .. }
            | Does::Workflow { .. } => false,
        };
        if is_passed && self.followed.len() < FOLLOWED_MAX && self.followed.insert(index) {
            self.found.extend(&self.names[index].leaving);
            self.onward(index);
        }
    }
}
