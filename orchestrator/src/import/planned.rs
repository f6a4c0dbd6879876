//! What is to be imported, and what a person is told of it.

use agents_definitions::At;
use agents_domain::run::RunStatus;
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::timestamp::Timestamp;
use serde_json::{Map, Value};

/// What files come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Import {
    pub definitions: Vec<PlannedDefinition>,
    pub schedules: Vec<PlannedSchedule>,
    pub runs: Vec<PlannedRun>,
    /// What maps otherwise than one might think, or not at all.
    pub notes: Vec<Note>,
    /// Runs that began before the moment that was asked for.
    pub older_runs: usize,
}

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedDefinition {
    pub name: String,
    /// Its YAML; it was read once and is right.
    pub text: String,
    /// The file that it comes from.
    pub source: String,
}

/// A schedule that starts a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedSchedule {
    pub name: String,
    pub source: String,
    /// A cron pattern, or an interval.
    pub pattern: String,
    pub is_cron: bool,
    /// The IANA name of its time zone.
    pub zone: String,
    pub definition: String,
    pub params: Map<String, Value>,
    pub missed: MissedPolicy,
    pub overlap: Overlap,
    pub is_on: bool,
    pub last_run_at: Option<Timestamp>,
}

/// What has started a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunTrigger {
    Manual,
    Api,
    /// A schedule; its name, where it is told.
    Schedule(Option<String>),
}

/// A run that has ended, elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    /// What it is called where it comes from.
    pub key: String,
    pub source: String,
    pub definition: String,
    pub status: RunStatus,
    pub trigger: RunTrigger,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// JSON.
    pub input: Option<String>,
    pub output: Option<String>,
    pub error: Option<String>,
}

/// How much of something does not come over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// Nothing of it.
    Skipped,
    /// It does, but not with everything, or not as it was.
    Changed,
}

impl NoteKind {
    /// The name in JSON and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            NoteKind::Skipped => "skipped",
            NoteKind::Changed => "changed",
        }
    }
}

/// Something that does not map as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub kind: NoteKind,
    pub source: String,
    pub at: At,
    /// What does not map.
    pub what: String,
    pub why: String,
}

impl Import {
    /// Adds a note.
    pub(super) fn note(&mut self, kind: NoteKind, place: (&str, At), (what, why): (String, &str)) {
        let note = Note { kind, source: place.0.to_owned(), at: place.1, what, why: why.to_owned() };
        self.notes.push(note);
    }
}
