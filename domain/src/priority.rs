//! Which of the jobs that could start goes first. Within a class the one that has waited longest does.

use crate::run::TriggerKind;

/// A class of work, the first one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Priority {
    #[default]
    Immediate,
    Scheduled,
    /// When nothing else is ready.
    Deferred,
}

impl Priority {
    /// Every class, the first one first.
    pub const ALL: [Priority; 3] = [Priority::Immediate, Priority::Scheduled, Priority::Deferred];

    /// The name in files, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Immediate => "immediate",
            Priority::Scheduled => "scheduled",
            Priority::Deferred => "deferred",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Priority> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// Its place in the order: the number in the store.
    pub fn rank(self) -> i64 {
        match self {
            Priority::Immediate => 0,
            Priority::Scheduled => 1,
            Priority::Deferred => 2,
        }
    }

    /// The class at that place.
    pub fn from_rank(rank: i64) -> Option<Priority> {
        Self::ALL.into_iter().find(|class| class.rank() == rank)
    }

    /// Of what was started so, where nothing says otherwise.
    pub fn of(trigger: TriggerKind) -> Priority {
        match trigger {
            TriggerKind::Schedule => Priority::Scheduled,
            TriggerKind::Manual | TriggerKind::Api | TriggerKind::Event | TriggerKind::Webhook => {
                Priority::Immediate
            }
        }
    }
}
