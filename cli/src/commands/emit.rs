//! `agents emit`: tells that something has happened.

use agents_domain::happening::{DATA_MAX, EventName, HappeningSource, Happenings, NewHappening};
use agents_domain::id::{AttemptId, HappeningId};
use agents_orchestrator::doorbell;
use agents_orchestrator::process::keeper::attempts_above;
use clap::Args;
use serde_json::Value;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::job_input;
use crate::output::happening::HappeningView;
use crate::output::text::{self, GREEN};

/// The variable that names the attempt of an agent.
const ATTEMPT: &str = "AGENTS_ATTEMPT_ID";

/// Tell that something has happened: subscriptions to it start what they are for
///
/// Anybody may, also an agent from inside its job.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents emit deploy.done
  agents emit deploy.done --data '{\"branch\": \"main\"}'
  agents emit build.finished --data @result.json
  make report | agents emit report.made --data -")]
pub struct Emit {
    /// What has happened: words with points between them
    event: String,
    /// JSON that goes with it: as it is, @FILE, or - for standard input [default: {}]
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
}

impl Emit {
    /// Tells it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let name = EventName::new(&self.event).map_err(|bad| {
            Failure::usage(bad.to_string())
                .hint("words of letters, digits, `_` and `-`: agents emit deploy.done")
        })?;
        let data = self.read_data()?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let mut attempts = attempts_above();
        let named = std::env::var(ATTEMPT).ok().and_then(|text| text.parse::<AttemptId>().ok());
        let (source, cause) = match Caller::of_process()? {
            Caller::Person => (HappeningSource::Person, None),
            Caller::Pm(_) | Caller::Agent { .. } => {
                attempts.extend(named);
                (HappeningSource::Agent, named.map(|id| id.to_string()))
            }
        };
        let namespace = here.namespace()?.namespace;
        let id = HappeningId::new(app.ids.next());
        let new = NewHappening { id, namespace, name, data, source, cause, depth: 0 };
        let happening = store.emit(new, &attempts).await?;
        doorbell::ring(&here.bells()?);
        app.printer.answer(
            || HappeningView::from(&happening),
            || format!("{} {} {}\n", text::colored(GREEN, "emitted"), self.event, id.short()),
        )
    }

    /// The data as JSON on one line.
    fn read_data(&self) -> Result<String, Failure> {
        let (text, place) = match self.data.as_deref() {
            None => return Ok("{}".to_owned()),
            Some("-") => (job_input::standard_input("the event's data")?, "standard input".to_owned()),
            Some(data) => match data.strip_prefix('@') {
                Some(file) => {
                    let path = std::path::Path::new(file);
                    let read = std::fs::read_to_string(path);
                    (read.map_err(|error| Failure::file("read", path, &error))?, file.to_owned())
                }
                None => (data.to_owned(), "--data".to_owned()),
            },
        };
        if text.len() > DATA_MAX {
            return Err(Failure::bad_input(format!(
                "the data of an event may have {} KiB; {place} has {} bytes",
                DATA_MAX / 1024,
                text.len()
            ))
            .hint("write it to a file, and emit the file's path"));
        }
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            Failure::bad_input(format!("{place} is no JSON: {error}")).hint(
                "a text has quotes of its own: --data '\"done\"'; an object: --data '{\"branch\": \"main\"}'",
            )
        })?;
        Ok(value.to_string())
    }
}
