//! A workflow's run for people and as JSON: its steps, what it waits for, why it has failed.

use std::time::Duration;

use agents_domain::job::{Job, JobState};
use agents_domain::run::RunLine;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{StepRun, StepStatus, Wait, WorkflowRun};
use agents_workflows::{Does, Step, Workflow};
use serde::Serialize;
use serde_json::{Value, json};

use super::step::does;
use crate::output;
use crate::output::run::{self, RunView};
use crate::output::table::{Cell, Table};
use crate::output::text::{self, BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::output::time;

/// A run with all that is shown of it.
#[derive(Debug)]
pub struct Standing<'a> {
    pub line: &'a RunLine,
    pub run: &'a WorkflowRun,
    /// What it has started with; `None`: that can't be read any more.
    pub workflow: Option<&'a Workflow>,
    pub steps: &'a [StepRun],
    /// So many executions before these are not shown.
    pub earlier: usize,
    /// The job that its present step waits for.
    pub job: Option<&'a Job>,
    pub now: Timestamp,
}

/// How much of what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Brief,
    /// Inputs and outputs too.
    Full,
}

/// An execution of a step in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView<'a> {
    number: u32,
    step: &'a str,
    path: &'a str,
    does: Option<String>,
    status: &'static str,
    attempt: u32,
    /// How often it is tried at most.
    attempts: Option<u32>,
    inputs: Value,
    outputs: Value,
    error: Value,
    job: Option<String>,
    /// The run that does it.
    run: Option<String>,
    started_at: String,
    ended_at: Option<String>,
    duration_ms: Option<u64>,
    route: Option<&'a str>,
}

fn parsed(text: Option<&str>) -> Value {
    let read = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    text.map_or(Value::Null, read)
}

/// The step of that id.
pub fn find<'a>(workflow: Option<&'a Workflow>, id: &str) -> Option<&'a Step> {
    workflow?.steps.iter().find(|step| step.id == id)
}

impl<'a> StepView<'a> {
    /// That execution.
    pub fn new(step: &'a StepRun, workflow: Option<&Workflow>) -> Self {
        let definition = find(workflow, &step.step);
        let took = step.ended_at.map(|ended| ended.since(step.started_at));
        Self {
            number: step.number,
            step: &step.step,
            path: &step.path,
            does: definition.map(does),
            status: step.status.as_str(),
            attempt: step.attempt,
            attempts: definition.map(|step| step.retry.max.saturating_add(1)),
            inputs: parsed(Some(&step.inputs)),
            outputs: parsed(step.outputs.as_deref()),
            error: parsed(step.error.as_deref()),
            job: step.job.map(|id| id.to_string()),
            run: step.child.map(|id| id.to_string()),
            started_at: step.started_at.to_string(),
            ended_at: step.ended_at.map(|at| at.to_string()),
            duration_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            route: step.route.as_deref(),
        }
    }
}

/// The whole in JSON.
pub fn json(standing: &Standing<'_>) -> Value {
    let Standing { line, run, workflow, steps, earlier, .. } = standing;
    let views: Vec<StepView<'_>> = steps.iter().map(|step| StepView::new(step, *workflow)).collect();
    json!({
        "run": RunView::new(line, Vec::new()),
        "workflow": run.workflow,
        "version": run.version,
        "snapshot": run.snapshot,
        "paused": line.assignment.is_paused(),
        "at": run.at,
        "waits": waits_json(standing),
        "parent": run.parent.map(|id| id.to_string()),
        "steps": views,
        "earlierSteps": earlier,
    })
}

fn waits_json(standing: &Standing<'_>) -> Value {
    let until = |until: &Option<Timestamp>| until.map(|at| at.to_string());
    match (&standing.run.wait, standing.job.and_then(ready_at).filter(|at| *at > standing.now)) {
        (Some(Wait::Time { until }), _) => {
            json!({ "for": if is_delay(standing) { "time" } else { "retry" }, "until": until.to_string() })
        }
        (Some(Wait::Person { step, question, until: at }), _) => {
            json!({ "for": "person", "step": step, "question": question, "until": until(at) })
        }
        (Some(Wait::Start { start }), _) => json!({ "for": "start", "what": start.title() }),
        (Some(Wait::Run { child, until: at }), _) => {
            json!({ "for": "run", "run": child.to_string(), "until": until(at) })
        }
        (None, Some(at)) => json!({ "for": "job", "until": at.to_string() }),
        (None, None) => Value::Null,
    }
}

/// Whether what it waits for is a delay of the definition, and no retry.
fn is_delay(standing: &Standing<'_>) -> bool {
    let at = standing.run.at.as_deref().and_then(|id| find(standing.workflow, id));
    at.is_some_and(|step| matches!(step.does, Does::Delay { .. }))
}

fn ready_at(job: &Job) -> Option<Timestamp> {
    match job.state() {
        JobState::Pending { ready_at, head: _ } => Some(*ready_at),
        JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => None,
    }
}

/// In how much time.
fn until(at: Timestamp, now: Timestamp) -> String {
    if at <= now { "now".to_owned() } else { format!("in {}", time::precise(at.since(now))) }
}

/// What it waits for, in words, and what a person can do about it.
pub fn waits(standing: &Standing<'_>) -> Option<String> {
    let Standing { run, now, .. } = standing;
    let id = run.assignment.short();
    let limit = |at: &Option<Timestamp>| {
        at.map(|at| format!(" (at most until {})", until(at, *now))).unwrap_or_default()
    };
    let words = match &run.wait {
        Some(Wait::Time { until: at }) if is_delay(standing) => {
            format!("waits; goes on {}", until(*at, *now))
        }
        Some(Wait::Time { until: at }) => format!("the next try is {}", until(*at, *now)),
        Some(Wait::Person { step: _, question, until: at }) => format!(
            "waits for a person: {question}{}\n  agents workflow approve {id}, or agents workflow reject {id}",
            limit(at)
        ),
        Some(Wait::Start { start }) => format!("{} is to be started", start.title()),
        Some(Wait::Run { child, until: at }) => {
            format!("waits for run {}{}: agents workflow status {0}", child.short(), limit(at))
        }
        None => match standing.job.and_then(ready_at).filter(|at| at > now) {
            Some(at) => format!("the job's next try is {}", until(at, *now)),
            None => return None,
        },
    };
    Some(words)
}

/// The color of a step's status.
pub fn color(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Running => CYAN,
        StepStatus::Waiting => YELLOW,
        StepStatus::Completed => GREEN,
        StepStatus::Failed => RED,
        StepStatus::Cancelled => DIM,
    }
}

/// The whole for people.
pub fn human(standing: &Standing<'_>, detail: Detail) -> String {
    let Standing { line, run, .. } = standing;
    let title = text::colored(BOLD, &format!("run {}", run.assignment.short()));
    let paused = if line.assignment.is_paused() { text::colored(YELLOW, "  paused") } else { String::new() };
    let of = format!("of {} {}", run.workflow, run.version);
    let mut shown = format!("{title}  {}{paused}  {}\n", run::status_cell(line), text::colored(DIM, &of));
    if let Some(parent) = run.parent {
        shown.push_str(&format!("a step of run {}\n", parent.short()));
    }
    if standing.workflow.is_none() {
        shown.push_str(&text::colored(YELLOW, "what it has started with can't be read any more\n"));
    }
    if standing.earlier > 0 {
        let before = text::counted(standing.earlier, "earlier step");
        shown.push_str(&text::colored(DIM, &format!("{before} not shown; --limit shows more\n")));
    }
    shown.push_str(&table(standing, detail).render(output::width(), ""));
    if let Some(waits) = waits(standing) {
        shown.push_str(&format!("{}\n", text::colored(YELLOW, &waits)));
    }
    if let Some(reason) = line.assignment.reason() {
        let heading = match line.status {
            agents_domain::run::RunStatus::Completed => "result",
            agents_domain::run::RunStatus::Pending
            | agents_domain::run::RunStatus::Running
            | agents_domain::run::RunStatus::Failed
            | agents_domain::run::RunStatus::Cancelled => "why",
        };
        shown.push_str(&format!("\n{}\n{}", text::colored(BOLD, heading), text::indented(reason, "  ")));
    }
    shown
}

/// A table of the steps.
pub fn table(standing: &Standing<'_>, detail: Detail) -> Table {
    let mut table = Table::new(&["STEP", "STATUS", "ATTEMPT", "TOOK", "ROUTE", "DOES"]);
    for step in standing.steps {
        let definition = find(standing.workflow, &step.step);
        let took = step.ended_at.unwrap_or(standing.now).since(step.started_at);
        table.row(vec![
            nested(&step.path).into(),
            Cell::colored(color(step.status), step.status.as_str()),
            attempt_words(step, definition).into(),
            took_words(took).into(),
            step.route.as_deref().unwrap_or("-").into(),
            Cell::colored(DIM, definition.map(does).unwrap_or_default()),
        ]);
        push_error(&mut table, step, detail);
        if detail == Detail::Full {
            table.below(Cell::colored(DIM, format!("inputs: {}", step.inputs)));
            if let Some(outputs) = &step.outputs {
                table.below(Cell::colored(DIM, format!("outputs: {outputs}")));
            }
        }
    }
    table
}

fn push_error(table: &mut Table, step: &StepRun, detail: Detail) {
    let Some(error) = step.error.as_deref() else { return };
    let error = parsed(Some(error));
    let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().trim();
    table.below(Cell::colored(RED, format!("{}: {}", part("class"), part("message"))));
    let tail = part("tail");
    if !tail.is_empty() && tail != part("message") {
        for line in last_lines(tail, if detail == Detail::Full { 40 } else { 5 }) {
            table.below(Cell::colored(DIM, line));
        }
    }
    if let Some(input) = error.get("input").filter(|input| !input.is_null()) {
        let input = input.to_string();
        let shown = if detail == Detail::Full { input } else { text::fit(&input, 200) };
        table.below(Cell::colored(DIM, format!("given: {shown}")));
    }
}

fn last_lines(text: &str, most: usize) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(most)..).unwrap_or_default().to_vec()
}

/// `each-file[2]/lint` as it stands below `each-file`.
pub fn nested(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    let own = parts.pop().unwrap_or_default();
    let Some(inner) = parts.last() else { return own.to_owned() };
    let iteration = inner.rfind('[').and_then(|at| inner.get(at..)).unwrap_or_default();
    // A blank at the beginning of a cell would be lost.
    format!("{}{iteration} {own}", "·".repeat(parts.len()))
}

/// `1/3`: the second number is how often it is tried at most.
pub fn attempt_words(step: &StepRun, definition: Option<&Step>) -> String {
    match definition.map(|step| step.retry.max.saturating_add(1)) {
        Some(most) => format!("{}/{}", step.attempt, most.max(step.attempt)),
        None => step.attempt.to_string(),
    }
}

/// Steps are often short.
pub fn took_words(took: Duration) -> String {
    match took.as_millis() {
        millis @ 0..1000 => format!("{millis}ms"),
        1000.. => time::precise(took),
    }
}
