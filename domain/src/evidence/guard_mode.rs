//! What becomes of what a guard finds: it is told, or it stands in the way of `complete`, or nobody looks.

use std::collections::BTreeMap;

use super::{Guard, Severity};

/// What becomes of what a guard finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardMode {
    /// The PM is told.
    Report,
    /// It also stands in the way of `complete`, until the tree has changed.
    Gate,
    /// Nobody looks.
    Off,
}

/// Which guard does what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuardModes(BTreeMap<Guard, GuardMode>);

impl GuardModes {
    /// Those that are named; the others have their default.
    pub fn new(named: BTreeMap<Guard, GuardMode>) -> Self {
        Self(named)
    }

    /// What that guard does.
    pub fn of(&self, guard: Guard) -> GuardMode {
        self.0.get(&guard).copied().unwrap_or(guard.default_mode())
    }

    /// How bad a finding of that guard is. `None`: nobody looks.
    pub fn severity(&self, guard: Guard) -> Option<Severity> {
        match self.of(guard) {
            GuardMode::Report => Some(Severity::Major),
            GuardMode::Gate => Some(Severity::Blocker),
            GuardMode::Off => None,
        }
    }
}

impl Guard {
    /// What it does where nothing else is configured. A gate is what makes a passing check worthless without a word of
    /// any person: the others have too many good reasons.
    pub fn default_mode(self) -> GuardMode {
        match self {
            Guard::TestsDeleted | Guard::CheckChanged | Guard::WorkNotKept | Guard::ChangedUnasked => {
                GuardMode::Gate
            }
            Guard::SkipsAdded
            | Guard::CheckWrites
            | Guard::EmptyDiff
            | Guard::OutsideTouched
            | Guard::ReviewUnread => GuardMode::Report,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_that_is_not_named_has_its_default() {
        let modes = GuardModes::new(BTreeMap::from([
            (Guard::TestsDeleted, GuardMode::Off),
            (Guard::EmptyDiff, GuardMode::Gate),
        ]));
        let severities = Guard::ALL.map(|guard| modes.severity(guard));
        let (major, blocker) = (Some(Severity::Major), Some(Severity::Blocker));
        assert_eq!(severities, [None, major, blocker, major, blocker, major, blocker, blocker, major]);
    }
}
