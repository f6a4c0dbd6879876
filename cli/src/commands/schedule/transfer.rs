//! `agents schedule export` and `import`.

use std::path::PathBuf;

use agents_domain::schedule::entry::{Progress, Schedule, Standing};
use agents_domain::schedule::schedules::{ScheduleFilter, ScheduleWrite, Schedules};
use agents_orchestrator::doorbell;
use clap::Args;
use serde_json::json;

use super::edit::rewritten;
use super::write::{new_schedule, refuse_bad_name};
use super::{Desk, refused};
use crate::app::App;
use crate::failure::Failure;
use crate::job_input;
use crate::output::text;
use crate::schedule_file::{Entry, ScheduleFile};

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
/// All of them are checked first; if one is wrong, nothing is changed. Those that are there already are changed to what the
/// file says, so that it can be run twice.
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
}

impl Import {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "import schedules").await?;
        let file = self.read()?;
        let mut steps: Vec<(String, Step)> = Vec::new();
        let mut problems = Vec::new();
        for (place, entry) in file.schedules.iter().enumerate() {
            let is_twice = steps.iter().any(|(name, _)| *name == entry.name);
            let step = if is_twice {
                Err(Failure::usage("the name is there twice"))
            } else {
                step(&desk, entry).await
            };
            match step {
                Ok(step) => steps.push((entry.name.clone(), step)),
                Err(failure) => {
                    problems.push(format!("schedule {} (`{}`): {}", place + 1, entry.name, failure.message));
                }
            }
        }
        if !problems.is_empty() {
            let message = format!(
                "{} in {}; nothing was changed",
                text::counted(problems.len(), "problem"),
                self.file.display()
            );
            return Err(problems.into_iter().fold(Failure::bad_input(message), Failure::hint));
        }
        let lines: Vec<(&str, &str)> = steps.iter().map(|(name, step)| (&**name, step.as_str())).collect();
        if !self.dry_run {
            let writes = steps.iter().filter_map(|(_, step)| match step {
                Step::Create(write) | Step::Change(write) => Some((**write).clone()),
                Step::Keep => None,
            });
            refused(desk.store.write_schedules(writes.collect()).await?)?;
            doorbell::ring(&desk.here.bells()?);
        }
        let view = || {
            let all: Vec<_> =
                lines.iter().map(|(name, done)| json!({ "name": name, "result": done })).collect();
            json!({ "dryRun": self.dry_run, "schedules": all })
        };
        app.printer.answer(view, || {
            let would = if self.dry_run { "would be " } else { "" };
            lines.iter().map(|(name, done)| format!("{name}: {would}{done}\n")).collect()
        })
    }

    fn read(&self) -> Result<ScheduleFile, Failure> {
        let text = match self.file.to_str() {
            Some("-") => job_input::standard_input("the schedules")?,
            _ => std::fs::read_to_string(&self.file)
                .map_err(|error| Failure::file("read", &self.file, &error))?,
        };
        let mut from = serde_json::Deserializer::from_str(&text);
        let read = serde_path_to_error::deserialize(&mut from);
        read.map_err(|error| {
            let (path, why) = (error.path().to_string(), error.inner().to_string());
            Failure::bad_input(format!("{} is no file of schedules: at {path}: {why}", self.file.display()))
                .hint("`agents schedule export` shows what one looks like")
        })
    }
}

async fn step(desk: &Desk<'_>, entry: &Entry) -> Result<Step, Failure> {
    refuse_bad_name(&entry.name)?;
    let terms = entry.terms()?;
    let filter = ScheduleFilter {
        namespace: Some(desk.here.namespace()?.namespace),
        name: Some(entry.name.clone()),
        ..ScheduleFilter::default()
    };
    let before = desk.store.schedules(&filter).await?.pop();
    let standing = if entry.enabled { Standing::On } else { Standing::Off };
    let Some(before) = before else {
        desk.try_start(&terms.start, &terms.zone).await?;
        let schedule = new_schedule(desk, (entry.name.clone(), terms), standing)?;
        return Ok(Step::Create(Box::new(ScheduleWrite { schedule, replaces: None, begins_anew: true })));
    };
    let stands = (before.standing != Standing::Off) == entry.enabled;
    if terms == before.terms && stands {
        return Ok(Step::Keep);
    }
    if terms.start != before.terms.start {
        desk.try_start(&terms.start, &terms.zone).await?;
    }
    if stands {
        return Ok(Step::Change(Box::new(rewritten(&before, (entry.name.clone(), terms), desk.app.now())?)));
    }
    // What was due while it was off is not started.
    let fresh = new_schedule(desk, (entry.name.clone(), terms), standing)?;
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
