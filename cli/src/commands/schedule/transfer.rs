//! `agents schedule export` and `import`.

use std::path::PathBuf;

use agents_domain::schedule::entry::{Progress, Schedule, Standing};
use agents_domain::schedule::schedules::{ScheduleFilter, ScheduleWrite, Schedules};
use agents_orchestrator::doorbell;
use clap::Args;
use serde_json::json;

use super::edit::rewritten;
use super::write::new_schedule;
use super::{Desk, refused};
use crate::app::App;
use crate::failure::Failure;
use crate::job_input;
use crate::output::text;
use crate::schedule_file::{Entry, Placed, Reading, ScheduleFile};

/// Write schedules to a file, or print them, as JSON that `import` reads
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  agents schedule export > schedules.json\n  agents schedule export nightly --output nightly.json"
)]
pub struct Export {
    /// These; all of the namespace otherwise
    names: Vec<String>,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Read schedules from a file; `-` reads standard input
///
/// All of them are checked first; if one is wrong, all that is wrong is said and nothing is changed. Those that are there already are changed to what the
/// file says, so that it can be run twice. One whose time is past is taken as what it is: done.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  agents schedule import schedules.json --dry-run\n  agents schedule import schedules.json"
)]
pub struct Import {
    /// The file
    file: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Export {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        let mut all = Vec::new();
        for name in &self.names {
            all.push(desk.find(name).await?);
        }
        if self.names.is_empty() {
            let namespace = Some(desk.here.namespace()?.namespace);
            all = desk.store.schedules(&ScheduleFilter { namespace, ..ScheduleFilter::default() }).await?;
        }
        let file = ScheduleFile { schedules: all.iter().map(Entry::of).collect() };
        let Some(path) = self.output else { return app.printer.json(&file) };
        let mut written =
            serde_json::to_string_pretty(&file).map_err(|error| Failure::failed("making JSON", error))?;
        written.push('\n');
        std::fs::write(&path, written).map_err(|error| Failure::file("write", &path, &error))?;
        let shown = path.display().to_string();
        let view = || json!({ "file": shown, "schedules": all.len() });
        app.printer.answer(view, || format!("wrote {} to {shown}\n", text::counted(all.len(), "schedule")))
    }
}

/// What is done with one entry.
#[derive(Debug)]
enum Step {
    Create(Box<ScheduleWrite>),
    Change(Box<ScheduleWrite>),
    Keep,
}

impl Step {
    fn as_str(&self) -> &'static str {
        match self {
            Step::Create(_) => "created",
            Step::Change(_) => "changed",
            Step::Keep => "unchanged",
        }
    }

    fn write(&self) -> Option<&ScheduleWrite> {
        match self {
            Step::Create(write) | Step::Change(write) => Some(write),
            Step::Keep => None,
        }
    }

    /// What is written has no time to come any more.
    fn is_done(&self) -> bool {
        self.write().is_some_and(|write| write.schedule.progress.next_due.is_none())
    }
}

impl Import {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "import schedules").await?;
        let text = self.text()?;
        let mut reading = Reading::of(&text);
        let mut steps: Vec<(String, Step)> = Vec::new();
        for Placed { number, entry } in std::mem::take(&mut reading.entries) {
            let name = entry.name.clone();
            if steps.iter().any(|(known, _)| *known == name) {
                reading.problem((number, &name), "name", "the name is there twice");
                continue;
            }
            match step(&desk, &entry).await {
                Ok(step) => steps.push((name, step)),
                Err((key, failure)) => reading.problem((number, &name), key, failure.in_a_line()),
            }
        }
        if let Some(problems) = reading.wrong(&self.file.display().to_string(), &text) {
            let count = text::counted(problems.problems.len(), "problem");
            return Err(Failure::bad_input(format!("{count}; nothing was changed\n{problems}")));
        }
        self.write(&desk, &steps).await
    }

    async fn write(&self, desk: &Desk<'_>, steps: &[(String, Step)]) -> Result<(), Failure> {
        if !self.dry_run {
            let writes = steps.iter().filter_map(|(_, step)| step.write().cloned());
            refused(desk.store.write_schedules(writes.collect()).await?)?;
            doorbell::ring(&desk.here.bells()?);
        }
        let view = || {
            let one = |(name, step): &(String, Step)| json!({ "name": name, "result": step.as_str(), "done": step.is_done() });
            json!({ "dryRun": self.dry_run, "schedules": steps.iter().map(one).collect::<Vec<_>>() })
        };
        desk.app.printer.answer(view, || {
            let would = if self.dry_run { "would be " } else { "" };
            let line = |(name, step): &(String, Step)| {
                let done = if step.is_done() { " (its time is past: nothing will be due)" } else { "" };
                format!("{name}: {would}{}{done}\n", step.as_str())
            };
            steps.iter().map(line).collect()
        })
    }

    fn text(&self) -> Result<String, Failure> {
        match self.file.to_str() {
            Some("-") => job_input::standard_input("the schedules"),
            _ => {
                std::fs::read_to_string(&self.file).map_err(|error| Failure::file("read", &self.file, &error))
            }
        }
    }
}

/// What is to be done with an entry; what is wrong with it otherwise, and under which key.
async fn step(desk: &Desk<'_>, entry: &Entry) -> Result<Step, (&'static str, Failure)> {
    let whole = |failure: Failure| ("", failure);
    let terms = entry.terms().map_err(whole)?;
    let filter = ScheduleFilter {
        namespace: Some(desk.here.namespace().map_err(whole)?.namespace),
        name: Some(entry.name.clone()),
        ..ScheduleFilter::default()
    };
    let before = desk.store.schedules(&filter).await.map_err(|error| whole(error.into()))?.pop();
    let standing = if entry.enabled { Standing::On } else { Standing::Off };
    let fresh = new_schedule(desk, (entry.name.clone(), terms.clone()), standing).map_err(whole)?;
    let starts_other = before.as_ref().is_none_or(|before| terms.start != before.terms.start);
    // One that is done starts nothing: what it has started may be gone.
    if starts_other && fresh.progress.next_due.is_some() {
        desk.try_start(&terms.start, &terms.zone).await.map_err(|failure| ("run", failure))?;
    }
    let Some(before) = before else {
        return Ok(Step::Create(Box::new(ScheduleWrite {
            schedule: fresh,
            replaces: None,
            begins_anew: true,
        })));
    };
    let stands = (before.standing != Standing::Off) == entry.enabled;
    if terms == before.terms && stands {
        return Ok(Step::Keep);
    }
    if stands {
        let write = rewritten(&before, (entry.name.clone(), terms), desk.app.now()).map_err(whole)?;
        return Ok(Step::Change(Box::new(write)));
    }
    // What was due while it was off is not started.
    let schedule = Schedule {
        id: before.id,
        created_at: before.created_at,
        progress: Progress {
            last_run_at: before.progress.last_run_at,
            last_outcome: before.progress.last_outcome,
            ..fresh.progress.clone()
        },
        ..fresh
    };
    Ok(Step::Change(Box::new(ScheduleWrite { schedule, replaces: Some(before.revision), begins_anew: true })))
}
