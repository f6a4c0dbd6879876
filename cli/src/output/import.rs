//! What an import has stored or would, and what does not come over; the records of runs that it has brought.

use agents_domain::import::ImportedRun;
use agents_domain::run::RunStatus;
use agents_domain::timestamp::Timestamp;
use agents_orchestrator::import::{Import, Note, NoteKind, State, Step, Steps};
use serde_json::{Value, json};

use super::table::{Cell, Table};
use super::text::{self, BOLD, DIM, GREEN, RED, YELLOW, counted};
use super::time;

/// An import to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub import: &'a Import,
    pub steps: &'a Steps,
    pub is_dry_run: bool,
    pub warnings: &'a [String],
}

impl Shown<'_> {
    /// For scripts.
    pub fn view(&self) -> Value {
        let definitions = self.steps.definitions.iter().zip(&self.import.definitions);
        let definitions = definitions.map(|(step, planned)| {
            let mut view = step_view(step);
            view["text"] = json!(planned.text);
            view
        });
        let schedules = self.steps.schedules.iter().zip(&self.import.schedules).map(|(step, planned)| {
            let mut view = step_view(step);
            view["run"] = json!(planned.definition);
            view["pattern"] = json!(planned.pattern);
            view["zone"] = json!(planned.zone);
            view["enabled"] = json!(planned.is_on);
            view
        });
        json!({
            "dryRun": self.is_dry_run,
            "definitions": definitions.collect::<Vec<_>>(),
            "schedules": schedules.collect::<Vec<_>>(),
            "runs": self.steps.runs.iter().map(step_view).collect::<Vec<_>>(),
            "olderRuns": self.import.older_runs,
            "notes": self.import.notes.iter().map(note_view).collect::<Vec<_>>(),
            "warnings": self.warnings,
        })
    }

    /// For people.
    pub fn human(&self) -> String {
        let mut shown = String::new();
        if !self.steps.definitions.is_empty() {
            shown.push_str(&heading("Definitions"));
            let said = self.steps.definitions.iter().map(|step| (step, String::new()));
            shown.push_str(&table(said));
        }
        if !self.steps.schedules.is_empty() {
            shown.push_str(&heading("Schedules"));
            let said = self.steps.schedules.iter().zip(&self.import.schedules).map(|(step, planned)| {
                let off = if planned.is_on { "" } else { ", switched off" };
                (step, format!("{} {}{off}", planned.pattern, planned.zone))
            });
            shown.push_str(&table(said));
        }
        shown.push_str(&self.runs());
        if !self.import.notes.is_empty() {
            shown.push_str(&heading("Does not come over as it was"));
            self.import.notes.iter().for_each(|note| shown.push_str(&note_line(note)));
        }
        shown.push_str(&self.total());
        shown
    }

    fn runs(&self) -> String {
        if self.steps.runs.is_empty() && self.import.older_runs == 0 {
            return String::new();
        }
        let mut parts = Vec::new();
        for state in ["new", "unchanged", "replaced", "left"] {
            let number = self.steps.runs.iter().filter(|step| step.state.as_str() == state).count();
            if number > 0 {
                parts.push(format!("{number} {state}"));
            }
        }
        if self.import.older_runs > 0 {
            parts.push(format!("{} older (--runs-since)", self.import.older_runs));
        }
        let mut shown = format!("{}  {}\n", heading("Runs"), parts.join(", "));
        for step in &self.steps.runs {
            if let State::Left(why) = step.state {
                shown.push_str(&format!("  {} stays: {why}\n", text::one_line(&step.name)));
            }
        }
        shown
    }

    fn total(&self) -> String {
        let write = &self.steps.write;
        let (definitions, schedules, runs) =
            (write.definitions.len(), write.schedules.len(), write.runs.len());
        if write.is_empty() {
            return "nothing to store: all of it is there, or stays as it is\n".to_owned();
        }
        let parts = [
            (definitions, counted(definitions, "definition")),
            (schedules, counted(schedules, "schedule")),
            (runs, counted(runs, "record") + " of runs"),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, said)| said).collect();
        let what = parts.join(", ");
        match self.is_dry_run {
            true => format!("would store {what}; this was a dry run\n"),
            false => format!("stored {what}\n"),
        }
    }
}

fn heading(text: &str) -> String {
    format!("{}\n", text::colored(BOLD, text))
}

fn color(state: State) -> &'static str {
    match state {
        State::New | State::Replaced => GREEN,
        State::Unchanged => DIM,
        State::Left(_) => YELLOW,
    }
}

fn table<'a>(steps: impl Iterator<Item = (&'a Step, String)>) -> String {
    let mut table = Table::new(&[]);
    for (step, said) in steps {
        let state = Cell::colored(color(step.state), step.state.as_str());
        let source = Cell::colored(DIM, text::one_line(&step.source));
        table.row(vec![state, Cell::from(&step.name), Cell::from(said), source]);
        if let State::Left(why) = step.state {
            table.below(Cell::from(why));
        }
    }
    table.render(super::width(), "  ")
}

fn note_line(note: &Note) -> String {
    let color = match note.kind {
        NoteKind::Skipped => YELLOW,
        NoteKind::Changed => DIM,
    };
    let kind = text::colored(color, note.kind.as_str());
    let what = text::fit(&note.what, 100);
    format!("  {kind} {}:{} {what}: {}\n", text::one_line(&note.source), note.at.line, note.why)
}

fn step_view(step: &Step) -> Value {
    let why = match step.state {
        State::Left(why) => Some(why),
        State::New | State::Unchanged | State::Replaced => None,
    };
    json!({ "name": step.name, "source": step.source, "result": step.state.as_str(), "why": why })
}

fn note_view(note: &Note) -> Value {
    json!({
        "kind": note.kind.as_str(),
        "file": note.source,
        "line": note.at.line,
        "column": note.at.column,
        "what": note.what,
        "why": note.why,
    })
}

/// The record of a run in JSON.
pub fn run_view(run: &ImportedRun) -> Value {
    let input = run
        .input
        .as_deref()
        .map(|input| serde_json::from_str(input).unwrap_or_else(|_| Value::String(input.to_owned())));
    json!({
        "key": run.key,
        "namespace": run.namespace.as_str(),
        "definition": run.definition,
        "status": run.status.as_str(),
        "trigger": run.trigger.as_str(),
        "schedule": run.schedule,
        "startedAt": run.started_at.to_string(),
        "endedAt": run.ended_at.map(|at| at.to_string()),
        "durationMs": run.ended_at.map(|at| u64::try_from(at.since(run.started_at).as_millis()).unwrap_or(u64::MAX)),
        "input": input,
        "output": run.output,
        "error": run.error,
        "importedAt": run.imported_at.to_string(),
    })
}

/// The records of runs for people.
pub fn runs(runs: &[ImportedRun], now: Timestamp) -> String {
    if runs.is_empty() {
        return "no record of a run was imported; `agents runs` lists what has run here\n".to_owned();
    }
    let mut table = Table::new(&["RUN", "DEFINITION", "STATUS", "BEGAN", "TOOK", "BY"]);
    for run in runs {
        let color = match run.status {
            RunStatus::Completed => GREEN,
            RunStatus::Failed => RED,
            RunStatus::Pending | RunStatus::Running | RunStatus::Cancelled => DIM,
        };
        let took = run.ended_at.map_or_else(String::new, |at| time::precise(at.since(run.started_at)));
        table.row(vec![
            Cell::from(text::one_line(&run.key)),
            Cell::from(text::one_line(&run.definition)),
            Cell::colored(color, run.status.as_str()),
            Cell::from(time::local(run.started_at, now)),
            Cell::from(took),
            Cell::from(run.schedule.as_deref().unwrap_or(run.trigger.as_str())),
        ]);
        if let Some(error) = &run.error {
            table.below(Cell::colored(RED, text::fit(error, 200)));
        }
    }
    table.render(super::width(), "")
}
