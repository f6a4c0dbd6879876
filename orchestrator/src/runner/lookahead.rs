//! Takes jobs ahead of free slots, but only while jobs are so short that a transaction for each would cost more
//! than the jobs themselves. An agent's job never is; then nothing is taken that another runner could start now.

use std::time::Duration;

/// Jobs that last longer than this are not taken ahead.
const SHORT: Duration = Duration::from_millis(50);
/// How many short jobs in a row are needed to believe that they are short.
const BELIEVED: u32 = 8;
/// How many jobs are taken ahead at most: so many that a transaction serves a good number of them.
const AHEAD: usize = 32;

/// How short jobs have been lately.
#[derive(Debug, Default)]
pub(super) struct Lookahead {
    short_in_a_row: u32,
}

impl Lookahead {
    /// A job has ended after so long.
    pub fn saw(&mut self, duration: Duration) {
        self.short_in_a_row = if duration <= SHORT { self.short_in_a_row.saturating_add(1) } else { 0 };
    }

    /// Whether jobs are believed to be short.
    pub fn is_on(&self) -> bool {
        self.short_in_a_row >= BELIEVED
    }

    /// How many jobs to claim, with so many free slots and so many jobs taken ahead already.
    pub fn claims(&self, free: usize, waiting: usize) -> usize {
        if !self.is_on() {
            return free.saturating_sub(waiting);
        }
        if waiting <= AHEAD / 2 { free + AHEAD - waiting } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_taken_ahead_only_after_many_short_ones() {
        let mut lookahead = Lookahead::default();
        assert_eq!(lookahead.claims(2, 0), 2);
        (0..BELIEVED).for_each(|_| lookahead.saw(Duration::from_millis(1)));
        assert_eq!(lookahead.claims(2, 0), 2 + AHEAD);
        assert_eq!(lookahead.claims(0, AHEAD), 0);
        lookahead.saw(Duration::from_secs(60));
        assert_eq!(lookahead.claims(2, 0), 2);
        assert_eq!(lookahead.claims(0, 0), 0);
    }
}
