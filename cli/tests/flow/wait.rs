//! Waiting for something to become true: the only place of these tests that sleeps.

use std::time::{Duration, Instant};

/// How long anything may take that is not itself a matter of time. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until there is something to see. Past the limit the test fails and says what it waited for.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Lets so much time pass; for what must not happen in it.
pub fn let_pass(span: Duration) {
    let end = Instant::now() + span;
    until("time passes", span * 2 + PATIENCE, || (Instant::now() >= end).then_some(()));
}
