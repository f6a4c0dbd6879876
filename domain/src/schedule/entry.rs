//! A schedule as it is stored: what a person has said of it, how it stands, and how far its due times are decided.

use std::time::Duration;

use crate::id::ScheduleId;
use crate::namespace::Namespace;
use crate::run::RunStatus;
use crate::start::Start;
use crate::timestamp::Timestamp;

use super::missed::MissedPolicy;
use super::overlap::Overlap;

/// After so many failures in a row a schedule pauses itself, unless it says something else.
pub const AUTO_PAUSE: u32 = 5;

/// The longest jitter.
pub const LONGEST_JITTER: Duration = Duration::from_secs(3600);

/// The most due times that `catchup` fires late.
pub const LARGEST_CAP: u32 = 1000;

/// How a pattern is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatternKind {
    Cron,
    Every,
    At,
}

impl PatternKind {
    /// Every kind, in the order of the docs.
    pub const ALL: [PatternKind; 3] = [PatternKind::Cron, PatternKind::Every, PatternKind::At];

    /// The name of the option, and in files and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            PatternKind::Cron => "cron",
            PatternKind::Every => "every",
            PatternKind::At => "at",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<PatternKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What a person has said of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub kind: PatternKind,
    /// As it was written.
    pub pattern: String,
    /// The name of a time zone.
    pub zone: String,
    pub start: Start,
    pub missed: MissedPolicy,
    pub overlap: Overlap,
    /// A run begins up to so much later than it is due.
    pub jitter: Duration,
    /// Nothing is due before.
    pub from: Option<Timestamp>,
    /// Nothing is due at this moment or later.
    pub until: Option<Timestamp>,
    /// It pauses itself after so many failures in a row. `None`: never.
    pub auto_pause_after: Option<u32>,
}

impl Terms {
    /// Whether both have the same due times.
    pub fn is_due_like(&self, other: &Terms) -> bool {
        (self.kind, &self.pattern, &self.zone, self.from, self.until)
            == (other.kind, &other.pattern, &other.zone, other.from, other.until)
    }
}

/// Whether its due times are fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    On,
    /// A person has switched it off.
    Off,
    /// It has paused itself.
    Paused {
        at: Timestamp,
        reason: String,
    },
}

impl Standing {
    /// The name in the store and in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Standing::On => "on",
            Standing::Off => "off",
            Standing::Paused { .. } => "paused",
        }
    }

    /// Whether its due times are fired.
    pub fn is_on(&self) -> bool {
        match self {
            Standing::On => true,
            Standing::Off | Standing::Paused { .. } => false,
        }
    }
}

/// How far a schedule is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Every due time up to and with this moment is decided.
    pub decided_until: Timestamp,
    /// The first due time after it.
    pub next_due: Option<Timestamp>,
    /// When a runner is to look at it next. `None`: never.
    pub look_at: Option<Timestamp>,
    /// When its latest run was started.
    pub last_run_at: Option<Timestamp>,
    /// How the latest of its runs that have ended has ended; `Failed` too if one could not be started.
    pub last_outcome: Option<RunStatus>,
    /// So many have failed since the last one that succeeded.
    pub failures: u32,
}

impl Progress {
    /// Nothing before that moment is of interest.
    pub fn begin(at: Timestamp, next_due: Option<Timestamp>) -> Progress {
        Progress {
            decided_until: at,
            next_due,
            look_at: next_due.map(|_| at),
            last_run_at: None,
            last_outcome: None,
            failures: 0,
        }
    }
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub id: ScheduleId,
    pub namespace: Namespace,
    /// Unique in its namespace.
    pub name: String,
    pub terms: Terms,
    pub standing: Standing,
    pub progress: Progress,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// How often a person has changed it.
    pub revision: u32,
}

impl Schedule {
    /// The progress and the standing after one of its runs has ended so, or could not be started. `is_news`: it was not known
    /// to have ended.
    pub fn after_end(&self, end: RunStatus, is_news: bool, now: Timestamp) -> (Progress, Standing) {
        let mut progress = Progress { last_outcome: Some(end), ..self.progress.clone() };
        match end {
            RunStatus::Completed => progress.failures = 0,
            RunStatus::Failed if is_news => progress.failures = progress.failures.saturating_add(1),
            RunStatus::Failed | RunStatus::Cancelled | RunStatus::Pending | RunStatus::Running => {}
        }
        let standing = self.standing_after(progress.failures, now);
        if !standing.is_on() {
            progress.look_at = None;
        }
        (progress, standing)
    }

    /// How it stands after so many failures in a row.
    pub fn standing_after(&self, failures: u32, now: Timestamp) -> Standing {
        match (&self.standing, self.terms.auto_pause_after) {
            (Standing::On, Some(most)) if failures >= most => {
                let reason = match failures {
                    1 => "its last run has failed".to_owned(),
                    _ => format!("its last {failures} runs have failed"),
                };
                Standing::Paused { at: now, reason }
            }
            (standing, _) => standing.clone(),
        }
    }
}

/// Why a text can't be the name of a schedule; `None`: it can.
pub fn refuse_name(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.chars().count() > 100 {
        return Some("it is longer than 100 characters");
    }
    if name.starts_with(['-', '.']) {
        return Some("it begins with `-` or `.`");
    }
    (!name.chars().all(is_plain)).then_some("only letters, digits, `-`, `_` and `.` may be in it")
}
