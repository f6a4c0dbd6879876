//! What happens to a due time while the run before it is still open.

/// What a schedule wants then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// The due time is passed over.
    #[default]
    Skip,
    /// The new run waits for the end of the one before.
    Queue,
    /// The run before is cancelled, and the new one starts.
    CancelPrevious,
}

/// What is done with one due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverlapRuling {
    /// It starts.
    Start,
    /// It is passed over, and the firing says so.
    PassOver,
    /// It starts when the run before has ended.
    Wait,
    /// It starts, and the run before is cancelled.
    CancelAndStart,
}

impl Overlap {
    /// All of them.
    pub const ALL: [Overlap; 3] = [Overlap::Skip, Overlap::Queue, Overlap::CancelPrevious];

    /// The name in files and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Overlap::Skip => "skip",
            Overlap::Queue => "queue",
            Overlap::CancelPrevious => "cancel-previous",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Overlap> {
        Overlap::ALL.into_iter().find(|overlap| overlap.as_str() == name)
    }

    /// What is done with a due time, given whether a run before it is still open (pending, running or waiting).
    pub fn rule(self, is_previous_open: bool) -> OverlapRuling {
        match (is_previous_open, self) {
            (false, _) => OverlapRuling::Start,
            (true, Overlap::Skip) => OverlapRuling::PassOver,
            (true, Overlap::Queue) => OverlapRuling::Wait,
            (true, Overlap::CancelPrevious) => OverlapRuling::CancelAndStart,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_run_matters_and_a_closed_one_does_not() {
        let rulings = |is_open| Overlap::ALL.map(|overlap| overlap.rule(is_open));
        assert_eq!(rulings(false), [OverlapRuling::Start; 3]);
        assert_eq!(
            rulings(true),
            [OverlapRuling::PassOver, OverlapRuling::Wait, OverlapRuling::CancelAndStart]
        );
    }

    #[test]
    fn every_name_is_read_back() {
        assert_eq!(Overlap::ALL.map(|overlap| Overlap::from_name(overlap.as_str())), Overlap::ALL.map(Some));
        assert_eq!(Overlap::from_name("cancel"), None);
    }
}
