//! Runs for people and for scripts: a list of them, one in full, and where its output is.

use std::path::{Path, PathBuf};

use agents_domain::run::{OutputPlace, RunLine, RunStatus, Trigger};
use agents_domain::store::{JobDetail, Store};
use agents_domain::timestamp::Timestamp;
use agents_orchestrator::{attempt, blob};
use serde::Serialize;
use serde_json::Value;

use super::json::AttemptView;
use super::table::{Cell, Table};
use super::text::{self, BOLD, CYAN, DIM, GREEN, RED};
use super::time;
use crate::failure::Failure;

/// The files of a run's latest attempt, and whether its output is more than what is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// What was printed on standard output; of an agent, its stream.
    pub stdout: Option<PathBuf>,
    pub stderr: Option<PathBuf>,
    /// The whole output's size, in bytes, if only its end is stored.
    pub cut_from: Option<u64>,
    /// The file of the whole output then, as long as there is one.
    pub whole: Option<PathBuf>,
    /// Why it is not kept for longer than logs.
    pub not_kept: Option<String>,
}

impl Output {
    /// Looks for it.
    pub async fn of(store: &dyn Store, line: &RunLine, data_folder: &Path) -> Result<Self, Failure> {
        let jobs = store.job_details(line.assignment.id).await?;
        let Some(latest) = jobs.iter().flat_map(|job| &job.attempts).last() else {
            return Ok(Self::default());
        };
        let files = attempt::files(data_folder, latest.id);
        let there = |path: PathBuf| path.is_file().then_some(path);
        let stdout = there(files.stdout());
        let size = stdout.as_ref().and_then(|path| path.metadata().ok()).map_or(0, |data| data.len());
        let kept = line.result.as_ref().map_or(0, |text| u64::try_from(text.len()).unwrap_or(u64::MAX));
        let is_printed = line.origin.worker == "exec" && line.status == RunStatus::Completed;
        let printed = stdout.clone().filter(|_| is_printed && size > kept + 1);
        let (blob, not_kept) = match line.output.as_ref().map(|output| &output.place) {
            Some(OutputPlace::Blob(id)) => (there(blob::path(data_folder, id)), None),
            Some(OutputPlace::NotKept { why }) => (None, Some(why.clone())),
            None => (None, None),
        };
        let known = line.output.as_ref().map(|output| output.bytes).filter(|bytes| *bytes > kept + 1);
        Ok(Self {
            cut_from: known.or(printed.is_some().then_some(size)),
            whole: blob.or(printed),
            not_kept,
            stdout,
            stderr: there(files.stderr()),
        })
    }

    /// What a person should know of an output that is not here as a whole.
    pub fn note(&self) -> Option<String> {
        let not_kept = self.not_kept.as_ref().map(|why| format!("the output could not be kept: {why}"));
        let Some(bytes) = self.cut_from else { return not_kept };
        let place = match &self.whole {
            Some(file) => format!("all of it is in {}", file.display()),
            None => "the rest is not there any more".to_owned(),
        };
        let note = format!("this is the end of {bytes} bytes; {place}");
        Some(
            not_kept.map_or(note.clone(), |not_kept| format!("{note}, as long as logs are kept; {not_kept}")),
        )
    }
}

/// What has started a run.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TriggerView {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    happening_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id: Option<String>,
}

impl From<&Trigger> for TriggerView {
    fn from(trigger: &Trigger) -> Self {
        let view = TriggerView { kind: trigger.kind().as_str(), ..TriggerView::default() };
        match trigger {
            Trigger::Manual | Trigger::Api => view,
            Trigger::Schedule { schedule, due } => {
                TriggerView { schedule_id: Some(schedule.to_string()), due_at: Some(due.to_string()), ..view }
            }
            Trigger::Event { subscription, happening } => TriggerView {
                subscription_id: Some(subscription.to_string()),
                happening_id: Some(happening.to_string()),
                ..view
            },
            Trigger::Webhook { subscription, delivery } => TriggerView {
                subscription_id: Some(subscription.to_string()),
                delivery_id: Some(delivery.to_string()),
                ..view
            },
        }
    }
}

/// A run in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView<'a> {
    id: String,
    namespace: &'a str,
    definition: Option<&'a str>,
    worker: &'a str,
    title: &'a str,
    status: &'static str,
    outcome: Option<&'static str>,
    trigger: TriggerView,
    params: Value,
    input: Value,
    depth: u32,
    replays: Option<String>,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    duration_ms: Option<u64>,
    /// What it has answered, if it is completed.
    output: Option<&'a str>,
    /// The file of its whole output, if `output` is only its end.
    output_file: Option<String>,
    /// How long its whole output is, if that is more than is stored here.
    output_bytes: Option<u64>,
    /// Why its whole output is not kept for longer than logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_not_kept: Option<String>,
    /// Why it has failed.
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

impl<'a> RunView<'a> {
    /// That run.
    pub fn new(line: &'a RunLine, warnings: Vec<String>) -> Self {
        let RunLine { assignment, origin, status, started_at, ended_at, result, outcome, output: _ } = line;
        let took = started_at.zip(*ended_at).map(|(began, ended)| ended.since(began));
        let result = result.as_deref();
        Self {
            id: assignment.id.to_string(),
            namespace: assignment.namespace.as_str(),
            definition: origin.definition.as_deref(),
            worker: &origin.worker,
            title: &assignment.north_star,
            status: status.as_str(),
            outcome: outcome.map(|class| class.as_str()),
            trigger: TriggerView::from(&origin.trigger),
            params: parsed(&origin.params),
            input: origin.input.as_deref().map_or(Value::Null, parsed),
            depth: origin.depth,
            replays: origin.replays.map(|id| id.to_string()),
            created_at: assignment.created_at.to_string(),
            started_at: started_at.map(|at| at.to_string()),
            ended_at: ended_at.map(|at| at.to_string()),
            duration_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            output: result.filter(|_| *status == RunStatus::Completed),
            output_file: None,
            output_bytes: line.output.as_ref().map(|output| output.bytes),
            output_not_kept: None,
            error: result.filter(|_| *status != RunStatus::Completed),
            warnings,
        }
    }

    /// With the file of its output, if that is more than is stored.
    pub fn with_output(mut self, output: &Output) -> Self {
        self.output_file = output.whole.as_ref().map(|file| file.display().to_string());
        self.output_bytes = self.output_bytes.or(output.cut_from);
        self.output_not_kept.clone_from(&output.not_kept);
        self
    }
}

/// A run with its attempts and files.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetailView<'a> {
    #[serde(flatten)]
    run: RunView<'a>,
    /// How long it has run, or runs.
    elapsed_ms: Option<u64>,
    tokens: u64,
    cost_usd: f64,
    jobs: Vec<String>,
    attempts: Vec<AttemptView<'a>>,
    files: FilesView,
    /// Of a workflow's run: its latest steps, and what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FilesView {
    stdout: Option<String>,
    stderr: Option<String>,
}

impl<'a> RunDetailView<'a> {
    /// That run.
    pub fn new(line: &'a RunLine, (jobs, output): (&'a [JobDetail], &Output), now: Timestamp) -> Self {
        let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let spent = &line.assignment.budget().spent;
        Self {
            run: RunView::new(line, Vec::new()).with_output(output),
            elapsed_ms: elapsed(line, now).map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            tokens: spent.tokens,
            cost_usd: spent.cost.as_dollars(),
            jobs: jobs.iter().map(|job| job.job.id.to_string()).collect(),
            attempts: jobs.iter().flat_map(|job| &job.attempts).map(AttemptView::from).collect(),
            files: FilesView { stdout: shown(&output.stdout), stderr: shown(&output.stderr) },
            workflow: None,
        }
    }

    /// With what a workflow that leads it tells.
    pub fn with_steps(mut self, steps: Option<&(String, Value)>) -> Self {
        self.workflow = steps.map(|(_, json)| {
            let part = |key: &str| json.get(key).cloned().unwrap_or(Value::Null);
            serde_json::json!({ "at": part("at"), "waits": part("waits"), "steps": part("steps") })
        });
        self
    }
}

fn elapsed(line: &RunLine, now: Timestamp) -> Option<std::time::Duration> {
    line.started_at.map(|began| line.ended_at.unwrap_or(now).since(began))
}

fn color(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Pending => "",
        RunStatus::Running => CYAN,
        RunStatus::Completed => GREEN,
        RunStatus::Failed => RED,
        RunStatus::Cancelled => DIM,
    }
}

fn status_words(line: &RunLine) -> String {
    match (line.status, line.outcome) {
        (RunStatus::Failed, Some(class)) => format!("failed: {class}"),
        (status, _) => status.as_str().to_owned(),
    }
}

/// Its status in its color.
pub fn status_cell(line: &RunLine) -> String {
    text::colored(color(line.status), &status_words(line))
}

/// What has started it, in words.
fn trigger_words(line: &RunLine) -> String {
    let words = match &line.origin.trigger {
        Trigger::Manual => "a person".to_owned(),
        Trigger::Api => "a program, over the API".to_owned(),
        Trigger::Schedule { schedule, due } => format!("schedule {}, due {due}", schedule.short()),
        Trigger::Event { subscription, happening } => {
            format!("event {} (subscription {})", happening.short(), subscription.short())
        }
        Trigger::Webhook { subscription, delivery } => {
            format!("webhook request {} (subscription {})", delivery.short(), subscription.short())
        }
    };
    match line.origin.replays {
        Some(run) => format!("{words}, as a replay of {}", run.short()),
        None => words,
    }
}

/// What it is called: its definition, or its north star.
fn name(line: &RunLine) -> &str {
    line.origin.definition.as_deref().unwrap_or(&line.assignment.north_star)
}

/// The first line about a new run.
pub fn begun(line: &RunLine) -> String {
    let id = line.assignment.id.short();
    format!("{} run {id} of {}\n", text::colored(GREEN, "started"), text::one_line(name(line)))
}

/// The list of `agents runs`. `with_namespace`: more than one namespace is listed.
pub fn list(lines: &[RunLine], now: Timestamp, with_namespace: bool) -> String {
    if lines.is_empty() {
        return "no runs\n".to_owned();
    }
    let mut header = vec!["RUN", "STATUS", "TRIGGER", "CREATED", "TOOK", "WHAT"];
    if with_namespace {
        header.insert(5, "NAMESPACE");
    }
    let mut table = Table::new(&header);
    for line in lines {
        let took = elapsed(line, now).map_or_else(|| "-".to_owned(), time::precise);
        let mut cells = vec![
            line.assignment.id.short().into(),
            Cell::colored(color(line.status), status_words(line)),
            line.origin.trigger.kind().as_str().into(),
            time::relative(line.assignment.created_at, now).into(),
            took.into(),
            name(line).into(),
        ];
        if with_namespace {
            cells.insert(5, line.assignment.namespace.as_str().into());
        }
        table.row(cells);
    }
    table.render(super::width(), "")
}

/// One run in full.
pub fn detail(line: &RunLine, (jobs, output): (&[JobDetail], &Output), now: Timestamp) -> String {
    let title = text::colored(BOLD, &format!("run {}", line.assignment.id.short()));
    let said = text::colored(color(line.status), &status_words(line));
    let mut shown = format!("{title}  {said}\n");
    let mut facts = Table::new(&[]);
    let mut fact =
        |name: &'static str, value: String| facts.row(vec![Cell::colored(DIM, name), value.into()]);
    fact("id", line.assignment.id.to_string());
    fact("what", line.assignment.north_star.clone());
    if let Some(definition) = &line.origin.definition {
        fact("definition", format!("{definition} ({})", line.origin.worker));
    }
    fact("started by", trigger_words(line));
    fact("created", time::relative(line.assignment.created_at, now));
    if let Some(took) = elapsed(line, now) {
        fact("took", time::precise(took));
    }
    let spent = &line.assignment.budget().spent;
    if spent.tokens > 0 {
        fact("used", format!("{} tokens, {}", spent.tokens, time::money(spent.cost)));
    }
    fact("params", line.origin.params.clone());
    if let Some(input) = &line.origin.input {
        fact("input", input.clone());
    }
    for (name, file) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if let Some(file) = file {
            fact(name, file.display().to_string());
        }
    }
    shown.push_str(&facts.render(super::table_width(), "  "));
    let mut attempts = jobs.iter().flat_map(|job| &job.attempts).peekable();
    if attempts.peek().is_some() {
        let list: Vec<_> = attempts.cloned().collect();
        shown.push_str(&format!(
            "\n{}\n{}",
            text::colored(BOLD, "attempts"),
            super::job::attempts(&list, now)
        ));
    }
    if let Some(result) = &line.result {
        let heading = if line.status == RunStatus::Completed { "output" } else { "error" };
        shown.push_str(&format!("\n{}\n", text::colored(BOLD, heading)));
        shown.push_str(&text::indented(result, "  "));
    }
    shown.extend(output.note().map(|note| format!("\n{}\n", text::colored(DIM, &note))));
    shown
}
