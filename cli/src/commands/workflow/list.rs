//! `agents workflow list`: the workflows that there are, and how often they run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use agents_domain::run::{RunStatus, Runs};
use agents_domain::workflow::{Summary, WorkflowStatus, Workflows};
use agents_orchestrator::start::{ListedWorkflow, WorkflowOrigin};
use agents_workflows::{Trigger, Workflow};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Desk;
use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::table::{Cell, Table};
use crate::output::text::{DIM, GREEN, RED, YELLOW};
use crate::output::time;
use crate::place;

/// Runs of so many days are counted.
const RECENT: Duration = Duration::from_secs(7 * 86_400);

/// List workflows: what starts them, their last run, and how many runs the last 7 days have seen
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow list
  agents workflow list --status active --trigger schedule
  agents workflow list --json | jq -r '.workflows[].name'")]
pub struct List {
    /// Only those with this status; several with commas [default: all but archived]
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status_parser())]
    status: Vec<WorkflowStatus>,
    /// Only those that this kind of trigger may start
    #[arg(long, value_enum, value_name = "KIND")]
    trigger: Option<TriggerName>,
}

/// The type of a trigger in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TriggerName {
    Cli,
    Schedule,
    Webhook,
    Event,
}

fn status_parser() -> impl TypedValueParser<Value = WorkflowStatus> {
    PossibleValuesParser::new(WorkflowStatus::ALL.map(WorkflowStatus::as_str))
        .try_map(|name| WorkflowStatus::from_name(&name).ok_or("no such status"))
}

fn name_of(trigger: &Trigger) -> TriggerName {
    match trigger {
        Trigger::Cli { .. } => TriggerName::Cli,
        Trigger::Schedule { .. } => TriggerName::Schedule,
        Trigger::Webhook { .. } => TriggerName::Webhook,
        Trigger::Event { .. } => TriggerName::Event,
    }
}

impl TriggerName {
    fn as_str(self) -> &'static str {
        match self {
            TriggerName::Cli => "cli",
            TriggerName::Schedule => "schedule",
            TriggerName::Webhook => "webhook",
            TriggerName::Event => "event",
        }
    }
}

/// What starts a workflow, by the names of its file, each once.
pub fn triggers(workflow: &Workflow) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for trigger in &workflow.triggers {
        let name = name_of(trigger).as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Where it stands, for people.
pub fn place(workspace: &Path, one: &ListedWorkflow) -> String {
    match &one.origin {
        WorkflowOrigin::File(path) => path.strip_prefix(workspace).unwrap_or(path).display().to_string(),
        WorkflowOrigin::Published(number) => format!("{} (store, version {number})", one.name),
        WorkflowOrigin::Draft => format!("{} (store, draft)", one.name),
    }
}

/// A workflow in the list.
struct Line {
    listed: ListedWorkflow,
    place: String,
    summary: Option<Summary>,
    /// How its last run stands.
    last: Option<RunStatus>,
}

impl List {
    /// Lists them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        let namespace = desk.namespace()?;
        let workspace = place::lasting(&desk.here.workspace());
        let since = agents_domain::timestamp::Timestamp::from_millis(
            app.now().as_millis() - i64::try_from(RECENT.as_millis()).unwrap_or(i64::MAX),
        );
        let summaries = desk.store.workflow_summaries(&namespace, since).await?;
        let mut summaries: BTreeMap<String, Summary> =
            summaries.into_iter().map(|one| (one.workflow.clone(), one)).collect();
        let mut lines = Vec::new();
        for listed in desk.definitions()?.list_workflows(&namespace).await? {
            if !self.shows(&listed) {
                continue;
            }
            let summary = summaries.remove(&listed.name);
            let last = match summary.as_ref().and_then(|summary| summary.last) {
                Some(id) => desk.store.run(id).await?.map(|line| line.status),
                None => None,
            };
            lines.push(Line { place: place(&workspace, &listed), listed, summary, last });
        }
        let json = || json!({ "workflows": lines.iter().map(Line::json).collect::<Vec<_>>() });
        app.printer.answer(json, || match lines.is_empty() {
            true => "no workflows: one is a file .agents/workflows/<name>.yaml\n".to_owned(),
            false => table(&lines, app).render(output::width(), ""),
        })
    }

    fn shows(&self, listed: &ListedWorkflow) -> bool {
        let by_status = match self.status.is_empty() {
            true => listed.status != WorkflowStatus::Archived,
            false => self.status.contains(&listed.status),
        };
        let by_trigger = match (self.trigger, &listed.read) {
            (None, _) => true,
            (Some(wanted), Ok(read)) => read.triggers.iter().any(|trigger| name_of(trigger) == wanted),
            (Some(_), Err(_)) => false,
        };
        by_status && by_trigger
    }
}

impl Line {
    fn json(&self) -> Value {
        let Self { listed, place, summary, last } = self;
        let (origin, number) = match &listed.origin {
            WorkflowOrigin::File(_) => ("file", None),
            WorkflowOrigin::Published(number) => ("store", Some(*number)),
            WorkflowOrigin::Draft => ("draft", None),
        };
        let read = listed.read.as_ref().ok();
        json!({
            "name": listed.name, "title": read.map(|read| &read.title), "status": listed.status.as_str(),
            "origin": origin, "where": place, "published": number, "hidesStored": listed.hides_stored,
            "version": read.map(|read| &read.version), "description": read.map(|read| &read.description),
            "triggers": read.map(|read| triggers(read)), "steps": read.map(|read| read.steps.len()),
            "recentRuns": summary.as_ref().map_or(0, |summary| summary.recent),
            "lastRun": summary.as_ref().and_then(|summary| summary.last).map(|id| id.to_string()),
            "lastRunAt": summary.as_ref().and_then(|summary| summary.last_at).map(|at| at.to_string()),
            "lastStatus": last.map(RunStatus::as_str),
            "error": listed.read.as_ref().err().map(ToString::to_string),
        })
    }
}

fn table(lines: &[Line], app: &App) -> Table {
    let mut table = Table::new(&["WORKFLOW", "STATUS", "TRIGGERS", "LAST RUN", "7 DAYS", "WHERE", "WHAT"]);
    for line in lines {
        let Line { listed, place, summary, last } = line;
        let color = match listed.status {
            WorkflowStatus::Active => GREEN,
            WorkflowStatus::Draft | WorkflowStatus::Paused => YELLOW,
            WorkflowStatus::Archived => DIM,
        };
        let (triggers, what) = match &listed.read {
            Ok(read) => (triggers(read).join(", "), Cell::from(&read.title)),
            Err(problems) => {
                let count = problems.problems.len();
                (String::new(), Cell::colored(RED, format!("{count} problem(s): agents workflow check")))
            }
        };
        let last = match (summary.as_ref().and_then(|summary| summary.last_at), last) {
            (Some(at), Some(status)) => format!("{} {}", status.as_str(), time::relative(at, app.now())),
            (Some(_) | None, _) => "-".to_owned(),
        };
        table.row(vec![
            (&listed.name).into(),
            Cell::colored(color, listed.status.as_str()),
            if triggers.is_empty() { "-".into() } else { triggers.into() },
            last.into(),
            summary.as_ref().map_or(0, |summary| summary.recent).to_string().into(),
            Cell::colored(DIM, place),
            what,
        ]);
    }
    table
}
