//! What of an import is new, what is there already, and what differs. A pure function of both; it says what is to be written.

use std::collections::BTreeSet;

use agents_domain::definition::NewDefinition;
use agents_domain::id::{IdSource, ScheduleId};
use agents_domain::import::{ImportWrite, ImportedRun};
use agents_domain::namespace::Namespace;
use agents_domain::run::TriggerKind;
use agents_domain::schedule::Schedule;
use agents_domain::schedule::entry::{PatternKind, Progress, Standing, Terms};
use agents_domain::schedule::schedules::ScheduleWrite;
use agents_domain::start::Start;
use agents_domain::timestamp::Timestamp;
use serde_json::Value;
use std::time::Duration;

use super::planned::{Import, PlannedDefinition, PlannedRun, PlannedSchedule, RunTrigger};
use crate::schedule::{Unreadable, timetable};
use crate::start::{Listed, Origin};

/// What is there.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub definitions: &'a [Listed],
    pub schedules: &'a [Schedule],
    pub runs: &'a [ImportedRun],
}

/// Where it is to go, and when.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "a source of ids has nothing to show")]
pub struct Target<'a> {
    pub namespace: &'a Namespace,
    /// The folder that runs work in.
    pub workspace: &'a str,
    pub now: Timestamp,
    pub ids: &'a dyn IdSource,
    /// What differs is replaced; otherwise it is left as it is.
    pub replaces: bool,
}

/// What is done with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    New,
    Unchanged,
    Replaced,
    /// It stays as it is, and why.
    Left(&'static str),
}

impl State {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            State::New => "new",
            State::Unchanged => "unchanged",
            State::Replaced => "replaced",
            State::Left(_) => "left",
        }
    }
}

/// One thing, and what is done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub name: String,
    pub source: String,
    pub state: State,
}

/// All that is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    pub definitions: Vec<Step>,
    pub schedules: Vec<Step>,
    pub runs: Vec<Step>,
    pub write: ImportWrite,
}

const DIFFERS: &str = "it is there and says something else; --replace takes the imported one";
const IN_FILE: &str = "a file in .agents/jobs has this name, and a file's definition holds";
const ITS_DEFINITION: &str = "its definition is not the imported one";

/// Holds an import against what is there.
pub fn compare(import: &Import, known: Known<'_>, target: Target<'_>) -> Result<Steps, Unreadable> {
    let mut steps = Steps::default();
    let mut left = BTreeSet::new();
    for planned in &import.definitions {
        let state = definition(planned, known, target, &mut steps.write);
        if let State::Left(_) = state {
            left.insert(planned.name.as_str());
        }
        steps.definitions.push(step(&planned.name, &planned.source, state));
    }
    for planned in &import.schedules {
        let is_fit = !left.contains(planned.definition.as_str());
        let state = schedule((planned, is_fit), known, target, &mut steps.write)?;
        steps.schedules.push(step(&planned.name, &planned.source, state));
    }
    for planned in &import.runs {
        let state = run(planned, known, target, &mut steps.write);
        steps.runs.push(step(&planned.key, &planned.source, state));
    }
    Ok(steps)
}

fn step(name: &str, source: &str, state: State) -> Step {
    Step { name: name.to_owned(), source: source.to_owned(), state }
}

fn definition(
    planned: &PlannedDefinition,
    known: Known<'_>,
    target: Target<'_>,
    write: &mut ImportWrite,
) -> State {
    let listed = known.definitions.iter().find(|listed| listed.name == planned.name);
    let mut save = |over| {
        write.definitions.push(NewDefinition {
            namespace: target.namespace.clone(),
            name: planned.name.clone(),
            text: planned.text.clone(),
            workspace: target.workspace.to_owned(),
            over,
        });
    };
    let Some(listed) = listed else {
        save(None);
        return State::New;
    };
    if is_same(listed, planned) {
        return State::Unchanged;
    }
    match (&listed.origin, target.replaces) {
        (Origin::File(_), _) => State::Left(IN_FILE),
        (Origin::Store(_), false) => State::Left(DIFFERS),
        (Origin::Store(revision), true) => {
            save(Some(*revision));
            State::Replaced
        }
    }
}

/// Whether both mean the same, however they are written.
fn is_same(listed: &Listed, planned: &PlannedDefinition) -> bool {
    if listed.text == planned.text {
        return true;
    }
    let read = agents_definitions::read(&planned.text, &planned.source, &planned.name);
    matches!((&listed.read, read), (Ok(listed), Ok(planned)) if **listed == planned)
}

fn terms(planned: &PlannedSchedule) -> Terms {
    Terms {
        kind: if planned.is_cron { PatternKind::Cron } else { PatternKind::Every },
        pattern: planned.pattern.clone(),
        zone: planned.zone.clone(),
        start: Start::Definition {
            name: planned.definition.clone(),
            params: Value::Object(planned.params.clone()).to_string(),
        },
        missed: planned.missed,
        overlap: planned.overlap,
        jitter: Duration::ZERO,
        from: None,
        until: None,
        // Neither cron nor hs-conductor stops because something fails.
        auto_pause_after: None,
    }
}

fn schedule(
    (planned, is_fit): (&PlannedSchedule, bool),
    known: Known<'_>,
    target: Target<'_>,
    write: &mut ImportWrite,
) -> Result<State, Unreadable> {
    let terms = terms(planned);
    let stored = known.schedules.iter().find(|stored| stored.name == planned.name);
    if stored.is_some_and(|stored| stored.terms == terms) {
        return Ok(State::Unchanged);
    }
    match (is_fit, stored, target.replaces) {
        (false, ..) => return Ok(State::Left(ITS_DEFINITION)),
        (true, Some(_), false) => return Ok(State::Left(DIFFERS)),
        (true, None, _) | (true, Some(_), true) => {}
    }
    let now = target.now;
    let standing = if planned.is_on { Standing::On } else { Standing::Off };
    let times = timetable(&terms, stored.map_or(now, |stored| stored.created_at))?;
    let mut progress = Progress::begin(now, times.next_after(now));
    progress.look_at = progress.look_at.filter(|_| standing.is_on());
    progress.last_run_at = stored.map_or(planned.last_run_at, |stored| stored.progress.last_run_at);
    let schedule = Schedule {
        id: stored.map_or_else(|| ScheduleId::new(target.ids.next()), |stored| stored.id),
        namespace: target.namespace.clone(),
        name: planned.name.clone(),
        terms,
        standing,
        progress,
        created_at: stored.map_or(now, |stored| stored.created_at),
        updated_at: now,
        revision: stored.map_or(1, |stored| stored.revision.saturating_add(1)),
    };
    let replaces = stored.map(|stored| stored.revision);
    write.schedules.push(ScheduleWrite { schedule, replaces, begins_anew: true });
    Ok(if stored.is_some() { State::Replaced } else { State::New })
}

fn run(planned: &PlannedRun, known: Known<'_>, target: Target<'_>, write: &mut ImportWrite) -> State {
    let (trigger, schedule) = match &planned.trigger {
        RunTrigger::Manual => (TriggerKind::Manual, None),
        RunTrigger::Api => (TriggerKind::Api, None),
        RunTrigger::Schedule(name) => (TriggerKind::Schedule, name.clone()),
    };
    let run = ImportedRun {
        namespace: target.namespace.clone(),
        key: planned.key.clone(),
        definition: planned.definition.clone(),
        status: planned.status,
        trigger,
        schedule,
        started_at: planned.started_at,
        ended_at: planned.ended_at,
        input: planned.input.clone(),
        output: planned.output.clone(),
        error: planned.error.clone(),
        imported_at: target.now,
    };
    let stored = known.runs.iter().find(|stored| stored.key == run.key);
    match (stored, target.replaces) {
        (Some(stored), _) if stored.is_like(&run) => State::Unchanged,
        (Some(_), false) => State::Left(DIFFERS),
        (Some(_), true) => {
            write.runs.push(run);
            State::Replaced
        }
        (None, _) => {
            write.runs.push(run);
            State::New
        }
    }
}
