//! How long a finished assignment keeps what its agents printed, and its history.
//!
//! The time runs from the moment when the assignment was closed. What is active or blocked keeps everything, and a
//! failure is kept as long as a success.

use std::fmt;
use std::time::Duration;

use crate::timestamp::Timestamp;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// The word for what is never deleted.
const FOREVER: &str = "forever";

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// At least an hour, so that nobody reads what is being deleted.
    For(Duration),
    Forever,
}

/// The text is no time to keep something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no time to keep something; write `12h`, `30d`, `8w` (an hour at least) or `forever`")]
pub struct BadKeep {
    text: String,
}

impl Keep {
    /// Reads `12h`, `30d`, `8w` or `forever`.
    pub fn from_text(text: &str) -> Result<Keep, BadKeep> {
        let bad = || BadKeep { text: text.to_owned() };
        let trimmed = text.trim();
        if trimmed == FOREVER {
            return Ok(Keep::Forever);
        }
        let unit = trimmed.chars().last().ok_or_else(bad)?;
        let seconds = match unit {
            'h' => HOUR,
            'd' => DAY,
            'w' => 7 * DAY,
            _ => return Err(bad()),
        };
        let number = trimmed[..trimmed.len() - 1].trim_end().parse::<u64>().map_err(|_| bad())?;
        let seconds = number.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(bad)?;
        Ok(Keep::For(Duration::from_secs(seconds)))
    }

    /// So many days.
    pub const fn days(days: u64) -> Keep {
        Keep::For(Duration::from_secs(days * DAY))
    }

    /// Whether the time is over for what has been finished since then.
    pub fn is_over(self, since: Timestamp, now: Timestamp) -> bool {
        match self {
            Keep::For(span) => since.after(span) <= now,
            Keep::Forever => false,
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::Forever => f.write_str(FOREVER),
            Keep::For(span) if span.as_secs() % DAY == 0 => write!(f, "{}d", span.as_secs() / DAY),
            Keep::For(span) => write!(f, "{}h", span.as_secs() / HOUR),
        }
    }
}

/// What is kept for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The files of an assignment's attempts: prompts, streams, standard error.
    pub logs: Keep,
    /// The events of an assignment's history.
    pub events: Keep,
    /// The steps of a workflow's run, and the definition that it has started with.
    pub workflow_history: Keep,
}

impl Default for Retention {
    /// A month of logs, a year of history, a quarter of workflows' steps.
    fn default() -> Self {
        Self { logs: Keep::days(30), events: Keep::days(365), workflow_history: Keep::days(90) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_keep_something_is_read_and_printed() {
        let check = |text: &str, shown: &str| {
            assert_eq!(Keep::from_text(text).map(|keep| keep.to_string()).as_deref(), Ok(shown), "{text}");
        };
        check("30d", "30d");
        check(" 2w ", "14d");
        check("48h", "2d");
        check("36h", "36h");
        check("1 h", "1h");
        check("forever", "forever");
        let too_long = format!("{}w", u64::MAX);
        for text in ["", "d", "0d", "30", "30m", "-1d", "1.5d", "30 days", "never", "ü", &too_long] {
            let said = Keep::from_text(text).unwrap_err().to_string();
            assert!(said.contains("`forever`") && said.contains(text), "{text}: {said}");
        }
    }

    #[test]
    fn the_time_is_over_at_its_end_and_forever_never_is() {
        let closed = Timestamp::from_seconds(1000);
        let end = closed.after(Duration::from_secs(DAY));
        assert!(Keep::days(1).is_over(closed, end));
        assert!(!Keep::days(1).is_over(closed, Timestamp::from_millis(end.as_millis() - 1)));
        assert!(!Keep::days(1).is_over(end, closed), "the clock was set back");
        assert!(!Keep::Forever.is_over(closed, Timestamp::from_millis(i64::MAX)));
    }
}
