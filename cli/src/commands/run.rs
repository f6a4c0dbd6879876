//! `agents run`: starts a run of a definition.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use agents_definitions::{Param, param_named};
use agents_domain::actor::Actor;
use agents_domain::aggregate::NewAssignment;
use agents_domain::id::AssignmentId;
use agents_domain::priority::Priority;
use agents_domain::run::{RunLine, RunStatus, Runs, Trigger};
use agents_domain::start::{Cause, Start, Starter};
use agents_domain::store::Change;
use agents_orchestrator::start::FromDefinitions;
use agents_orchestrator::store::SqlStore;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Map, Value};

use crate::app::{self, App, Here};
use crate::caller::Caller;
use crate::commands::create::refuse_foreign_namespace;
use crate::engine;
use crate::failure::{Failure, FailureKind};
use crate::job_input;
use crate::output::run::{self, RunView};
use crate::output::text::plain;

/// How often a run that is waited for is looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// Start a run of a definition: a job that can be run again
///
/// Definitions are files in .agents/jobs/<name>.yaml, or kept in the store (`agents definition`). A runner does the run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents run nightly-backup
  agents run deploy --param target=staging --param dry=true --wait
  agents run summarize --input @notes.txt --wait
  agents run report --params-json '{\"days\": 7}' --json | jq -r .id")]
pub struct Run {
    /// The name of the definition
    definition: String,
    #[command(flatten)]
    given: GivenOptions,
    /// Wait for its end and print its output; the exit code is 0 if it is completed
    #[arg(long)]
    wait: bool,
}

/// What a run is given.
#[derive(Debug, Clone, Default, Args)]
pub struct GivenOptions {
    /// A param and its value (repeatable)
    #[arg(long = "param", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    params: Vec<String>,
    /// Params as a JSON object: the text, @<file>, or `-` for standard input; --param goes over it
    #[arg(long, alias = "params", value_name = "JSON", allow_hyphen_values = true)]
    params_json: Option<String>,
    /// What templates know as {{ input }}: JSON or any text, @<file>, or `-` for standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    input: Option<String>,
    /// Before what else that is ready: immediate, scheduled (behind it) or deferred (when nothing else is)
    /// [default: by the workflow, else immediate]
    #[arg(long, value_name = "CLASS", value_parser = priority_parser())]
    pub priority: Option<Priority>,
}

/// Reads the name of a class.
fn priority_parser() -> impl TypedValueParser<Value = Priority> {
    PossibleValuesParser::new(Priority::ALL.map(Priority::as_str))
        .try_map(|name| Priority::from_name(&name).ok_or("no such class"))
}

impl GivenOptions {
    /// Its params as JSON, typed as they are declared.
    pub fn params(&self, declared: &[Param]) -> Result<String, Failure> {
        if self.input.as_deref() == Some("-") && self.params_json.as_deref() == Some("-") {
            return Err(Failure::usage("the params and the input can't both be standard input")
                .hint("give one of them in a file: --input @<file>"));
        }
        let mut params = match &self.params_json {
            Some(text) => object(&read(text, "the params")?)?,
            None => Map::new(),
        };
        let mut named = BTreeSet::new();
        for given in &self.params {
            let (name, value) = given.split_once('=').ok_or_else(|| {
                Failure::usage(format!("--param {given} has no value")).hint("--param name=value")
            })?;
            let param = param_named(declared, name).map_err(Failure::bad_input)?;
            if !named.insert(name) {
                return Err(
                    Failure::usage(format!("--param {name} is given twice")).hint("leave one of them out")
                );
            }
            let value = param.value_of_text(value).map_err(|why| {
                Failure::bad_input(why).hint(format!("a text is JSON in quotes: --param '{name}=\"text\"'"))
            })?;
            params.insert(name.to_owned(), value);
        }
        Ok(Value::Object(params).to_string())
    }

    /// Its input as JSON: what is none is a text.
    pub fn input(&self) -> Result<Option<String>, Failure> {
        let Some(given) = &self.input else { return Ok(None) };
        let text = read(given, "the input")?;
        let parsed = serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text));
        Ok(Some(parsed.to_string()))
    }
}

/// How much a run may be given: it is kept with the run and shown in lists.
const GIVEN_MAX: usize = 1 << 20;

/// A text, that of a file, or standard input.
fn read(given: &str, what: &str) -> Result<String, Failure> {
    let text = match given.strip_prefix('@') {
        Some(path) => job_input::file(std::path::Path::new(path), what)?,
        None => job_input::text_or_standard_input(given, what)?,
    };
    if text.len() > GIVEN_MAX {
        let said = format!("{what} has {} bytes, and {GIVEN_MAX} are the most", text.len());
        return Err(Failure::bad_input(said)
            .hint("it is kept with the run: give the path of a file as a param instead"));
    }
    Ok(text)
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(params)) => Ok(params),
        Ok(_) => Err(Failure::bad_input("--params-json is JSON and no object").hint("{\"name\": \"value\"}")),
        Err(error) => Err(Failure::bad_input(format!("--params-json is no JSON: {error}"))
            .hint("@<file> reads a file, and - standard input")),
    }
}

/// A person asks for it, now.
pub fn by_hand(app: &App, input: Option<String>, replays: Option<AssignmentId>) -> Cause {
    let zone = jiff::tz::TimeZone::system().iana_name().map(str::to_owned);
    Cause { trigger: Trigger::Manual, input, depth: 0, replays, at: app.now(), zone }
}

impl Run {
    /// Starts it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("start runs")?;
        let here = app.here()?;
        let chosen = here.namespace()?;
        let store = Arc::new(app.store(&here).await?);
        refuse_foreign_namespace(&store, &here, &chosen).await?;
        let starter = engine::definitions(app, &here, Arc::clone(&store))?;
        let found = starter.library().find(&chosen.namespace, &self.definition).await?;
        let start = Start::Definition {
            name: self.definition.clone(),
            params: self.given.params(&found.definition.params)?,
        };
        let cause = by_hand(app, self.given.input()?, None);
        let mut new = starter.new_run(&chosen.namespace, &start, cause).await?;
        new.priority = self.given.priority.or(new.priority);
        let mut warnings = Vec::new();
        if found.hides_stored {
            warnings.push(format!(
                "`{0}` is in a file and in the store: the file's was run; `agents definition delete {0}` ends that",
                self.definition
            ));
        }
        begin(Begun { app, here: &here, store: &store, wait: self.wait }, new, warnings).await
    }
}

/// What a new run is stored with, and whether its end is waited for.
pub struct Begun<'a> {
    pub app: &'a App,
    pub here: &'a Here,
    pub store: &'a SqlStore,
    pub wait: bool,
}

/// Stores a new run, wakes the runners, and says what became of it.
pub async fn begin(begun: Begun<'_>, new: NewAssignment, mut warnings: Vec<String>) -> Result<(), Failure> {
    let Begun { app, here, store, wait } = begun;
    let (id, namespace) = (new.id, new.namespace.clone());
    warnings.extend(app::no_runner_warning(store, &namespace, app.now()).await?);
    app.execute(here, store, (Actor::Person, Change::Create(new))).await?;
    if wait {
        // They can't wait for the end: it may never come without a runner.
        warnings.iter().for_each(|warning| app.printer.warning(warning));
        return told(begun, until_end(store, id).await?).await;
    }
    let line = of(store, id).await?;
    app.printer.answer(
        || RunView::new(&line, warnings.clone()),
        || format!("{}  agents run-show {}\n", run::begun(&line), id.short()),
    )?;
    warnings.iter().for_each(|warning| app.printer.warning(warning));
    Ok(())
}

async fn of(store: &dyn Runs, id: AssignmentId) -> Result<RunLine, Failure> {
    store.run(id).await?.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("run {id} is gone")))
}

async fn until_end(store: &dyn Runs, id: AssignmentId) -> Result<RunLine, Failure> {
    loop {
        let line = of(store, id).await?;
        let is_blocked = line.assignment.status() == agents_domain::assignment::AssignmentStatus::Blocked;
        if line.status.is_final() || is_blocked {
            return Ok(line);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Prints what a run has come to; one that is not completed is a failure.
async fn told(begun: Begun<'_>, line: RunLine) -> Result<(), Failure> {
    let Begun { app, here, store, wait: _ } = begun;
    let output = run::Output::of(store, &line, &here.config.data_folder()?).await?;
    let id = line.assignment.id.short();
    let is_done = line.status == RunStatus::Completed;
    let shown = || match (&line.result, is_done) {
        (Some(result), true) if !result.is_empty() => format!("{}\n", plain(result.trim_end_matches('\n'))),
        (Some(_) | None, _) => String::new(),
    };
    app.printer.answer(|| RunView::new(&line, Vec::new()).with_output(&output), shown)?;
    if let Some(note) = output.note() {
        app.printer.warning(&note);
    }
    ended(&line).map_err(|failure| match line.status {
        RunStatus::Failed => failure.hint(format!("agents run-show {id}")),
        RunStatus::Completed | RunStatus::Cancelled | RunStatus::Pending | RunStatus::Running => failure,
    })
}

/// What the end of a run is to whoever has waited for it.
pub fn ended(line: &RunLine) -> Result<(), Failure> {
    let id = line.assignment.id.short();
    let why = line.result.clone().unwrap_or_default();
    match line.status {
        RunStatus::Completed => Ok(()),
        RunStatus::Failed => {
            let class = line.outcome.map(|class| format!(" ({class})")).unwrap_or_default();
            Err(Failure::failed(&format!("run {id} failed{class}"), why))
        }
        RunStatus::Cancelled => Err(Failure::failed(&format!("run {id}"), "it was cancelled")),
        RunStatus::Pending | RunStatus::Running => {
            Err(Failure::new(FailureKind::Blocked, format!("run {id} is blocked"))
                .hint(format!("agents assignment {id}")))
        }
    }
}

/// Makes another run of one that was.
pub async fn latest(app: &App, starter: &FromDefinitions, line: &RunLine) -> Result<NewAssignment, Failure> {
    let run = &line.origin;
    let cause = by_hand(app, run.input.clone(), Some(line.assignment.id));
    let namespace = &line.assignment.namespace;
    if let Some(name) = &run.definition {
        let start = Start::Definition { name: name.clone(), params: run.params.clone() };
        return Ok(starter.new_run(namespace, &start, cause).await?);
    }
    // Its text was rendered already, and may have braces of its own.
    let params = serde_json::json!({ "text": line.assignment.north_star }).to_string();
    let start = Start::NorthStar { template: "{{ params.text }}".to_owned(), params };
    let mut new = starter.new_run(namespace, &start, cause).await?;
    if let Some(origin) = &mut new.run {
        origin.params.clone_from(&run.params);
    }
    Ok(new)
}
